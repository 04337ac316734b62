package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/loglimit"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/checkpoint"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/index"
)

// QueueType is the kind of consume queue that a topic's attribute queue.type asks for.
type QueueType uint8

// The two kinds.
const (
	QueueSimple QueueType = iota
	QueueBatch
)

// Options are what a store needs beside its settings.
type Options struct {
	FS    vfs.FS      // nil: the real disk
	Clock clock.Clock // nil: the machine's
	Log   zerolog.Logger
	// StoreHost is written into records whose message names none.
	StoreHost netip.AddrPort
	// QueueType answers the kind of a topic's queues; nil: all are simple.
	QueueType func(topic string) QueueType
	// PrePut is asked about every message with a delay level that is staged, from
	// clients and from inside: it may change topic, queue and properties, using buf
	// for the new ones, and returns buf for the next time; anything but PutOK
	// refuses the message. Java's PutMessageHook.
	PrePut func(m *message.Message, buf []byte) ([]byte, PutStatus)
	// MemoryLimit is what the process may have, 0 without a limit: what the store keeps in memory stays far below it.
	MemoryLimit int64
	// QueueFiles is how many files of queues may be open, at most 512; 0: so many.
	QueueFiles int
	// Unconsumed answers the place in the log of the oldest message that a group has
	// still to consume, and which group; math.MaxInt64 when there is none. It is asked
	// with protectUnconsumedEnable, before a full disk costs messages.
	Unconsumed func() (phy int64, who string)
	// BitMaps says which consumers' expressions a message matches, for the extension
	// of its queue (enableConsumeQueueExt); nil: no bit maps.
	BitMaps BitMaps
	// QuickFlush is up to when a flush is quick, see FlushesQuickly; 0: half a millisecond.
	QuickFlush time.Duration
}

// BitMaps makes bit maps (package filterdata). A bit map that was made before an
// expression was registered must not be stored with a message that is younger than
// that expression: the store asks for the generation before it makes one, and again
// after it has taken the message's time, and drops the bit map when it changed. A
// registration moves the generation first and takes its own time afterwards.
type BitMaps interface {
	// BitMap of a message; nil when nobody filters the topic by an expression.
	BitMap(topic string, properties []byte) []byte
	Generation() uint64
}

// Store is the message store: see the package comment.
type Store struct {
	cfg       *config.Section[Config]
	fs        vfs.FS
	clk       clock.Clock
	logger    zerolog.Logger
	root      string
	opened    time.Time
	storeHost netip.AddrPort
	queueType func(string) QueueType

	quickFlush time.Duration
	// mostLights is maxLightQueues; tests have fewer.
	mostLights int64
	syncFlush  bool
	memory     int64 // of the machine, or what the process may have of it
	// memoryLimit is Options.MemoryLimit, queueFiles Options.QueueFiles.
	memoryLimit int64
	queueFiles  int
	delays      delays
	recent      recent
	prePut      func(*message.Message, []byte) ([]byte, PutStatus)
	bitMaps     BitMaps // nil without enableConsumeQueueExt

	unconsumed func() (int64, string)
	abnormal   bool // the last run ended by a crash
	strange    bool // another broker was the one that crashed
	unmarkable bool // not known to be on the disk before what was appended since the start

	lock       vfs.Lock
	checkpoint *checkpoint.Checkpoint
	commitLog  *commitlog.Log
	queues     *consumequeue.Table
	index      *index.Index

	mu            gate         // the append lock
	lockedAt      atomic.Int64 // MonoMs since when mu is held by an append; 0: it is not
	lastStoreTime atomic.Int64 // of the newest record; set under mu
	lateText      []byte       // scratch of appends, under mu

	commit commit

	dispatching   sync.Mutex // the writer of queues and index; taken after mu
	backlog       []item
	backlogHashes []int32
	missing       missing // keys that wait for the index
	dispatched    atomic.Int64
	newest        checkpoint.Mark // of what is dispatched; only the record's fields; dispatching guards it
	told          uint32          // of the flusher: failures that it tries to mend, and has said so
	pointed       atomic.Int64    // records before it have all their units on the disk

	waits    *vfs.Waits // what waits for the disk now
	logFS    vfs.FS     // fs, for the log
	cleaning cleaning
	troubles troubles
	unread   loglimit.Every // lines about what cannot be read
	diskUse  diskUse

	arrival atomic.Pointer[func(Arrival)]
	flags   flags
	stats   stats
	batches sync.Pool
	topics  sync.Map // names seen by recovery, to make each string once
	running sync.WaitGroup
	closing sync.Once
	closed  error
}

