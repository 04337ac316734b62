package route

import "github.com/skylarkmq/skylark/remoting/protocol/body"

// Clusters answers GET_BROKER_CLUSTER_INFO.
func (t *Table) Clusters() *body.ClusterInfo {
	t.mu.RLock()
	defer t.mu.RUnlock()
	info := &body.ClusterInfo{
		BrokerAddrTable:  make(map[string]body.BrokerData, len(t.brokers)),
		ClusterAddrTable: make(map[string][]string, len(t.clusters)),
	}
	for name, b := range t.brokers {
		info.BrokerAddrTable[name] = b.data()
	}
	for cluster, names := range t.clusters {
		info.ClusterAddrTable[cluster] = sortedKeys(names)
	}
	return info
}

// Members answers GET_BROKER_MEMBER_GROUP: the addresses of a broker name, empty when unknown.
func (t *Table) Members(brokerName string) map[int64]string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if b, ok := t.brokers[brokerName]; ok {
		return b.data().BrokerAddrs
	}
	return map[int64]string{}
}
