package client

import "github.com/skylarkmq/skylark/filter"

// What clients register is bounded over all groups together, in bytes: each bound by itself (groups, members of a group, topics of a
// group) leaves room for more than any machine has when a client goes to all of them at once. What does not fit is left out, as it is
// at the other bounds: the rest of the registry goes on, and the broker's log says so.

// Bytes that one of each takes, about.
const (
	groupCost        = 1024
	memberCost       = 512 // a connection in a group
	subscriptionCost = 256 // and its texts
	rowCost          = 128 // a group listed under a topic, and its name
)

const (
	// maxKept bounds them without a limit of memory: a hundred thousand groups with some members and topics each.
	maxKept = 512 << 20
	// keptOfLimit: one part in so many of a memory limit.
	keptOfLimit = 8
)

// kept counts what is there; it is under the registry's lock.
type kept struct {
	used, most int64
	leftOut    int64 // how often there was no room
}

func keptOf(memoryLimit int64) kept {
	k := kept{most: maxKept}
	if memoryLimit > 0 {
		k.most = min(k.most, memoryLimit/keptOfLimit)
	}
	return k
}

// take says whether there was room for it.
func (k *kept) take(bytes int64) bool {
	if bytes > k.most-k.used {
		k.leftOut++
		return false
	}
	k.used += bytes
	return true
}

func (k *kept) give(bytes int64) { k.used -= bytes }

// LeftOut is how often a client, or what it subscribes to, found no room.
func (r *Registry) LeftOut() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.kept.leftOut
}

func costOf(s *filter.Subscription) int64 {
	n := subscriptionCost + len(s.Topic) + len(s.SubString) + len(s.ExpressionType) + 32*len(s.CodeSet) + s.ExpressionBytes()
	for _, tag := range s.TagsSet {
		n += 16 + len(tag)
	}
	return int64(n)
}

func costOfAll(subs []*filter.Subscription) (n int64) {
	for _, s := range subs {
		n += costOf(s)
	}
	return n
}

func costOfRow(topic string) int64 { return int64(rowCost + len(topic)) }
