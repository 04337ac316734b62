package broker

import (
	"encoding/binary"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// answer is what a pull came to.
type answer struct {
	opaque    int32
	serialize protocol.SerializeType

	result  store.GetResult
	code    code.Response
	remark  string
	suspend bool // nothing there and the client wants to wait
	passed  bool // the pull waited, and let messages pass that it did not want
	bytes   int
}

// read appends the whole reply frame of a pull to dst: its header is written last,
// into room that was left for it, so that the records are copied once. cold says
// that nothing was read because the disk would have to be waited for.
func (b *Broker) read(dst []byte, p *pull, a *answer, residentOnly bool) (out []byte, cold bool) {
	start := len(dst)
	// The likely header: the true one will nearly always have numbers of as many
	// digits, and then the records need not move.
	low, high, _ := b.Store.Bounds(p.topic.TopicName, p.queue)
	guess := a.header(p, store.GetResult{NextBegin: p.offset + int64(p.maxMsgs), Min: low, Max: high}, b)
	dst = guess.append(dst, code.Success, "FOUND", 0)
	records := len(dst)
	a.result, dst = b.get(p, dst, residentOnly)
	if a.result.Status == store.GetCold {
		return dst[:start], true
	}
	a.bytes = len(dst) - records
	a.code, a.remark = pullCode(a.result.Status, p.offset), a.result.Status.String()
	if a.result.Status == store.GetFailed {
		a.remark = remarkUnreadable + a.result.Err.Error()
	}
	if a.passed && a.code == code.PullNotFound {
		a.code, a.remark = code.PullRetryImmediately, store.GetNoMatchedMessage.String()
	}
	if a.suspend = a.code == code.PullNotFound && p.has(header.PullSuspend); a.suspend {
		return dst[:start], false
	}
	if a.code == code.Success && guess.foretold(&a.result) {
		binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	} else {
		head := a.header(p, a.result, b)
		dst = head.place(dst, start, records, a)
	}
	if a.code == code.Success {
		b.countGet(p, a)
	}
	return dst, false
}

// pullHeader is an answer's header before it is text.
type pullHeader struct {
	opaque    int32
	serialize protocol.SerializeType
	fields    header.PullMessageResponse
	topicFlag int32
	groupFlag int32
}

func (a *answer) header(p *pull, res store.GetResult, b *Broker) pullHeader {
	return pullHeader{
		opaque: a.opaque, serialize: a.serialize, topicFlag: p.topic.TopicSysFlag, groupFlag: p.group.GroupSysFlag,
		fields: header.PullMessageResponse{
			SuggestWhichBrokerId: b.suggest(p, res.SuggestSlave),
			NextBeginOffset:      res.NextBegin, MinOffset: res.Min, MaxOffset: res.Max,
		},
	}
}

// foretold says that a guess has come true, but for the length of the body.
func (h *pullHeader) foretold(res *store.GetResult) bool {
	f := &h.fields
	return !res.SuggestSlave && f.NextBeginOffset == res.NextBegin && f.MinOffset == res.Min && f.MaxOffset == res.Max
}

// suggest is the broker the client should pull from next.
func (b *Broker) suggest(p *pull, slave bool) int64 {
	if !b.cfg.Get().SlaveReadEnable {
		return 0
	}
	if slave {
		return p.group.WhichBrokerWhenConsumeSlowly
	}
	return p.group.BrokerID
}

// append writes the frame up to its body, whose length it is told.
func (h *pullHeader) append(dst []byte, c code.Response, remark string, body int) []byte {
	start := len(dst)
	h.fields.TopicSysFlag, h.fields.GroupSysFlag = &h.topicFlag, &h.groupFlag
	cmd := protocol.Command{
		Code: int32(c), Version: protocol.CurrentVersion, Opaque: h.opaque, Remark: remark, Serialize: h.serialize, Header: &h.fields,
	}
	cmd.MarkResponse()
	dst = protocol.AppendFrame(dst, &cmd)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4+body))
	return dst
}

// place puts the true header before the records at dst[records:]; they move by the
// few bytes by which the guess was wrong.
func (h *pullHeader) place(dst []byte, start, records int, a *answer) []byte {
	room := records - start
	var buf [512]byte
	head := h.append(buf[:0], a.code, a.remark, a.bytes)
	switch diff := len(head) - room; {
	case diff > 0:
		dst = append(dst, head[:diff]...) // any bytes: they are overwritten
		copy(dst[records+diff:], dst[records:records+a.bytes])
	case diff < 0:
		copy(dst[records+diff:], dst[records:records+a.bytes])
		dst = dst[:len(dst)+diff]
	}
	copy(dst[start:], head)
	return dst
}

// pullCode maps a status to its response code.
func pullCode(s store.GetStatus, offset int64) code.Response {
	switch s {
	case store.GetFound:
		return code.Success
	case store.GetMessageWasRemoving, store.GetNoMatchedMessage:
		return code.PullRetryImmediately
	case store.GetNoMatchedLogicQueue, store.GetNoMessageInQueue:
		if offset != 0 {
			return code.PullOffsetMoved
		}
		return code.PullNotFound
	case store.GetOffsetFoundNull, store.GetOffsetOverflowOne:
		return code.PullNotFound
	case store.GetFailed: // clients keep the offset and try again later
		return code.SystemError
	}
	return code.PullOffsetMoved
}

// notFound is the answer of a pull that is not held, or was held in vain.
func (b *Broker) notFound(p *pull, a *answer) *protocol.Command {
	h := a.header(p, a.result, b)
	h.fields.TopicSysFlag, h.fields.GroupSysFlag = &h.topicFlag, &h.groupFlag
	cmd := protocol.NewResponse(a.code, a.remark)
	cmd.Header = &h.fields
	return cmd
}

// resetAnswer delivers a reset: the client goes on at that offset, whatever there
// is to read at the one it asked for. The offset that comes with the request is void
// now: it is not committed over that of the reset, as the Java broker does.
func (b *Broker) resetAnswer(p *pull, res store.GetResult) *protocol.Command {
	a := answer{code: code.PullOffsetMoved, remark: "OFFSET_RESET", result: res}
	b.pulled(p, &a)
	return b.notFound(p, &a)
}

// countGet adds to the statistics.
func (b *Broker) countGet(p *pull, a *answer) {
	var group, name [maxTopicBytes]byte
	b.Stats.Get(append(group[:0], p.group.GroupName...), append(name[:0], p.topic.TopicName...), a.result.Count, a.bytes)
}
