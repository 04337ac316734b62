package broker

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
)

// sysClassNet is where Linux describes its interfaces.
const sysClassNet = "/sys/class/net"

// localIP is the address that the original finds for this host (NetworkUtil.getLocalAddress): after a takeover with the same
// broker.conf the same one is registered.
func localIP() string {
	all, err := net.Interfaces()
	if err != nil {
		return "127.0.0.1"
	}
	slices.SortFunc(all, func(a, b net.Interface) int { return a.Index - b.Index })
	var addrs []netip.Addr
	for i := range all {
		if reachable(&all[i], sysClassNet) {
			addrs = append(addrs, addrsOf(&all[i])...)
		}
	}
	return chooseIP(addrs)
}

// reachable leaves out interfaces whose addresses others cannot be expected to reach: a bridge of containers, a tunnel.
func reachable(i *net.Interface, sys string) bool {
	if i.Flags&net.FlagUp == 0 || i.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
		return false
	}
	_, err := os.Stat(filepath.Join(sys, i.Name, "bridge"))
	return err != nil
}

func addrsOf(i *net.Interface) (out []netip.Addr) {
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out
}

// chooseIP chooses among addresses in the system's order. The JDK lists them the other way round, so that the original's rule, the
// first public one or else the last, is here the last public one or else the first. IPv4 goes before IPv6, which has brackets as in
// the original; link-local addresses are left out, as nobody else can use them as they stand.
func chooseIP(addrs []netip.Addr) string {
	var v4, v6 []netip.Addr
	for _, ip := range addrs {
		switch {
		case ip.IsLoopback(), ip.IsLinkLocalUnicast(), ip.IsUnspecified():
		case ip.Is4():
			v4 = append(v4, ip)
		default:
			v6 = append(v6, ip)
		}
	}
	for _, ip := range slices.Backward(v4) {
		if !ip.IsPrivate() {
			return ip.String()
		}
	}
	switch {
	case len(v4) > 0:
		return v4[0].String()
	case len(v6) > 0: // UtilAll.isInternalV6IP knows the retired fec0::/10 only, so that the original's first is nearly always it
		return "[" + v6[len(v6)-1].String() + "]"
	}
	return "127.0.0.1"
}
