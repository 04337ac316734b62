package store

import (
	"time"

	"github.com/skylarkmq/skylark/message"
)

// backwards is how far the clock may step back before it is believed: until then
// store timestamps stay where they were, because look-ups by time search them.
const backwards = 10 * 60 * 1000

// LastStoreTime is the time of the newest message.
func (s *Store) LastStoreTime() int64 { return s.lastStoreTime.Load() }

// Append writes the batch in one critical section: rolls to the next file where
// a group does not fit, gives queue offsets and the store time, writes each
// contiguous run with one pwrite, and, with ASYNC_FLUSH, fills queues and index.
// Afterwards, outside of the lock, it tells the arrival listener once a queue.
//
// It may wait for the disk. Behind another append it waits for no longer than
// osPageCacheBusyTimeOutMills; then everything is refused as OSPageCacheBusy.
func (s *Store) Append(b *Batch) {
	if len(b.groups) > 0 && !s.append(b, s.cfg.Get().BusyTimeout(), false) {
		(&writeRun{b: b}).fail(0, OSPageCacheBusy)
	}
}

// AppendSoon is Append for who serves others meanwhile. False: nothing was done,
// because it would have had to wait for an append that hangs, or for the next file
// of the log; the caller has somebody do it who may wait.
func (s *Store) AppendSoon(b *Batch) bool {
	return len(b.groups) == 0 || s.append(b, heldLong, true)
}

func (s *Store) append(b *Batch, limit time.Duration, soon bool) bool {
	began := s.clk.NowMs()
	if !s.mu.lockWithin(s.clk, limit) {
		return false
	}
	if soon && !s.commitLog.Ready(int64(len(b.stage))) {
		s.mu.Unlock()
		return false
	}
	appended := s.appendLocked(b)
	s.stats.put(b, appended, s.clk.NowMs()-began)
	switch {
	case appended == 0:
	case s.syncFlush:
		if !b.here {
			s.commit.wake()
		}
	default:
		s.tellArrivals(b.touched)
	}
	return true
}

// appendLocked returns how many items are in the log. It gives the lock back.
func (s *Store) appendLocked(b *Batch) int {
	defer s.mu.Unlock()
	now := s.clk.NowMs() // under the lock: times do not fall along the log
	s.lockedAt.Store(s.clk.MonoMs())
	defer s.lockedAt.Store(0)

	if last := s.lastStoreTime.Load(); now < last {
		if last-now < backwards {
			now = last
		} else {
			// The clock was set back for good. What the checkpoint says in the old time
			// would vouch for records to come.
			s.checkpoint.PhysicTime.Store(0)
			s.checkpoint.LogicsTime.Store(0)
			s.checkpoint.IndexTime.Store(0)
		}
	}
	appended := s.write(b, now)
	b.end = s.commitLog.Position()
	if appended == 0 {
		return 0
	}
	s.lastStoreTime.Store(now)
	if s.syncFlush {
		s.commit.add(b.items[:appended], b.hashes)
	} else {
		s.commitLog.Publish(b.end)
		b.touched = s.dispatch(b.items[:appended], b.hashes, b.touched)
	}
	return appended
}

// write puts groups into the log until one fails; that one and all after it are
// not in the log and have taken no offsets. It returns how many items are.
func (s *Store) write(b *Batch, now int64) int {
	run := writeRun{b: b}
	gap := int64(0) // by how much what is staged lies behind its place
	for g := range b.groups {
		if s.refuses() { // since a moment ago: those before it have their offsets
			if run.flush(s, g) {
				run.fail(g, ServiceNotAvailable)
			}
			return run.written
		}
		gap = s.finishRecords(b, g, gap)
		size := b.groups[g].size
		if !s.commitLog.Fits(run.size + size) {
			if !run.flush(s, g) {
				return run.written
			}
			if err := s.roll(size); err != nil {
				run.fail(g, s.diskTrouble(err, CreateMappedFileFailed))
				return run.written
			}
		}
		s.number(b, g, s.commitLog.Position()+run.size, now)
		run.size += size
	}
	run.flush(s, len(b.groups))
	return run.written
}

