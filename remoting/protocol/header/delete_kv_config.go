package header

// DeleteKVConfig is the header of DELETE_KV_CONFIG (102).
type DeleteKVConfig struct {
	Namespace string `ext:"namespace"`
	Key       string `ext:"key"`
}
