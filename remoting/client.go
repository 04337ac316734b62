package remoting

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
)

// ClientConfig has the names and defaults of NettyClientConfig.
type ClientConfig struct {
	// ConnectTimeoutMillis: ms that making a connection may take, the TLS handshake included.
	ConnectTimeoutMillis int `conf:"connectTimeoutMillis"`
	// ClientChannelMaxIdleTimeSeconds: a connection without a read and a write for so long is closed; 0 keeps it for ever.
	ClientChannelMaxIdleTimeSeconds int `conf:"clientChannelMaxIdleTimeSeconds"`
	// ClientCloseSocketIfTimeout: a call that had no answer in time closes its connection when nothing at all came on it meanwhile.
	ClientCloseSocketIfTimeout bool `conf:"clientCloseSocketIfTimeout"`
	// UseTLS: connect with TLS; any certificate is accepted.
	UseTLS bool `conf:"useTLS"`

	// CallTimeout bounds calls whose context has no deadline.
	CallTimeout time.Duration
	// TLS is used with UseTLS; nil accepts any certificate, as Java's client in test mode.
	TLS *tls.Config
	// Serialize is the header form of our requests.
	Serialize protocol.SerializeType
	// Clock is clock.Real when nil.
	Clock clock.Clock
}

// DefaultClientConfig has Java's defaults.
func DefaultClientConfig() ClientConfig {
	return ClientConfig{
		ConnectTimeoutMillis:            3000,
		ClientChannelMaxIdleTimeSeconds: 120,
		ClientCloseSocketIfTimeout:      true,
		CallTimeout:                     3 * time.Second,
	}
}

// Client sends requests to any number of addresses over one cached connection each, and answers what the peers send on them.
// It starts nothing before its first connection.
type Client struct {
	dispatcher

	ccfg   ClientConfig
	nextID atomic.Uint64
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	conns  map[string]*dialed
	closed bool
	ticker bool
	laned  bool
}

// dialed is a connection, or one that is being made: callers meanwhile wait for ready.
type dialed struct {
	ready chan struct{}
	conn  *Conn
	err   error
}

// over: the connection has ended, and its reader has not come to say so yet.
func (d *dialed) over() bool {
	select {
	case <-d.ready:
		return d.conn == nil || d.conn.Closed()
	default:
		return false
	}
}

// NewClient prepares a client; MountClient may add rows before its first call.
func NewClient(cfg ClientConfig, log zerolog.Logger) *Client {
	c := &Client{ccfg: cfg, conns: make(map[string]*dialed)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	limits := DefaultConfig()
	limits.Clock = cfg.Clock
	c.dispatcher.init(limits, log)
	return c
}

// Call sends a request and waits for its answer. The command is not changed and may be sent to several addresses at once.
func (c *Client) Call(ctx context.Context, addr string, cmd *protocol.Command) (*protocol.Command, error) {
	if _, ok := ctx.Deadline(); !ok && c.ccfg.CallTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.ccfg.CallTimeout)
		defer cancel()
	}
	for try := 0; ; try++ {
		conn, err := c.connect(ctx, addr)
		if err != nil {
			return nil, err
		}
		began := c.clock.MonoMs()
		reply, err := conn.Call(ctx, c.outgoing(cmd))
		switch {
		case err == nil:
			return reply, nil
		case errors.Is(err, errNotSent) && errors.Is(err, ErrClosed) && try == 0:
			continue // the cached connection ended while we took it: once more on a new one
		case errors.Is(err, context.DeadlineExceeded) && c.ccfg.ClientCloseSocketIfTimeout && conn.t.(*stream).heard.Load() <= began:
			conn.Close() // nothing at all came back: the peer may be gone without telling
		}
		return nil, fmt.Errorf("remoting: %s to %s: %w", cmd.Request(), addr, err)
	}
}

// OneWay sends a request that nobody answers. It waits for a connection, not for the write.
func (c *Client) OneWay(addr string, cmd *protocol.Command) error {
	conn, err := c.connect(c.ctx, addr)
	if err != nil {
		return err
	}
	return conn.Send(c.outgoing(cmd))
}

