package store

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/checkpoint"
	"github.com/skylarkmq/skylark/store/commitlog"
)

// recover finds out where the log ends, makes queues and index agree with it, and
// sets the next offsets. abnormal: the last run did not end cleanly.
func (s *Store) recover(abnormal bool) error {
	began, mark, indexed := s.clk.Now(), s.checkpoint.Mark(), s.checkpoint.IndexTime.Load()
	if abnormal {
		s.queues.Unclean()
		// Index and queues are changed from here on, and this start may end in the middle.
		s.checkpoint.SetMark(checkpoint.Mark{})
		if err := s.checkpoint.Flush(); err != nil {
			return err
		}
	}
	if err := s.index.Load(abnormal, s.checkpoint.IndexTime.Load()); err != nil {
		return err
	}
	s.queues.LogBegins(s.commitLog.Min())
	if len(s.commitLog.Files()) == 0 {
		if _, err := s.queues.Recover(abnormal); err != nil {
			return err
		}
		return s.startEmpty()
	}
	r := recovery{s: s, mark: mark, check: s.recoveryCheck(abnormal), light: lightSettings(s.cfg.Get())}
	from, queued, err := r.prepare(abnormal)
	if err != nil {
		return err
	}
	scan, err := r.scan(from)
	if err != nil {
		return fmt.Errorf("store: recovery from %d: %w", from, err)
	}
	if err := r.finish(scan, queued); err != nil {
		return err
	}
	if !r.marked {
		s.syncAll()
	}
	if abnormal {
		s.settle(indexed)
	}
	s.logger.Info().Bool("abnormal", abnormal).Int64("from", from).Int64("end", scan.End).Int64("records", scan.Records).
		Int64("dispatched", r.dispatched).AnErr("stop", scan.Stop).Dur("took", s.clk.Now().Sub(began)).Msg("store: recovered")
	return nil
}

// prepare says where the walk begins, and up to where the queues knew the log. After a
// crash everything from there on is dispatched again.
func (r *recovery) prepare(abnormal bool) (from, queued int64, err error) {
	s := r.s
	if abnormal {
		from = r.start(abnormal, 0)
		if queued, err = s.queues.Rebuild(from); err == nil {
			err = s.cutIndex(from)
		}
	} else {
		if queued, err = s.queues.Recover(abnormal); err == nil {
			from = r.start(abnormal, queued)
		}
		r.dispatchFrom = queued
	}
	r.from = from
	r.check.Resume = r.resume(abnormal, queued)
	return from, queued, err
}

// recoveryCheck is how closely recovery looks. What the disk had before is not
// given up, with everything behind it, for one wrong sum.
func (s *Store) recoveryCheck(abnormal bool) commitlog.Check {
	c := commitlog.Check{BodyCRC: s.cfg.Get().CheckCRCOnRecover, PropertyCRC: s.cfg.Get().ForceVerifyPropCRC, Torn: abnormal}
	if c.Durable = math.MaxInt64; abnormal {
		c.Durable = s.checkpoint.PhysicTime.Load() - checkpoint.Margin
	}
	c.Damaged = func(phy int64, err error) {
		s.logger.Error().Err(err).Int64("phy", phy).Msg("store: a record is damaged; it stays where it is")
	}
	return c
}

// startEmpty begins a log at 0. Queues without a log point nowhere.
func (s *Store) startEmpty() error {
	topics := s.queues.Topics()
	for _, q := range s.queues.Batches() {
		topics = append(topics, q.Topic)
	}
	s.checkpoint.SetMark(checkpoint.Mark{})
	s.queues.ResetNext() // nothing waits
	for _, topic := range topics {
		if err := s.queues.DeleteTopic(topic); err != nil {
			return err
		}
	}
	if err := s.index.Destroy(); err != nil {
		return err
	}
	if len(topics) > 0 {
		s.syncAll() // that they are gone
	}
	return s.commitLog.End(0, 0)
}

