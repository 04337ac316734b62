package consumequeue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// Options are what a Table needs to know; sizes are the configured ones.
type Options struct {
	FS       vfs.FS
	Dir      string // <root>/consumequeue
	ExtDir   string // <root>/consumequeue_ext
	BatchDir string // <root>/batchconsumequeue
	// SavedFile remembers where the queues end after a clean stop, so that the next
	// start need not look into each: <root>/consumequeue.table. Empty: never.
	SavedFile string

	// Leads says whether the record to which a unit leads is the one of its queue and
	// offset. It may wait for the disk. nil: Unknown.
	Leads func(q *Queue, offset int64, u Unit) Verdict

	// Light: the owner fills light queues (%LMQ%) too, so Rebuild may cut them.
	Light bool

	FileSize      int64 // rounded up to whole units
	ExtFileSize   int64
	ExtWrite      bool // enableConsumeQueueExt
	BatchFileSize int64
	// TailBudget: once the newest units in memory of all queues exceed it, tails stay small; 0 or more than 64 MiB: 64 MiB.
	TailBudget int64
	// OpenFiles is how many files may be open; 0 or more than 512: 512.
	OpenFiles int
	Clock     clock.Clock // nil: the machine's
	Log       zerolog.Logger
}

// Table is all consume queues.
type Table struct {
	opt   Options
	log   zerolog.Logger
	files *openFiles

	batches batchTable

	mu     sync.RWMutex // guards topics; never held across I/O
	topics map[string]*topicQueues

	// minPhy is the last CorrectMin: queues opened later correct themselves.
	minPhy atomic.Int64

	// unclean: the last stop was a crash.
	unclean bool

	// replayed: what is put comes from the log, from some place in it on. See Replay.
	replayed bool

	lastTimestamp    atomic.Int64 // store time of the newest unit
	flushedTimestamp atomic.Int64
	tailBytes        atomic.Int64
	lights           atomic.Int64 // light queues, but for those that were destroyed
	withFiles        atomic.Int32 // queues

	dirtyMu sync.Mutex
	dirty   []*Queue

	// crowded: at the last flush more queues had new units than files may be open.
	crowded atomic.Bool

	flushing   sync.Mutex // one flush at a time
	spare      []*Queue
	unsynced   []*Queue
	due        []syncing
	syncFailed error
}

// denseQueues is how many queues of a topic are found by index; ids above it
// (only few topics have them) by map.
const denseQueues = 1024

// topicQueues is the queues of a topic. Readers take no lock for dense ids.
type topicQueues struct {
	dense atomic.Pointer[[]*Queue]
	mu    sync.RWMutex
	far   map[int32]*Queue
}

func (t *topicQueues) queue(id int32) *Queue {
	if list := t.dense.Load(); list != nil && uint32(id) < uint32(len(*list)) {
		return (*list)[id]
	}
	if uint32(id) < denseQueues {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.far[id]
}

// add returns the queue of an id, made by the caller when it is new.
func (t *topicQueues) add(q *Queue) *Queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	if uint32(q.ID) >= denseQueues {
		if old := t.far[q.ID]; old != nil {
			return old
		}
		if t.far == nil {
			t.far = make(map[int32]*Queue)
		}
		t.far[q.ID] = q
		return q
	}
	var list []*Queue
	if old := t.dense.Load(); old != nil {
		list = *old
	}
	if int(q.ID) < len(list) && list[q.ID] != nil {
		return list[q.ID]
	}
	grown := make([]*Queue, max(len(list), int(q.ID)+1))
	copy(grown, list)
	grown[q.ID] = q
	t.dense.Store(&grown)
	return q
}

