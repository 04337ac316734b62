package nameserv

import (
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// getBrokerClusterInfo answers GET_BROKER_CLUSTER_INFO, always with bare integer keys. Java brokers ask every five seconds.
func (n *Nameserv) getBrokerClusterInfo(*remoting.Request) (*protocol.Command, error) {
	return jsonAnswer(n.routes.Clusters())
}

// getBrokerMemberGroup answers GET_BROKER_MEMBER_GROUP. The cluster is echoed, not checked. The original forgets to clear the remark
// that fresh answers have, and so it is part of this one.
func (n *Nameserv) getBrokerMemberGroup(_ *remoting.Request, h *header.GetBrokerMemberGroup) (*protocol.Command, error) {
	answer, err := jsonAnswer(&body.GetBrokerMemberGroupResponseBody{BrokerMemberGroup: &body.BrokerMemberGroup{
		Cluster: h.ClusterName, BrokerName: h.BrokerName, BrokerAddrs: n.routes.Members(h.BrokerName),
	}})
	if err == nil {
		answer.Remark = "not set any response code"
	}
	return answer, err
}

func (n *Nameserv) wipeWritePerm(r *remoting.Request, h *header.WipeWritePermOfBroker) (*protocol.Command, error) {
	count := n.routes.WipeWritePerm(h.BrokerName)
	n.log.Info().Str("broker", h.BrokerName).Int("topics", count).Stringer("remote", r.Conn.RemoteAddr()).Msg("write permission wiped")
	answer := protocol.NewResponse(code.Success, "")
	answer.Header = &header.WipeWritePermOfBrokerResponse{WipeTopicCount: int32(count)}
	return answer, nil
}

func (n *Nameserv) addWritePerm(r *remoting.Request, h *header.AddWritePermOfBroker) (*protocol.Command, error) {
	count := n.routes.AddWritePerm(h.BrokerName)
	n.log.Info().Str("broker", h.BrokerName).Int("topics", count).Stringer("remote", r.Conn.RemoteAddr()).Msg("write permission added")
	answer := protocol.NewResponse(code.Success, "")
	answer.Header = &header.AddWritePermOfBrokerResponse{AddTopicCount: int32(count)}
	return answer, nil
}

func jsonAnswer(v any) (*protocol.Command, error) {
	data, err := javajson.Marshal(v)
	if err != nil {
		return nil, err
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Body = data
	return answer, nil
}
