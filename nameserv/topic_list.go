package nameserv

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// errListDisabled answers listings that the configuration forbids.
var errListDisabled = remoting.Fail(code.SystemError, "disable")

func (n *Nameserv) getAllTopicList(*remoting.Request) (*protocol.Command, error) {
	if !n.cfg.Get().EnableAllTopicList {
		return nil, errListDisabled
	}
	return jsonAnswer(&body.TopicList{TopicList: n.routes.Topics()})
}

func (n *Nameserv) getTopicsByCluster(_ *remoting.Request, h *header.GetTopicsByCluster) (*protocol.Command, error) {
	return n.topicList(func() []string { return n.routes.TopicsOfCluster(h.Cluster) })
}

// getSystemTopicList answers GET_SYSTEM_TOPIC_LIST_FROM_NS, which no setting forbids.
func (n *Nameserv) getSystemTopicList(*remoting.Request) (*protocol.Command, error) {
	topics, addr := n.routes.SystemTopics()
	return jsonAnswer(&body.TopicList{TopicList: topics, BrokerAddr: addr})
}

func (n *Nameserv) getUnitTopicList(*remoting.Request) (*protocol.Command, error) {
	return n.topicList(n.routes.UnitTopics)
}

func (n *Nameserv) getHasUnitSubTopicList(*remoting.Request) (*protocol.Command, error) {
	return n.topicList(n.routes.UnitSubTopics)
}

func (n *Nameserv) getHasUnitSubUnunitTopicList(*remoting.Request) (*protocol.Command, error) {
	return n.topicList(n.routes.UnitSubUnunitTopics)
}

func (n *Nameserv) topicList(list func() []string) (*protocol.Command, error) {
	if !n.cfg.Get().EnableTopicList {
		return nil, errListDisabled
	}
	return jsonAnswer(&body.TopicList{TopicList: list()})
}

// deleteTopic answers DELETE_TOPIC_IN_NAMESRV: everywhere, or in one cluster. Always success.
func (n *Nameserv) deleteTopic(r *remoting.Request, h *header.DeleteTopicFromNamesrv) (*protocol.Command, error) {
	if h.ClusterName == "" {
		n.routes.DeleteTopic(h.Topic)
	} else {
		n.routes.DeleteTopicOfCluster(h.Topic, h.ClusterName)
	}
	n.log.Info().Str("topic", h.Topic).Str("cluster", h.ClusterName).Stringer("remote", r.Conn.RemoteAddr()).Msg("topic deleted")
	return protocol.NewResponse(code.Success, ""), nil
}
