package client

// AnyProducer finds a connection of a producer group that passes: another one each
// time, when there are several. Java goes round; here chance does, without a table
// to keep.
func (r *Registry) AnyProducer(group string, usable func(Channel) bool) (Channel, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for ch := range r.producers[group] {
		if usable(ch) {
			return ch, true
		}
	}
	return nil, false
}
