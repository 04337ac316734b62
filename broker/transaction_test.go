package broker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// halfSent is what the answer to a half message tells its producer.
type halfSent struct{ offset, phy int64 }

// sendHalf sends a half message of group PGx to queue 0.
func (f *fixture) sendHalf(topic, uniq string, more ...string) halfSent {
	f.t.Helper()
	props := "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02UNIQ_KEY\x01" + uniq + "\x02KEYS\x01k-" + uniq + "\x02TAGS\x01A\x02" + strings.Join(more, "")
	reply := f.call(code.SendMessageV2, []byte("body of "+uniq), replace(sendFields(topic), "f", "4", "g", strconv.FormatInt(f.clock.NowMs(), 10), "i", props)...)
	want(f.t, reply, code.Success, "")
	if got := reply.Fields.String("transactionId"); got != uniq {
		f.t.Fatalf("transactionId %q, want %q", got, uniq)
	}
	_, phy, err := message.ParseOffsetMsgID(reply.Fields.String("msgId"))
	if err != nil {
		f.t.Fatal(err)
	}
	offset, err := strconv.ParseInt(reply.Fields.String("queueOffset"), 10, 64)
	if err != nil {
		f.t.Fatal(err)
	}
	return halfSent{offset, phy}
}

// endFields are those of an END_TRANSACTION of group PGx.
func (h halfSent) endFields(flag int, more ...string) []string {
	return append([]string{
		"producerGroup", "PGx", "tranStateTableOffset", strconv.FormatInt(h.offset, 10), "commitLogOffset", strconv.FormatInt(h.phy, 10),
		"commitOrRollback", strconv.Itoa(flag), "fromTransactionCheck", "false", "msgId", "u", "transactionId", "u",
	}, more...)
}

// visible pulls a whole queue.
func (f *fixture) visible(topic string) []message.View {
	f.t.Helper()
	reply := f.call(code.PullMessage, nil, replace(pullFields("GT", topic, "0"), "sysFlag", "4")...)
	if reply.Response() != code.Success {
		return nil
	}
	return decodeAll(f.t, reply.Body)
}

