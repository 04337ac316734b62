package body

// DeadLetterGroups answers SkylarkDeadLetterGroups.
type DeadLetterGroups struct {
	Groups []DeadLetterGroup `json:"groups"`
}

// DeadLetterGroup is a consumer group with a dead letter topic.
type DeadLetterGroup struct {
	Group  string `json:"group"`
	Depth  int64  `json:"depth"` // neither sent again nor purged nor expired
	Sent   int64  `json:"sent"`  // sent again, and still there
	Oldest int64  `json:"oldest"`
}

// DeadLetterPage answers SkylarkDeadLetters, and SkylarkDeadLetterResend with what it
// sent.
type DeadLetterPage struct {
	Letters []DeadLetter `json:"letters"`
	// Where to go on; NextOffset is -1 at the end.
	NextQueue  int32 `json:"nextQueue"`
	NextOffset int64 `json:"nextOffset"`
}

// DeadLetter is one dead letter; SkylarkDeadLetterShow answers it with its properties.
type DeadLetter struct {
	QueueID        int32  `json:"queueId"`
	Offset         int64  `json:"offset"`
	OffsetMsgID    string `json:"offsetMsgId"`
	MsgID          string `json:"msgId"` // the producer's
	Origin         string `json:"origin"`
	OriginMsgID    string `json:"originMsgId"`
	Keys           string `json:"keys"`
	Tags           string `json:"tags"`
	ReconsumeTimes int32  `json:"reconsumeTimes"`
	Born           int64  `json:"born"`
	BornHost       string `json:"bornHost"`
	Stored         int64  `json:"stored"` // as a dead letter
	Size           int32  `json:"size"`
	// Reason is why its consumer failed last, when that said so.
	Reason string `json:"reason"`
	Sent   bool   `json:"sent"` // again
	// Problem: it could not be sent again.
	Problem    string `json:"problem,omitempty"`
	Properties string `json:"properties,omitempty"`
	Body       []byte `json:"body,omitempty"` // its first part
}
