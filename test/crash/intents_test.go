package crash

import (
	"math/rand/v2"
	"strings"
	"sync"
)

// intents are what producers decided, which no crash may change: a body says it
// itself, so that whichever producer is asked answers alike.
type intents struct {
	mu    sync.Mutex
	sent  map[string]bool // every half message that left: is it to be committed?
	acked map[string]bool // those that the broker has acknowledged
	round int
	held  []heldEnd // decisions on their way, whatever becomes of producers and broker meanwhile
	ends  struct{ never, once, twice, late, otherLife int }
}

// halfPlace is where a half message is: in its queue and in the log.
type halfPlace struct{ offset, phy int64 }

// heldEnd is an END_TRANSACTION that is not sent yet.
type heldEnd struct {
	at    halfPlace
	text  string
	round int
}

// plan plans the decisions of one transaction: how many are sent now. Others are held back, so that the broker may have asked
// and been answered, and have appended the half message again, before they come.
func (n *intents) plan(at halfPlace, text string, r *rand.Rand) (now int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	total := []int{1, 1, 1, 2, 0}[r.IntN(5)]
	*[]*int{&n.ends.never, &n.ends.once, &n.ends.twice}[total]++
	for range total {
		if r.IntN(3) > 0 {
			now++
			continue
		}
		n.ends.late++
		n.held = append(n.held, heldEnd{at, text, n.round})
	}
	return now
}

// due takes one of those that were held back, in no order; more and more often, the more there are.
func (n *intents) due(r *rand.Rand) (e heldEnd, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.held) <= r.IntN(heldMost) {
		return e, false
	}
	return n.take(r.IntN(len(n.held))), true
}

func (n *intents) take(i int) heldEnd {
	last := len(n.held) - 1
	n.held[i], n.held[last] = n.held[last], n.held[i]
	e := n.held[last]
	n.held = n.held[:last]
	if e.round != n.round {
		n.ends.otherLife++
	}
	return e
}

// rest takes all that are left.
func (n *intents) rest() (list []heldEnd) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.held) > 0 {
		list = append(list, n.take(0))
	}
	return list
}

// begin begins a life of the broker.
func (n *intents) begin(round int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.round = round
}

// heldMost is about twice how many decisions are held back at a time.
const heldMost = 200

func (n *intents) note(m map[string]bool, body string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m[body] = commits(body)
}

// count is how many are acknowledged.
func (n *intents) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.acked)
}

func commits(body string) bool { return strings.HasPrefix(body, "commit") }