// finish cuts everything to the end of the log.
func (r *recovery) finish(scan commitlog.Scan, queued int64) error {
	s := r.s
	if scan.Last >= 0 {
		s.checkpoint.ConfirmOffset.Store(scan.Last)
	}
	if err := s.queues.Rebuilt(); err != nil {
		return err
	}
	if queued > scan.End {
		if err := s.queues.Truncate(scan.End); err != nil {
			return err
		}
	}
	if err := s.cutIndex(scan.End); err != nil {
		return err
	}
	if err := s.commitLog.End(scan.End, scan.From); err != nil {
		return err
	}
	if last := r.last; last.Size > 0 {
		s.newest = last
	}
	s.dispatched.Store(scan.End)
	s.commit.done.Store(scan.End)
	s.queues.ResetNext()
	s.queues.CorrectMin(s.commitLog.Min())
	return nil
}

// syncAll makes durable what another broker, or a start without a mark, left in the
// page cache: a mark vouches for all that is before it, too.
func (s *Store) syncAll() {
	dirs := append([]string{s.root}, append(s.logPaths(), Paths(s.cfg.Get().ReadOnlyCommitLogStorePaths)...)...)
	for _, name := range []string{"consumequeue", "consumequeue_ext", "batchconsumequeue", "index"} {
		dirs = append(dirs, filepath.Join(s.root, name)) // some have them on disks of their own
	}
	for _, dir := range dirs {
		if err := s.syncBelow(dir); err != nil {
			s.unmarkable = true
			s.logger.Warn().Err(err).Str("path", dir).Msg("store: not all of it is known to be on the disk; the next start after a crash reads more of the log")
		}
	}
}

func (s *Store) syncBelow(dir string) error {
	there, err := vfs.Exists(s.fs, dir)
	if err != nil || !there {
		return err
	}
	switch done, err := vfs.SyncFS(s.fs, dir); {
	case done || err != nil:
		return err
	case dir == s.root: // its directories of log, queues and index come by themselves
		return s.fs.SyncDir(dir)
	}
	return vfs.SyncTree(s.fs, dir)
}

// cutIndex takes the keys of records from a position of the log on out of the index. A
// power cut may leave a file half changed, for which the checkpoint must not vouch.
func (s *Store) cutIndex(phy int64) error {
	begin, ok, err := s.index.BeginOf(phy)
	if err != nil {
		return err
	}
	if at := &s.checkpoint.IndexTime; ok && at.Load() >= begin {
		at.Store(max(0, begin-1))
		if err := s.checkpoint.Flush(); err != nil {
			return err
		}
	}
	return s.index.Truncate(phy)
}

// settle makes the checkpoint true again after a walk that filled queues and index
// anew. What it said of the part that was cut off must not vouch for units that are
// in memory only, nor for records to come that get the same times. indexed is what it
// said of the index before that was cut.
func (s *Store) settle(indexed int64) {
	last := s.lastStoreTime.Load()
	for _, at := range []*atomic.Int64{&s.checkpoint.PhysicTime, &s.checkpoint.LogicsTime, &s.checkpoint.IndexTime} {
		at.Store(min(at.Load(), last))
	}
	mark := s.markNow()
	queues, keys := s.flushUnits(0), s.index.Flush()
	if queues != nil {
		s.notDurable(queues, flagQueueUnsynced, s.queues.SyncFailed() != nil, "consume queues")
	}
	if keys != nil {
		s.notDurable(keys, flagIndexUnsynced, indexLost(keys), "index")
	}
	if queues != nil || keys != nil {
		s.checkpoint.LogicsTime.Store(0)
	}
	if keys == nil {
		raise(&s.checkpoint.IndexTime, min(indexed, last))
	}
	if queues != nil || keys != nil || !s.markable() {
		mark = checkpoint.Mark{}
	}
	s.checkpoint.SetMark(mark)
}

// recovery is one walk over the end of the log. The walk itself reads, checks and
// takes records apart; a second goroutine, which lives as long as the walk, fills
// queues and index.
type recovery struct {
	s            *Store
	mark         checkpoint.Mark // of the last run
	marked       bool            // the walk began with it
	check        commitlog.Check
	dispatchFrom int64
	light        bool // light queues are filled
	dispatched   int64
	from, told   int64 // where the walk began; when it last said how far it is, ms
	chunk        *chunk
	full, empty  chan *chunk

	lastTime int64           // of the walk
	last     checkpoint.Mark // the newest record
	holes    []hole
}

// chunk is what is handed over at once.
type chunk struct {
	items  []item
	hashes []int32
	holes  []hole // of the log, in front of the last of them
}