func (c *Client) outgoing(cmd *protocol.Command) *protocol.Command {
	out := *cmd
	out.Serialize = c.ccfg.Serialize
	return &out
}

// Close ends all connections and waits for their goroutines.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	conns := c.conns
	c.conns = nil
	laned := c.laned
	c.mu.Unlock()
	c.cancel()
	for _, d := range conns {
		<-d.ready
		if d.conn != nil {
			d.conn.Close()
		}
	}
	c.wg.Wait()
	if laned {
		c.lanes.stop()
	}
}

// connect returns the cached connection of an address or makes one; callers of one address share the attempt.
func (c *Client) connect(ctx context.Context, addr string) (*Conn, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrStopped
	}
	d := c.conns[addr]
	if d == nil || d.over() {
		d = &dialed{ready: make(chan struct{})}
		c.conns[addr] = d
		c.begin()
		c.wg.Go(func() { c.dial(addr, d) })
	}
	c.mu.Unlock()
	select {
	case <-d.ready:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, fmt.Errorf("remoting: connect to %s: %w", addr, ctx.Err())
	}
}

// begin starts what all connections share. Caller holds mu.
func (c *Client) begin() {
	if !c.ticker {
		c.ticker = true
		c.wg.Go(c.tick)
	}
	if !c.laned && (c.table.size > 0) {
		c.laned = true
		c.lanes.start()
	}
}

// dial makes a connection and stays as its reader.
func (c *Client) dial(addr string, d *dialed) {
	st, err := c.open(addr)
	if err != nil {
		d.err = fmt.Errorf("remoting: connect to %s: %w", addr, err)
		c.drop(addr, d) // the next caller tries again
		close(d.ready)
		return
	}
	conn := &Conn{ID: c.nextID.Add(1), d: &c.dispatcher, t: st, remote: addrPort(st.raw.RemoteAddr()), local: addrPort(st.raw.LocalAddr())}
	conn.lastActive.Store(c.clock.MonoMs())
	d.conn = conn
	close(d.ready)
	if err := st.read(conn); err != nil && c.ctx.Err() == nil {
		c.log.Debug().Err(err).Str("remote", addr).Msg("connection failed")
	}
	c.drop(addr, d)
	conn.shut()
	c.partial.Add(-conn.partial.Load())
	_ = st.nc.Close() // nobody is left who could do something about an error
}

func (c *Client) drop(addr string, d *dialed) {
	c.mu.Lock()
	if c.conns[addr] == d {
		delete(c.conns, addr)
	}
	c.mu.Unlock()
}

func (c *Client) open(addr string) (*stream, error) {
	ctx, cancel := context.WithTimeout(c.ctx, time.Duration(c.ccfg.ConnectTimeoutMillis)*time.Millisecond)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	st := &stream{raw: raw, nc: raw, wg: &c.wg}
	if !c.ccfg.UseTLS {
		return st, nil
	}
	cfg := c.ccfg.TLS
	if cfg == nil {
		cfg = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // Java's client in test mode
	} else if cfg.ServerName == "" && !cfg.InsecureSkipVerify {
		host, _, _ := net.SplitHostPort(addr) // DialContext has accepted the address
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error is the one to tell
		return nil, err
	}
	st.nc = conn
	return st, nil
}

// tick closes idle connections.
func (c *Client) tick() {
	limit := int64(c.ccfg.ClientChannelMaxIdleTimeSeconds) * 1000
	if limit <= 0 {
		return
	}
	ticker := c.clock.NewTicker(max(idleCheck, time.Duration(limit/16)*time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ticker.C():
			c.closeIdle(c.clock.MonoMs() - limit)
		}
	}
}

func (c *Client) closeIdle(since int64) {
	c.mu.Lock()
	var idle []*Conn
	for _, d := range c.conns {
		select {
		case <-d.ready:
			if d.conn != nil && d.conn.lastActive.Load() <= since {
				idle = append(idle, d.conn)
			}
		default:
		}
	}
	c.mu.Unlock()
	for _, conn := range idle {
		c.stats.idleClosed.Add(1)
		conn.Close()
	}
}
