package remoting

// owe notes how many bytes the transport holds for the peer.
func (c *Conn) owe(n int64) {
	if was := c.owed.Swap(n); was != n {
		c.d.outbound.Add(n - was)
	}
}

// slow closes a peer that does not read what it asked for: its answers would fill the memory of everybody.
func (c *Conn) slow() {
	if !c.Closed() {
		c.tellSlow()
		c.Close()
	}
}

// tellSlow counts and logs a connection once, whoever else finds it the slowest at the same time.
func (c *Conn) tellSlow() {
	if c.told.Swap(true) {
		return
	}
	c.d.stats.slowClosed.Add(1)
	c.d.log.Warn().Stringer("remote", c.RemoteAddr()).Int64("owed", c.owed.Load()).Int64("limit", c.d.cfg.MaxPendingBytesPerConnection).
		Int64("owedToAll", c.d.outbound.Load()).Msg("peer does not read its answers: connection closed")
}

// bookQueue notes how many bytes are queued for a stream: they are there for as long as the peer does not read. A loop takes its own away at
// once. The caller holds mu.
func (c *Conn) bookQueue() {
	if _, ok := c.t.(*stream); !ok {
		return
	}
	n := int64(len(c.pending))
	if was := c.queued.Swap(n); was != n {
		c.d.outbound.Add(n - was)
	}
}

// keepTotal looks after the bound of all, once somebody owes more.
func (d *dispatcher) keepTotal() {
	if d.total == nil || d.outbound.Load() <= d.cfg.MaxPendingBytes {
		return
	}
	select {
	case d.total.owing <- struct{}{}:
	default:
	}
}

// holdPartial notes how many bytes of an unfinished frame the connection holds; begun: all of them are new. An error says that the connection
// has to go, so that all together stay within their bound.
func (c *Conn) holdPartial(n int, begun bool) error {
	was := c.partial.Swap(int64(n))
	if was == 0 || begun {
		c.partialSince.Store(c.d.clock.MonoMs())
	}
	all := c.d.partial.Add(int64(n) - was)
	switch {
	case int64(n) <= was || all <= c.d.cfg.MaxPartialBytes:
		return nil
	case c.d.total == nil:
		return errUnfinished
	}
	return c.d.total.closeStale(c)
}
