package store

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// Batch holds records that are encoded and not yet appended: those of one turn
// of an event loop, usually. It belongs to one goroutine and is used again and
// again: NewBatch once, then Stage and StageList, Append, the results, Reset.
type Batch struct {
	stage  []byte  // the records, one after the other
	items  []item  // one each
	groups []group // one a Stage or StageList call
	hashes []int32 // index keys of all items
	end    int64
	here   bool // see CommitHere

	facts   message.FactsReader
	scratch []byte // of Options.PrePut
	home    home

	touched []Arrival
}

// item is one record of a batch.
type item struct {
	entry
	at       int   // where it is in the stage
	storeAt  int   // where in the record the store timestamp is
	delay    int64 // ms to its delivery, which takes the place of the tags code; 0 none
	numbered bool  // takes a queue offset
	sealed   bool  // ends with the property that holds its CRC
}

// group is what one call staged: it is appended whole, into one file.
type group struct {
	first, count int // items
	size         int64
	late         bool // a record of it has room for values
	result       Result
}

// entry is what the queues and the index need to know of a record.
type entry struct {
	queue     *consumequeue.Queue // nil: no place in a queue
	more      *more               // nil for ordinary messages
	offset    int64
	phy       int64
	storeTime int64
	tagsCode  int64
	size      int32
	keys      [2]int32 // the part of the hashes that is its index keys
	bits      *bitMap  // for the extension of the queue
}

// bitMap is a message's bit map and the generation it was made in.
type bitMap struct {
	bits       []byte
	generation uint64
}

// bitMapOf makes the bit map of a message that is staged; nil when it has none.
func (s *Store) bitMapOf(topic string, properties []byte) *bitMap {
	if s.bitMaps == nil {
		return nil
	}
	m := bitMap{generation: s.bitMaps.Generation()}
	if m.bits = s.bitMaps.BitMap(topic, properties); m.bits == nil {
		return nil
	}
	return &m
}

// Result is what became of one Stage or StageList.
type Result struct {
	Status         PutStatus
	QueueOffset    int64 // of the (first) message
	PhyOffset      int64
	StoreTimestamp int64
	Size           int32 // of all records
	Count          int32
}

// keepStage is the largest buffer a batch keeps for the next turn.
const keepStage = 8 << 20

// NewBatch makes an empty batch.
func NewBatch() *Batch { return &Batch{} }

// Reset empties the batch.
func (b *Batch) Reset() {
	if cap(b.stage) > keepStage {
		b.stage = nil
	}
	if cap(b.scratch) > message.PropertiesMax {
		b.scratch = nil
	}
	clear(b.items) // lets go of queues
	clear(b.touched)
	b.stage, b.items, b.groups, b.hashes, b.touched = b.stage[:0], b.items[:0], b.groups[:0], b.hashes[:0], b.touched[:0]
	b.end, b.home, b.here = 0, home{}, false
}

// CommitHere says that the caller of Append calls Store.Commit next, whatever happens:
// for a sender that is alone, the two wake-ups of the group commit cost as much as a quick flush.
func (b *Batch) CommitHere() { b.here = true }

// Len is how many results there are: one for each accepted call.
func (b *Batch) Len() int { return len(b.groups) }

// Bytes is how much is staged.
func (b *Batch) Bytes() int { return len(b.stage) }

// Result is what became of the i-th accepted call, after Append.
func (b *Batch) Result(i int) Result { return b.groups[i].result }

// End is the end in the log of what Append wrote: what AwaitFlush waits for.
func (b *Batch) End() int64 { return b.end }

// ListOffsets appends the places of the messages of the i-th call to dst.
func (b *Batch) ListOffsets(i int, dst []int64) []int64 {
	g := &b.groups[i]
	for _, it := range b.items[g.first : g.first+g.count] {
		dst = append(dst, it.phy)
	}
	return dst
}

// mark is a place to go back to when a call is refused half way.
type mark struct{ stage, items, hashes int }

func (b *Batch) mark() mark { return mark{len(b.stage), len(b.items), len(b.hashes)} }

func (b *Batch) back(m mark) {
	b.stage, b.items, b.hashes = b.stage[:m.stage], b.items[:m.items], b.hashes[:m.hashes]
}