func TestTransactionCommit(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	h := f.sendHalf("TX", "U1", "extra\x01e\x02REAL_TOPIC\x01SCHEDULE_TOPIC_XXXX\x02TRANSACTION_CHECK_TIMES\x0199\x02")
	if got := f.visible("TX"); got != nil {
		t.Fatal("visible before it was committed")
	}
	want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
	got := f.visible("TX")
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	v := got[0]
	if v.SysFlag != message.FlagTransactionCommit || v.PreparedTransactionOffset != h.phy || string(v.Body) != "body of U1" || v.QueueID != 0 {
		t.Fatalf("%+v", v)
	}
	for name, want := range map[string]string{
		"KEYS": "k-U1", "TAGS": "A", "UNIQ_KEY": "U1", "TRAN_MSG": "true", "PGROUP": "PGx", "extra": "e", "__transactionId__": "U1", "CLUSTER": "DefaultCluster",
		"REAL_TOPIC": "", "REAL_QID": "", "TRANSACTION_CHECK_TIMES": "",
	} {
		if value, _ := message.Property(v.Properties, name); string(value) != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}

// TestEndAnswers walks every answer that END_TRANSACTION has, in Java's words, and
// looks whether anything but the half message itself was touched.
func TestEndAnswers(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	plain := f.sendTo("Plain", "x", "i", "PGROUP\x01PGx\x02REAL_TOPIC\x01Plain\x02REAL_QID\x010\x02")
	_, plainPhy, _ := message.ParseOffsetMsgID(plain.Fields.String("msgId"))
	committed, rolled, open, other := f.sendHalf("TX", "C"), f.sendHalf("TX", "R"), f.sendHalf("TX", "O"), f.sendHalf("TX", "X")
	immune := f.sendHalf("TX", "I", "CHECK_IMMUNITY_TIME_IN_SECONDS\x011\x02")
	for _, row := range []struct {
		name   string
		half   halfSent
		flag   int
		more   []string
		code   code.Response
		remark string
	}{
		{"commit", committed, 8, nil, code.Success, ""},
		{"committed twice", committed, 8, nil, code.Success, ""},
		{"rolled back after its commit", committed, 12, nil, code.Success, remarkNotSet},
		{"rollback", rolled, 12, nil, code.Success, remarkNotSet},
		{"committed after its rollback", rolled, 8, nil, code.Success, ""},
		{"another group", open, 8, []string{"producerGroup", "PGy"}, code.SystemError, remarkGroup},
		{"another offset of the queue", halfSent{other.offset, open.phy}, 8, nil, code.SystemError, remarkTable},
		{"nothing there", halfSent{open.offset, 1 << 40}, 8, nil, code.SystemError, remarkFindFailed},
		{"a negative place", halfSent{open.offset, -1}, 8, nil, code.SystemError, remarkFindFailed},
		{"the middle of a record", halfSent{open.offset, open.phy + 8}, 8, nil, code.SystemError, remarkFindFailed},
		{"an ordinary message that looks like one", halfSent{0, plainPhy}, 8, nil, code.SystemError, remarkFindFailed},
		{"from a check", open, 12, []string{"fromTransactionCheck", "true"}, code.Success, remarkNotSet},
		{"in the immunity", immune, 8, nil, code.Success, ""},
		{"no number", open, 8, []string{"commitLogOffset", "x"}, code.SystemError, `For input string: "x", the custom field <commitLogOffset> is not a number`},
	} {
		fields := row.half.endFields(row.flag)
		if row.more != nil {
			fields = replace(fields, row.more...)
		}
		reply := f.call(code.EndTransaction, nil, fields...)
		if reply.Response() != row.code || reply.Remark != row.remark {
			t.Errorf("%s: %d %q, want %d %q", row.name, reply.Code, reply.Remark, row.code, row.remark)
		}
	}
	var seen []string
	for _, v := range f.visible("TX") {
		u, _ := message.Property(v.Properties, "UNIQ_KEY")
		seen = append(seen, string(u))
	}
	if !slices.Equal(seen, []string{"C", "I"}) {
		t.Errorf("consumers see %v, want C I", seen)
	}
	if n := f.Transactions.Open(); n != 1 {
		t.Errorf("%d open, want 1", n)
	}
	reply := f.call(code.EndTransaction, nil, "producerGroup", "PGx")
	want(t, reply, code.SystemError, "the custom field <tranStateTableOffset> is null")
}

// producer is a connected client of group PGx that answers checks.
type producer struct {
	client *remoting.Client
	checks chan checked
}

type checked struct {
	head header.CheckTransactionState
	body message.View
}

func (p *producer) check(r *remoting.Request, h *header.CheckTransactionState) (*protocol.Command, error) {
	var v message.View
	body := slices.Clone(r.Body)
	if err := message.Decode(body, &v); err != nil {
		return nil, err
	}
	p.checks <- checked{*h, v}
	return nil, nil
}

func (f *fixture) producer(id string) *producer {
	f.t.Helper()
	p := &producer{client: remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop()), checks: make(chan checked, 100)}
	remoting.MountClient(p.client, p, []remoting.Route[*producer]{remoting.Handle(code.CheckTransactionState, remoting.Inline, (*producer).check)})
	f.t.Cleanup(p.client.Close)
	cmd := protocol.NewRequest(code.HeartBeat, nil, []byte(`{"clientID":"`+id+`","producerDataSet":[{"groupName":"PGx"}],"consumerDataSet":[]}`))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := p.client.Call(ctx, f.addr, cmd); err != nil {
		f.t.Fatal(err)
	}
	return p
}

// fast makes rounds follow each other.
func fast(c *Config, _ *store.Config) {
	c.TransactionCheckInterval, c.TransactionTimeOut, c.TransactionCheckMax, c.TransactionOpBatchInterval = 50, 20, 10_000, 20
}

func TestCheckIsAnsweredByASibling(t *testing.T) {
	t.Parallel()
	f := start(t, fast)
	dead, alive := f.producer("one"), f.producer("two")
	f.sendHalf("TX", "U1")
	dead.client.Close()
	c := <-alive.checks
	if c.head.Topic != message.TopicHalf || c.head.MsgId != "U1" || c.head.TransactionId != "U1" || c.head.BrokerName != "test-a" {
		t.Fatalf("%+v", c.head)
	}
	if string(c.body.Topic) != "TX" || string(c.body.Body) != "body of U1" || c.body.PhyOffset != c.head.CommitLogOffset || c.body.QueueOffset != c.head.TranStateTableOffset {
		t.Fatalf("%+v", c.body)
	}
	half := halfSent{c.head.TranStateTableOffset, c.head.CommitLogOffset}
	want(t, f.call(code.EndTransaction, nil, replace(half.endFields(8), "fromTransactionCheck", "true")...), code.Success, "")
	if got := f.visible("TX"); len(got) != 1 || f.Transactions.Open() != 0 {
		t.Fatalf("%d visible, %d open", len(got), f.Transactions.Open())
	}
}

