package body

// TxPage answers SkylarkTxList.
type TxPage struct {
	Halves []TxHalf `json:"halves"`
	// Next is where to go on, -1 at the end.
	Next  int64            `json:"next"`
	Open  int              `json:"open"`  // in all, chosen or not
	Topic map[string]int64 `json:"topic"` // open by topic
}

// TxHalf is one half message; SkylarkTxShow answers it with its properties.
type TxHalf struct {
	Offset      int64  `json:"offset"` // in the half queue, or in that of the discarded
	OffsetMsgID string `json:"offsetMsgId"`
	Group       string `json:"group"`
	Topic       string `json:"topic"`
	QueueID     int32  `json:"queueId"`
	Keys        string `json:"keys"`
	UniqKey     string `json:"uniqKey"`
	Born        int64  `json:"born"`
	BornHost    string `json:"bornHost"`
	Checks      int32  `json:"checks"`
	LastCheck   int64  `json:"lastCheck"` // 0: not since the broker began
	ImmunityMs  int64  `json:"immunityMs"`
	Size        int32  `json:"size"`
	Producers   int    `json:"producers"` // of the group, connected now
	Unheard     int64  `json:"unheard"`   // checks of the group for which none was there
	Properties  string `json:"properties,omitempty"`
	Body        []byte `json:"body,omitempty"` // its first part
}
