package header

// GetProducerConnectionList is the header of GET_PRODUCER_CONNECTION_LIST (204).
type GetProducerConnectionList struct {
	ProducerGroup string `ext:"producerGroup,required"`
}
