package header

// ViewMessage is the header of VIEW_MESSAGE_BY_ID (33). Offset is a commit log offset.
type ViewMessage struct {
	Topic  string `ext:"topic"`
	Offset int64  `ext:"offset,required"`
}
