package header

// SkipToEnd names a consumer group, and a topic unless all of the group's are meant
// (SkylarkSkipToEnd).
type SkipToEnd struct {
	Group string `ext:"group,required"`
	Topic string `ext:"topic"`
	Write bool   `ext:"write,default=false"` // else only say what would be done
}

// PurgeTopic says what is to be hidden (SkylarkPurgeTopic): of one queue or of all,
// before an offset, before a time, or everything.
type PurgeTopic struct {
	Topic   string `ext:"topic,required"`
	QueueId int32  `ext:"queueId,default=-1"`
	Offset  int64  `ext:"offset,default=-1"`
	Before  int64  `ext:"before,default=0"` // ms
	Write   bool   `ext:"write,default=false"`
}
