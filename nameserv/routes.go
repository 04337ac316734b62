package nameserv

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// routes is every request a name server answers. What reads one entry of a table is inline; what decodes large bodies, walks whole
// tables or writes a file has a lane. Registrations and heartbeats have a lane of their own kind (Clients), so that listings by
// operators cannot make brokers look dead.
var routes = []remoting.Route[*Nameserv]{
	remoting.Handle(code.GetRouteInfoByTopic, remoting.Inline, (*Nameserv).getRouteInfoByTopic),

	remoting.Handle(code.RegisterBroker, remoting.Clients, (*Nameserv).registerBroker),
	remoting.Handle(code.UnregisterBroker, remoting.Inline, (*Nameserv).unregisterBroker),
	remoting.Handle(code.BrokerHeartbeat, remoting.Inline, (*Nameserv).brokerHeartbeat),
	remoting.Handle(code.QueryDataVersion, remoting.Inline, (*Nameserv).queryDataVersion),
	remoting.Handle(code.RegisterTopicInNamesrv, remoting.Clients, (*Nameserv).registerTopic),
	remoting.Handle(code.GetBrokerMemberGroup, remoting.Inline, (*Nameserv).getBrokerMemberGroup),

	remoting.HandleRaw(code.GetBrokerClusterInfo, remoting.Query, (*Nameserv).getBrokerClusterInfo),
	remoting.Handle(code.WipeWritePermOfBroker, remoting.Admin, (*Nameserv).wipeWritePerm),
	remoting.Handle(code.AddWritePermOfBroker, remoting.Admin, (*Nameserv).addWritePerm),

	remoting.HandleRaw(code.GetAllTopicListFromNameServer, remoting.Query, (*Nameserv).getAllTopicList),
	remoting.Handle(code.GetTopicsByCluster, remoting.Query, (*Nameserv).getTopicsByCluster),
	remoting.HandleRaw(code.GetSystemTopicListFromNS, remoting.Query, (*Nameserv).getSystemTopicList),
	remoting.HandleRaw(code.GetUnitTopicList, remoting.Query, (*Nameserv).getUnitTopicList),
	remoting.HandleRaw(code.GetHasUnitSubTopicList, remoting.Query, (*Nameserv).getHasUnitSubTopicList),
	remoting.HandleRaw(code.GetHasUnitSubUnUnitTopicList, remoting.Query, (*Nameserv).getHasUnitSubUnunitTopicList),
	remoting.Handle(code.DeleteTopicInNamesrv, remoting.Admin, (*Nameserv).deleteTopic),

	remoting.HandleRaw(code.PutKVConfig, remoting.Admin, (*Nameserv).putKVConfig),
	remoting.Handle(code.GetKVConfig, remoting.Query, (*Nameserv).getKVConfig),
	remoting.Handle(code.DeleteKVConfig, remoting.Admin, (*Nameserv).deleteKVConfig),
	remoting.Handle(code.GetKVListByNamespace, remoting.Query, (*Nameserv).getKVListByNamespace),

	remoting.HandleRaw(code.UpdateNamesrvConfig, remoting.Admin, (*Nameserv).updateConfig),
	remoting.HandleRaw(code.GetNamesrvConfig, remoting.Query, (*Nameserv).getConfig),
}
