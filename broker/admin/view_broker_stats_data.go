package admin

import (
	"github.com/skylarkmq/skylark/broker/stats"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// viewBrokerStatsData answers VIEW_BROKER_STATS_DATA.
func (a *Admin) viewBrokerStatsData(_ *remoting.Request, h *header.ViewBrokerStatsData) (*protocol.Command, error) {
	v, ok := a.Stats.View(h.StatsName, h.StatsKey)
	if !ok {
		return nil, remoting.Failf(code.SystemError, "The stats <%s> <%s> not exist", h.StatsName, h.StatsKey)
	}
	item := func(s stats.Snapshot) *body.BrokerStatsItem {
		return &body.BrokerStatsItem{Sum: s.Sum, Tps: s.Tps, Avgpt: s.AvgPt}
	}
	return jsonAnswer(body.BrokerStatsData{StatsMinute: item(v.Minute), StatsHour: item(v.Hour), StatsDay: item(v.Day)})
}
