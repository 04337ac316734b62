package remoting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func newTestClient(t *testing.T, change func(*ClientConfig)) *Client {
	cfg := DefaultClientConfig()
	cfg.CallTimeout = 10 * time.Second
	if change != nil {
		change(&cfg)
	}
	c := NewClient(cfg, zerologNop())
	t.Cleanup(c.Close)
	return c
}

func TestClientCalls(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ClientConfig){
		"plain":  nil,
		"binary": func(c *ClientConfig) { c.Serialize = protocol.RocketMQ },
		"TLS":    func(c *ClientConfig) { c.UseTLS = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, nil)
			c := newTestClient(t, change)
			cmd := protocol.NewRequest(code.HeartBeat, nil, []byte("shared by all"))
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					for range 10 {
						reply, err := c.Call(t.Context(), r.addr, cmd)
						if err != nil || reply.Response() != code.Success || string(reply.Body) != "shared by all" {
							t.Errorf("%v, %v", reply, err)
							return
						}
					}
				})
			}
			wg.Wait()
			if s := r.srv.Stats(); s.Accepted != 1 || s.Requests != 500 {
				t.Errorf("%d connections for %d requests", s.Accepted, s.Requests)
			}
			if err := c.OneWay(r.addr, cmd); err != nil {
				t.Fatal(err)
			}
			await(t, "the one-way request", func() bool { return r.oneWays.Load() == 1 })
			reply, err := c.Call(t.Context(), r.addr, protocol.NewRequest(code.LockBatchMQ, nil, []byte("fail")))
			if err != nil || reply.Response() != code.TopicNotExist || reply.Remark != "topic[T] not exist" {
				t.Errorf("%+v, %v", reply, err)
			}
		})
	}
}

func TestClientAnswersItsPeer(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	c := newTestClient(t, nil)
	MountClient(c, &struct{}{}, []Route[*struct{}]{
		HandleRaw(code.GetConsumerRunningInfo, Inline, func(_ *struct{}, r *Request) (*protocol.Command, error) {
			cmd := protocol.NewResponse(code.Success, "")
			cmd.Body = fmt.Appendf(nil, "%s pong", r.Body)
			return cmd, nil
		}),
	})
	reply, err := c.Call(t.Context(), r.addr, protocol.NewRequest(code.GetConsumerRunningInfo, nil, nil))
	if err != nil || string(reply.Body) != "ping pong" {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestClientTimeouts(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	c := newTestClient(t, nil)
	var h Held
	for limit, arrived := 50*time.Millisecond, false; !arrived; limit *= 2 { // a busy machine may not even have sent it within the first
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, err := c.Call(ctx, r.addr, protocol.NewRequest(code.PullMessage, nil, nil))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("call: %v", err)
		}
		select {
		case h = <-r.held:
			arrived = true
		case <-time.After(limit):
		}
	}
	await(t, "the silent connection is closed", h.Conn.Closed) // clientCloseSocketIfTimeout
	if _, err := c.Call(t.Context(), r.addr, protocol.NewRequest(code.HeartBeat, nil, nil)); err != nil {
		t.Errorf("on a new connection: %v", err)
	}
}

func TestClientConnectsAgain(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	c := newTestClient(t, nil)
	heart := protocol.NewRequest(code.HeartBeat, nil, nil)
	for range 5 {
		if _, err := c.Call(t.Context(), r.addr, heart); err != nil {
			t.Fatal(err)
		}
		r.srv.Conns(func(conn *Conn) bool { conn.Close(); return true })
		await(t, "the server has closed it", func() bool { return r.srv.Stats().Connections == 0 })
		await(t, "the client has noticed", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.conns) == 0 })
	}
	r.stop()
	if _, err := c.Call(t.Context(), r.addr, heart); err == nil {
		t.Error("no error without a server")
	}
}

func TestClientConnectFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	c := newTestClient(t, nil)
	for range 2 {
		if _, err := c.Call(t.Context(), addr, protocol.NewRequest(code.HeartBeat, nil, nil)); err == nil {
			t.Error("no error")
		}
	}
	if err := c.OneWay("not an address", protocol.NewRequest(code.HeartBeat, nil, nil)); err == nil {
		t.Error("no error")
	}
	c.Close()
	if _, err := c.Call(t.Context(), addr, protocol.NewRequest(code.HeartBeat, nil, nil)); !errors.Is(err, ErrStopped) {
		t.Errorf("after Close: %v", err)
	}
	c.Close()
}

func TestClientCloseEndsCalls(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	c := newTestClient(t, nil)
	done := make(chan error, 1)
	go func() {
		_, err := c.Call(t.Context(), r.addr, protocol.NewRequest(code.PullMessage, nil, nil))
		done <- err
	}()
	<-r.held
	c.Close()
	if err := <-done; !errors.Is(err, ErrClosed) && !errors.Is(err, ErrStopped) {
		t.Errorf("call: %v", err)
	}
}

func TestClientIdleClose(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	r := serve(t, nil)
	c := newTestClient(t, func(c *ClientConfig) { c.Clock = now })
	if _, err := c.Call(t.Context(), r.addr, protocol.NewRequest(code.HeartBeat, nil, nil)); err != nil {
		t.Fatal(err)
	}
	now.AwaitTimers(1)
	await(t, "idle close", func() bool {
		now.Advance(8 * time.Second)
		return c.stats.idleClosed.Load() > 0 && r.srv.Stats().Connections == 0
	})
}

func TestClientVerifies(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.issue("server")
	r := serve(t, func(c *Config) { c.TLSServerCertPath, c.TLSServerKeyPath = cert, key })
	pool, err := certPool(filepath.Join(ca.dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	heart := protocol.NewRequest(code.HeartBeat, nil, nil)
	trusting := newTestClient(t, func(c *ClientConfig) { c.UseTLS, c.TLS = true, tlsOf(pool) })
	if _, err := trusting.Call(t.Context(), r.addr, heart); err != nil {
		t.Errorf("trusted server: %v", err)
	}
	wary := newTestClient(t, func(c *ClientConfig) { c.UseTLS, c.TLS = true, tlsOf(nil) })
	if _, err := wary.Call(t.Context(), r.addr, heart); err == nil {
		t.Error("an unknown authority is trusted")
	}
}