// all appends the queues in order of their ids.
func (t *topicQueues) all(dst []*Queue) []*Queue {
	if list := t.dense.Load(); list != nil {
		for _, q := range *list {
			if q != nil {
				dst = append(dst, q)
			}
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	from := len(dst)
	for _, q := range t.far {
		dst = append(dst, q)
	}
	slices.SortFunc(dst[from:], func(a, b *Queue) int { return int(a.ID) - int(b.ID) })
	return dst
}

// Verdict is what the log says of a unit.
type Verdict int8

// The log has that record, another one or none, or cannot tell.
const (
	Unknown Verdict = iota
	Yes
	No
)

// Open lists the queue directories. It reads no queue: see Recover.
func Open(opt Options) (*Table, error) {
	opt.FileSize = RoundFileSize(opt.FileSize)
	opt.Dir = filepath.Clean(opt.Dir)
	if opt.TailBudget <= 0 || opt.TailBudget > tailBudget {
		opt.TailBudget = tailBudget
	}
	if opt.OpenFiles <= 0 || opt.OpenFiles > maxOpenFiles {
		opt.OpenFiles = maxOpenFiles
	}
	if opt.Clock == nil {
		opt.Clock = clock.Real
	}
	t := &Table{opt: opt, log: opt.Log, files: newOpenFiles(opt.FS, opt.OpenFiles), topics: make(map[string]*topicQueues)}
	t.minPhy.Store(-1)
	topics, err := readDir(opt.FS, opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("consume queues: %w", err)
	}
	for _, e := range topics {
		if !e.Dir {
			continue
		}
		if err := t.loadTopic(e.Name); err != nil {
			return nil, fmt.Errorf("consume queues: %w", err)
		}
	}
	if err := t.loadBatches(); err != nil {
		return nil, fmt.Errorf("consume queues: %w", err)
	}
	return t, nil
}

// loadTopic makes the queue objects of a topic directory. Names that are no
// numbers are skipped, as Java does.
func (t *Table) loadTopic(topic string) error {
	entries, err := readDir(t.opt.FS, filepath.Join(t.opt.Dir, topic))
	if err != nil {
		return err
	}
	var dense []*Queue
	queues := &topicQueues{}
	for _, e := range entries {
		id, err := strconv.ParseInt(e.Name, 10, 32)
		if err != nil || id < 0 || !e.Dir {
			continue
		}
		q := &Queue{Topic: topic, ID: int32(id), table: t}
		q.counted.Store(true)
		t.withFiles.Add(1)
		if isLight(topic) {
			q.light = true
			t.lights.Add(1)
		}
		if id >= denseQueues {
			queues.add(q)
			continue
		}
		for int64(len(dense)) <= id {
			dense = append(dense, nil)
		}
		dense[id] = q
	}
	queues.dense.Store(&dense)
	t.topics[topic] = queues
	return nil
}

func readDir(disk vfs.FS, dir string) ([]vfs.Entry, error) {
	entries, err := disk.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// Lookup finds a queue without making one.
func (t *Table) Lookup(topic string, id int32) (*Queue, bool) {
	t.mu.RLock()
	queues := t.topics[topic]
	t.mu.RUnlock()
	if queues == nil {
		return nil, false
	}
	q := queues.queue(id)
	if q == nil {
		return nil, false
	}
	_ = q.open() // who uses it hears of a failure
	return q, true
}

// Topic is the queues of one topic, for who asks for many of them soon after each other.
type Topic struct {
	table  *Table
	name   string
	queues *topicQueues
}

// Topic finds the queues of a topic; there may be none yet.
func (t *Table) Topic(name string) Topic {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return Topic{table: t, name: name, queues: t.topics[name]}
}

// Queue is Table.Queue.
func (t *Topic) Queue(id int32) *Queue {
	if t.queues != nil {
		if q := t.queues.queue(id); q != nil {
			_ = q.open() // as in Lookup
			return q
		}
	}
	return t.table.Queue(t.name, id)
}

// Queue finds or makes a queue and opens it; nothing reaches the disk before the
// first Put. A queue that cannot be (a name that is no file name, an unreadable
// directory) answers every Put with an error: see Err.
func (t *Table) Queue(topic string, id int32) *Queue {
	if q, ok := t.Lookup(topic, id); ok {
		return q
	}
	q := &Queue{Topic: strings.Clone(topic), ID: id, table: t}
	if err := checkName(topic, id); err != nil {
		q.refused = err
		q.maxPhy.Store(-1)
		q.ready.Store(true)
		return q
	}
	t.mu.Lock()
	queues := t.topics[topic]
	if queues == nil {
		queues = &topicQueues{}
		t.topics[q.Topic] = queues
	}
	t.mu.Unlock()
	q.light = isLight(topic)
	added := queues.add(q)
	if added == q && q.light {
		t.lights.Add(1)
	}
	_ = added.open() // as in Lookup
	return added
}

// checkName refuses what would leave the directory: recovery meets names from
// the disk that no broker ever checked.
func checkName(topic string, id int32) error {
	if topic == "" || topic == "." || topic == ".." || len(topic) > 255 || strings.ContainsAny(topic, "/\x00") || id < 0 {
		return fmt.Errorf("consume queue: %q queue %d cannot be stored", topic, id)
	}
	return nil
}

// Topics lists the topics that have queues, sorted.
func (t *Table) Topics() []string {
	t.mu.RLock()
	names := make([]string, 0, len(t.topics))
	for name := range t.topics {
		names = append(names, name)
	}
	t.mu.RUnlock()
	slices.Sort(names)
	return names
}

// TopicQueues lists the queues of a topic in order of their ids. They may be
// unopened: their methods open them.
func (t *Table) TopicQueues(topic string) []*Queue {
	t.mu.RLock()
	queues := t.topics[topic]
	t.mu.RUnlock()
	if queues == nil {
		return nil
	}
	return queues.all(nil)
}

// Each calls visit for every queue until it answers false.
func (t *Table) Each(visit func(*Queue) bool) {
	for _, q := range t.list() {
		if !visit(q) {
			return
		}
	}
}

// list is every queue, those of a topic together.
func (t *Table) list() []*Queue {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*Queue, 0, len(t.topics))
	for _, queues := range t.topics {
		list = queues.all(list)
	}
	return list
}

// Count is how many queues have files, batch queues among them.
func (t *Table) Count() int32 { return t.withFiles.Load() + t.filledBatches() }

// filledBatches is how many batch queues have units.
func (t *Table) filledBatches() (n int32) {
	t.EachBatch(func(q *BatchQueue) bool {
		if q.MaxPhy() >= 0 {
			n++
		}
		return true
	})
	return n
}

// CountTo is how many of them have units of records up to a position of the log; of
// batch queues, any units. It opens all queues.
func (t *Table) CountTo(phy int64) (int32, error) {
	var n atomic.Int32
	err := sideBySide(t.list(), func(q *Queue) error {
		if q.Err() != nil || !q.hasFiles.Load() {
			return nil
		}
		q.io.Lock()
		defer q.io.Unlock()
		var first [UnitSize]byte
		if _, err := q.readFiles(first[:], q.first, false); err != nil {
			return fmt.Errorf("consume queue: %w", err)
		}
		if u := unitAt(first[:]); u.written() && u.PhyOffset <= phy {
			n.Add(1)
		}
		return nil
	})
	return n.Load() + t.filledBatches(), err
}

// Lights is how many light queues there are, those that have nothing yet too.
func (t *Table) Lights() int64 { return t.lights.Load() }

func isLight(topic string) bool { return strings.HasPrefix(topic, "%LMQ%") }

// FlushedTimestamp is the store time up to which every unit is durable; 0 before
// the first thorough flush that followed a Put. It is what the checkpoint may
// promise: recovery begins there.
func (t *Table) FlushedTimestamp() int64 { return t.flushedTimestamp.Load() }
