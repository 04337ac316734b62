package route

// MinBrokerChanged is a NOTIFY_MIN_BROKER_ID_CHANGE to be sent: the smallest broker id of a group is another one now.
type MinBrokerChanged struct {
	BrokerName    string
	MinBrokerID   int64
	MinBrokerAddr string
	// OfflineBrokerAddr is the member that went away; empty when a new member took the smallest id.
	OfflineBrokerAddr string
	HaBrokerAddr      string
	Recipients        []string
}

// newNotice addresses all members after one went away, or when one is left; after a new minimum arrived, all but it.
func newNotice(b *broker, offlineAddr, haAddr string) *MinBrokerChanged {
	lowest, any := b.minID()
	if !any {
		return nil
	}
	n := &MinBrokerChanged{
		BrokerName: b.name, MinBrokerID: lowest, MinBrokerAddr: b.members[lowest].addr,
		OfflineBrokerAddr: offlineAddr, HaBrokerAddr: haAddr,
	}
	everyone := offlineAddr != "" || len(b.members) == 1
	for _, id := range sortedKeys(b.members) {
		if everyone || id != lowest {
			n.Recipients = append(n.Recipients, b.members[id].addr)
		}
	}
	return n
}
