package header

// PutKVConfig is the header of PUT_KV_CONFIG (100).
type PutKVConfig struct {
	Namespace string `ext:"namespace,required"`
	Key       string `ext:"key,required"`
	Value     string `ext:"value,required"`
}
