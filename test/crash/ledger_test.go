package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// place is where a message was stored.
type place struct {
	queue  int32
	offset int64
}

// acked is what a producer was told of a message.
type acked struct {
	body string
	phy  int64 // where in the log it is
	at   time.Time
}

// ledger is what producers know: the only truth that survives a crash of the broker.
type ledger struct {
	mu      sync.Mutex
	acked   map[place]acked
	sent    map[string]bool // every body that ever left, acknowledged or not
	total   int             // acknowledged ever
	expired int             // acknowledged, and deleted since with the file that held them

	// mayLose: what was acknowledged after this moment may be gone (a power cut with ASYNC_FLUSH). lost counts, oldest is how long
	// before mayLose's power cut the oldest of them had been acknowledged.
	mayLose time.Time
	lost    int
	cut     time.Time
	oldest  time.Duration
}

func newLedger() *ledger {
	return &ledger{acked: make(map[place]acked), sent: make(map[string]bool)}
}

// stored is what the store has, read from the outside.
type stored struct {
	bodies map[place]string
	min    map[int32]int64 // the first offset of each queue
	minPhy int64           // where the log begins
}

func (l *ledger) sending(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[body] = true
}

func (l *ledger) ack(p place, phy int64, body string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, taken := l.acked[p]; taken {
		return fmt.Errorf("queue %d offset %d was given twice: to %.40q and to %.40q", p.queue, p.offset, old.body, body)
	}
	l.acked[p] = acked{body, phy, time.Now()}
	l.total++
	return nil
}

func (l *ledger) count() (acked, sent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, len(l.sent)
}

// audit compares the ledger with everything that the store has now. Only what the
// log no longer reaches back to may be missing: it was deleted with its file.
func (l *ledger) audit(s stored) []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong []error
	for p, a := range l.acked {
		got, there := s.bodies[p]
		switch {
		case !there && p.offset < s.min[p.queue] && a.phy < s.minPhy:
			delete(l.acked, p)
			l.expired++
		case !there && !l.mayLose.IsZero() && a.at.After(l.mayLose):
			delete(l.acked, p)
			l.lost++
			l.oldest = max(l.oldest, l.cut.Sub(a.at))
		case !there:
			wrong = append(wrong, fmt.Errorf("lost: queue %d offset %d at %d, acknowledged as %.60q; the queue begins at %d, the log at %d",
				p.queue, p.offset, a.phy, a.body, s.min[p.queue], s.minPhy))
		case got != a.body:
			wrong = append(wrong, fmt.Errorf("changed: queue %d offset %d is %.60q, acknowledged as %.60q", p.queue, p.offset, got, a.body))
		}
	}
	seen := make(map[string]place, len(s.bodies))
	for p, body := range maps.All(s.bodies) {
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
	for p, a := range l.acked {
		if r.IntN(skip) == 0 && len(out) < n {
			out[p] = a.body
		}
	}
	return out
}
