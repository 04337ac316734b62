package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// fieldUniqueKey marks a query by unique key, which has a limit of its own.
const fieldUniqueKey = "_UNIQUE_KEY_QUERY"

// QUERY_MESSAGE (12): messages by key, newest first. Hash collisions are in the
// answer; clients look at topic and keys themselves.
func (b *Broker) queryMessage(r *remoting.Request, h *header.QueryMessage) (*protocol.Command, error) {
	most := int(h.MaxNum)
	if limit := b.storeCfg.Get().DefaultQueryMaxNum; r.Fields.String(fieldUniqueKey) == "true" {
		most = limit
	}
	res, err := b.Store.QueryKey(h.Topic, h.Key, most, maxAnswerBody, h.BeginTimestamp, h.EndTimestamp)
	if err != nil {
		return nil, err
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Header = &header.QueryMessageResponse{
		IndexLastUpdateTimestamp: res.IndexUpdateTime, IndexLastUpdatePhyoffset: res.IndexUpdatePhy,
	}
	if len(res.Records) == 0 {
		cmd.Code, cmd.Remark = int32(code.QueryNotFound), remarkMessageNotFound
		return cmd, nil
	}
	for _, rec := range res.Records {
		cmd.Body = append(cmd.Body, rec...)
	}
	return cmd, nil
}

// maxAnswerBody keeps an answer of many records inside a frame.
const maxAnswerBody = protocol.FrameMaxLength - 64<<10
