package transaction

import (
	"errors"
	"time"

	"github.com/skylarkmq/skylark/message"
)

// Load finds the open half messages of a store. What cannot be read is said in the log, and left out. It reads the op queue from its
// progress on, then those records of the half queue that no op record names.
//
// What may have been cut off by a crash, and how it shows:
//
//	the crash came between …                     then there is                       so
//	commit appended, its op record appended      a real message whose prepared       it is settled; looked for behind the op
//	                                             offset is the half message's        record before the last (opBuffer says why)
//	copy appended, progress committed            the same half message twice, the    the newer copy counts, the older one is an
//	                                             later with one check more           alias of it
//	copy appended, op record of its original     an immunity copy whose              it is settled
//	names the original only (Java does that)     TRAN_PREPARED_QUEUE_OFFSET is named
//	rolled back, its op record appended          an open half message                it is checked, and the producer says so again
//	discarded, progress committed                an op record that names it          it is settled; Java would discard it twice
//	resumed, the op record of its discard        the same half message twice, the    the newer one counts
//	appended                                     later with no checks
func (c *Coordinator) Load() {
	began := c.clk.Now()
	c.loadMetrics()
	c.index.walk()
	defer c.index.walked()
	l := loading{c: c, byID: map[uint64][]*half{}}
	l.bounds()
	l.readOps()
	l.readHalves()
	l.findCommits()
	l.readDiscarded()
	c.size.Store(int64(len(c.index.byPlace)))
	first := l.high
	if c.index.first != nil {
		first = c.index.first.offset
	}
	c.progress.advance(first, c.opt.Store.End())
	c.progress.publish(c, false)
	if c.Open() > 0 || l.high > l.low {
		c.log.Info().Int("open", c.Open()).Int64("from", l.low).Int64("to", l.high).Int("committedInCrash", l.committed).
			Dur("took", c.clk.Now().Sub(began).Round(time.Millisecond)).Msg("half messages found")
	}
}

// loading is one Load. Nobody else knows the coordinator yet: no locks.
type loading struct {
	c         *Coordinator
	low, high int64 // of the half queue, from its progress
	settled   bitmap
	byID      map[uint64][]*half
	opPlaces  places
	committed int
	missed    int64 // records that could not be read
	buf       []byte
	views     []message.View
}

// bounds reads the progress of both queues. Progress before the first offset or
// behind the end, which a crash can leave, is brought between them.
func (l *loading) bounds() {
	c, p := l.c, &l.c.progress
	bring := func(topic string) (from, low, high int64) {
		low, high = c.opt.Store.Bounds(topic, queue)
		from = c.opt.Offsets.Query(Group, topic, queue)
		return min(max(from, low), high), low, high
	}
	var opLow int64
	l.low, _, l.high = bring(message.TopicHalf)
	p.op, opLow, p.opEnd = bring(message.TopicOpHalf)
	p.half = l.low
	p.committedHalf = c.committed(message.TopicHalf, p.half)
	p.committedOp = c.committed(message.TopicOpHalf, p.op)
	l.opPlaces.from = max(opLow, p.op-opsBefore)
}

// committed is the progress of a queue as it is saved. As long as there is none, the
// place where reading begins counts for it: the first progress is saved when a
// transaction moves it, as in Java, and consoles show no such group before.
func (c *Coordinator) committed(topic string, begins int64) int64 {
	if saved := c.opt.Offsets.Query(Group, topic, queue); saved >= 0 {
		return saved
	}
	return begins
}

// opsBefore is how many op records in front of the progress are read to find the
// place behind which commits may lack theirs.
const opsBefore = 16

// each visits the records of a queue, and hears of those that cannot be read: a store passes over them. Where some are
// missing each is asked for alone, once more, as trouble with a disk may pass; but not each of a whole log file that is gone.
func (l *loading) each(topic string, from, to int64, visit func(v *message.View), missing func(from, to int64)) {
	const atOnce = 32
	for at := from; at < to; {
		next, whole := l.some(topic, at, int(min(to-at, atOnce)), visit)
		if whole {
			at = next
			continue
		}
		next = min(max(next, at+1), to)
		read := false
		for end := min(next, at+atOnce); at < end; at++ {
			if _, whole := l.some(topic, at, 1, visit); whole {
				read = true
			} else {
				missing(at, at+1)
			}
		}
		if !read && at < next {
			missing(at, next)
			at = next
		}
	}
}

