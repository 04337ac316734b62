package store

import (
	"encoding/binary"
	"errors"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/mapped"
)

// Filter chooses messages for a consumer. ext is the extension unit of the message
// as stored (consumequeue.ExtUnit), nil when it has none.
type Filter interface {
	MatchQueue(tagsCode int64, ext []byte) bool
	MatchRecord(rec []byte) bool
}

// GetRequest asks for messages of a queue from an offset on.
type GetRequest struct {
	Topic    string
	QueueID  int32
	Offset   int64
	MaxCount int
	MaxBytes int // of records; 0: no limit of the caller's
	Filter   Filter
	// ResidentOnly: answer GetCold instead of waiting for the disk.
	ResidentOnly bool
}

// GetResult is the answer; the records are in the buffer.
type GetResult struct {
	Status             GetStatus
	NextBegin          int64 // where to go on
	Min, Max           int64 // of the queue
	Count              int   // messages
	SuggestSlave       bool  // the reader is further behind than memory reaches
	LastStoreTimestamp int64 // of the newest record
	Err                error // why it is GetFailed
}

const (
	maxPullBytes   = 128 << 20
	leastPullBytes = 100
	// scanBytesMost bounds what a large MaxCount may make one Get scan.
	scanBytesMost = 1 << 20
)

// Get appends whole records to dst, as many as the limits of the request and the settings allow,
// and says where to go on. It copies: nothing of the store is referred to afterwards.
func (s *Store) Get(r *GetRequest, dst []byte) (GetResult, []byte) {
	began := s.clk.NowMs()
	res, dst := s.get(r, dst)
	if res.Status != GetCold {
		s.stats.get(res.Count, s.clk.NowMs()-began)
	}
	return res, dst
}

func (s *Store) get(r *GetRequest, dst []byte) (GetResult, []byte) {
	q, ok := s.queues.Lookup(r.Topic, r.QueueID)
	if ok {
		if err := q.Err(); err != nil {
			return s.getFailed(r, err), dst
		}
	}
	if !ok || !q.Exists() {
		if batch, ok := s.queues.LookupBatch(r.Topic, r.QueueID); ok {
			return s.getBatch(batch, r, dst)
		}
		// Java would make the queue now and find it empty.
		low := s.MinOffset(r.Topic, r.QueueID)
		return GetResult{Status: GetNoMessageInQueue, NextBegin: s.corrected(r.Offset, 0), Min: low}, dst
	}
	var res GetResult
	res.Min, res.Max = q.MinOffset(), q.MaxOffset()
	if !s.inRange(r.Offset, &res) {
		return res, dst
	}
	g := getting{store: s, queue: q, req: r, res: res}
	g.limits()
	g.res.Status, g.res.NextBegin = GetNoMatchedMessage, r.Offset
	dst = g.run(dst)
	if g.ext != nil {
		g.ext.Reset()
		extReaders.Put(g.ext)
	}
	g.res.SuggestSlave = g.maxPhy-g.pulled > g.memory
	return g.res, dst
}

// corrected is nextOffsetCorrection: a slave that does not check offsets leaves
// the consumer's alone.
func (s *Store) corrected(old, better int64) int64 {
	if cfg := s.cfg.Get(); cfg.BrokerRole == Slave && !cfg.OffsetCheckInSlave {
		return old
	}
	return better
}

// inRange answers the offsets that are not inside the queue.
func (s *Store) inRange(offset int64, res *GetResult) bool {
	switch {
	case res.Max == 0:
		res.Status, res.NextBegin = GetNoMessageInQueue, s.corrected(offset, 0)
	case offset < res.Min:
		res.Status, res.NextBegin = GetOffsetTooSmall, s.corrected(offset, res.Min)
	case offset == res.Max:
		res.Status, res.NextBegin = GetOffsetOverflowOne, s.corrected(offset, offset)
	case offset > res.Max:
		res.Status, res.NextBegin = GetOffsetOverflowBadly, s.corrected(offset, res.Max)
	default:
		return true
	}
	return false
}

