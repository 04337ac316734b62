package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
)

// place is where a message was stored.
type place struct {
	queue  int32
	offset int64
}

// ledger is what producers know: the only truth that survives a crash of the broker.
type ledger struct {
	mu    sync.Mutex
	acked map[place]string // the body that was acknowledged there
	sent  map[string]bool  // every body that ever left, acknowledged or not
}

func newLedger() *ledger {
	return &ledger{acked: make(map[place]string), sent: make(map[string]bool)}
}

func (l *ledger) sending(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[body] = true
}

func (l *ledger) ack(p place, body string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, taken := l.acked[p]; taken {
		return fmt.Errorf("queue %d offset %d was given twice: to %.40q and to %.40q", p.queue, p.offset, old, body)
	}
	l.acked[p] = body
	return nil
}

func (l *ledger) count() (acked, sent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked), len(l.sent)
}

// audit compares the ledger with everything that the store has now.
func (l *ledger) audit(stored map[place]string) []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong []error
	for p, body := range l.acked {
		if got, there := stored[p]; !there {
			wrong = append(wrong, fmt.Errorf("lost: queue %d offset %d, acknowledged as %.60q", p.queue, p.offset, body))
		} else if got != body {
			wrong = append(wrong, fmt.Errorf("changed: queue %d offset %d is %.60q, acknowledged as %.60q", p.queue, p.offset, got, body))
		}
	}
	seen := make(map[string]place, len(stored))
	for p, body := range maps.All(stored) {
		if !l.sent[body] {
			wrong = append(wrong, fmt.Errorf("invented: queue %d offset %d is %.60q, which nobody sent", p.queue, p.offset, body))
		}
		if other, twice := seen[body]; twice {
			wrong = append(wrong, fmt.Errorf("twice: %.60q at %v and %v", body, other, p))
		}
		seen[body] = p
	}
	return wrong
}

// sample picks some acknowledged messages.
func (l *ledger) sample(r *rand.Rand, n int) map[place]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[place]string, n)
	skip := max(1, len(l.acked)/n)
	for p, body := range l.acked {
		if r.IntN(skip) == 0 && len(out) < n {
			out[p] = body
		}
	}
	return out
}
