package remoting

import "fmt"

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

func (c *Conn) tellSlow() {
	c.d.stats.slowClosed.Add(1)
	c.d.log.Warn().Stringer("remote", c.RemoteAddr()).Int64("owed", c.owed.Load()).Int64("limit", c.d.cfg.MaxPendingBytesPerConnection).
		Int64("owedToAll", c.d.outbound.Load()).Msg("peer does not read its answers: connection closed")
}

// holdPartial notes how many bytes of an unfinished frame the connection holds, and refuses what passes the bound of all.
func (c *Conn) holdPartial(n int) error {
	all := c.d.partial.Add(int64(n - c.partial))
	grew := n > c.partial
	c.partial = n
	if grew && all > c.d.cfg.MaxPartialBytes {
		return fmt.Errorf("unfinished frames of all connections: found %d bytes, expected at most %d", all, c.d.cfg.MaxPartialBytes)
	}
	return nil
}
