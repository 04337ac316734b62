package header

// DeadLetters chooses dead letters of a consumer group: SkylarkDeadLetters lists them,
// SkylarkDeadLetterResend sends them again. What is absent chooses all. QueueId and
// From are where to go on; the queues are walked one after the other.
type DeadLetters struct {
	Group   string `ext:"group,required"`
	QueueId int32  `ext:"queueId,default=0"`
	From    int64  `ext:"from,default=0"`
	Max     int32  `ext:"max,default=100"`

	Key    string `ext:"key"`
	Tag    string `ext:"tag"`
	Origin string `ext:"origin"`          // topic
	MsgId  string `ext:"msgId"`           // the producer's, that of this place, or that of the first place
	Begin  int64  `ext:"begin,default=0"` // stored as a dead letter, ms
	End    int64  `ext:"end,default=0"`
	// Sent: also those that were sent again.
	Sent bool `ext:"sent,default=false"`

	// To is where SkylarkDeadLetterResend sends them: "retry", the group's retry topic,
	// or "origin", the topic they were sent to first.
	To string `ext:"to"`
}

// DeadLetter names one (SkylarkDeadLetterShow).
type DeadLetter struct {
	Group   string `ext:"group,required"`
	QueueId int32  `ext:"queueId,default=0"`
	Offset  int64  `ext:"offset,required"`
}
