package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// GET_CONSUMER_LIST_BY_GROUP (38): who shares the queues of a group.
func (b *Broker) getConsumerListByGroup(_ *remoting.Request, h *header.GetConsumerListByGroup) (*protocol.Command, error) {
	ids := b.Clients.ClientIDs(h.ConsumerGroup)
	if len(ids) == 0 {
		return nil, remoting.Fail(code.SystemError, "no consumer for this group, "+h.ConsumerGroup)
	}
	return withBody(body.GetConsumerListByGroupResponseBody{ConsumerIdList: ids})
}

// withBody is SUCCESS with a JSON body.
func withBody(v any) (*protocol.Command, error) {
	data, err := body.Encode(v)
	if err != nil {
		return nil, err
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = data
	return cmd, nil
}

// withHeader is SUCCESS with a header.
func withHeader(h any) (*protocol.Command, error) {
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Header = h
	return cmd, nil
}
