package header

// GetKVConfig is the header of GET_KV_CONFIG (101).
type GetKVConfig struct {
	Namespace string `ext:"namespace"`
	Key       string `ext:"key"`
}

// GetKVConfigResponse is the header of the answer.
type GetKVConfigResponse struct {
	Value string `ext:"value"`
}
