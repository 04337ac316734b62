package churn

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
)

const (
	concurrentGroup = "churn-concurrent"
	mostMembers     = 5
	fullRate        = 5000
	brokerEvery     = 8 // one round in so many ends a life of the broker
	shortestRound   = 100 * time.Millisecond
	longestRound    = 900 * time.Millisecond
)

// churner is the world of TestConcurrent: a broker, members that are processes,
// senders, and what is known of each message.
type churner struct {
	*settings
	t       *testing.T
	server  *testbroker.Server
	ledger  *ledger
	members []*process
	born    int
	counts  struct{ kills, pauses, leaves, joins, brokerKills, brokerStops int }
}

// TestConcurrent runs SKYLARK_CHURN_ROUNDS rounds in which members are killed,
// paused, leave and join, and the broker is stopped or killed, under 5,000 messages
// a second.
func TestConcurrent(t *testing.T) {
	c := &churner{settings: newSettings(t, 12), t: t, ledger: newLedger()}
	c.server = c.broker.Start(t)
	c.makeTopic(t, c.server.Addr)
	l := &load{addr: c.server.Addr, rate: fullRate, acked: c.ledger.acked}
	loadCtx, stopLoad := context.WithCancel(t.Context())
	defer stopLoad()
	for range 3 {
		c.join()
	}
	l.run(loadCtx, t)
	began := time.Now()
	for round := range c.rounds {
		c.round(round)
		<-time.After(shortestRound + time.Duration(c.rand.Int64N(int64(longestRound-shortestRound)))) // the random moment is the point of it
		c.audit(round)
		if t.Failed() {
			t.Fatalf("round %d; the broker's log ends:\n%s", round, c.server.Tail())
		}
	}
	stopLoad()
	l.sending.Wait()
	took := time.Since(began)
	for _, p := range c.members {
		p.signal(syscall.SIGCONT)
	}
	end := c.ends(t, c.server.Addr)
	c.ledger.awaitAll(t, end)
	c.awaitCommitted(t, c.server.Addr, concurrentGroup, end)
	// One that was woken late may still hold an old place, and save it as it leaves. Whoever is left last has to go on from there, and is
	// known to have come to the end himself.
	last := c.members[len(c.members)-1]
	for _, p := range c.members[:len(c.members)-1] {
		p.end(syscall.SIGTERM)
	}
	c.setBack(t, c.server.Addr, concurrentGroup, end)
	c.awaitCommitted(t, c.server.Addr, concurrentGroup, end)
	last.end(syscall.SIGTERM)
	c.checkCommitted(t, c.server.Addr, concurrentGroup, end)
	c.ledger.report(t)
	var stored int64
	for _, at := range end {
		stored += at
	}
	t.Logf("%d rounds in %v: %d messages acknowledged, %.0f a second, %d stored, %d consumed again; %+v", c.rounds, took.Round(time.Millisecond),
		l.sent.Load(), float64(l.sent.Load())/took.Seconds(), stored, c.ledger.again(), c.counts)
	if t.Failed() {
		t.Logf("the broker's log ends:\n%s", c.server.Tail())
	}
}

func (c *churner) join() {
	c.born++
	c.counts.joins++
	c.members = append(c.members, startProcess(c.t, c.server.Addr, fmt.Sprintf("m%02d-%d@churn", c.rand.IntN(100), c.born), c.ledger.consumed))
}

// round does one thing to one member or to the broker.
func (c *churner) round(n int) {
	if n%brokerEvery == brokerEvery-1 {
		c.brokerAgain()
		return
	}
	awake := slices.DeleteFunc(slices.Clone(c.members), func(p *process) bool { return p.paused })
	if len(awake) == 0 || len(c.members) < mostMembers && c.rand.IntN(3) == 0 {
		c.join()
		return
	}
	p := awake[c.rand.IntN(len(awake))]
	switch c.rand.IntN(6) {
	case 0, 1:
		c.counts.kills++
		c.remove(p, syscall.SIGKILL)
	case 2:
		c.counts.leaves++
		c.remove(p, syscall.SIGTERM)
	case 3, 4:
		c.counts.pauses++
		p.signal(syscall.SIGSTOP)
		p.paused = true
	default: // all that sleep wake up
		for _, other := range c.members {
			other.signal(syscall.SIGCONT)
			other.paused = false
		}
	}
	if len(c.members) == 0 {
		c.join()
	}
}

func (c *churner) remove(p *process, how syscall.Signal) {
	p.end(how)
	c.members = slices.DeleteFunc(c.members, func(other *process) bool { return other == p })
}

func (c *churner) brokerAgain() {
	how := syscall.SIGKILL
	if c.rand.IntN(2) == 0 {
		how = syscall.SIGTERM
		c.counts.brokerStops++
	} else {
		c.counts.brokerKills++
	}
	c.server.End(c.t, how)
	c.server = c.broker.Start(c.t)
}

// audit looks at the committed offsets: none beyond its queue, none beyond a message
// that nobody has consumed.
func (c *churner) audit(round int) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	admin := newClient(c.server.Addr)
	defer admin.Close()
	for q := range int32(queues) {
		at, err := admin.committed(ctx, concurrentGroup, q)
		if err != nil {
			c.t.Fatalf("round %d: %v", round, err)
		}
		end, err := admin.maxOffset(ctx, q)
		if err != nil {
			c.t.Fatalf("round %d: %v", round, err)
		}
		if at > end {
			c.t.Errorf("round %d: queue %d ends at %d, committed is %d", round, q, end, at)
		}
		c.ledger.awaitConsumed(ctx, c.t, q, at)
	}
}
