// Package dataversion is RocketMQ's DataVersion: the mark by which slaves and
// name servers see that a table has changed.
package dataversion

// Version is compared as a whole by the name server, and by StateVersion, Counter,
// Timestamp in this order by slaves.
type Version struct {
	Counter      int64 `json:"counter"`
	StateVersion int64 `json:"stateVersion"`
	Timestamp    int64 `json:"timestamp"`
}

// Next is the version after one more change.
func (v Version) Next(nowMs int64) Version {
	return Version{Counter: v.Counter + 1, StateVersion: v.StateVersion, Timestamp: nowMs}
}

// Newer says whether v comes after o.
func (v Version) Newer(o Version) bool {
	if v.StateVersion != o.StateVersion {
		return v.StateVersion > o.StateVersion
	}
	if v.Counter != o.Counter {
		return v.Counter > o.Counter
	}
	return v.Timestamp > o.Timestamp
}
