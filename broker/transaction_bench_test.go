package broker

import (
	"bytes"
	"encoding/binary"
	"net"
	"runtime"
	"strconv"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// txTurns drives a broker with turns: the commits of one turn's half messages leave
// together with the next half messages. It allocates nothing itself.
type txTurns struct {
	f         *fixture
	conn      net.Conn
	halves    []byte
	end       []byte // one commit; both its offsets have 19 digits
	table, at int    // where they are in it
	out, in   []byte
	have      int
}

const turnHalves = 64

func newTxTurns(t testing.TB) *txTurns {
	f := start(t, unflushed)
	f.sendTo("T", "make the topic")
	x := &txTurns{f: f, conn: f.raw(), in: make([]byte, 256<<10)}
	x.halves = turnOf(turnHalves, protocol.JSON, "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02")
	const first, second = 1111111111111111111, 2222222222222222222
	end := protocol.NewRequest(code.EndTransaction, nil, nil)
	end.Fields = fields(halfSent{first, second}.endFields(8)...)
	end.MarkOneWay()
	x.end = protocol.AppendFrame(nil, end)
	x.table = bytes.Index(x.end, strconv.AppendInt(nil, first, 10))
	x.at = bytes.Index(x.end, strconv.AppendInt(nil, second, 10))
	return x
}

// turn sends a turn, and prepares the commits of its half messages.
func (x *txTurns) turn(t testing.TB) {
	x.out = append(x.out, x.halves...)
	if _, err := x.conn.Write(x.out); err != nil {
		t.Fatal(err)
	}
	x.out = x.out[:0]
	for answers := turnHalves; answers > 0; {
		n, err := x.conn.Read(x.in[x.have:])
		if err != nil {
			t.Fatal(err)
		}
		x.have += n
		used := 0
		for x.have-used >= 4 {
			size := 4 + int(binary.BigEndian.Uint32(x.in[used:]))
			if x.have-used < size {
				break
			}
			x.commit(t, x.in[used:used+size])
			used += size
			answers--
		}
		x.have = copy(x.in, x.in[used:x.have])
	}
}

// commit adds the END_TRANSACTION of an answered half message.
func (x *txTurns) commit(t testing.TB, answer []byte) {
	id, offset := textOf(answer, `"msgId":"`), textOf(answer, `"queueOffset":"`)
	if len(id) < 16 || len(offset) == 0 {
		t.Fatalf("half message answered %s", answer)
	}
	phy, table := uint64(0), uint64(0)
	for _, c := range id[len(id)-16:] {
		if c >= 'A' {
			c -= 'A' - '0' - 10
		}
		phy = phy<<4 | uint64(c-'0')
	}
	for _, c := range offset {
		table = table*10 + uint64(c-'0')
	}
	from := len(x.out)
	x.out = append(x.out, x.end...)
	digits19(x.out[from+x.table:], table)
	digits19(x.out[from+x.at:], phy)
}

func textOf(frame []byte, name string) []byte {
	_, rest, _ := bytes.Cut(frame, []byte(name))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	return text
}

func digits19(dst []byte, v uint64) {
	for i := 18; i >= 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}

// TestTransactionAllocatesNothing: a half message and its commit, header to answer,
// op record and index of open ones included.
func TestTransactionAllocatesNothing(t *testing.T) {
	x := newTxTurns(t)
	for range 50 {
		x.turn(t)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const turns = 200
	for range turns {
		x.turn(t)
	}
	runtime.ReadMemStats(&after)
	if got := x.f.Transactions.Counters.Commits.Load(); got != (turns+50-1)*turnHalves || x.f.Transactions.Open() != turnHalves {
		t.Fatalf("%d commits, %d open: that was something else", got, x.f.Transactions.Open())
	}
	perTurn := float64(after.Mallocs-before.Mallocs) / turns
	t.Logf("%.2f allocations, %.0f bytes a turn of %d", perTurn, float64(after.TotalAlloc-before.TotalAlloc)/turns, turnHalves)
	if perTurn > 4 { // what flushes, timers, op records and the test itself allocate meanwhile
		t.Errorf("%.2f allocations a turn of %d transactions, want none a transaction", perTurn, turnHalves)
	}
}

// BenchmarkTransactionTurn is a turn of 64 commits and 64 half messages in one
// write; an op is one transaction, the client's work included.
func BenchmarkTransactionTurn(b *testing.B) {
	x := newTxTurns(b)
	x.turn(b)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += turnHalves {
		x.turn(b)
	}
	b.StopTimer()
	b.ReportMetric(float64(x.f.Transactions.Open()), "open")
}