func TestDiscardAndResume(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, s *store.Config) {
		fast(c, s)
		c.TransactionCheckMax = 1
	})
	f.sendHalf("TX", "U1")
	f.eventually("the half message to be discarded", func() bool { return f.Transactions.Counters.Discarded.Load() > 0 })
	got := f.visible(message.TopicMaxCheckTimes)
	if len(got) != 1 {
		t.Fatalf("%d discarded", len(got))
	}
	id := string(message.AppendOffsetMsgID(nil, f.Addr(), got[0].PhyOffset))
	p := f.producer("late")
	want(t, f.call(code.ResumeCheckHalfMessage, nil, "msgId", id), code.Success, "")
	c := <-p.checks
	half := halfSent{c.head.TranStateTableOffset, c.head.CommitLogOffset}
	want(t, f.call(code.EndTransaction, nil, replace(half.endFields(8), "fromTransactionCheck", "true")...), code.Success, "")
	const failed = "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC."
	real := f.visible("TX")
	for _, bad := range []string{"", "zz", string(message.AppendOffsetMsgID(nil, f.Addr(), real[0].PhyOffset)), string(message.AppendOffsetMsgID(nil, f.Addr(), 1<<40))} {
		want(t, f.call(code.ResumeCheckHalfMessage, nil, "msgId", bad), code.SystemError, failed)
	}
}

// TestTransactionsSurviveRestarts settles each half message in the next life of the
// broker, with both flush modes.
func TestTransactionsSurviveRestarts(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.FlushDiskType{store.AsyncFlush, store.SyncFlush} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			live := func(t *testing.T, life func(f *fixture)) {
				cfg, st := DefaultConfig(), store.Defaults()
				cfg.BrokerName, cfg.BrokerIP1, cfg.BrokerIP2, cfg.NamesrvAddr = "test-a", "127.0.0.1", "127.0.0.1", ""
				small(&st)
				st.StorePathRootDir, st.FlushDiskType = dir, mode
				t.Run("life", func(t *testing.T) {
					life(startWith(t, Options{Config: config.NewSection(cfg), Store: config.NewSection(st)}))
				})
			}
			var halves []halfSent
			live(t, func(f *fixture) {
				for i := range 6 {
					halves = append(halves, f.sendHalf("TX", fmt.Sprint("U", i)))
				}
				want(t, f.call(code.EndTransaction, nil, halves[0].endFields(8)...), code.Success, "")
			})
			live(t, func(f *fixture) {
				if n := f.Transactions.Open(); n != 5 {
					t.Fatalf("%d open, want 5", n)
				}
				want(t, f.call(code.EndTransaction, nil, halves[0].endFields(8)...), code.Success, "")
				want(t, f.call(code.EndTransaction, nil, halves[1].endFields(8)...), code.Success, "")
				want(t, f.call(code.EndTransaction, nil, halves[2].endFields(12)...), code.Success, remarkNotSet)
			})
			live(t, func(f *fixture) {
				if n := f.Transactions.Open(); n != 3 {
					t.Fatalf("%d open, want 3", n)
				}
				if got := f.visible("TX"); len(got) != 2 {
					t.Fatalf("%d visible, want 2", len(got))
				}
			})
		})
	}
}

// TestCommitBeforeItsHalfIsFlushed: with SYNC_FLUSH a producer that does not wait for the
// disk decides while its half message is still on the way there.
func TestCommitBeforeItsHalfIsFlushed(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, func(s *store.Config) { s.FlushDiskType = store.SyncFlush })
	f.sendTo("TX", "before")
	inject(t, disk, "sync commitlog/* hang")
	h := f.sendHalf("TX", "U1", "WAIT\x01false\x02")
	f.eventually("the flush to hang", func() bool { return disk.Hanging() > 0 })
	answer := f.ask(code.EndTransaction, h.endFields(8)...)
	select {
	case a := <-answer:
		t.Fatalf("answered before the half message is on the disk: %d %q", a.Code, a.Remark)
	case <-time.After(100 * time.Millisecond):
	}
	disk.Heal()
	want(t, <-answer, code.Success, "")
	f.eventually("the commit to be visible", func() bool { return len(f.visible("TX")) == 2 })
	if n := f.Transactions.Open(); n != 0 {
		t.Errorf("%d open", n)
	}
}

func TestTooManyOpenTransactions(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.MaxOpenTransactions = 1 })
	f.sendHalf("TX", "U1")
	reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("TX"), "i", "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02")...)
	want(t, reply, code.SystemBusy, remarkTooManyOpen)
	f.sendTo("TX", "ordinary")
}

