package nameserv

import (
	"net"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/nameserv/kv"
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const (
	// version4_9_4: clients from it on parse standard JSON; older ones patch the bare keys themselves.
	version4_9_4 = 401

	zoneModeField = "__ZONE_MODE"

	// FAQ ends remarks about missing topics; clients show it to users.
	faq = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)

// getRouteInfoByTopic answers GET_ROUTEINFO_BY_TOPIC, the request of every client every 30 seconds for each of its topics.
func (n *Nameserv) getRouteInfoByTopic(r *remoting.Request, h *header.GetRouteInfo) (*protocol.Command, error) {
	c := n.cfg.Get()
	if c.NeedWaitForService && n.clock.Now().Sub(n.started) < time.Duration(c.WaitSecondsForService)*time.Second {
		return nil, remoting.Fail(code.SystemError, "name server not ready")
	}
	data, ok := n.routes.Route(h.Topic)
	if !ok {
		return nil, remoting.Fail(code.TopicNotExist, "No topic route info in name server for the topic: "+shown(h.Topic)+faq)
	}
	if c.OrderMessageEnable {
		if conf, ok := n.kv.Get(kv.NamespaceOrderTopic, h.Topic); ok {
			data.OrderTopicConf = conf
		}
	}
	if n.opt.RewriteLocal != nil {
		n.rewriteLocal(data, r.Conn)
	}
	strict := r.Version >= version4_9_4 || h.AcceptStandardJsonOnly
	if zone := r.Fields.String(zoneNameField); strings.TrimSpace(zone) != "" && strings.EqualFold(r.Fields.String(zoneModeField), "true") {
		route.FilterZone(data, zone)
		strict = false // ZoneRouteRPCHook encodes again, and takes the loose form
	}
	encode := javajson.Marshal
	if strict {
		encode = javajson.MarshalStrict
	}
	answer := protocol.NewResponse(code.Success, "")
	var err error
	answer.Body, err = encode(data)
	return answer, err
}

// maxShown is how much of a caller's own text comes back to it in a remark: a header has 24 bits for its length.
const maxShown = 1 << 10

func shown(s string) string {
	if len(s) > maxShown {
		return s[:maxShown]
	}
	return s
}

// rewriteLocal replaces the hosts of brokers in this process by the address the client came to.
func (n *Nameserv) rewriteLocal(data *body.TopicRouteData, c *remoting.Conn) {
	local := c.LocalAddr()
	if !local.IsValid() {
		return
	}
	host := local.Addr().Unmap().String()
	for i := range data.BrokerDatas {
		for id, addr := range data.BrokerDatas[i].BrokerAddrs {
			if !n.opt.RewriteLocal(addr) {
				continue
			}
			if _, port, err := net.SplitHostPort(addr); err == nil {
				data.BrokerDatas[i].BrokerAddrs[id] = net.JoinHostPort(host, port)
			}
		}
	}
}
