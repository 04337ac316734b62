package metrics

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// What peers of the port may keep: a scrape is tens of MB when there are many topics, and is in memory until its
// peer has read it.
const (
	maxConnections = 256
	maxScrapes     = 16          // made or being read; four are made at once
	writeTime      = time.Minute // from the request to the last byte
)

// fewListener closes what comes when there are many connections already.
type fewListener struct {
	net.Listener
	places chan struct{}
}

func newFewListener(l net.Listener, n int) *fewListener {
	return &fewListener{Listener: l, places: make(chan struct{}, n)}
}

func (l *fewListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			_ = c.Close() // there is nothing to tell it
		}
	}
}

type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// few refuses requests beyond those that are under way.
func few(n int, next http.Handler) http.Handler {
	places := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "too many scrapes are under way", http.StatusServiceUnavailable)
		}
	})
}
