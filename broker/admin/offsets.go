package admin

import (
	"math"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// cloneGroupOffset answers CLONE_GROUP_OFFSET. The original copies nothing when the topic is left out, because it passes the header's
// topic on where it means the one of the loop; we copy all topics. The group they are copied to need not exist yet, but its name has to
// be one that a group can have: offsets are saved and stay.
func (a *Admin) cloneGroupOffset(r *remoting.Request, h *header.CloneGroupOffset) (*protocol.Command, error) {
	if remark := topic.ValidateGroup(h.DestGroup); remark != "" {
		return nil, remoting.Failf(code.InvalidParameter, "%.512s", remark)
	}
	a.asked(r).Str("from", h.SrcGroup).Str("to", h.DestGroup).Str("topic", h.Topic).Msg("offsets to be cloned")
	topics := []string{h.Topic}
	if strings.TrimSpace(h.Topic) == "" {
		topics = a.Offsets.Topics(h.SrcGroup)
	}
	for _, name := range topics {
		if a.Topics.Get(name) == nil || !h.Offline && !a.mayConsume(h.SrcGroup, name) {
			continue
		}
		a.Offsets.Clone(h.SrcGroup, h.DestGroup, name)
	}
	return success()
}

// queryCorrectionOffset answers QUERY_CORRECTION_OFFSET: the smallest offset by queue over all groups but the filtered ones; the
// largest number there is where the compared group is behind all others. The original removes the filtered groups' offsets for
// good; we only leave them out.
func (a *Admin) queryCorrectionOffset(_ *remoting.Request, h *header.QueryCorrectionOffset) (*protocol.Command, error) {
	left := strings.Split(h.FilterGroups, ",")
	smallest := map[int32]int64{}
	for _, group := range a.Offsets.Groups(h.Topic) {
		if slices.Contains(left, group) {
			continue
		}
		for q, at := range a.Offsets.Queues(group, h.Topic) {
			if a.Store.MinOffset(h.Topic, q) > at {
				continue // behind what is still stored
			}
			if known, ok := smallest[q]; !ok || at < known {
				smallest[q] = at
			}
		}
	}
	for q, at := range a.Offsets.Queues(h.CompareGroup, h.Topic) {
		if known, ok := smallest[q]; ok && known > at {
			smallest[q] = math.MaxInt64
		}
	}
	return jsonAnswer(body.QueryCorrectionOffsetBody{CorrectionOffsets: smallest})
}

// getAllConsumerOffset answers GET_ALL_CONSUMER_OFFSET, for slaves.
func (a *Admin) getAllConsumerOffset(*remoting.Request) (*protocol.Command, error) {
	data, err := body.Encode(body.ConsumerOffsetSerializeWrapper{
		DataVersion: body.DataVersion(a.Offsets.Version()), OffsetTable: a.Offsets.All(),
	})
	if err != nil {
		return nil, err
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Body = data
	return answer, nil
}
