// Package deadletter remembers which dead letters operators have sent again, so that a run that broke off goes on without sending
// one twice.
//
// Its main type is Table. It starts no goroutine and writes no file: the broker saves what Encode returns, before and after each
// batch:
//
//	Begin    "these are about to be sent, the log ends at …"     saved
//	         the batch is appended, each message says which dead letter it was; the log is synced
//	Finish   "these were sent"                                    saved
//
// What a crash leaves between the two is an intent: the log from its end on says which of it was sent.
package deadletter

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// Bounds of what is kept, and of what is read from a file.
const (
	maxQueues = 1 << 16
	// maxSpans bounds the runs of one queue: what was picked out of the middle takes one each.
	maxSpans = 1 << 17
	// MaxBatch is how many are sent at a time.
	MaxBatch = 256
)

// ErrFull: the table holds no more.
var ErrFull = fmt.Errorf("too many single dead letters were sent again: purge the topic up to the first that is still needed")

// Queue is a queue of a dead letter topic.
type Queue struct {
	Topic string
	ID    int32
}

// Letter is one dead letter: its offset and its place in the log.
type Letter struct{ Offset, Phy int64 }

// Intent is a batch that was about to be sent.
type Intent struct {
	Queue   Queue
	Letters []Letter
	LogEnd  int64
}

type state struct {
	sent   spans
	newest Letter // of those sent: tells whether the queue is still the same
	intent *Intent
}

// Table is what was sent of each queue.
type Table struct {
	mu     sync.Mutex
	queues map[Queue]*state
}

// New returns an empty table.
func New() *Table { return &Table{queues: map[Queue]*state{}} }

// Same forgets what it knows of a queue that was deleted and made anew: phyAt finds the place of the newest letter that was sent,
// and says false for one that has expired.
func (t *Table) Same(q Queue, phyAt func(offset int64) (phy int64, ok bool)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.queues[q]
	if s == nil || len(s.sent) == 0 {
		return
	}
	if phy, ok := phyAt(s.newest.Offset); ok && phy != s.newest.Phy {
		delete(t.queues, q)
	}
}

// Sent says whether a letter was sent again.
func (t *Table) Sent(q Queue, offset int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.queues[q]
	return s != nil && s.sent.has(offset)
}

// Count is how many were sent of those from low on; first is the first from there that was not.
func (t *Table) Count(q Queue, low int64) (sent, first int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.queues[q]
	if s == nil {
		return 0, low
	}
	s.sent = s.sent.cut(low)
	return s.sent.count(low), s.sent.firstOut(low)
}

// Begin notes a batch that is about to be sent.
func (t *Table) Begin(i Intent) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.queues[i.Queue]
	if s == nil {
		if len(t.queues) >= maxQueues {
			return ErrFull
		}
		s = &state{}
		t.queues[i.Queue] = s
	}
	if len(s.sent)+2*len(i.Letters) > 2*maxSpans {
		return ErrFull
	}
	s.intent = &i
	return nil
}

// Finish notes which of the batch was sent.
func (t *Table) Finish(q Queue, sent []Letter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.queues[q]
	if s == nil {
		return
	}
	s.intent = nil
	for _, l := range sent {
		if s.sent = s.sent.add(l.Offset); l.Offset >= s.newest.Offset {
			s.newest = l
		}
	}
	if len(s.sent) == 0 {
		delete(t.queues, q)
	}
}

// Intents are those that were begun and not finished.
func (t *Table) Intents() (list []Intent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.queues {
		if s.intent != nil {
			list = append(list, *s.intent)
		}
	}
	return list
}

// file is deadLettersSent.json.
type file struct {
	Queues []queueFile `json:"queues"`
}

type queueFile struct {
	Topic   string  `json:"topic"`
	QueueID int32   `json:"queueId"`
	Sent    []int64 `json:"sent"` // pairs: first, and the one behind the last
	Newest  int64   `json:"newest"`
	Phy     int64   `json:"phy"` // of the newest
	// Of an intent: offsets and places, one after the other.
	About  []int64 `json:"about,omitempty"`
	LogEnd int64   `json:"logEnd,omitempty"`
}

// Encode is the content of the file.
func (t *Table) Encode() ([]byte, error) {
	t.mu.Lock()
	f := file{Queues: make([]queueFile, 0, len(t.queues))}
	for q, s := range t.queues {
		one := queueFile{Topic: q.Topic, QueueID: q.ID, Sent: slices.Clone(s.sent), Newest: s.newest.Offset, Phy: s.newest.Phy}
		if one.Sent == nil {
			one.Sent = []int64{}
		}
		if s.intent != nil {
			one.LogEnd = s.intent.LogEnd
			for _, l := range s.intent.Letters {
				one.About = append(one.About, l.Offset, l.Phy)
			}
		}
		f.Queues = append(f.Queues, one)
	}
	t.mu.Unlock()
	slices.SortFunc(f.Queues, func(a, b queueFile) int {
		if n := strings.Compare(a.Topic, b.Topic); n != 0 {
			return n
		}
		return int(a.QueueID) - int(b.QueueID)
	})
	return javajson.Marshal(f)
}

// Decode replaces the table by the content of a file.
func (t *Table) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return err
	}
	if len(f.Queues) > maxQueues {
		return ErrFull
	}
	queues := make(map[Queue]*state, len(f.Queues))
	for i := range f.Queues {
		one := &f.Queues[i]
		if one.Topic == "" || one.QueueID < 0 || !spans(one.Sent).sound() || len(one.Sent) > 2*maxSpans || len(one.About)%2 != 0 ||
			len(one.About) > 2*MaxBatch {
			return fmt.Errorf("deadletter: what was sent of queue %d of %q is not in order", one.QueueID, one.Topic)
		}
		q := Queue{one.Topic, one.QueueID}
		s := &state{sent: one.Sent, newest: Letter{one.Newest, one.Phy}}
		if len(one.About) > 0 {
			s.intent = &Intent{Queue: q, LogEnd: one.LogEnd}
			for at := 0; at < len(one.About); at += 2 {
				s.intent.Letters = append(s.intent.Letters, Letter{one.About[at], one.About[at+1]})
			}
		}
		queues[q] = s
	}
	t.mu.Lock()
	t.queues = queues
	t.mu.Unlock()
	return nil
}
