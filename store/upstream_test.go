package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// Defects of recovery and durability that the original has or had, one test each,
// named after its issue at github.com/apache/rocketmq. Those of state files are in
// internal/statefile, those of consumers in broker.

var upstreamStart = time.UnixMilli(1_700_000_000_000)

// reopenWatched opens a store and returns from where recovery walked the log.
func reopenWatched(t *testing.T, disk vfs.FS, cfg *config.Section[Config], clk clock.Clock) (s *Store, from int64) {
	t.Helper()
	var said bytes.Buffer
	s, err := Open(cfg, Options{FS: disk, Clock: clk, StoreHost: stood, Log: zerolog.New(&said)})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(said.String()) {
		var entry struct {
			Message string `json:"message"`
			From    int64  `json:"from"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message == "store: recovered" {
			return s, entry.From
		}
	}
	t.Fatalf("recovery said nothing: %s", said.String())
	return nil, 0
}

func bodyNames(from, to int) (list []string) {
	for n := from; n < to; n++ {
		list = append(list, fmt.Sprintf("body-%d", n))
	}
	return list
}

func wantBodies(t *testing.T, s *Store, queue int32, want []string) {
	t.Helper()
	if d := cmp.Diff(want, bodies(t, s, "T", queue)); d != "" {
		t.Errorf("queue %d: %s", queue, d)
	}
}

// A message that was in the log and not in its queue when the broker stopped was
// never put there, and later ones took its place.
func TestUpstream467UndispatchedAtStop(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMemory(nil)
	disk := vfs.NewFaulty(memory)
	s := open(t, disk, small("/store"))
	for n := range 5 {
		send(t, s, numbered("T", 0, n))
	}
	s.flushQueues(0)
	inject(t, disk, "create T/1/* err=ENOSPC")
	if r := put(t, s, numbered("T", 1, 5)); r.Status != PutOK || s.DispatchBehindBytes() == 0 {
		t.Fatalf("%v, %d behind", r.Status, s.DispatchBehindBytes())
	}
	if s.Close() == nil { // it cannot be clean
		t.Error("a stop with a message that no queue has was called clean")
	}
	disk.Heal()
	s = open(t, disk, small("/store"))
	wantBodies(t, s, 0, bodyNames(0, 5))
	wantBodies(t, s, 1, bodyNames(5, 6))
	if r := send(t, s, numbered("T", 1, 6), numbered("T", 0, 7)); r[0].QueueOffset != 1 || r[1].QueueOffset != 5 {
		t.Errorf("the next offsets are %d and %d", r[0].QueueOffset, r[1].QueueOffset)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What was flushed to the log and not dispatched when the power went was never
// dispatched afterwards.
func TestUpstream405UndispatchedAtPowerCut(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		clk := clock.NewFake(upstreamStart)
		disk := vfs.NewMemory(clk.Now)
		cfg := small("/store", syncFlush)
		s := openAt(t, disk, cfg, clk)
		for n := range 100 {
			send(t, s, numbered("T", 0, n))
		}
		if _, err := s.commitLog.Flush(); err != nil { // and the power goes before a unit is made
			t.Fatal(err)
		}
		if s.MaxOffset("T", 0) != 0 {
			t.Fatal("dispatched already")
		}
		s = openAt(t, disk.CrashClone(seed), cfg, clk)
		wantBodies(t, s, 0, bodyNames(0, 100))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Recovery began with the last file, although queues lacked the end of the one before.
func TestUpstream1434TailOfTheFileBefore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		clk := clock.NewFake(upstreamStart)
		disk := vfs.NewMemory(clk.Now)
		s := openAt(t, disk, small("/store"), clk)
		send(t, s, numbered("T", 0, 0))
		s.flushQueues(0)
		if err := s.flushLog(); err != nil {
			t.Fatal(err)
		}
		s.flushQueues(0)
		clk.Advance(time.Minute)
		n := 1
		for len(s.commitLog.Files()) < 2 {
			send(t, s, numbered("T", 0, n))
			n++
		}
		if err := s.flushLog(); err != nil { // the log is there, units and entries are not
			t.Fatal(err)
		}
		s = openAt(t, disk.CrashClone(seed), small("/store"), clk)
		wantBodies(t, s, 0, bodyNames(0, n))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An index file that got full wrote the checkpoint, and with it times of queue
// units that were in memory only.
func TestUpstream678IndexVouchesForQueues(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		clk := clock.NewFake(upstreamStart)
		disk := vfs.NewMemory(clk.Now)
		cfg := small("/store", func(c *Config) { c.MaxIndexNum = 40 })
		s := openAt(t, disk, cfg, clk)
		const count = 90 // several index files, three entries a message
		for n := range count {
			send(t, s, numbered("T", 0, n))
			clk.Advance(time.Second)
		}
		if err := s.index.Tend(); err != nil {
			t.Fatal(err)
		}
		if err := s.checkpoint.Flush(); err != nil {
			t.Fatal(err)
		}
		if s.checkpoint.IndexTime.Load() == 0 || s.checkpoint.LogicsTime.Load() != 0 {
			t.Fatalf("index %d, queues %d", s.checkpoint.IndexTime.Load(), s.checkpoint.LogicsTime.Load())
		}
		if err := s.flushLog(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, disk.CrashClone(seed), cfg, clk)
		wantBodies(t, s, 0, bodyNames(0, count))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The index file in use was not flushed by a clean stop: a power cut right after it
// took the keys.
func TestUpstream4463IndexAtStop(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		clk := clock.NewFake(upstreamStart)
		disk := vfs.NewMemory(clk.Now)
		s := openAt(t, disk, small("/store"), clk)
		r := send(t, s, numbered("T", 0, 0), numbered("T", 0, 1))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, disk.CrashClone(seed), small("/store"), clk)
		for n := range r {
			found, _, _, err := s.index.Query(fmt.Sprintf("T#k%d", n), 64, 0, 1<<62)
			if err != nil || len(found) != 1 || found[0] != r[n].PhyOffset {
				t.Errorf("seed %d: key k%d leads to %v, %v", seed, n, found, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// With SYNC_FLUSH and senders that do not wait the checkpoint stood still, and
// every start read the whole log.
func TestUpstream7233CheckpointOfSyncFlush(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(upstreamStart)
	disk := vfs.NewMemory(clk.Now)
	cfg := small("/store", syncFlush)
	s := openAt(t, disk, cfg, clk)
	n := 0
	for len(s.commitLog.Files()) < 6 {
		m := numbered("T", 0, n)
		m.Properties = append(m.Properties, "WAIT\x01false\x02"...)
		send(t, s, m)
		s.commitRound()
		clk.Advance(time.Second)
		n++
	}
	s.flushQueues(0)
	if got, want := s.checkpoint.PhysicTime.Load(), s.lastStoreTime.Load(); got != want {
		t.Errorf("the checkpoint vouches for the log up to %d, want %d", got, want)
	}
	last := s.commitLog.Files()[5].Start
	s, from := reopenWatched(t, disk.CrashClone(1), cfg, clk)
	if from < last-2*s.commitLog.FileSize() {
		t.Errorf("recovery began at %d, the last file at %d", from, last)
	}
	wantBodies(t, s, 0, bodyNames(0, n))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The confirm offset of the checkpoint stayed behind the end of a log that a crash
// had shortened (also PR 6704).
func TestUpstream6703ConfirmOffset(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(upstreamStart)
	disk := vfs.NewMemory(clk.Now)
	s := openAt(t, disk, small("/store"), clk)
	kept := send(t, s, numbered("T", 0, 0), numbered("T", 0, 1))[1]
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	lost := send(t, s, numbered("T", 0, 2))[0]
	s.checkpoint.ConfirmOffset.Store(lost.PhyOffset)
	s.flushQueues(0)
	image := disk.CrashClone(1)
	log, err := image.Open("/store/commitlog/00000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.WriteAt(make([]byte, lost.Size), lost.PhyOffset); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, image, small("/store"), clk)
	if got := s.checkpoint.ConfirmOffset.Load(); got != kept.PhyOffset {
		t.Errorf("confirm offset %d, the last record is at %d", got, kept.PhyOffset)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A flush that failed moved the flushed position all the same, and senders were told
// that the disk had their messages (also 5235, 2706, 9707).
func TestUpstream9713FailedFlush(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	s := open(t, disk, small("/store", syncFlush))
	send(t, s, numbered("T", 0, 0))
	s.commitRound()
	flushed := s.FlushedPhyOffset()
	send(t, s, numbered("T", 0, 1))
	told := PutStatus(99)
	s.AwaitFlush(s.commitLog.Written(), func(st PutStatus) { told = st })
	inject(t, disk, "fdatasync commitlog/* times=1 err=EIO")
	for range 3 { // the second one would succeed, over pages that the kernel dropped
		s.commitRound()
	}
	if told != ServiceNotAvailable || s.FlushedPhyOffset() != flushed || s.MaxPhyOffset() != flushed {
		t.Errorf("told %v; flushed %d, visible %d, want %d", told, s.FlushedPhyOffset(), s.MaxPhyOffset(), flushed)
	}
	wantBodies(t, s, 0, bodyNames(0, 1))
	if r := put(t, s, numbered("T", 0, 2)); r.Status != ServiceNotAvailable {
		t.Errorf("the next message: %v", r.Status)
	}
	if s.Close() == nil {
		t.Error("closed as if nothing had happened")
	}
}

// With SYNC_FLUSH consumers read what the disk did not have; after a crash their
// offsets were ahead of the queue, and new messages were skipped.
func TestUpstream8239ReadBeforeFlushed(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	s := open(t, disk, small("/store", syncFlush))
	send(t, s, numbered("T", 0, 0))
	s.commitRound()
	send(t, s, numbered("T", 0, 1), numbered("T", 0, 2))
	res, _ := s.Get(&GetRequest{Topic: "T", MaxCount: 32}, nil)
	if res.Count != 1 || res.Max != 1 || s.MaxOffset("T", 0) != 1 {
		t.Errorf("%d messages up to %d are visible, one is flushed", res.Count, res.Max)
	}
	for seed := range uint64(20) {
		s := open(t, disk.CrashClone(seed), small("/store", syncFlush))
		if max := s.MaxOffset("T", 0); max < res.NextBegin {
			t.Errorf("seed %d: the queue ends at %d, a consumer is at %d", seed, max, res.NextBegin)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An empty last file of a queue kept the broker from starting.
func TestUpstream9728EmptyLastQueueFile(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{0, 400} {
		disk := vfs.NewMemory(nil)
		s := open(t, disk, small("/store"))
		for n := range 20 { // exactly one file of 20 units
			send(t, s, numbered("T", 0, n))
		}
		if err := s.flushLog(); err != nil {
			t.Fatal(err)
		}
		s.flushQueues(0)
		image := disk.KillClone()
		f, err := image.Create("/store/consumequeue/T/0/00000000000000000400")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(length); err != nil {
			t.Fatal(err)
		}
		s = open(t, image, small("/store"))
		wantBodies(t, s, 0, bodyNames(0, 20))
		if r := send(t, s, numbered("T", 0, 20)); r[0].QueueOffset != 20 {
			t.Errorf("the next offset is %d", r[0].QueueOffset)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// bodyCRC says nothing of topic and properties: a record torn there was served. The
// sum over the whole record (enabledAppendPropCRC, forceVerifyPropCRC) finds any flip;
// without it what a lost sector leaves is found.
func TestUpstreamCRCGap(t *testing.T) {
	t.Parallel()
	cfg := small("/store", func(c *Config) { c.EnabledAppendPropCRC, c.ForceVerifyPropCRC = true, true })
	disk := vfs.NewMemory(nil)
	s := open(t, disk, cfg)
	send(t, s, numbered("T", 0, 0))
	last := send(t, s, numbered("T", 0, 1))[0]
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	body := int64(88 + len("body-1"))
	for at := body; at < int64(last.Size); at++ {
		image := disk.KillClone()
		log, err := image.Open("/store/commitlog/00000000000000000000")
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		if _, err := log.ReadAt(b[:], last.PhyOffset+at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 4
		if _, err := log.WriteAt(b[:], last.PhyOffset+at); err != nil {
			t.Fatal(err)
		}
		s := open(t, image, cfg)
		rec, err := s.Lookup(last.PhyOffset, nil)
		if err == nil && message.CheckPropertyCRC(rec) != nil {
			t.Errorf("byte %d: a damaged record is served", at)
		}
		if err := s.Close(); err != nil {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A long recovery says how far it is, by the clock and not by the record.
func TestRecoveryTellsProgress(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(upstreamStart)
	disk := vfs.NewMemory(clk.Now)
	cfg := small("/store", func(c *Config) { c.MappedFileSizeCommitLog = 1 << 20 })
	s := openAt(t, disk, cfg, clk)
	for n := range 4 * recoverBatch {
		send(t, s, numbered("T", 0, n))
	}
	var said bytes.Buffer
	slow := &slowReads{disk.KillClone(), clk}
	s, err := Open(cfg, Options{FS: slow, Clock: clk, StoreHost: stood, Log: zerolog.New(&said)})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(said.String(), "store: recovering"); n == 0 || n > 4 {
		t.Errorf("said %d times how far it is: %s", n, said.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// slowReads is a disk on which each record that recovery reads takes its time.
type slowReads struct {
	vfs.FS
	clk *clock.Fake
}

func (d *slowReads) Open(name string) (vfs.File, error) {
	f, err := d.FS.Open(name)
	return slowRead{f, d.clk}, err
}

type slowRead struct {
	vfs.File
	clk *clock.Fake
}

func (f slowRead) ReadAt(p []byte, off int64) (int, error) {
	f.clk.Advance(time.Second)
	return f.File.ReadAt(p, off)
}
