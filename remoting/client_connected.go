package remoting

// Connected says whether there is an open connection to an address: a role that keeps state at its peers (a broker at its name
// servers) asks, to see that a peer went away and has forgotten it.
func (c *Client) Connected(addr string) bool {
	c.mu.Lock()
	d := c.conns[addr]
	c.mu.Unlock()
	if d == nil {
		return false
	}
	select {
	case <-d.ready:
		return d.conn != nil && !d.conn.Closed()
	default:
		return false
	}
}
