// Package purged remembers up to where operators have purged queues: the first offset that readers may still see.
//
// Its main type is Table. It starts no goroutine and writes no file: the broker saves what Encode returns, and moves the minimum of
// the queues. See docs/adr/0005-purge.md.
package purged

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// Mark is how far one queue is purged.
type Mark struct {
	Topic   string `json:"topic"`
	QueueID int32  `json:"queueId"`
	// Offset is the first that may be seen.
	Offset int64 `json:"offset"`
	// Phy is the place in the log of the message before it. It tells whether the queue is still the one that was purged: a topic may
	// have been deleted and made anew, by another broker on the same store too.
	Phy int64 `json:"phy"`
	// Time is when it was purged, in ms.
	Time int64 `json:"time"`
}

// maxMarks bounds the table and what is read from a file.
const maxMarks = 1 << 16

// ErrFull: more queues were purged than the table holds.
var ErrFull = fmt.Errorf("%d purged queues are remembered, and no more", maxMarks)

type key struct {
	topic string
	queue int32
}

// Table has a mark for each purged queue.
type Table struct {
	mu    sync.Mutex
	marks map[key]Mark
}

// New returns an empty table.
func New() *Table { return &Table{marks: map[key]Mark{}} }

// Set adds marks, or replaces those of the same queues. It adds all or none.
func (t *Table) Set(marks []Mark) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.marks)+len(marks) > maxMarks {
		return ErrFull
	}
	for _, m := range marks {
		t.marks[key{m.Topic, m.QueueID}] = m
	}
	return nil
}

// Drop forgets a mark.
func (t *Table) Drop(m Mark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.marks, key{m.Topic, m.QueueID})
}

// Marks are all of them, in order.
func (t *Table) Marks() []Mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Mark, 0, len(t.marks))
	for _, m := range t.marks {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Mark) int {
		if n := strings.Compare(a.Topic, b.Topic); n != 0 {
			return n
		}
		return int(a.QueueID) - int(b.QueueID)
	})
	return list
}

// file is purgedOffsets.json.
type file struct {
	Purged []Mark `json:"purged"`
}

// Encode is the content of the file.
func (t *Table) Encode() ([]byte, error) { return javajson.Marshal(file{Purged: t.Marks()}) }

// Decode replaces the table by the content of a file.
func (t *Table) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return err
	}
	if len(f.Purged) > maxMarks {
		return ErrFull
	}
	marks := make(map[key]Mark, len(f.Purged))
	for _, m := range f.Purged {
		if m.Topic == "" || m.QueueID < 0 || m.Offset <= 0 || m.Phy < 0 {
			return fmt.Errorf("purged: no such mark: %+v", m)
		}
		marks[key{m.Topic, m.QueueID}] = m
	}
	t.mu.Lock()
	t.marks = marks
	t.mu.Unlock()
	return nil
}
