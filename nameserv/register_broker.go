package nameserv

import (
	"errors"
	"hash/crc32"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/nameserv/kv"
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// zoneNameField is an ext field beside the header, set by brokers and clients that know their zone.
const zoneNameField = "__ZONE_NAME"

// registerBroker answers REGISTER_BROKER: everything about a broker, every 10 to 60 seconds.
func (n *Nameserv) registerBroker(r *remoting.Request, h *header.RegisterBroker) (*protocol.Command, error) {
	if h.BodyCrc32 != 0 && h.BodyCrc32 != bodyChecksum(r.Body) {
		n.log.Warn().Stringer("remote", r.Conn.RemoteAddr()).Msg("register broker: crc32 does not match")
		return nil, remoting.Fail(code.SystemError, "crc32 not match")
	}
	reg, err := decodeRegistration(r.Body, r.Version, h.Compressed)
	if err != nil {
		return nil, remoting.Failf(code.SystemError, "Failed to decode RegisterBrokerBody, %v", err)
	}
	reg.Cluster, reg.BrokerName, reg.BrokerAddr, reg.BrokerID = h.ClusterName, h.BrokerName, h.BrokerAddr, h.BrokerId
	reg.HaServerAddr = h.HaServerAddr
	reg.HeartbeatTimeoutMs, reg.EnableActingMaster = h.HeartbeatTimeoutMillis, h.EnableActingMaster
	reg.Zone = r.Fields.String(zoneNameField)
	reg.Channel = r.Conn

	result, err := n.register(reg)
	if errors.Is(err, errConnClosed) {
		return nil, remoting.Fail(code.SystemError, errConnClosed.Error())
	}
	if err != nil {
		n.log.Warn().Err(err).Str("broker", h.BrokerName).Str("addr", h.BrokerAddr).Msg("register broker refused")
		if errors.Is(err, route.ErrNotYetRegistered) {
			return nil, remoting.Fail(code.SystemError, "register broker failed")
		}
		return nil, remoting.Failf(code.SystemError, "register broker failed, %v", err)
	}
	n.tellRegistered(reg, &result)
	if r.Conn.Closed() {
		// The connection went away meanwhile: its close found nothing to unregister.
		n.channelClosed(r.Conn)
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Header = &header.RegisterBrokerResponse{HaServerAddr: result.HaServerAddr, MasterAddr: result.MasterAddr}
	if n.cfg.Get().ReturnOrderTopicConfigToBroker {
		if table, ok := n.kv.List(kv.NamespaceOrderTopic); ok {
			if answer.Body, err = javajson.Marshal(body.KVTable{Table: table}); err != nil {
				return nil, err
			}
		}
	}
	return answer, nil
}

// tellRegistered logs what a registration changed about who is there.
func (n *Nameserv) tellRegistered(reg *route.Registration, result *route.Registered) {
	e, text := n.log.Info(), "broker registered"
	switch {
	case result.BeforeLives:
		e, text = n.log.Warn(), "broker id taken over from an address that is alive; two brokers with one name and id take turns, and so do the routes to them"
	case result.Before == "" && !result.New:
		return
	}
	e.Str("cluster", reg.Cluster).Str("broker", reg.BrokerName).Int64("id", reg.BrokerID).Str("addr", reg.BrokerAddr).Str("before", result.Before).Msg(text)
}

// bodyChecksum is UtilAll.crc32: the top bit is cleared, so that the number is positive in Java.
func bodyChecksum(data []byte) int32 {
	return int32(crc32.ChecksumIEEE(data) & 0x7fffffff)
}

// maxDataVersion bounds the body of QUERY_DATA_VERSION, three numbers: it is read on the loop.
const maxDataVersion = 4 << 10

// queryDataVersion answers QUERY_DATA_VERSION: has what the broker registered changed? It counts as a heartbeat.
func (n *Nameserv) queryDataVersion(r *remoting.Request, h *header.QueryDataVersion) (*protocol.Command, error) {
	if len(r.Body) > maxDataVersion {
		return nil, remoting.Failf(code.SystemError, "data version of %d bytes, at most %d", len(r.Body), maxDataVersion)
	}
	var asked body.DataVersion
	if err := javajson.Unmarshal(r.Body, &asked); err != nil {
		return nil, remoting.Failf(code.SystemError, "data version: %v", err)
	}
	known, ok := n.routes.DataVersion(h.ClusterName, h.BrokerAddr)
	n.routes.Touch(h.ClusterName, h.BrokerAddr)
	answer := protocol.NewResponse(code.Success, "")
	answer.Header = &header.QueryDataVersionResponse{Changed: !ok || known != asked}
	if ok {
		var err error
		if answer.Body, err = javajson.Marshal(known); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// brokerHeartbeat answers BROKER_HEARTBEAT with success, whether it knows the broker or not.
func (n *Nameserv) brokerHeartbeat(_ *remoting.Request, h *header.BrokerHeartbeat) (*protocol.Command, error) {
	n.routes.Touch(h.ClusterName, h.BrokerAddr)
	return protocol.NewResponse(code.Success, ""), nil
}

// unregisterBroker answers UNREGISTER_BROKER before it is applied: a batch of departures costs one pass over all topics.
func (n *Nameserv) unregisterBroker(_ *remoting.Request, h *header.UnRegisterBroker) (*protocol.Command, error) {
	m := route.Member{Cluster: h.ClusterName, BrokerName: h.BrokerName, BrokerAddr: h.BrokerAddr, BrokerID: h.BrokerId}
	if !n.submit(n.routes.Leaving(m)) {
		return nil, remoting.Fail(code.SystemError, "")
	}
	return protocol.NewResponse(code.Success, ""), nil
}

// registerTopic answers REGISTER_TOPIC_IN_NAMESRV: one topic of a broker that registers topics singly. Always success.
func (n *Nameserv) registerTopic(r *remoting.Request, h *header.RegisterTopic) (*protocol.Command, error) {
	var data body.TopicRouteData
	if err := javajson.Unmarshal(r.Body, &data); err != nil {
		return nil, remoting.Failf(code.SystemError, "topic route data: %v", err)
	}
	n.routes.RegisterTopic(h.Topic, data.QueueDatas)
	return protocol.NewResponse(code.Success, ""), nil
}
