package churn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load sends numbered messages to every queue, one sender a queue, so that numbers
// and offsets of a queue grow together.
type load struct {
	addr    string
	rate    int // a second, over all queues
	acked   func(queue int32, offset int64, seq uint64)
	sent    atomic.Int64
	sending sync.WaitGroup
}

const tick = 10 * time.Millisecond

func (l *load) run(ctx context.Context, t *testing.T) {
	for q := range int32(queues) {
		l.sending.Go(func() {
			c := newClient(l.addr)
			defer c.Close()
			if err := l.queue(ctx, c, q); err != nil {
				t.Error(err)
			}
		})
	}
}

// queue sends until ctx ends, and keeps to the schedule: what fell due while the broker was away is sent as soon as it is back.
// A message whose answer is lost with the broker is sent again, under the next number: it may be stored twice.
func (l *load) queue(ctx context.Context, c *client, q int32) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began, n := time.Now(), 0
	for seq := uint64(1); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		due := int(time.Since(began).Seconds() * float64(l.rate) / queues)
		for ; n < due && ctx.Err() == nil; n++ {
			offset, err := c.send(ctx, q, seq)
			seq++
			var r *refused
			if errors.As(err, &r) && ctx.Err() == nil && !passing(r) {
				return err
			}
			if err != nil {
				break // it stays due
			}
			l.sent.Add(1)
			l.acked(q, offset, seq-1)
		}
	}
}
