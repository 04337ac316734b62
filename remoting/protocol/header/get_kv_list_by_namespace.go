package header

// GetKVListByNamespace is the header of GET_KVLIST_BY_NAMESPACE (219).
type GetKVListByNamespace struct {
	Namespace string `ext:"namespace"`
}