// The name of a producer group stays in memory while its half messages are open: it has to be one.
func TestHalfMessageOfALongGroup(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	send := func(length int) *protocol.Command {
		properties := "TRAN_MSG\x01true\x02PGROUP\x01" + strings.Repeat("g", length) + "\x02"
		return f.call(code.SendMessageV2, []byte("x"), replace(sendFields("TX"), "i", properties)...)
	}
	want(t, send(client.MaxGroupName), code.Success, "")
	want(t, send(client.MaxGroupName+1), code.MessageIllegal, remarkLongPGroup)
	if n := f.Transactions.Open(); n != 1 {
		t.Errorf("%d half messages are open, want 1", n)
	}
}

func TestSettledByOperator(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	a, b := f.sendHalf("TX", "A"), f.sendHalf("TX", "B")
	if err := f.settleByOperator(a.offset, true); err != nil {
		t.Fatal(err)
	}
	if err := f.settleByOperator(b.offset, false); err != nil {
		t.Fatal(err)
	}
	if err := f.settleByOperator(a.offset, true); err == nil {
		t.Fatal("settled twice")
	}
	if got := f.visible("TX"); len(got) != 1 || f.Transactions.Open() != 0 {
		t.Fatalf("%d visible, %d open", len(got), f.Transactions.Open())
	}
}

// TestTransactionsOnAFullDisk: nothing is settled that could not be stored, and
// everything can be once there is room.
func TestTransactionsOnAFullDisk(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	h, r := f.sendHalf("TX", "U1"), f.sendHalf("TX", "U2")
	f.Store.DiskFull(true, "a test")
	reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("TX"), "i", "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02")...)
	if reply.Response() != code.ServiceNotAvailable {
		t.Fatalf("half message on a full disk: %d %q", reply.Code, reply.Remark)
	}
	want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.ServiceNotAvailable, "Service not available now.")
	want(t, f.call(code.EndTransaction, nil, r.endFields(12)...), code.Success, remarkNotSet)
	if n := f.Transactions.Open(); n != 1 {
		t.Fatalf("%d open, want 1", n)
	}
	f.Transactions.Flush() // the op record of the rollback waits
	f.Store.DiskFull(false, "")
	want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
	f.Transactions.Flush()
	ops := f.visible(message.TopicOpHalf)
	if len(ops) != 1 || string(ops[0].Body) != "1,0," {
		t.Fatalf("%d op records", len(ops))
	}
	if got := f.visible("TX"); len(got) != 1 {
		t.Fatalf("%d visible", len(got))
	}
}

// TestHalfMessagesOverALoweredLimit: a limit that was lowered since stops no check, and
// what can never be appended again stops no other.
func TestHalfMessagesOverALoweredLimit(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	want(t, f.call(code.UpdateBrokerConfig, []byte("maxMessageSize=100\n")), code.Success, "")
	half := func(body, props int) message.Message {
		return message.Message{Topic: message.TopicHalf, BornHost: f.Addr(), Body: make([]byte, body), Properties: make([]byte, props)}
	}
	got := newTxStore(f.Store).Append([]message.Message{half(10, 0), half(10, message.PropertiesMax+1), half(1000, 0), half(10, message.PropertiesMax)})
	for i, s := range got {
		if refused := i == 1; s.OK == refused || s.Refused != refused {
			t.Errorf("%d: %+v", i, s)
		}
	}
	if got[0].QueueOffset != 0 || got[2].QueueOffset != 1 || got[3].QueueOffset != 2 || got[3].PhyOffset <= got[2].PhyOffset {
		t.Errorf("places %+v", got)
	}
	f.Store.DiskFull(true, "a test")
	for _, s := range newTxStore(f.Store).Append([]message.Message{half(10, 0)}) {
		if s.OK || s.Refused {
			t.Errorf("on a full disk: %+v", s)
		}
	}
	f.Store.DiskFull(false, "")
}

// TestTransactionSettingsAreHot changes them as mqadmin does.
func TestTransactionSettingsAreHot(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	change := "transactionCheckMax=7\ntransactionTimeOut=77\nmaxOpenTransactions=1\nrejectTransactionMessage=true\n"
	want(t, f.call(code.UpdateBrokerConfig, []byte(change)), code.Success, "")
	if s := f.txSettings(); s.CheckMax != 7 || s.TimeoutMs != 77 || f.cfg.Get().MaxOpenTransactions != 1 {
		t.Fatalf("%+v", s)
	}
	reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("TX"), "i", "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02")...)
	want(t, reply, code.NoPermission, "the broker[127.0.0.1] sending transaction message is forbidden")
}
