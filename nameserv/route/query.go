package route

import (
	"strings"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

// Route answers GET_ROUTEINFO_BY_TOPIC without the order configuration; false when no broker serves the topic. The
// answer shares nothing with the table but mapping tables, which are replaced whole and never changed.
func (t *Table) Route(topic string) (*body.TopicRouteData, bool) {
	rules := t.rules()
	t.mu.RLock()
	defer t.mu.RUnlock()

	byBroker, ok := t.topics[topic]
	if !ok {
		return nil, false
	}
	data := &body.TopicRouteData{
		BrokerDatas:       make([]body.BrokerData, 0, len(byBroker)),
		FilterServerTable: map[string][]string{},
		QueueDatas:        make([]body.QueueData, 0, len(byBroker)),
	}
	for _, name := range sortedKeys(byBroker) {
		data.QueueDatas = append(data.QueueDatas, byBroker[name])
		b, ok := t.brokers[name]
		if !ok {
			continue
		}
		data.BrokerDatas = append(data.BrokerDatas, b.data())
		if len(t.filters) == 0 {
			continue
		}
		for _, m := range b.members {
			if servers, ok := t.filters[address{b.cluster, m.addr}]; ok {
				data.FilterServerTable[m.addr] = servers
			}
		}
	}
	if len(data.BrokerDatas) == 0 {
		return nil, false
	}
	if byBroker, ok := t.mappings[topic]; ok {
		data.TopicQueueMappingByBroker = make(map[string]body.TopicQueueMappingInfo, len(byBroker))
		for name, m := range byBroker {
			data.TopicQueueMappingByBroker[name] = m.info
		}
	}
	if rules.SupportActingMaster && !strings.HasPrefix(topic, memberTopicPrefix) {
		nameActingMasters(data, byBroker)
	}
	return data, true
}

// nameActingMasters puts the smallest slave of a group without a master under id 0, where clients look for the broker
// that answers offset and lock requests. Only when the topic is not writable there: otherwise a real master is about to
// come back.
func nameActingMasters(data *body.TopicRouteData, queues map[string]body.QueueData) {
	for i := range data.BrokerDatas {
		b := &data.BrokerDatas[i]
		if _, has := b.BrokerAddrs[MasterID]; has || len(b.BrokerAddrs) == 0 || !b.EnableActingMaster {
			continue
		}
		if queues[b.BrokerName].Perm&permWrite != 0 {
			continue
		}
		ids := sortedKeys(b.BrokerAddrs)
		b.BrokerAddrs[MasterID] = b.BrokerAddrs[ids[0]]
		delete(b.BrokerAddrs, ids[0])
	}
}

// FilterZone keeps what a client of one zone may see: brokers of its zone, and those that have lost their master,
// because consuming from a far slave is better than not at all.
func FilterZone(data *body.TopicRouteData, zone string) {
	kept := data.BrokerDatas[:0:0]
	dropped := make(map[string]struct{})
	for _, b := range data.BrokerDatas {
		if _, hasMaster := b.BrokerAddrs[MasterID]; !hasMaster || strings.EqualFold(b.ZoneName, zone) {
			kept = append(kept, b)
			continue
		}
		dropped[b.BrokerName] = struct{}{}
		for _, addr := range b.BrokerAddrs {
			delete(data.FilterServerTable, addr)
		}
	}
	if kept == nil {
		kept = []body.BrokerData{}
	}
	data.BrokerDatas = kept
	queues := []body.QueueData{}
	for _, q := range data.QueueDatas {
		if _, gone := dropped[q.BrokerName]; !gone {
			queues = append(queues, q)
		}
	}
	data.QueueDatas = queues
}