// some visits the records of up to n offsets if none is missing up to the next one to ask for.
func (l *loading) some(topic string, at int64, n int, visit func(v *message.View)) (next int64, whole bool) {
	l.buf, next = l.c.opt.Store.Get(topic, queue, at, n, l.buf[:0])
	found := l.views[:0]
	for rest := l.buf; len(rest) > 0; {
		var v message.View
		if err := message.Decode(rest, &v); err != nil {
			l.c.log.Error().Err(err).Str("topic", topic).Int64("offset", at).Msg("unreadable record in a transaction queue")
			break
		}
		found, rest = append(found, v), rest[v.Size:]
	}
	l.views = found
	if next <= at || int64(len(found)) != next-at {
		return next, false
	}
	for i := range found {
		visit(&found[i])
	}
	return next, true
}

func (l *loading) readOps() {
	p := &l.c.progress
	l.settled.from = l.low
	l.each(message.TopicOpHalf, l.opPlaces.from, p.opEnd, func(v *message.View) {
		l.opPlaces.add(v.PhyOffset, int64(v.Size))
		if v.QueueOffset < p.op {
			return
		}
		highest := int64(-1)
		EachOp(v.Body, func(o int64) {
			if highest = max(highest, o); o >= l.low && o < l.high {
				l.settled.set(o)
			}
		})
		p.records = append(p.records, opRecord{v.QueueOffset, highest})
	}, func(from, to int64) { l.missed += to - from })
	if l.missed > 0 {
		l.c.log.Error().Int64("records", l.missed).Msg("op records cannot be read: producers are asked once more about what they name")
		l.missed = 0
	}
}

// readHalves reads what no op record names.
func (l *loading) readHalves() {
	for at := l.low; at < l.high; {
		if l.settled.has(at) {
			at++
			continue
		}
		to := at + 1
		for to < l.high && !l.settled.has(to) {
			to++
		}
		l.each(message.TopicHalf, at, to, l.found, l.unread)
		at = to
	}
	if l.missed > 0 {
		l.c.log.Error().Int64("halves", l.missed).Msg("half messages cannot be read: nobody is asked about them; a commit that comes is obeyed if their record can be read then")
	}
}

// unread notes half messages that are there and cannot be read now, the newest ones.
func (l *loading) unread(from, to int64) {
	l.missed += to - from
	for at := max(from, to-keepDiscarded); at < to; at++ {
		l.c.index.unread.add(uint64(at))
	}
}

// found enters one open half message.
func (l *loading) found(v *message.View) {
	f, ok := ReadFacts(v.Properties)
	if !ok {
		l.c.log.Error().Int64("offset", v.QueueOffset).Msg("record in the half queue that says not where it belongs: left out")
		return
	}
	x := &l.c.index
	h := &half{
		offset: v.QueueOffset, phy: v.PhyOffset, born: v.BornTimestamp, stored: v.StoreTimestamp, immunity: f.Immunity, origin: f.Origin,
		checks: f.Checks, size: v.Size, id: x.identity(f.Group, f.Uniq, v.BornTimestamp),
	}
	if h.origin >= 0 && l.originSettled(h) {
		return
	}
	old := l.superseded(h)
	h.group, h.topic = x.groupOf(f.Group), x.topicOf(string(f.RealTopic))
	x.enter(h, v.StoreTimestamp)
	if h.isCopy() {
		x.copies[h.id] = h
	}
	if old != nil {
		places := append(old.aliases, old.offset)
		h.aliases = places[max(0, len(places)-maxAliases):]
		x.remove(old, v.StoreTimestamp)
		for _, a := range h.aliases {
			x.aliases[a] = h
		}
	}
	if len(l.byID[h.id]) < sameMost {
		l.byID[h.id] = append(l.byID[h.id], h)
	}
}

// isCopy says of a half message that was just read whether it had other places
// before; one that was resumed says that no check is used up.
func (h *half) isCopy() bool { return h.checks >= 0 || h.origin >= 0 }

// sameMost bounds the search when a client sends one message again and again
// within one millisecond.
const sameMost = 256

// superseded takes the copy that h was made from out of the list, if it is there. One
// that was resumed takes the place of any: nothing is resumed while it is open.
func (l *loading) superseded(h *half) *half {
	if !h.isCopy() {
		return nil
	}
	list := l.byID[h.id]
	for i := len(list) - 1; i >= 0; i-- {
		o := list[i]
		sameOrigin := h.origin >= 0 && (o.offset == h.origin || o.origin == h.origin)
		if sameOrigin || h.checks == 0 || h.checks > 0 && max(0, o.checks) == h.checks-1 {
			l.byID[h.id] = append(list[:i:i], list[i+1:]...)
			return o
		}
	}
	return nil
}