// getting is one Get on its way through the queue.
type getting struct {
	store *Store
	queue *consumequeue.Queue
	req   *GetRequest
	res   GetResult

	cfg       *Config
	maxPhy    int64 // end of the log when it began
	suspect   int64 // records below it are compared with their sums
	memory    int64 // how far back messages count as being in memory
	maxBytes  int64
	scanUntil int64 // queue offset at which scanning stops
	pulled    int64 // position of the last unit looked at
	skipUntil int64 // records before it went with their log file
	bytes     int64 // read so far
	ext       *consumequeue.ExtReader

	// Units to be read together. The limits take all of them for matches, which
	// only makes a group end early.
	group      [groupMost]consumequeue.Unit
	offsets    [groupMost]int64
	grouped    int
	groupBytes int64
}

const groupMost = 32

// ratioMost is as good as any larger percentage of the memory, and its product does not overflow.
const ratioMost = 10_000

func (g *getting) limits() {
	g.cfg = g.store.cfg.Get()
	g.maxPhy, g.suspect = g.store.commitLog.Max(), g.store.suspectBelow()
	g.memory = g.store.memory / 100 * int64(min(g.cfg.AccessMessageInMemoryMaxRatio, ratioMost))
	g.maxBytes = maxPullBytes
	if g.req.MaxBytes > 0 {
		g.maxBytes = min(max(int64(g.req.MaxBytes), leastPullBytes), maxPullBytes)
	}
	scan := max(int64(g.cfg.MaxFilterMessageSize), min(int64(g.req.MaxCount)*consumequeue.UnitSize, scanBytesMost))
	g.scanUntil = g.req.Offset + (scan+consumequeue.UnitSize-1)/consumequeue.UnitSize
	g.skipUntil = -1
}

// run walks the queue, one file of it at a time; when nothing was found in a file
// it may go on in the next, as often as configured.
func (g *getting) run(dst []byte) []byte {
	for range max(g.cfg.TravelCqFileNumWhenGetMessage, 1) {
		fileEnd := min(g.queue.FileEnd(g.res.NextBegin), g.res.Max)
		for g.res.NextBegin < fileEnd {
			var more bool
			if dst, more = g.step(dst, fileEnd); !more {
				return dst
			}
		}
		if g.res.Count > 0 || g.res.NextBegin >= g.res.Max {
			break
		}
	}
	return dst
}

// step looks at one piece of units and reads the records of those that match. It
// says whether to go on.
func (g *getting) step(dst []byte, fileEnd int64) ([]byte, bool) {
	var room [groupMost]consumequeue.Unit
	at := g.res.NextBegin
	units, status, err := g.queue.Units(at, int(min(groupMost, fileEnd-at)), room[:0], g.req.ResidentOnly)
	//exhaustive:enforce
	switch status {
	case consumequeue.Found:
	case consumequeue.Cold:
		g.cold(at)
		return dst, false
	case consumequeue.Broken:
		g.failed(at, err)
		return dst, false
	case consumequeue.Missing: // its file is gone
		if g.res.Count == 0 {
			g.res.Status, g.res.NextBegin = GetOffsetFoundNull, g.store.corrected(at, g.queue.FileEnd(at))
		}
		return dst, false
	}
	stopped := g.collect(units, at)
	dst, dropped, more := g.read(dst)
	// A group that lost some to the filter was counted too large: what stopped it
	// is looked at again.
	return dst, more && (!stopped || dropped > 0)
}

// collect groups the units that match, until a limit.
func (g *getting) collect(units []consumequeue.Unit, at int64) (stopped bool) {
	g.grouped, g.groupBytes = 0, 0
	for i, u := range units {
		offset := at + int64(i)
		if g.over(u, offset) {
			return true
		}
		matched, cold := g.matchQueue(u)
		if cold {
			if g.res.Count+g.grouped == 0 {
				g.cold(offset)
			}
			return true
		}
		g.pulled, g.res.NextBegin = u.PhyOffset, offset+1
		if !matched {
			continue
		}
		if u.Size < leastRecord {
			g.noRecord(u)
			continue
		}
		g.group[g.grouped], g.offsets[g.grouped] = u, offset
		g.grouped++
		g.groupBytes += int64(u.Size)
	}
	return false
}

