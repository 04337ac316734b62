package admin

import (
	"fmt"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// maxUnits bounds one answer; the original has no bound.
const maxUnits = 10_000

// queryConsumeQueue answers QUERY_CONSUME_QUEUE: the units of a queue as they are.
func (a *Admin) queryConsumeQueue(_ *remoting.Request, h *header.QueryConsumeQueue) (*protocol.Command, error) {
	units, low, high, exists := a.Store.Units(h.Topic, h.QueueId, h.Index, int(min(max(h.Count, 0), maxUnits)))
	if !exists {
		return nil, remoting.Failf(code.SystemError, "%d@%s is not exist!", h.QueueId, h.Topic)
	}
	if h.Index < 0 || h.Index >= high {
		return protocol.NewResponse(code.Success, fmt.Sprintf("Index %d of %d@%s is not exist!", h.Index, h.QueueId, h.Topic)), nil
	}
	out := body.QueryConsumeQueueResponseBody{MinQueueIndex: low, MaxQueueIndex: high, QueueData: make([]body.ConsumeQueueData, len(units))}
	if h.ConsumerGroup != "" {
		if sub := a.Clients.AnySubscription(h.ConsumerGroup, h.Topic); sub != nil {
			data := subscriptionData(sub)
			out.SubscriptionData, out.FilterData = &data, "null"
		} else {
			out.FilterData = h.ConsumerGroup + "@" + h.Topic + " is not online!"
		}
	}
	for i, u := range units {
		out.QueueData[i] = body.ConsumeQueueData{PhysicOffset: u.PhyOffset, PhysicSize: u.Size, TagsCode: u.TagsCode}
	}
	return jsonAnswer(out)
}