// finishRecords writes the values that are known only now into a record of the group, and
// closes the gap that the room for them left before it. It returns the gap after it.
func (s *Store) finishRecords(b *Batch, g int, gap int64) int64 {
	gr := &b.groups[g]
	if gap == 0 && !gr.late {
		return 0
	}
	for i := gr.first; i < gr.first+gr.count; i++ {
		it := &b.items[i]
		if gap > 0 {
			copy(b.stage[it.at-int(gap):], b.stage[it.at:it.at+int(it.size)])
			it.at -= int(gap)
		}
		shorter := s.values(b, it)
		gr.size -= int64(shorter)
		gr.result.Size -= shorter
		gap += int64(shorter)
	}
	return gap
}

func (s *Store) roll(size int64) error {
	if s.commitLog.Fits(size) { // the run before it was what did not fit with it
		return nil
	}
	return s.commitLog.Roll()
}

// number gives a group its offsets and patches them into the stage.
func (s *Store) number(b *Batch, g int, phy, now int64) {
	gr := &b.groups[g]
	for i := gr.first; i < gr.first+gr.count; i++ {
		it := &b.items[i]
		it.phy, it.storeTime = phy, now
		if it.numbered {
			it.offset = it.queue.Next
			it.queue.Next++
			if it.delay > 0 {
				it.tagsCode = now + it.delay
			}
			if it.bits != nil && it.bits.generation != s.bitMaps.Generation() {
				it.bits = nil // another expression was registered since: see BitMaps
			}
		}
		if it.more != nil {
			it.more.take(it)
		}
		rec := b.stage[it.at : it.at+int(it.size)]
		message.Patch(rec, it.storeAt, it.offset, phy, now)
		if it.sealed {
			message.SealCRC(rec)
		}
		phy += int64(it.size)
	}
	first := &b.items[gr.first]
	gr.result.QueueOffset, gr.result.PhyOffset, gr.result.StoreTimestamp = first.offset, first.phy, now
}

// writeRun is the part of a batch that goes out with the next pwrite.
type writeRun struct {
	b       *Batch
	group   int   // first one not written
	item    int   // its first item
	size    int64 // of those that are numbered and not written
	written int   // items
}

// flush writes the run that ends before a group.
func (r *writeRun) flush(s *Store, end int) bool {
	if r.size == 0 {
		return true
	}
	from := r.b.items[r.item].at
	if err := s.commitLog.Write(r.b.stage[from : from+int(r.size)]); err != nil {
		s.unnumber(r.b, r.group, end)
		r.fail(r.group, s.diskTrouble(err, UnknownError))
		return false
	}
	for ; r.group < end; r.group++ {
		g := &r.b.groups[r.group]
		g.result.Status = PutOK
		r.item += g.count
	}
	r.written, r.size = r.item, 0
	return true
}

// fail refuses every group from one on.
func (r *writeRun) fail(from int, st PutStatus) {
	for i := from; i < len(r.b.groups); i++ {
		r.b.groups[i].result.Status = st
	}
}

// unnumber gives the offsets of groups back, the last one first.
func (s *Store) unnumber(b *Batch, from, to int) {
	for g := to - 1; g >= from; g-- {
		gr := &b.groups[g]
		for i := gr.first + gr.count - 1; i >= gr.first; i-- {
			it := &b.items[i]
			if it.numbered {
				it.queue.Next--
			}
			if it.more != nil {
				it.more.giveBack()
			}
		}
	}
}

// diskTrouble logs why the log could not be written. A full disk answers that the
// service is not available, which clients of Java know to mean it.
func (s *Store) diskTrouble(err error, other PutStatus) PutStatus {
	s.trouble(err)
	s.logger.Error().Err(err).Msg("store: append failed")
	if f := FaultOf(err); f == FaultNoSpace || f == FaultReadOnly {
		return ServiceNotAvailable
	}
	return other
}

// Put appends one message for a caller inside the broker and waits, with
// SYNC_FLUSH, until the disk has it.
func (s *Store) Put(m *message.Message) Result {
	b := s.batches.Get().(*Batch)
	defer s.batches.Put(b)
	b.Reset()
	if _, st := s.Stage(b, m); st != PutOK {
		return Result{Status: st}
	}
	s.Append(b)
	r := b.Result(0)
	if wait, _ := message.Property(m.Properties, message.PropertyWait); r.Status == PutOK && s.NeedsFlush() && string(wait) != "false" {
		r.Status = s.WaitFlush(b.End())
	}
	return r
}
