package nameserv

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// idle makes a name server whose workers do not run: what leaves stays in the queue.
func idle(t *testing.T) (*Nameserv, *clock.Fake) {
	t.Helper()
	c := Defaults()
	c.KvConfigPath = filepath.Join(t.TempDir(), "kvConfig.json")
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	n, err := New(Options{Config: config.NewSection(c), Clock: now}, nop)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, now
}

// known registers a broker named like its address.
func known(t *testing.T, n *Nameserv, addr string, c *remoting.Conn) {
	t.Helper()
	_, err := n.routes.Register(&route.Registration{
		Cluster: "C", BrokerName: addr, BrokerAddr: addr, Channel: c,
		Topics: map[string]body.TopicConfig{"T": topic("T"), "U": topic("U")},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A registration that was still waiting when its connection ended does not take the place of a later one on another connection.
func TestRegistrationOfAnOldConnection(t *testing.T) {
	t.Parallel()
	ended := make(chan *remoting.Conn, 1)
	srv := remoting.NewServer(remoting.DefaultConfig(), nop)
	srv.OnClose(func(c *remoting.Conn) { ended <- c })
	addr, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	runServer(t, srv)
	broker, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = broker.Close()

	n, _ := idle(t)
	current := new(remoting.Conn)
	known(t, n, "back", current)
	late := &remoting.Request{Command: *request(code.RegisterBroker, registerBody(t, 1, topic("T"), topic("U"))), Conn: <-ended}
	h := &header.RegisterBroker{ClusterName: "C", BrokerName: "back", BrokerAddr: "back"}
	if _, err := n.registerBroker(late, h); err == nil {
		t.Error("the registration of a connection that has ended was taken")
	}
	// The connection may also end while the registration waits for another change.
	_, err = n.register(&route.Registration{
		Cluster: "C", BrokerName: "back", BrokerAddr: "back", Channel: late.Conn,
		Topics: map[string]body.TopicConfig{"T": topic("T"), "U": topic("U")},
	})
	if err == nil {
		t.Error("the registration was taken after its wait")
	}
	if len(n.departures) != 0 || len(n.routes.ByChannel(current)) != 1 {
		t.Errorf("%d departures, %d brokers on the new connection", len(n.departures), len(n.routes.ByChannel(current)))
	}
}

// Whatever comes at the same moment, the last notice tells of the last change.
func TestNoticesInTheOrderOfChanges(t *testing.T) {
	t.Parallel()
	n, _ := idle(t)
	n.cfg.Change(func(c *Config) { c.NotifyMinBrokerIDChanged, c.SupportActingMaster = true, true })
	acting := true
	join := func(id int64) {
		_, err := n.register(&route.Registration{
			Cluster: "C", BrokerName: "b", BrokerAddr: string('a' + rune(id)), BrokerID: id, EnableActingMaster: &acting,
			Topics: map[string]body.TopicConfig{"T": topic("T"), "U": topic("U")},
		})
		if err != nil {
			t.Error(err)
		}
	}
	join(1)
	for range 3000 {
		join(0)
		master := n.routes.Leaving(route.Member{Cluster: "C", BrokerName: "b", BrokerAddr: "a"})
		var both sync.WaitGroup
		both.Go(func() { n.unregister([]route.Member{master}) })
		both.Go(func() { join(0) })
		both.Wait()
		var last *route.MinBrokerChanged
		for len(n.notices) > 0 {
			last = <-n.notices
		}
		if last == nil || last.MinBrokerID != 0 {
			t.Fatalf("the last notice is %+v, and the master is back", last)
		}
		n.unregister([]route.Member{n.routes.Leaving(master)})
		select {
		case <-n.notices:
		default:
			t.Fatal("no notice of the master that left")
		}
	}
}

// A broker that comes back while its departure is queued is not forgotten, whatever it was queued for.
func TestBackWhileItsDepartureIsQueued(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		leave func(n *Nameserv, now *clock.Fake, old *remoting.Conn)
	}{
		{"connection ended", func(n *Nameserv, _ *clock.Fake, old *remoting.Conn) { n.channelClosed(old) }},
		{"unregistered", func(n *Nameserv, _ *clock.Fake, _ *remoting.Conn) {
			_, _ = n.unregisterBroker(nil, &header.UnRegisterBroker{ClusterName: "C", BrokerName: "back", BrokerAddr: "back"})
		}},
		{"silent", func(n *Nameserv, now *clock.Fake, _ *remoting.Conn) { now.Advance(3 * time.Minute); n.expire() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, now := idle(t)
			old := new(remoting.Conn)
			if c.name == "silent" {
				old = nil // it would be closed
			}
			known(t, n, "back", old)
			c.leave(n, now, old)
			if len(n.departures) != 1 {
				t.Fatalf("%d departures, want one", len(n.departures))
			}
			known(t, n, "back", new(remoting.Conn))
			gone := new(remoting.Conn)
			known(t, n, "gone", gone)
			n.channelClosed(gone)

			ctx, cancel := context.WithCancel(context.Background())
			var worker sync.WaitGroup
			worker.Go(func() { n.applyDepartures(ctx) })
			eventually(t, "who is gone to be forgotten", func() bool { return len(n.routes.Members("gone")) == 0 })
			cancel()
			worker.Wait()
			if _, ok := n.routes.DataVersion("C", "back"); !ok || len(n.routes.Members("back")) != 1 {
				t.Errorf("alive %v, members %v: forgotten", ok, n.routes.Members("back"))
			}
			if data, ok := n.routes.Route("T"); !ok || len(data.QueueDatas) != 1 {
				t.Errorf("route %+v", data)
			}
		})
	}
}
