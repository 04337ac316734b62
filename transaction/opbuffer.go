package transaction

import "sync"

// opBuffer collects the half offsets that the next op record names.
//
// It also counts who is between appending and telling. A Ticket is taken before
// records are appended and given back after Opened and Settled were said for them.
// There are two sides; tickets are taken on the current one. take turns the sides
// over and waits until the other one has no tickets: then everything that was
// appended before the turn is known to the index and to the buffer. So
//
//   - an op record names everything settled before the op record in front of it was
//     written: what a crash kept from the op queue was committed after that place
//     of the log (Load reads on from there). The records of one take count as one
//     in this; Load knows them because they lie next to each other, as one append
//     leaves them;
//   - a round that took the end of the half queue before the turn knows of every
//     half message in front of that end.
//
// An offset that must stand in the same record as the one after it is kept
// complemented.
type opBuffer struct {
	taking sync.Mutex // one take at a time; held until its record is written

	mu      sync.Mutex
	idle    sync.Cond
	side    int
	tickets [2]int
	offsets [2][]int64
	bytes   int
	spare   []int64 // for the next side that is taken; belongs to who holds taking

	full chan struct{} // wakes the writer before its time
}

// Ticket is a place among those who are appending. The zero value is none.
type Ticket struct{ side int8 }

func (b *opBuffer) init() {
	b.idle.L = &b.mu
	b.full = make(chan struct{}, 1)
}

func (b *opBuffer) begin() Ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tickets[b.side]++
	return Ticket{side: int8(b.side + 1)}
}

// end gives a ticket back with what was settled under it.
func (b *opBuffer) end(t Ticket, settled []int64, wakeAt int) {
	side := int(t.side) - 1
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(side, settled)
	if b.tickets[side]--; b.tickets[side] == 0 {
		b.idle.Broadcast()
	}
	if b.bytes > wakeAt {
		select {
		case b.full <- struct{}{}:
		default:
		}
	}
}

// add needs mu.
func (b *opBuffer) add(side int, settled []int64) {
	b.offsets[side] = append(b.offsets[side], settled...)
	for _, o := range settled {
		b.bytes += digits(plain(o)) + 1
	}
}

// take removes everything settled so far; taking is held.
func (b *opBuffer) take() []int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	side := b.side
	b.side = 1 - side
	for b.tickets[side] > 0 {
		b.idle.Wait()
	}
	list := b.offsets[side]
	b.offsets[side], b.spare = b.spare, nil
	for _, o := range list {
		b.bytes -= digits(plain(o)) + 1
	}
	return list
}

// recycle gets back what take returned, when nobody reads it any more; taking is held.
func (b *opBuffer) recycle(list []int64) {
	if cap(list) <= keepOffsets {
		b.spare = list[:0]
	}
}

const keepOffsets = 64 << 10

// giveBack keeps what could not be written for the next time.
func (b *opBuffer) giveBack(list []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(b.side, list)
}

// plain is an offset without the mark that ties it to the next one.
func plain(o int64) int64 {
	if o < 0 {
		return ^o
	}
	return o
}

func digits(n int64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
