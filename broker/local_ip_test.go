package broker

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChooseIP(t *testing.T) {
	t.Parallel()
	for addrs, want := range map[string]string{
		"":                                 "127.0.0.1",
		"127.0.0.1 ::1 fe80::1":            "127.0.0.1",
		"192.168.1.5 192.168.2.5":          "192.168.1.5",
		"192.168.1.5 10.0.0.5 172.16.0.1":  "192.168.1.5",
		"192.168.1.5 203.0.113.7":          "203.0.113.7",
		"203.0.113.7 203.0.113.8 10.0.0.1": "203.0.113.8",
		"172.32.0.1 10.0.0.5":              "172.32.0.1",
		"169.254.1.1 10.0.0.5":             "10.0.0.5",
		"2001:db8::1 10.0.0.5":             "10.0.0.5",
		"fe80::1 2001:db8::1 2001:db8::2":  "[2001:db8::2]",
	} {
		var list []netip.Addr
		for word := range strings.FieldsSeq(addrs) {
			list = append(list, netip.MustParseAddr(word))
		}
		if got := chooseIP(list); got != want {
			t.Errorf("%s: %s, want %s", addrs, got, want)
		}
	}
	if _, err := (&Config{BrokerIP1: localIP()}).address(); err != nil {
		t.Error(err)
	}
}

func TestReachableInterfaces(t *testing.T) {
	t.Parallel()
	sys := t.TempDir()
	if err := os.MkdirAll(filepath.Join(sys, "docker0", "bridge"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		i    net.Interface
		want bool
	}{
		{net.Interface{Name: "eth0", Flags: net.FlagUp | net.FlagBroadcast}, true},
		{net.Interface{Name: "eth1", Flags: net.FlagBroadcast}, false},
		{net.Interface{Name: "tun0", Flags: net.FlagUp | net.FlagPointToPoint}, false},
		{net.Interface{Name: "lo", Flags: net.FlagUp | net.FlagLoopback}, false},
		{net.Interface{Name: "docker0", Flags: net.FlagUp}, false},
	} {
		if got := reachable(&row.i, sys); got != row.want {
			t.Errorf("%s: %v", row.i.Name, got)
		}
	}
}
