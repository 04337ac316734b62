package header

// CheckTransactionState is the header of CHECK_TRANSACTION_STATE (39), broker to producer. Topic is the half topic, as in Java; the
// producer copies the offsets into its END_TRANSACTION.
type CheckTransactionState struct {
	Topic                string `ext:"topic"`
	TranStateTableOffset int64  `ext:"tranStateTableOffset,required"`
	CommitLogOffset      int64  `ext:"commitLogOffset,required"`
	MsgId                string `ext:"msgId"`
	TransactionId        string `ext:"transactionId"`
	OffsetMsgId          string `ext:"offsetMsgId"`
	BrokerName           string `ext:"bname"`
}
