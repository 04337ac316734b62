package admin

import (
	"fmt"
	"strings"

	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
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
	wanted, err := a.wantedOf(h, &out)
	if err != nil {
		return nil, err
	}
	for i := range units {
		if out.QueueData[i], err = shownUnit(&units[i], wanted); err != nil {
			return nil, err
		}
	}
	answer, err := jsonAnswer(out)
	if err == nil {
		answer.Remark = "not set any response code" // the original sets a code and forgets the remark
	}
	return answer, err
}

// wantedOf says what the group that is asked about wants of the topic; nil for no group and for one that is not online.
func (a *Admin) wantedOf(h *header.QueryConsumeQueue, out *body.QueryConsumeQueueResponseBody) (store.Filter, error) {
	if h.ConsumerGroup == "" {
		return nil, nil
	}
	sub := a.Clients.AnySubscription(h.ConsumerGroup, h.Topic)
	if sub == nil {
		out.FilterData = h.ConsumerGroup + "@" + h.Topic + " is not online!"
		return nil, nil
	}
	data := subscriptionData(sub)
	out.SubscriptionData, out.FilterData = &data, "null"
	filterData := a.Filters.Get(h.Topic, h.ConsumerGroup)
	if filterData == nil {
		return sub, nil
	}
	shown := *filterData
	shown.Dead = filterData.IsDead()
	text, err := javajson.Marshal(shown)
	if err != nil {
		return nil, err
	}
	out.FilterData = string(text)
	if filter.IsTag(sub.ExpressionType) {
		return sub, nil
	}
	return filterData, nil
}

// shownExt is an extension unit as the original shows it.
type shownExt struct {
	FilterBitMap []int8 `json:"filterBitMap,omitempty"`
	MsgStoreTime int64  `json:"msgStoreTime"`
	Size         int    `json:"size"`
	TagsCode     int64  `json:"tagsCode"`
}

// shownUnit is one unit. As in the original a group's filter is asked only where there is an extension.
func shownUnit(u *store.Unit, wanted store.Filter) (body.ConsumeQueueData, error) {
	out := body.ConsumeQueueData{PhysicOffset: u.PhyOffset, PhysicSize: u.Size, TagsCode: u.TagsCode}
	switch {
	case u.Lost:
		out.Msg = fmt.Sprintf("Cq extend not exist!addr: %d", u.TagsCode)
	case u.Ext != nil:
		shown := shownExt{MsgStoreTime: u.Ext.StoreTimestamp, Size: len(u.Ext.Raw), TagsCode: u.Ext.TagsCode}
		for _, bits := range u.Ext.BitMap {
			shown.FilterBitMap = append(shown.FilterBitMap, int8(bits))
		}
		text, err := javajson.Marshal(shown)
		if err != nil {
			return out, err
		}
		out.ExtendDataJson = string(text)
		if len(u.Ext.BitMap) > 0 {
			out.BitMap = bitText(u.Ext.BitMap)
		}
		out.Eval = wanted != nil && wanted.MatchQueue(u.Ext.TagsCode, u.Ext.Raw)
	}
	return out, nil
}

// bitText is BitsArray.toString: the last byte first, a line break where a group of eight bytes begins.
func bitText(bits []byte) string {
	var text strings.Builder
	for i := len(bits) - 1; i >= 0; i-- {
		fmt.Fprintf(&text, "%08b", bits[i])
		if i%8 == 0 {
			text.WriteByte('\n')
		}
	}
	return text.String()
}
