package transaction

import (
	"sync"

	"github.com/skylarkmq/skylark/message"
)

// progress is how far both queues need no more reading: for the half queue its
// first open offset, for the op queue the first record that names a half offset at
// or behind that.
//
// It is committed only when the disk has what it stands for: a record that a power
// cut took away must not have been counted as done.
type progress struct {
	mu      sync.Mutex
	half    int64
	op      int64
	opEnd   int64      // behind the newest op record
	records []opRecord // not passed yet, in order

	committedHalf, committedOp int64

	wanted     bool
	wantedAt   int64 // the end of the log when it was worked out
	wantedHalf int64
	wantedOp   int64
}

// opRecord is a record of the op queue and the highest half offset in it.
type opRecord struct{ offset, highest int64 }

// wrote notes a new op record.
func (p *progress) wrote(offset, highest int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, opRecord{offset, highest})
	p.opEnd = max(p.opEnd, offset+1)
}

// advance works out the progress; half is the first open offset.
func (p *progress) advance(half, logEnd int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.half = max(p.half, half)
	done := 0
	for done < len(p.records) && p.records[done].highest < p.half {
		done++
	}
	if p.records = p.records[done:]; len(p.records) == 0 {
		p.records, p.op = nil, p.opEnd
	} else {
		p.op = p.records[0].offset
	}
	p.wanted, p.wantedAt, p.wantedHalf, p.wantedOp = true, logEnd, p.half, p.op
}

// publish commits what the disk has caught up with; closing does not wait for it,
// because the store is flushed right after.
func (p *progress) publish(c *Coordinator, closing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted || !closing && c.opt.Store.Flushed() < p.wantedAt {
		return
	}
	p.wanted = false
	if p.wantedHalf != p.committedHalf {
		p.committedHalf = p.wantedHalf
		c.opt.Offsets.Commit(Group, message.TopicHalf, queue, p.wantedHalf)
	}
	if p.wantedOp != p.committedOp {
		p.committedOp = p.wantedOp
		c.opt.Offsets.Commit(Group, message.TopicOpHalf, queue, p.wantedOp)
	}
}
