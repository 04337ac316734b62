package nameserv

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
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
