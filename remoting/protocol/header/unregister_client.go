package header

// UnregisterClient is the header of UNREGISTER_CLIENT (35).
type UnregisterClient struct {
	ClientID      string `ext:"clientID"`
	ProducerGroup string `ext:"producerGroup"`
	ConsumerGroup string `ext:"consumerGroup"`
}
