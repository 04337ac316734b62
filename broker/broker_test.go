package broker

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// fixture is a running broker on port 0 and a client for it.
type fixture struct {
	*Broker
	t      testing.TB
	client *remoting.Client
	addr   string
	stop   func() // ends Run and waits

	mayFail *atomic.Bool // Run may end with an error
}

// small makes a store that is cheap to create.
func small(c *store.Config) {
	c.MappedFileSizeCommitLog = 8 << 20
	c.MappedFileSizeConsumeQueue = 2000 * 20
	c.MaxHashSlotNum = 1000
	c.MaxIndexNum = 4000
}

// unhurried keeps a busy machine from making the broker turn requests away: tests of that set their own limits.
func unhurried(cfg *Config, st *store.Config) {
	cfg.WaitTimeMillsInSendQueue, cfg.WaitTimeMillsInTransactionQueue, cfg.WaitTimeMillsInAdminBrokerQueue = 60_000, 60_000, 60_000
	st.OsPageCacheBusyTimeOutMills, st.SyncFlushTimeout = 60_000, 60_000
}

// start runs a broker with changed settings until the test ends.
func start(t testing.TB, change func(*Config, *store.Config)) *fixture {
	t.Helper()
	return startOn(t, Options{}, change)
}

// startOn is start with some options given.
func startOn(t testing.TB, opt Options, change func(*Config, *store.Config)) *fixture {
	t.Helper()
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerName, cfg.BrokerIP1, cfg.BrokerIP2, cfg.NamesrvAddr = "test-a", "127.0.0.1", "127.0.0.1", ""
	unhurried(&cfg, &st)
	small(&st)
	st.StorePathRootDir = t.TempDir()
	if change != nil {
		change(&cfg, &st)
	}
	opt.Config, opt.Store = config.NewSection(cfg), config.NewSection(st)
	return startWith(t, opt)
}

func startWith(t testing.TB, opt Options) *fixture {
	t.Helper()
	opt.Addr, opt.Log = "127.0.0.1:0", zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
	b, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var mayFail atomic.Bool
	wg.Go(func() {
		if err := b.Run(ctx); err != nil && !errors.Is(err, context.Canceled) && !mayFail.Load() {
			t.Errorf("Run: %v", err)
		}
	})
	var once sync.Once
	stop := func() { once.Do(func() { cancel(); wg.Wait() }) }
	f := &fixture{
		Broker: b, t: t, stop: stop, addr: b.Addr().String(), client: remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop()),
		mayFail: &mayFail,
	}
	t.Cleanup(func() {
		f.client.Close()
		stop()
	})
	return f
}

// fields makes ext fields from name, value pairs.
func fields(pairs ...string) (f protocol.Fields) {
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return f
}

// call sends a request and waits for its answer.
func (f *fixture) call(c code.Request, body []byte, pairs ...string) *protocol.Command {
	f.t.Helper()
	cmd := protocol.NewRequest(c, nil, body)
	cmd.Fields = fields(pairs...)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	reply, err := f.client.Call(ctx, f.addr, cmd)
	if err != nil {
		f.t.Fatalf("%s: %v", c, err)
	}
	return reply
}

// want checks code and remark of an answer.
func want(t testing.TB, reply *protocol.Command, c code.Response, remark string) {
	t.Helper()
	if reply.Response() != c || reply.Remark != remark {
		t.Fatalf("got %d %q, want %d %q", reply.Code, reply.Remark, c, remark)
	}
}

// sendFields are the letters of an ordinary send.
func sendFields(topic string, more ...string) []string {
	return append([]string{
		"a", "PG", "b", topic, "c", "TBW102", "d", "4", "e", "0", "f", "0", "g", "1700000000000", "h", "0",
		"i", "TAGS\x01A\x02", "j", "0", "k", "false", "m", "false",
	}, more...)
}

// send stores one message and returns the answer.
func (f *fixture) sendTo(topic string, body string, more ...string) *protocol.Command {
	f.t.Helper()
	reply := f.call(code.SendMessageV2, []byte(body), sendFields(topic, more...)...)
	want(f.t, reply, code.Success, "")
	return reply
}

// pullFields are an ordinary pull's, with the subscription in the request.
func pullFields(group, topic string, offset string, more ...string) []string {
	return append([]string{
		"consumerGroup", group, "topic", topic, "queueId", "0", "queueOffset", offset, "maxMsgNums", "32", "sysFlag", "4",
		"commitOffset", "0", "suspendTimeoutMillis", "15000", "subVersion", "0", "subscription", "*",
	}, more...)
}

// raw opens a plain connection to the broker.
func (f *fixture) raw() net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}
