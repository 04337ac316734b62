package crash

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// txProducer is one producer process: its connection ends as a killed one's does.
type txProducer struct {
	*client
	in *intents
}

func newTxProducer(ctx context.Context, addr, id string, in *intents) (*txProducer, error) {
	p := &txProducer{newClient(addr), in}
	remoting.MountClient(p.remoting, p, []remoting.Route[*txProducer]{
		remoting.Handle(code.CheckTransactionState, remoting.Query, (*txProducer).check),
	})
	_, err := p.call(ctx, code.HeartBeat, []byte(`{"clientID":"`+id+`","producerDataSet":[{"groupName":"crash-tx"}],"consumerDataSet":[]}`))
	return p, err
}

// check answers CHECK_TRANSACTION_STATE.
func (p *txProducer) check(r *remoting.Request, h *header.CheckTransactionState) (*protocol.Command, error) {
	var v message.View
	if err := message.Decode(r.Body, &v); err != nil {
		return nil, err
	}
	p.decide(r.Conn, halfPlace{h.TranStateTableOffset, h.CommitLogOffset}, string(v.Body), true)
	return nil, nil
}

// decide sends END_TRANSACTION, one-way.
func (p *txProducer) decide(conn *remoting.Conn, at halfPlace, body string, fromCheck bool) {
	cmd := end(at, body, fromCheck)
	if conn != nil {
		_ = conn.Send(cmd) // lost with the broker: it asks again
		return
	}
	_ = p.remoting.OneWay(p.addr, cmd)
}

func end(at halfPlace, body string, fromCheck bool) *protocol.Command {
	flag := message.FlagTransactionRollback
	if commits(body) {
		flag = message.FlagTransactionCommit
	}
	cmd := protocol.NewRequest(code.EndTransaction, nil, nil)
	for name, value := range map[string]string{
		"producerGroup": "crash-tx", "tranStateTableOffset": fmt.Sprint(at.offset), "commitLogOffset": fmt.Sprint(at.phy),
		"commitOrRollback": fmt.Sprint(flag), "fromTransactionCheck": fmt.Sprint(fromCheck),
	} {
		cmd.Fields.Set(name, value)
	}
	return cmd
}

// half sends a half message.
func (p *txProducer) half(ctx context.Context, text string) (halfPlace, error) {
	props := "TRAN_MSG\x01true\x02PGROUP\x01crash-tx\x02KEYS\x01" + text + "\x02"
	answer, err := p.call(ctx, code.SendMessage, []byte(text),
		"producerGroup", "crash-tx", "topic", topic, "defaultTopic", "TBW102", "defaultTopicQueueNums", strconv.Itoa(queues),
		"queueId", "0", "sysFlag", "4", "bornTimestamp", fmt.Sprint(time.Now().UnixMilli()), "flag", "0",
		"properties", props, "reconsumeTimes", "0", "unitMode", "false", "batch", "false")
	if err != nil {
		return halfPlace{}, err
	}
	if code.Response(answer.Code) != code.Success {
		return halfPlace{}, fmt.Errorf("code %d: %s", answer.Code, answer.Remark)
	}
	_, phy, err := message.ParseOffsetMsgID(answer.Fields.String("msgId"))
	return halfPlace{number(answer, "queueOffset"), phy}, err
}

// run sends half messages until the broker is gone or the producer is: some are
// decided at once, some late, some twice, some never, and the broker must ask.
func (p *txProducer) run(ctx context.Context, name string, r *rand.Rand) {
	for seq := 0; ; seq++ {
		text := fmt.Sprintf("%s-%s-%d", []string{"commit", "rollback"}[r.IntN(2)], name, seq)
		p.in.note(p.in.sent, text)
		at, err := p.half(ctx, text)
		if err != nil {
			return
		}
		p.in.note(p.in.acked, text)
		for range p.in.plan(at, text, r) {
			p.decide(nil, at, text, false)
		}
		if e, ok := p.in.due(r); ok {
			p.decide(nil, e.at, e.text, false)
		}
	}
}

// TestKillTransactions kills broker and producers at random moments while they run
// transactions. In the end consumers have every committed message once, and none
// that was rolled back.
func TestKillTransactions(t *testing.T) {
	bin := testbroker.Binary(t, "crash")
	async, sync := 5, 5
	if n, err := strconv.Atoi(os.Getenv("SKYLARK_CRASH_ROUNDS")); err == nil {
		async, sync = max(2, n), max(1, n/4) // a kill loses as little with either; waiting for the disk is another path
	}
	for _, mode := range []struct {
		flush  string
		rounds int
		least  int // transactions a round, or it was no load
	}{{"ASYNC_FLUSH", async, 100}, {"SYNC_FLUSH", sync, 40}} {
		t.Run(mode.flush, func(t *testing.T) {
			r := testbroker.Rand(t, "SKYLARK_CRASH_SEED")
			b := &testbroker.Broker{
				Bin: bin, Dir: t.TempDir(), Port: testport.Broker(t), Flush: mode.flush,
				Settings: "transactionCheckInterval=150\ntransactionTimeOut=100\ntransactionCheckMax=1000000\ntransactionOpBatchInterval=300\nflushConsumerOffsetInterval=200\n",
			}
			transactionLives(t, b, r, mode.rounds, mode.rounds*mode.least)
		})
	}
}

