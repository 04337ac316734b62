package header

// WipeWritePermOfBroker is the header of WIPE_WRITE_PERM_OF_BROKER (205).
type WipeWritePermOfBroker struct {
	BrokerName string `ext:"brokerName"`
}

// WipeWritePermOfBrokerResponse is the header of the answer.
type WipeWritePermOfBrokerResponse struct {
	WipeTopicCount int32 `ext:"wipeTopicCount,required"`
}