// over is the rules of DefaultMessageStore#isTheBatchFull; the first message is
// always within them.
func (g *getting) over(u consumequeue.Unit, offset int64) bool {
	if offset >= g.scanUntil {
		return true
	}
	bytes, count := g.bytes+g.groupBytes, g.res.Count+g.grouped
	if bytes == 0 || count == 0 {
		return false
	}
	with := bytes + int64(u.Size)
	if count+1 > g.req.MaxCount || with > g.maxBytes {
		return true
	}
	if g.maxPhy-u.PhyOffset <= g.memory {
		return with > int64(g.cfg.MaxTransferBytesOnMessageInMemory) || count >= g.cfg.MaxTransferCountOnMessageInMemory
	}
	return with > int64(g.cfg.MaxTransferBytesOnMessageInDisk) || count >= g.cfg.MaxTransferCountOnMessageInDisk
}

var extReaders = sync.Pool{New: func() any { return new(consumequeue.ExtReader) }}

// matchQueue asks the filter about a unit, and about its extension if it has one.
func (g *getting) matchQueue(u consumequeue.Unit) (matched, cold bool) {
	if u.PhyOffset < g.skipUntil {
		return false, false
	}
	if g.req.Filter == nil {
		return true, false
	}
	if g.queue == nil || !consumequeue.IsExtAddress(u.TagsCode) {
		matched = g.req.Filter.MatchQueue(u.TagsCode, nil)
	} else {
		if g.ext == nil {
			g.ext = extReaders.Get().(*consumequeue.ExtReader)
		}
		ext, status := g.queue.Ext(u.TagsCode, g.ext, g.req.ResidentOnly)
		if status == consumequeue.Cold {
			return false, true
		}
		// Without its extension the tag is unknown, and the record decides.
		matched = status != consumequeue.Found || g.req.Filter.MatchQueue(ext.TagsCode, ext.Raw)
	}
	if !matched && g.res.Count == 0 {
		g.res.Status = GetNoMatchedMessage
	}
	return matched, false
}

// cold ends a resident get in front of an offset.
func (g *getting) cold(offset int64) {
	if g.res.NextBegin = offset; g.res.Count == 0 {
		g.res.Status, g.res.NextBegin = GetCold, g.req.Offset
	}
}

// read reads the group. It says how many of it are not in the answer, and
// whether to go on.
func (g *getting) read(dst []byte) (_ []byte, dropped int, more bool) {
	for i := 0; i < g.grouped; {
		if g.group[i].PhyOffset < g.skipUntil {
			dropped++
			i++
			continue
		}
		had := g.res.Count
		out, n, err := g.readSome(dst, i)
		switch {
		case err == nil:
			dst = out
		case errors.Is(err, commitlog.ErrCold):
			g.cold(g.offsets[i])
			return dst, dropped, false
		case g.isGone(g.group[i], err):
			g.removed(g.group[i])
		default:
			g.failed(g.offsets[i], err)
			return dst, dropped, false
		}
		dropped += n - (g.res.Count - had)
		i += n
	}
	return dst, dropped, g.res.Status != GetCold // a unit's extension was
}

// readSome reads the units from i on in the cheapest way, and says how many: where
// they lie in memory, a filter that drops most of them costs no copies.
func (g *getting) readSome(dst []byte, i int) ([]byte, int, error) {
	if n := g.span(i, commitlog.PinMost, commitlog.PinMost); n > 1 {
		if out, ok := g.copyPinned(dst, i, n); ok {
			return out, n, nil
		}
	}
	n := g.span(i, spanGap, spanMost)
	out, err := g.readSpan(dst, i, n)
	if err != nil && n > 1 {
		n = 1
		out, err = g.readSpan(dst, i, n)
	}
	return out, n, err
}

// readSpan reads n units that lie together with one call.
func (g *getting) readSpan(dst []byte, i, n int) ([]byte, error) {
	at, first, last := len(dst), g.group[i], g.group[i+n-1]
	length := last.PhyOffset + int64(last.Size) - first.PhyOffset
	read, err := g.store.commitLog.Read(first.PhyOffset, int(length), dst, g.req.ResidentOnly)
	if err != nil {
		return dst, err
	}
	return g.take(read, read[at:], at, i, n), nil
}