func (r *recovery) scan(from int64) (commitlog.Scan, error) {
	const chunks = 4
	r.full, r.empty = make(chan *chunk, chunks), make(chan *chunk, chunks)
	for range chunks {
		r.empty <- &chunk{}
	}
	filled := make(chan error, 1)
	go func() { filled <- r.fill() }()
	r.chunk = <-r.empty
	scan, err := r.s.commitLog.Scan(from, r.check, r.visit)
	r.hand()
	close(r.full)
	return scan, errors.Join(err, <-filled)
}

// fill empties chunks until there are no more. After an error it only passes them
// back, so that the walk ends.
func (r *recovery) fill() (failed error) {
	for c := range r.full {
		if failed == nil {
			if done, err := r.put(c); done < len(c.items) {
				failed = fmt.Errorf("store: record at %d: %w", c.items[done].phy, err)
			}
		}
		clear(c.items)
		c.items, c.hashes = c.items[:0], c.hashes[:0]
		r.empty <- c
	}
	return failed
}

// recoverBatch is how many records are dispatched at once.
const recoverBatch = 256

func (r *recovery) visit(phy int64, _ []byte, v *message.View) error {
	r.s.lastStoreTime.Store(v.StoreTimestamp)
	r.lastTime = v.StoreTimestamp
	r.last.PhyOffset, r.last.StoreTime, r.last.Size = phy, v.StoreTimestamp, v.Size
	if phy < r.dispatchFrom {
		return nil
	}
	if !message.SafeTopic(v.Topic) || v.QueueID < 0 || v.QueueOffset < 0 || v.QueueOffset > maxQueueOffset {
		r.s.logger.Error().Bytes("topic", v.Topic[:min(len(v.Topic), 255)]).Int32("queue", v.QueueID).Int64("offset", v.QueueOffset).
			Int64("phy", phy).Msg("store: a record that no queue can hold; it stays in the log only")
		return nil
	}
	r.add(v)
	if len(r.chunk.items) >= recoverBatch {
		r.hand()
		r.chunk = <-r.empty
		r.tell(phy)
	}
	return nil
}

func (r *recovery) hand() {
	r.chunk.holes = r.holes
	r.full <- r.chunk
}

// tellEvery is how often a long recovery says how far it is, in ms.
const tellEvery = 3000

// tell is what an operator sees of a start that takes long.
func (r *recovery) tell(phy int64) {
	now := r.s.clk.NowMs()
	if r.told == 0 {
		r.told = now
	}
	if now-r.told < tellEvery {
		return
	}
	r.told = now
	files := r.s.commitLog.Files()
	end := files[len(files)-1].End()
	r.s.logger.Info().Int64("phy", phy).Int64("of at most", end).Int64("records", r.dispatched).
		Int64("percent", 100*(phy-r.from)/max(1, end-r.from)).Msg("store: recovering")
}

// maxQueueOffset keeps byte positions of units within 63 bits.
const maxQueueOffset = 1 << 57

// add makes of a record what Stage makes of a message.
func (r *recovery) add(v *message.View) {
	var f facts
	f.Read(v.Properties)
	it := item{entry: entry{offset: v.QueueOffset, phy: v.PhyOffset, storeTime: v.StoreTimestamp, size: v.Size}}
	topic := r.s.topicName(v.Topic)
	if base, count, ok := v.InnerBatch(); ok && r.s.isBatch(topic) {
		it.offset, it.tagsCode = base, message.TagsCode(f.Tags)
		it.more = &more{batch: r.s.queues.Batch(topic, v.QueueID), count: count}
	} else if message.Indexed(v.SysFlag) && v.SysFlag&message.FlagInnerBatch == 0 && !r.s.isBatch(topic) {
		it.queue = r.s.queues.Queue(topic, v.QueueID)
		it.tagsCode = message.TagsCode(f.Tags)
		if topic == message.TopicSchedule {
			if d := r.s.delays.of(f.Delay); d > 0 {
				it.tagsCode = v.StoreTimestamp + d
			}
		}
	}
	if it.queue != nil && len(f.Dispatch) > 0 && r.light {
		it.more = r.s.lightUnits(v)
	}
	c := r.chunk
	c.hashes, it.keys = f.appendKeys(c.hashes, indexPrefix(topic), v.SysFlag, r.s.indexing(r.s.cfg.Get()))
	c.items = append(c.items, it)
	r.dispatched++
}
