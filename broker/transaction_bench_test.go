package broker

import (
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// halfTurn reads the answers of a turn of half messages and returns their commits,
// one-way.
func halfTurn(t testing.TB, conn net.Conn, n int, commits []byte) []byte {
	var length [4]byte
	buf := make([]byte, 0, 4096)
	for range n {
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			t.Fatal(err)
		}
		size := int(length[0])<<24 | int(length[1])<<16 | int(length[2])<<8 | int(length[3])
		buf = buf[:size]
		if _, err := io.ReadFull(conn, buf); err != nil {
			t.Fatal(err)
		}
		var cmd protocol.Command
		if err := protocol.DecodeFrame(buf, &cmd); err != nil || cmd.Code != 0 {
			t.Fatalf("%v %d %s", err, cmd.Code, cmd.Remark)
		}
		_, phy, err := message.ParseOffsetMsgID(cmd.Fields.String("msgId"))
		if err != nil {
			t.Fatal(err)
		}
		offset, _ := strconv.ParseInt(cmd.Fields.String("queueOffset"), 10, 64)
		end := protocol.NewRequest(code.EndTransaction, nil, nil)
		end.Fields = fields(halfSent{offset, phy}.endFields(8)...)
		end.MarkOneWay()
		commits = protocol.AppendFrame(commits, end)
	}
	return commits
}

// BenchmarkTransactionTurn is a turn of 64 commits and 64 half messages in one
// write; an op is one transaction, the client's work included.
func BenchmarkTransactionTurn(b *testing.B) {
	f := start(b, big)
	f.sendTo("T", "make the topic")
	conn := f.raw()
	var halves []byte
	cmd := protocol.NewRequest(code.SendMessageV2, nil, make([]byte, 1024))
	for i := range 64 {
		cmd.Fields, cmd.Opaque = fields(replace(sendFields("T"), "e", strconv.Itoa(i%4), "f", "4", "g", strconv.FormatInt(f.clock.NowMs(), 10),
			"i", "UNIQ_KEY\x01AC11000100002A139AA10000000000"+strconv.Itoa(10+i)+"\x02WAIT\x01true\x02TAGS\x01A\x02TRAN_MSG\x01true\x02PGROUP\x01PGx\x02")...), int32(i)
		halves = protocol.AppendFrame(halves, cmd)
	}
	var commits []byte
	turn := func() {
		if _, err := conn.Write(append(commits, halves...)); err != nil {
			b.Fatal(err)
		}
		commits = halfTurn(b, conn, 64, commits[:0])
	}
	turn()
	b.ResetTimer()
	for n := 0; n < b.N; n += 64 {
		turn()
	}
	b.StopTimer()
	b.ReportMetric(float64(f.Transactions.Open()), "open")
}
