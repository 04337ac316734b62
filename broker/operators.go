package broker

import (
	"github.com/skylarkmq/skylark/broker/admin"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
)

// mountOperators adds the requests of package admin to the same table, and those of
// `skylark admin`.
func (b *Broker) mountOperators() {
	remoting.Mount(b.server, b, conflictRoutes)
	remoting.Mount(b.server, b, deadLetterRoutes)
	remoting.Mount(b.server, admin.New(admin.Deps{
		Rules: b.adminRules, Settings: b.settings, Store: b.Store, Topics: b.Topics, Groups: b.Groups, Offsets: b.Offsets,
		Broadcasts: b.Broadcasts, Clients: b.Clients, Filters: b.Filters, Stats: b.Stats, Schedule: b.Schedule, Server: b.server, Disk: b.disk, Clock: b.clock, Log: b.log,
		TopicsGone: b.topicsGone, Announce: b.Announce, AnnounceTopic: b.AnnounceTopic, MoreInfo: b.txInfo, Purge: b.purge, StartsWith: b.startsWith,
	}), admin.Routes())
}

func (b *Broker) adminRules() admin.Rules {
	c := b.cfg.Get()
	return admin.Rules{
		BrokerName: c.BrokerName, ClusterName: c.BrokerClusterName, Addr: b.addr,
		Slave:               b.storeCfg.Get().BrokerRole == store.Slave,
		ValidateSystemTopic: c.ValidateSystemTopicWhenUpdateTopic, MixedMessageType: c.EnableMixedMessageType,
		ClearRetryTopic: c.ClearRetryTopicWhenDeleteTopic, AutoDeleteStats: c.AutoDeleteUnusedStats,
		SplitMetadata: c.EnableSplitMetadata, SplitMetadataSize: c.SplitMetadataSize,
		ServerSideReset: c.UseServerSideResetOffset, StartAccept: c.StartAcceptSendRequestTimeStamp,
		ConfigPath: c.BrokerConfigPath, ConfigBlackList: c.ConfigBlackList,
	}
}
