package broker

import (
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// CHECK_CLIENT_CONFIG (46): a consumer asks whether its filter expression will do.
func (b *Broker) checkClientConfig(r *remoting.Request) (*protocol.Command, error) {
	if tooLongForLoop(r) {
		r.ToLane(remoting.Clients, b.checkClientConfig)
		return nil, nil
	}
	if len(r.Body) == 0 {
		return protocol.NewResponse(code.Success, ""), nil
	}
	req, err := body.Decode[body.CheckClientRequestBody](r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	s := req.SubscriptionData
	if s == nil || filter.IsTag(s.ExpressionType) {
		return protocol.NewResponse(code.Success, ""), nil
	}
	if !b.cfg.Get().EnablePropertyFilter {
		return nil, remoting.Fail(code.SystemError, remarkNoFilter+s.ExpressionType)
	}
	if _, err := filter.Compile(s.SubString, s.ExpressionType); err != nil {
		return nil, remoting.Fail(code.SubscriptionParseFailed, err.Error())
	}
	return protocol.NewResponse(code.Success, ""), nil
}