// Open takes the lock of a store directory, recovers what is in it and marks it as
// in use. Nothing is changed before the lock is held, and nothing at all in a
// directory that cannot be taken over (ErrTakeover).
func Open(cfg *config.Section[Config], opt Options) (*Store, error) {
	c := cfg.Get()
	if c.StorePathRootDir == "" {
		return nil, errors.New("store: storePathRootDir is not set")
	}
	levels, err := ParseDelayLevels(c.MessageDelayLevel)
	if err != nil {
		return nil, err
	}
	s := newStore(cfg, opt)
	s.delays = levels
	if err := mayOpen(s.fs, c, opt.Log); err != nil {
		return nil, err
	}
	if err := s.fs.MkdirAll(s.root); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock, err := s.fs.Lock(filepath.Join(s.root, "lock"))
	if err != nil {
		return nil, fmt.Errorf("store: is another broker using %s? %w", s.root, err)
	}
	s.lock = lock
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	return s, nil
}

func newStore(cfg *config.Section[Config], opt Options) *Store {
	c := cfg.Get()
	s := &Store{
		cfg: cfg, fs: opt.FS, clk: opt.Clock, logger: opt.Log, root: c.StorePathRootDir, storeHost: opt.StoreHost,
		queueType: opt.QueueType, prePut: opt.PrePut, unconsumed: opt.Unconsumed, memory: memoryOf(opt.MemoryLimit), memoryLimit: opt.MemoryLimit, quickFlush: cmp.Or(opt.QuickFlush, quickFlush), syncFlush: c.FlushDiskType == SyncFlush,
		mostLights: maxLightQueues, queueFiles: opt.QueueFiles,
	}
	if c.EnableConsumeQueueExt {
		s.bitMaps = opt.BitMaps
	}
	if s.fs == nil {
		s.fs = vfs.Disk
	}
	if s.clk == nil {
		s.clk = clock.Real
	}
	if !s.storeHost.IsValid() {
		s.storeHost = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 10911)
	}
	if c.BrokerRole == Slave {
		s.flags.set(flagSlave, "the broker is a slave")
	}
	watched := vfs.Watch(s.fs, s.clk)
	s.fs, s.logFS, s.waits = watched, watched.WithoutWrites(), watched.Waits()
	s.mu.init()
	s.opened = s.clk.Now()
	s.cleaning.ages.Note(s.opened, s.clk.MonoMs())
	s.commit.kick = make(chan struct{}, 1)
	s.cleaning.kick = make(chan struct{}, 1)
	s.batches.New = func() any { return NewBatch() }
	return s
}

// load opens the parts, under the lock.
func (s *Store) load() error {
	if err := s.lock.WriteText("lock"); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	abnormal, err := s.aborted()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.abnormal = abnormal
	if err := s.openParts(); err != nil {
		return err
	}
	if err := s.recover(abnormal); err != nil {
		return err
	}
	s.recent.init(s.memory, s.commitLog.Max(), s.clk.MonoMs())
	if err := s.checkpoint.Flush(); err != nil {
		return err
	}
	if err := vfs.WriteFile(s.fs, s.abortFile(), []byte(ownAbort+strconv.Itoa(os.Getpid()))); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return s.fs.SyncDir(s.root)
}

func (s *Store) openParts() (err error) {
	c := s.cfg.Get()
	s.commitLog, err = commitlog.Open(commitlog.Options{
		FS: s.logFS, Paths: writable(c, s.root), ReadOnlyPaths: Paths(c.ReadOnlyCommitLogStorePaths), Rank: s.rankPath,
		ZeroAhead: s.syncFlush, FileSize: int64(c.MappedFileSizeCommitLog), Clock: s.clk, Log: s.logger,
	})
	if err != nil {
		return err
	}
	s.queues, err = consumequeue.Open(consumequeue.Options{
		FS: s.fs, Dir: filepath.Join(s.root, "consumequeue"), ExtDir: filepath.Join(s.root, "consumequeue_ext"),
		BatchDir: filepath.Join(s.root, "batchconsumequeue"), SavedFile: filepath.Join(s.root, "consumequeue.table"),
		Leads: s.leads, FileSize: int64(c.MappedFileSizeConsumeQueue), ExtFileSize: int64(c.MappedFileSizeConsumeQueueExt),
		ExtWrite:      c.EnableConsumeQueueExt,
		BatchFileSize: int64(c.MapperFileSizeBatchConsumeQueue), TailBudget: s.share(tailsOfMemory), Light: lightSettings(c), OpenFiles: s.queueFiles, Clock: s.clk, Log: s.logger,
	})
	if err != nil {
		return err
	}
	if s.checkpoint, err = checkpoint.Open(s.fs, filepath.Join(s.root, "checkpoint")); err != nil {
		return err
	}
	s.index, err = index.Open(index.Options{
		FS: s.fs, Clock: s.clk, Dir: filepath.Join(s.root, "index"), NextFile: filepath.Join(s.root, "index.next"),
		Slots: c.MaxHashSlotNum, Entries: c.MaxIndexNum, MemoryMost: s.share(indexOfMemory), Log: s.logger,
		OnFull: func(end int64) {
			if !s.flags.has(flagIndexUnsynced) {
				raise(&s.checkpoint.IndexTime, end)
			}
		},
	})
	return err
}

