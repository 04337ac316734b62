package compat_test

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// tally counts what a run has seen, for its last line.
type tally struct {
	mu           sync.Mutex
	lives        map[string]int
	queues       int
	messages     int
	acknowledged int
	files        atomic.Int64
}

func (t *tally) add(writer harness.Target, clean bool, l *listing, g *ledger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lives == nil {
		t.lives = map[string]int{}
	}
	how := "killed"
	if clean {
		how = "stopped"
	}
	t.lives[fmt.Sprintf("%s %s", writer, how)]++
	t.queues += len(l.max)
	t.messages += len(l.at)
	t.acknowledged += len(g.messages) + len(g.hidden)
}

func (t *tally) String() string {
	return fmt.Sprintf("stores left by %v; %d queues and %d messages listed by both, %d acknowledged places among them; %d queue files compared byte by byte",
		t.lives, t.queues, t.messages, t.acknowledged, t.files.Load())
}