// copyPinned copies n units out of the page cache, when all of them are there.
func (g *getting) copyPinned(dst []byte, i, n int) (out []byte, ok bool) {
	first, last := g.group[i], g.group[i+n-1]
	part, file := g.store.commitLog.Pin(first.PhyOffset, last.PhyOffset+int64(last.Size))
	if file == nil {
		return dst, false
	}
	res, bytes := g.res, g.bytes
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		file.Release()
		if r := recover(); r != nil {
			err := mapped.FaultError(r)
			g.store.logger.Error().Err(err).Str("file", file.Path()).Msg("store: a page of the log cannot be read")
			g.res, g.bytes = res, bytes
			out, ok = dst, false
		}
	}()
	size := 0
	for _, u := range g.group[i : i+n] {
		size += int(u.Size) // within part: they do not overlap
	}
	return g.take(slices.Grow(dst, size), part, len(dst), i, n), true
}

const (
	// spanGap: to read so much more costs less than another call.
	spanGap  = 4 << 10
	spanMost = 512 << 10
)

// span is how many units from i on lie in one log file, with gaps and in all not
// longer than given.
func (g *getting) span(i int, gapMost, most int64) int {
	first, n := g.group[i], 1
	size := g.store.commitLog.FileSize()
	for ; i+n < g.grouped; n++ {
		before, u := g.group[i+n-1], g.group[i+n]
		gap := u.PhyOffset - before.PhyOffset - int64(before.Size)
		if gap < 0 || gap > gapMost || u.PhyOffset+int64(u.Size)-first.PhyOffset > most ||
			u.PhyOffset/size != first.PhyOffset/size {
			break
		}
	}
	return n
}

// take copies those of n units to dst[end:] that are what their units say and
// match. part begins at the first of them; it may be dst's own bytes from end on.
func (g *getting) take(dst, part []byte, end, i, n int) []byte {
	base := g.group[i].PhyOffset
	for _, u := range g.group[i : i+n] {
		from := u.PhyOffset - base
		rec := part[from : from+int64(u.Size)]
		if !isRecordAt(rec, u.PhyOffset) {
			g.noRecord(u)
			continue
		}
		if u.PhyOffset < g.suspect && g.damaged(u, rec) {
			continue
		}
		if g.req.Filter != nil && !g.req.Filter.MatchRecord(rec) {
			g.dropStatus(GetNoMatchedMessage)
			continue
		}
		g.res.LastStoreTimestamp = storeTimestamp(rec)
		dst = append(dst[:end], rec...)
		end += len(rec)
		g.bytes += int64(len(rec))
		g.res.Count++
		g.res.Status = GetFound
	}
	return dst[:end]
}

// noRecord passes a unit that is damaged.
func (g *getting) noRecord(u consumequeue.Unit) {
	g.store.logger.Error().Str("topic", g.req.Topic).Int32("queue", g.req.QueueID).Int64("phy", u.PhyOffset).Int32("size", u.Size).
		Msg("store: the consume queue points to no record")
	g.dropStatus(GetMessageWasRemoving)
}

// damaged leaves a record out that is not what was stored.
func (g *getting) damaged(u consumequeue.Unit, rec []byte) bool {
	err := g.sound(rec)
	if err != nil {
		g.store.logger.Error().Err(err).Str("topic", g.req.Topic).Int32("queue", g.req.QueueID).Int64("phy", u.PhyOffset).Int32("size", u.Size).
			Msg("store: a record is damaged and is not served")
		g.dropStatus(GetMessageWasRemoving)
	}
	return err != nil
}

// removed notes that there is no record. One that went with its log file takes all
// before the next file along; a unit that leads nowhere is alone.
func (g *getting) removed(u consumequeue.Unit) {
	g.dropStatus(GetMessageWasRemoving)
	if u.PhyOffset >= g.store.commitLog.Min() {
		return
	}
	size := g.store.commitLog.FileSize()
	g.skipUntil = (u.PhyOffset/size + 1) * size
}

func (g *getting) dropStatus(st GetStatus) {
	if g.res.Count == 0 {
		g.res.Status = st
	}
}

// isRecordAt checks that bytes are the record of a position: its size, its magic
// and its own idea of where it is.
func isRecordAt(rec []byte, phy int64) bool {
	size, err := message.Size(rec)
	return err == nil && size == len(rec) && size >= leastRecord && int64(binary.BigEndian.Uint64(rec[28:])) == phy
}

// leastRecord is the smallest there can be: IPv4 hosts, empty body, topic and properties.
const leastRecord = 91

func storeTimestamp(rec []byte) int64 {
	return int64(binary.BigEndian.Uint64(rec[message.StoreTimestampAt(rec):]))
}