// originSettled says whether an op record names the half message that an immunity
// copy was made of. That its record really is that one is read.
func (l *loading) originSettled(h *half) bool {
	if h.origin < l.low || h.origin >= h.offset || !l.settled.has(h.origin) {
		return false
	}
	settled := false
	rec, _ := l.c.opt.Store.Get(message.TopicHalf, queue, h.origin, 1, nil)
	var v message.View
	if message.Decode(rec, &v) == nil && v.QueueOffset == h.origin {
		f, ok := ReadFacts(v.Properties)
		settled = ok && l.c.index.identity(f.Group, f.Uniq, v.BornTimestamp) == h.id
	}
	return settled
}

var errSeenAll = errors.New("nothing is open any more")

// findCommits looks for real messages whose op record a crash has cut off.
func (l *loading) findCommits() {
	x := &l.c.index
	if x.first == nil {
		return
	}
	byPhy := make(map[int64]*half, len(x.byPlace))
	lowest := x.first.phy
	for h := x.first; h != nil; h = h.next {
		byPhy[h.phy], lowest = h, min(lowest, h.phy)
	}
	from := max(lowest, l.opPlaces.before())
	err := l.c.opt.Store.Walk(from, func(v *message.View) error {
		if v.SysFlag&message.FlagTransactionMask != message.FlagTransactionCommit {
			return nil
		}
		if h := l.committedHalf(v, byPhy); h != nil {
			delete(byPhy, h.phy)
			l.c.ops.giveBack(h.named(nil, h.offset))
			x.remove(h, v.StoreTimestamp)
			l.committed++
		}
		if x.first == nil {
			return errSeenAll
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSeenAll) {
		l.c.log.Error().Err(err).Int64("from", from).Msg("the log cannot be read to its end: producers may be asked about what they committed before the crash")
	}
}

// committedHalf is the open half message that a real message was made of: of
// exactly that record, or of an older copy.
func (l *loading) committedHalf(v *message.View, byPhy map[int64]*half) *half {
	f, _ := ReadFacts(v.Properties) // a real message says not where it belongs: never ok
	id := l.c.index.identity(f.Group, f.Uniq, v.BornTimestamp)
	if h := byPhy[v.PreparedTransactionOffset]; h != nil && h.id == id {
		return h
	}
	for _, h := range l.byID[id] {
		if h.state == open && h.isCopy() && h.phy > v.PreparedTransactionOffset {
			return h
		}
	}
	return nil
}

// readDiscarded remembers the newest discarded half messages, for commits that come
// late, but for those that were resumed since and are open, or were committed in the crash.
func (l *loading) readDiscarded() {
	x := &l.c.index
	low, high := l.c.opt.Store.Bounds(message.TopicMaxCheckTimes, queue)
	l.each(message.TopicMaxCheckTimes, max(low, high-keepDiscarded/10), high, func(v *message.View) {
		f, ok := ReadFacts(v.Properties)
		if id := x.identity(f.Group, f.Uniq, v.BornTimestamp); ok && len(l.byID[id]) == 0 {
			x.discarded.add(id)
		}
	}, func(int64, int64) {})
}

// places are where op records lie, by the flushes that wrote them: the records of one
// flush lie next to each other.
type places struct {
	from   int64 // the first record that is read
	starts [3]int64
	n      int
	end    int64
}

func (p *places) add(phy, size int64) {
	if p.n == 0 || phy != p.end {
		copy(p.starts[:], p.starts[1:])
		p.starts[2] = phy
		p.n++
	}
	p.end = phy + size
}

// before is a place of the log in front of which every commit has its op record: where
// the last flush but one began, and one more, because the end of a log file may
// have split one in two. 0 when there are too few.
func (p *places) before() int64 {
	if p.n < len(p.starts) {
		return 0
	}
	return p.starts[0]
}

// bitmap has a bit for each offset from one on.
type bitmap struct {
	from int64
	bits []uint64
}

func (b *bitmap) set(o int64) {
	i := int((o - b.from) / 64)
	for len(b.bits) <= i {
		b.bits = append(b.bits, 0)
	}
	b.bits[i] |= 1 << ((o - b.from) % 64)
}

func (b *bitmap) has(o int64) bool {
	i := int((o - b.from) / 64)
	return i < len(b.bits) && b.bits[i]&(1<<((o-b.from)%64)) != 0
}
