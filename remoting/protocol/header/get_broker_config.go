package header

// GetBrokerConfigResponse is the header of the answer to GET_BROKER_CONFIG (26). Version is a DataVersion as JSON.
type GetBrokerConfigResponse struct {
	Version string `ext:"version,required"`
}