// transactionLives lets one store live and die, then settles what is open and audits it.
func transactionLives(t *testing.T, b *testbroker.Broker, r *rand.Rand, rounds, least int) {
	in := &intents{sent: map[string]bool{}, acked: map[string]bool{}}
	for round := range rounds {
		in.begin(round)
		s := b.Start(t)
		txLife(t, s, in, round, least*(round+1)/rounds, r)
		if round%cleanEvery == cleanEvery-1 {
			s.End(t, syscall.SIGTERM)
		} else {
			s.End(t, syscall.SIGKILL)
		}
	}
	in.begin(rounds)
	s := b.Start(t)
	settleAll(t, s, in)
	endAgain(t, s, in)
	auditTransactions(t, s, in)
	s.End(t, syscall.SIGTERM)
	if n := in.count(); n < least {
		t.Errorf("only %d transactions: this was no load", n)
	}
}

// txLife lets producers come and go until a random moment; on a slow machine until least transactions are acknowledged, in all rounds.
func txLife(t *testing.T, s *testbroker.Server, in *intents, round, least int, r *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	began, length := time.Now(), lifetime(r)
	var all sync.WaitGroup
	for i := range 8 {
		own := rand.New(rand.NewPCG(r.Uint64(), 2))
		all.Go(func() {
			for life := 0; ctx.Err() == nil; life++ {
				name := fmt.Sprintf("%d-%d-%d", round, i, life)
				p, err := newTxProducer(ctx, s.Addr, name, in)
				if err == nil {
					// Whoever has died often lives longer, in case nobody is answered in a short life.
					short, stop := context.WithTimeout(ctx, time.Duration((20+own.IntN(200))*(1+life/20))*time.Millisecond)
					p.run(short, name, own)
					stop()
				}
				p.close() // killed: what it has not decided, its siblings are asked about
			}
		})
	}
	for over := false; !over; over = in.count() >= least || time.Since(began) > 2*time.Minute {
		select {
		case <-time.After(length): // the random moment is the point of it
		case <-s.Done:
			t.Fatalf("the broker ended by itself: %v\n%s", s.State(), s.Tail())
		}
	}
	go func() {
		<-s.Done
		cancel()
	}()
	t.Cleanup(all.Wait)
}

// settleAll answers checks until nothing is open.
func settleAll(t *testing.T, s *testbroker.Server, in *intents) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := newTxProducer(ctx, s.Addr, "last", in)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for {
		answer, err := p.call(ctx, code.SkylarkTxList, nil, "max", "1")
		if err != nil {
			t.Fatal(err)
		}
		var page body.TxPage
		if err := javajson.Unmarshal(answer.Body, &page); err != nil {
			t.Fatal(err)
		}
		if page.Open == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond) // rounds of checks come by the clock
	}
}

// endAgain sends what is still held back, after all is settled: it gets the answer of the first, and changes nothing.
func endAgain(t *testing.T, s *testbroker.Server, in *intents) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := newClient(s.Addr)
	defer c.close()
	for _, e := range in.rest() {
		answer, err := c.remoting.Call(ctx, s.Addr, end(e.at, e.text, false))
		if err != nil {
			t.Fatal(err)
		}
		if code.Response(answer.Code) != code.Success {
			t.Errorf("%s, ended again: code %d: %s", e.text, answer.Code, answer.Remark)
		}
	}
}

func auditTransactions(t *testing.T, s *testbroker.Server, in *intents) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := newClient(s.Addr)
	defer c.close()
	seen := map[string]int{}
	end, err := c.maxOffset(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for offset := int64(0); offset < end; {
		records, err := c.pull(ctx, 0, offset)
		if err != nil || len(records) == 0 {
			t.Fatalf("nothing at %d, though the queue ends at %d: %v", offset, end, err)
		}
		for i := range records {
			seen[string(records[i].Body)]++
			offset++
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	wrong := 0
	complain := func(format string, args ...any) {
		if wrong++; wrong <= 10 {
			t.Errorf(format, args...)
		}
	}
	for text, n := range maps.All(seen) {
		if commit, sent := in.sent[text]; !sent || !commit || n != 1 {
			complain("%s is seen %d times (sent %v)", text, n, sent)
		}
	}
	for text, commit := range in.acked {
		if commit && seen[text] == 0 {
			complain("%s was acknowledged and committed, and is not seen", text)
		}
	}
	t.Logf("%d half messages sent, %d acknowledged, %d seen by consumers", len(in.sent), len(in.acked), len(seen))
	t.Logf("END_TRANSACTION sent never %d, once %d, twice %d times; %d of them late, %d in another life of the broker",
		in.ends.never, in.ends.once, in.ends.twice, in.ends.late, in.ends.otherLife)
}
