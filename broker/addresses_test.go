package broker

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func TestNameServersOfAList(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		"": nil, " ": nil, ";": {}, "a:1; b:2 ;;": {"a:1", "b:2"}, ":9876": {":9876"}, "[::1]:1;::1:2": {"[::1]:1", "[::1]:2"},
	} {
		if got, err := NameServers(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", list, got, err, want)
		}
	}
}

// TestNameServerNames: a name stands for its first address, or for all of them.
func TestNameServerNames(t *testing.T) {
	t.Parallel()
	names := resolver{find: func(_ context.Context, host string) ([]string, error) {
		if host == "ns.example" {
			return []string{"10.0.0.1", "fd00::1"}, nil
		}
		return nil, errors.New("no such host")
	}}
	for _, row := range []struct {
		addr string
		all  bool
		want []string
	}{
		{"ns.example:9876", false, []string{"10.0.0.1:9876"}},
		{"ns.example:9876", true, []string{"10.0.0.1:9876", "[fd00::1]:9876"}},
		{"away.example:1", true, []string{"away.example:1"}},
		{"10.0.0.9:1", true, []string{"10.0.0.9:1"}},
		{":1", false, []string{":1"}},
	} {
		if got := names.resolve(t.Context(), []string{row.addr, row.addr}, row.all); !slices.Equal(got, row.want) {
			t.Errorf("%s, all %v: %q, want %q", row.addr, row.all, got, row.want)
		}
	}
}

// TestNameServersWithoutDNS: while names cannot be looked up, they stand for what they did; one that is not listed is forgotten.
func TestNameServersWithoutDNS(t *testing.T) {
	t.Parallel()
	var away bool
	names := resolver{find: func(context.Context, string) ([]string, error) {
		if away {
			return nil, errors.New("no answer")
		}
		return []string{"10.0.0.1", "10.0.0.2"}, nil
	}}
	for _, step := range []struct {
		away bool
		list string
		want []string
	}{
		{true, "ns:1", []string{"ns:1"}},
		{false, "ns:1", []string{"10.0.0.1:1", "10.0.0.2:1"}},
		{true, "ns:1", []string{"10.0.0.1:1", "10.0.0.2:1"}},
		{true, "ns:2", []string{"10.0.0.1:2", "10.0.0.2:2"}},
		{true, "10.0.0.9:1", []string{"10.0.0.9:1"}},
		{true, "ns:1", []string{"ns:1"}},
	} {
		away = step.away
		if got := names.resolve(t.Context(), []string{step.list}, true); !slices.Equal(got, step.want) {
			t.Errorf("%+v: %q", step, got)
		}
	}
}

// TestBrokerWithBrackets: the original needs them around an IPv6 address, and writes them.
func TestBrokerWithBrackets(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr, c.BrokerIP1, c.BrokerIP2 = n.addr, "[::1]", "[::1]" })
	r := n.route(newCaller(t), "TBW102", known)
	if got, want := r.BrokerDatas[0].BrokerAddrs[0], "[::1]:"+strconv.Itoa(int(f.Addr().Port())); got != want {
		t.Errorf("registered as %s, want %s", got, want)
	}
	if got := f.Addr().Addr().String(); got != "::1" {
		t.Errorf("message ids name %s", got)
	}
	if got := hostPort("[::1]", "1"); got != "[::1]:1" {
		t.Error(got)
	}
}

// TestNameServersThatAreGiven: who starts the broker may decide where it registers; namesrvAddr is kept for another start then.
func TestNameServersThatAreGiven(t *testing.T) {
	t.Parallel()
	own, addr := startCounting(t)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now, NameServers: addr}, func(c *Config, _ *store.Config) { c.UpdateNameServerAddrPeriod = 1000 })
	f.eventually("the first registration", func() bool { return own.Load() == 1 })
	want(t, f.call(code.UpdateBrokerConfig, []byte("namesrvAddr=127.0.0.1:1")), code.Success, "")
	f.eventually("registrations after look-ups", func() bool {
		now.Advance(firstRepeat)
		return own.Load() > 3
	})
	if list := f.registrar.list(); !slices.Equal(list, []string{addr}) {
		t.Errorf("name servers %v", list)
	}
	if set := f.cfg.Get().NamesrvAddr; set != "127.0.0.1:1" {
		t.Errorf("namesrvAddr is %q", set)
	}
}

// TestNameServersChange: namesrvAddr moves a running broker to other name servers, and back.
func TestNameServersChange(t *testing.T) {
	t.Parallel()
	first, old := startCounting(t)
	second, other := startCounting(t)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) {
		c.NamesrvAddr, c.UpdateNameServerAddrPeriod = old, 1000
	})
	f.eventually("the first registration", func() bool { return first.Load() == 1 })
	for _, step := range []struct {
		addr string
		at   *registrations
	}{{other, second}, {old, first}} {
		before := step.at.Load()
		want(t, f.call(code.UpdateBrokerConfig, []byte("namesrvAddr="+step.addr)), code.Success, "")
		f.eventually("a registration at "+step.addr, func() bool {
			now.Advance(reconnectEvery)
			return step.at.Load() > before && slices.Equal(f.registrar.list(), []string{step.addr})
		})
	}
}
