package remoting

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// listen opens a TCP listener. Keep-alive probes are off as in Java: the idle check closes dead peers.
func listen(addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(context.Background(), "tcp", addr)
}

// accept is our own accept loop, because gnet's ends the whole engine when descriptors run out. A connection it accepts is
// given to a loop; when there is no descriptor for that, it is closed.
func (s *Server) accept(ctx context.Context, ln net.Listener) {
	pause := acceptPauseMin
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			s.admit(nc)
			continue
		case errors.Is(err, net.ErrClosed) || ctx.Err() != nil:
			return
		case errors.Is(err, syscall.ECONNABORTED):
			continue
		}
		s.stats.acceptErrors.Add(1)
		s.log.Warn().Err(err).Stringer("listener", ln.Addr()).Dur("pause", pause).Msg("accept failed")
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		pause = min(2*pause, acceptPauseMax)
	}
}

// admit takes an accepted connection on; accept does not wait until a loop has it.
func (s *Server) admit(nc net.Conn) {
	s.stats.accepted.Add(1)
	if s.count.Add(1) > int64(s.cfg.MaxConnections) {
		s.count.Add(-1)
		if n := s.stats.overConnections.Add(1); n&(n-1) == 0 { // a line at 1, 2, 4, 8 …: a flood must not fill the log
			s.log.Warn().Stringer("remote", nc.RemoteAddr()).Int("limit", s.cfg.MaxConnections).Int64("refused", n).Msg("too many connections")
		}
		_ = nc.Close()
		return
	}
	c := s.newConn(nc)
	s.enrolling.Go(func() { s.enroll(c, nc) })
}

func (s *Server) newConn(nc net.Conn) *Conn {
	c := &Conn{ID: s.nextID.Add(1), d: &s.dispatcher, remote: addrPort(nc.RemoteAddr()), local: addrPort(nc.LocalAddr())}
	c.lastActive.Store(s.clock.MonoMs())
	// gnet puts the memory of an IPv6 zone name into a pool of write buffers when it releases a connection, although the name
	// belongs to package net. Without a zone it has nothing to put there.
	for _, a := range []net.Addr{nc.RemoteAddr(), nc.LocalAddr()} {
		if tcp, ok := a.(*net.TCPAddr); ok {
			tcp.Zone = ""
		}
	}
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
