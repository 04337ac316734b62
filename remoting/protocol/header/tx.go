package header

// TxList chooses half messages (SkylarkTxList). What is absent chooses all.
type TxList struct {
	Group     string `ext:"group"`
	Topic     string `ext:"topic"`
	MinAgeMs  int64  `ext:"minAgeMs,default=0"`
	MinChecks int32  `ext:"minChecks,default=0"`
	From      int64  `ext:"from,default=0"` // offset to go on at
	Max       int32  `ext:"max,default=100"`
	Discarded bool   `ext:"discarded,default=false"` // of TRANS_CHECK_MAX_TIME_TOPIC instead of open ones
}

// TxShow names an open half message by an offset of the half queue (SkylarkTxShow).
type TxShow struct {
	Offset int64 `ext:"offset,required"`
}

// TxSettle decides about one (SkylarkTxSettle).
type TxSettle struct {
	Offset int64 `ext:"offset,required"`
	Commit bool  `ext:"commit,required"`
}