// ownAbort begins our abort file; Java 5 writes a process id, 4.9 nothing, nor over ours.
const ownAbort = "skylark "

// aborted says whether the last run ended by a crash, and notes whose it was.
func (s *Store) aborted() (bool, error) {
	text, err := vfs.ReadFile(s.fs, s.abortFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	s.strange = !bytes.HasPrefix(text, []byte(ownAbort))
	return err == nil, err
}

func (s *Store) abortFile() string { return filepath.Join(s.root, "abort") }

// indexing says whether keys are written to the index.
func (s *Store) indexing(c *Config) bool { return c.MessageIndexEnable && c.IndexFileWriteEnable }

// topicName makes a string of a topic read from the log, once a topic.
func (s *Store) topicName(topic []byte) string {
	if name, ok := s.topics.Load(string(topic)); ok {
		return name.(string)
	}
	name := string(topic)
	s.topics.Store(name, name)
	return name
}

// Run flushes, commits and cleans until the context ends.
func (s *Store) Run(ctx context.Context) error {
	s.running.Add(1)
	defer s.running.Done()
	var wait sync.WaitGroup
	wait.Go(func() { s.commitLog.Run(ctx) })
	if s.syncFlush {
		wait.Go(func() { s.groupCommit(ctx) })
	} else {
		wait.Go(func() { s.flushLoop(ctx) })
	}
	wait.Go(func() { s.queueLoop(ctx) })
	wait.Go(func() { s.cleanLoop(ctx) })
	wait.Go(func() { s.stats.sample(ctx, s.clk, s.noteRecent) })
	wait.Wait()
	return nil
}

// Close refuses new messages, waits for Run (whose context must have ended),
// makes everything durable and takes the mark of an unclean stop away when that
// is true.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Store) close() error {
	s.flags.set(flagClosed, "the store has been shut down")
	s.mu.Lock() // appends that came before are done
	//lint:ignore SA2001 there is nothing to do while it is held
	s.mu.Unlock() //nolint:staticcheck // golangci-lint does not know the line above
	s.running.Wait()
	round := s.lastRound()
	errs := []error{s.commitLog.Failed(), round}
	if len(s.backlog) > 0 {
		errs = append(errs, s.retryBacklog())
	}
	if s.flags.has(flagIndexError) {
		_ = s.retryKeys() // the flag stays
	}
	if s.flags.has(flagIndexError) {
		// The next start fills it again, from the log; a clean one would not.
		errs = append(errs, errors.New("store: the index lacks entries: "+s.flags.reason(flagIndexError)))
	}
	if s.flags.has(flagIndexUnsynced) {
		errs = append(errs, errors.New("store: the index may lack entries on the disk: "+s.flags.reason(flagIndexUnsynced)))
	}
	mark := s.markNow()
	if err := errors.Join(s.queues.Flush(0), s.index.Flush()); err != nil {
		errs = append(errs, err)
	} else {
		s.vouch(mark)
	}
	return s.shut(errors.Join(errs...))
}

// shut closes the parts; the stop is clean when nothing went wrong until its end.
func (s *Store) shut(err error) error {
	err = errors.Join(err, s.queues.Close(err == nil), s.index.Close(), s.checkpoint.Close(), s.commitLog.Close())
	if err == nil {
		if err = s.fs.Remove(s.abortFile()); err == nil {
			err = s.fs.SyncDir(s.root)
		}
	}
	return errors.Join(err, s.lock.Close())
}

// abandon closes what a failed Open opened.
func (s *Store) abandon() error {
	var errs []error
	if s.queues != nil {
		errs = append(errs, s.queues.Close(false))
	}
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	if s.commitLog != nil {
		errs = append(errs, s.commitLog.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// raise moves a value up, never down.
func raise(v *atomic.Int64, to int64) {
	for {
		old := v.Load()
		if to <= old || v.CompareAndSwap(old, to) {
			return
		}
	}
}

// Recovered says whether the last run ended by a crash: then a queue may end before
// what others remember of it.
func (s *Store) Recovered() bool { return s.abnormal }

// MinPhyOffset is the offset of the oldest byte of the log.
func (s *Store) MinPhyOffset() int64 { return s.commitLog.Min() }

// MaxPhyOffset is the end of the log as readers see it.
func (s *Store) MaxPhyOffset() int64 { return s.commitLog.Max() }

// FlushedPhyOffset is the end of what the disk has.
func (s *Store) FlushedPhyOffset() int64 { return s.commitLog.Flushed() }

// DispatchBehindBytes is how much of the log queues and index do not know yet.
func (s *Store) DispatchBehindBytes() int64 { return max(0, s.commitLog.Written()-s.dispatched.Load()) }
