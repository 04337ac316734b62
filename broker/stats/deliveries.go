package stats

import "strings"

// Delivery is what a group was given of a topic since the start.
type Delivery struct {
	Topic, Group    string
	System          bool
	Messages, Bytes int64
}

// Deliveries visits every group and topic that anything was given to.
func (t *Table) Deliveries(visit func(Delivery)) {
	t.groups.Range(func(key string, r *groupRow) bool {
		if topic, group, ok := strings.Cut(key, "@"); ok && r.getNums.touched() {
			visit(Delivery{topic, group, r.system, r.getNums.Value(), r.getSize.Value()})
		}
		return true
	})
}
