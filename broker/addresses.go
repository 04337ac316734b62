package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// NameServers splits namesrvAddr as the original does (BrokerStartup, String.split): a `;` at the end is nothing, an empty address
// elsewhere is refused, the last colon ends the host, and no host is this one. Blanks around an address, which it refuses, are nothing.
func NameServers(list string) ([]string, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	parts := strings.Split(list, ";")
	for len(parts) > 0 && strings.TrimSpace(parts[len(parts)-1]) == "" {
		parts = parts[:len(parts)-1]
	}
	for i, addr := range parts {
		addr = strings.TrimSpace(addr)
		colon := strings.LastIndexByte(addr, ':')
		if colon < 0 || !plausible(bare(addr[:colon]), addr[colon+1:]) {
			return nil, errNameServers(list)
		}
		parts[i] = hostPort(addr[:colon], addr[colon+1:])
	}
	return parts, nil
}

// plausible refuses what nobody can connect to; some of it the original takes (port 0, a list with commas), and never connects.
func plausible(host, port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return false
	}
	if strings.Contains(host, ":") {
		_, err = netip.ParseAddr(host)
	}
	return err == nil
}

func errNameServers(list string) error { // the words of the original
	return fmt.Errorf("The Name Server Address[%s] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"", list) //nolint:staticcheck // scripts know it so
}

// resolver finds the addresses of name servers, for one caller at a time.
type resolver struct {
	find func(ctx context.Context, host string) ([]string, error) // all addresses of a name
	last map[string][]string                                      // what find said last of each name that is listed
}

// resolve is the addresses of a list, each once, though it is listed twice or two names stand for it. Of a name it is the first, or all of
// them: fetchNameSrvAddrByDnsLookup.
func (r *resolver) resolve(ctx context.Context, list []string, all bool) (servers []string) {
	known := make(map[string][]string)
	for _, addr := range list {
		for _, one := range r.addresses(ctx, addr, all, known) {
			if !slices.Contains(servers, one) {
				servers = append(servers, one)
			}
		}
	}
	r.last = known
	return servers
}

// addresses is those of one entry of the list; known takes what its name stands for. A name that cannot be looked up stands for what it
// did before; when that is nothing, for itself: the next connection may do better.
func (r *resolver) addresses(ctx context.Context, addr string, all bool, known map[string][]string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || net.ParseIP(host) != nil {
		return []string{addr}
	}
	hosts, err := r.find(ctx, host)
	if err != nil || len(hosts) == 0 {
		hosts = r.last[host]
	}
	if len(hosts) == 0 {
		return []string{addr}
	}
	known[host] = hosts
	if !all {
		hosts = hosts[:1]
	}
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = net.JoinHostPort(h, port)
	}
	return out
}

// hostPort joins both for a host that may have the brackets which the original needs around an IPv6 address.
func hostPort(host, port string) string { return net.JoinHostPort(bare(host), port) }

// bare is a host without the brackets of an IPv6 address.
func bare(host string) string {
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return host[1 : len(host)-1]
	}
	return host
}

// address is brokerIP1 as message ids need it; like the original it may be a name,
// which is registered as it stands.
func (c *Config) address() (netip.Addr, error) {
	host := bare(c.BrokerIP1)
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone(""), nil
	}
	ips, err := net.LookupIP(host)
	if err == nil && len(ips) == 0 {
		err = errors.New("no address")
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("brokerIP1 %q is neither an address nor a name that has one: %w", c.BrokerIP1, err)
	}
	best := ips[0]
	for _, ip := range ips {
		if ip.To4() != nil {
			best = ip
			break
		}
	}
	ip, _ := netip.AddrFromSlice(best)
	return ip.Unmap(), nil
}
