package load

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// endTemplate is one encoded END_TRANSACTION, a one-way commit; both offsets stand
// in 19 digits, which parse with leading zeros.
type endTemplate struct {
	frame             []byte
	tableAt, commitAt int
}

const (
	tableMark  = "1111111111111111111"
	commitMark = "2222222222222222222"
)

func newEndTemplate(o *Options) *endTemplate {
	cmd := protocol.NewRequest(code.EndTransaction, nil, nil)
	cmd.Opaque, cmd.Language = opaqueFirst, protocol.Go
	if o.Binary {
		cmd.Serialize = protocol.RocketMQ
	}
	cmd.MarkOneWay()
	for _, f := range [][2]string{
		{"producerGroup", "BenchProducer"},
		{"tranStateTableOffset", tableMark},
		{"commitLogOffset", commitMark},
		{"commitOrRollback", "8"},
		{"fromTransactionCheck", "false"},
		{"msgId", uniqueID},
		{"transactionId", uniqueID},
		{"topic", o.Topic},
	} {
		cmd.Fields.Set(f[0], f[1])
	}
	t := &endTemplate{frame: protocol.AppendFrame(nil, cmd)}
	t.tableAt, t.commitAt = bytes.Index(t.frame, []byte(tableMark)), bytes.Index(t.frame, []byte(commitMark))
	return t
}

// append adds the commit of the half message that was answered.
func (t *endTemplate) append(dst []byte, answer *protocol.Command) []byte {
	id := answer.Fields.String("msgId")
	phy, err := strconv.ParseUint(id[max(0, len(id)-16):], 16, 63)
	table, err2 := strconv.ParseUint(answer.Fields.String("queueOffset"), 10, 63)
	if err != nil || err2 != nil || strings.Contains(id, ",") {
		return dst
	}
	start := len(dst)
	dst = append(dst, t.frame...)
	putDigits(dst[start+t.tableAt:start+t.tableAt+19], table)
	putDigits(dst[start+t.commitAt:start+t.commitAt+19], phy)
	return dst
}
