package header

// ResumeCheckHalfMessage is the header of RESUME_CHECK_HALF_MESSAGE (323). MsgId is an offset message id.
type ResumeCheckHalfMessage struct {
	Topic string `ext:"topic"`
	MsgId string `ext:"msgId"`
}
