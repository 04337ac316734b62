package nameserv

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// putKVConfig looks for the first two fields by itself: the original has a text of its own for their absence.
func (n *Nameserv) putKVConfig(r *remoting.Request) (*protocol.Command, error) {
	_, hasNamespace := r.Fields.Get("namespace")
	_, hasKey := r.Fields.Get("key")
	if !hasNamespace || !hasKey {
		return nil, remoting.Fail(code.SystemError, "namespace or key is null")
	}
	h := new(header.PutKVConfig)
	if err := header.Decode(&r.Fields, h); err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	if err := n.kv.Put(h.Namespace, h.Key, h.Value); err != nil {
		return nil, err
	}
	n.log.Info().Str("namespace", h.Namespace).Str("key", h.Key).Stringer("remote", r.Conn.RemoteAddr()).Msg("KV configuration put")
	return protocol.NewResponse(code.Success, ""), nil
}

func (n *Nameserv) getKVConfig(_ *remoting.Request, h *header.GetKVConfig) (*protocol.Command, error) {
	value, ok := n.kv.Get(h.Namespace, h.Key)
	if !ok {
		return nil, remoting.Fail(code.QueryNotFound, "No config item, Namespace: "+shown(h.Namespace)+" Key: "+shown(h.Key))
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Header = &header.GetKVConfigResponse{Value: value}
	return answer, nil
}

func (n *Nameserv) deleteKVConfig(r *remoting.Request, h *header.DeleteKVConfig) (*protocol.Command, error) {
	if err := n.kv.Delete(h.Namespace, h.Key); err != nil {
		return nil, err
	}
	n.log.Info().Str("namespace", h.Namespace).Str("key", h.Key).Stringer("remote", r.Conn.RemoteAddr()).Msg("KV configuration deleted")
	return protocol.NewResponse(code.Success, ""), nil
}

func (n *Nameserv) getKVListByNamespace(_ *remoting.Request, h *header.GetKVListByNamespace) (*protocol.Command, error) {
	table, ok := n.kv.List(h.Namespace)
	if !ok {
		return nil, remoting.Fail(code.QueryNotFound, "No config item, Namespace: "+shown(h.Namespace))
	}
	return jsonAnswer(&body.KVTable{Table: table})
}
