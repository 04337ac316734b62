package nameserv

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

var nop = zerolog.Nop()

// runServer runs a bare server until the test ends.
func runServer(t *testing.T, s *remoting.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// start runs a name server on a port of its own until the test ends.
func start(t *testing.T, change ...func(*Options, *Config)) *Nameserv {
	t.Helper()
	c := Defaults()
	dir := t.TempDir()
	c.BindAddress, c.ListenPort = "127.0.0.1", 0
	c.KvConfigPath, c.ConfigStorePath = filepath.Join(dir, "kvConfig.json"), filepath.Join(dir, "namesrv.properties")
	var opt Options
	for _, f := range change {
		f(&opt, &c)
	}
	opt.Config = config.NewSection(c)
	n, err := New(opt, nop)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return n
}

// peer is a client on a raw socket.
type peer struct {
	net.Conn
	t *testing.T
}

func connect(t *testing.T, n *Nameserv) *peer {
	t.Helper()
	c, err := net.Dial("tcp", n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &peer{c, t}
}

var opaque atomic.Int32

// request builds a command; ext are names and values in turn.
func request(c code.Request, data []byte, ext ...string) *protocol.Command {
	cmd := protocol.NewRequest(c, nil, data)
	cmd.Version, cmd.Opaque = 493, opaque.Add(1)
	for i := 0; i < len(ext); i += 2 {
		cmd.Fields.Set(ext[i], ext[i+1])
	}
	return cmd
}

func (p *peer) send(cmd *protocol.Command) {
	p.t.Helper()
	if _, err := p.Write(protocol.AppendFrame(nil, cmd)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) receive() *protocol.Command {
	p.t.Helper()
	var length [4]byte
	if _, err := io.ReadFull(p, length[:]); err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(p, frame); err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	cmd := new(protocol.Command)
	if err := protocol.DecodeFrame(frame, cmd); err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	return cmd
}

func (p *peer) call(c code.Request, data []byte, ext ...string) *protocol.Command {
	p.t.Helper()
	cmd := request(c, data, ext...)
	p.send(cmd)
	answer := p.receive()
	if answer.Opaque != cmd.Opaque || !answer.IsResponse() {
		p.t.Fatalf("answer to %s: opaque %d, flag %d; want the response to %d", c, answer.Opaque, answer.Flag, cmd.Opaque)
	}
	return answer
}

// must is call for requests that have to succeed.
func (p *peer) must(c code.Request, data []byte, ext ...string) *protocol.Command {
	p.t.Helper()
	answer := p.call(c, data, ext...)
	if answer.Response() != code.Success {
		p.t.Fatalf("%s %v: code %d, remark %q", c, ext, answer.Code, answer.Remark)
	}
	return answer
}

// registration is the ext of REGISTER_BROKER for broker "b" of cluster "C".
func registration(addr, id string, more ...string) []string {
	return append([]string{
		"brokerName", "b", "clusterName", "C", "brokerAddr", addr, "brokerId", id, "haServerAddr", addr + "2",
	}, more...)
}

func registerBody(t *testing.T, counter int64, topics ...body.TopicConfig) []byte {
	t.Helper()
	b := body.RegisterBrokerBody{FilterServerList: []string{}}
	b.TopicConfigSerializeWrapper.DataVersion.Counter = counter
	b.TopicConfigSerializeWrapper.TopicConfigTable = map[string]body.TopicConfig{}
	for _, c := range topics {
		b.TopicConfigSerializeWrapper.TopicConfigTable[c.TopicName] = c
	}
	data, err := body.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func topic(name string) body.TopicConfig {
	return body.TopicConfig{TopicName: name, ReadQueueNums: 4, WriteQueueNums: 4, Perm: 6, TopicFilterType: body.SingleTag}
}

// register makes broker "b" serve T and U.
func (p *peer) register(addr, id string, more ...string) *protocol.Command {
	p.t.Helper()
	return p.must(code.RegisterBroker, registerBody(p.t, 1, topic("T"), topic("U")), registration(addr, id, more...)...)
}

func extOf(c *protocol.Command) map[string]string {
	m := map[string]string{}
	for i := range c.Fields.Len() {
		f := c.Fields.At(i)
		m[string(f.Key)] = string(f.Value)
	}
	return m
}

// eventually waits for a state that another goroutine reaches by itself.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
