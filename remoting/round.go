package remoting

import (
	"context"
)

// Sixty-four clients that send one message each and wait cost sixty-four writes to the log, where one client with sixty-four sends under
// way costs one. So what short reads of several connections bring is put off until all that is readable has been read, and handled
// as one turn. gnet has no hook at the end of its round; a task that the loop gives itself runs behind the next one.
//
// It pays when several connections are readable at once, which nobody knows before. So it is tried, and where fewer than
// roundWorth reads came together it is left alone for some time, longer each time.

const (
	shortRead  = 8 << 10 // more than that has its batch already
	roundBytes = 256 << 10
	roundWorth = 4
	roundRest  = 16   // reads after the first try that was not worth it
	longRest   = 4096 // and at the most
)

// round is what a loop has put off. It belongs to the loop's goroutine.
type round struct {
	l       *loop
	post    func() bool // has Run called soon
	reads   int         // put off
	data    []byte      // what they brought: gnet's buffer is used again for the next one
	posted  bool        // the task is on its way
	last    *Conn       // of the read before: a connection alone has nobody to wait for
	rest    int         // reads that are not put off
	resting int         // length of the rest before
}

// putsOff decides about a read. What was put off of the same connection has to be handled before.
func (l *loop) putsOff(c *Conn, data []byte) bool {
	r := &l.round
	before := r.last
	r.last = c
	switch {
	case len(data) > shortRead, c.putOff, c.paused, c.cutter.Pending() > 0:
		return false
	case r.reads > 0:
		return len(r.data)+len(data) <= roundBytes && l.turn.n < maxBatch/2
	case before == nil, c == before:
		return false
	case r.rest > 0:
		r.rest--
		return false
	case r.posted:
		return true
	}
	r.posted = r.post()
	return r.posted
}

// putOff decodes a read, to be handled with others.
func (l *loop) putOff(c *Conn, data []byte) error {
	r := &l.round
	if r.data == nil {
		r.data = make([]byte, 0, roundBytes)
	}
	at := len(r.data)
	r.data = append(r.data, data...)
	err := l.turn.collect(c, r.data[at:])
	if err != nil {
		err = l.turn.finish(err)
		r.reset(0)
		return err
	}
	c.putOff = true
	r.reads++
	return nil
}

// Run is the task: gnet calls it behind a batch of events, a later one when there are many.
func (r *round) Run(context.Context) error {
	r.posted = false
	if r.reads >= roundWorth {
		r.resting = 0
	} else {
		r.resting = min(max(2*r.resting, roundRest), longRest)
	}
	r.rest = r.resting
	r.l.endRound()
	return nil
}

// endRound is handleRound outside of OnTraffic.
func (l *loop) endRound() {
	if l.round.reads == 0 || l.inTurn.Load() {
		return
	}
	l.inTurn.Store(true)
	l.handleRound()
	l.endTurn()
}

// handleRound handles what was put off, before anything else is.
func (l *loop) handleRound() {
	r := &l.round
	if r.reads == 0 {
		return
	}
	parts := l.turn.parts
	last := parts[len(parts)-1].conn
	defer func() {
		if p := recover(); p != nil {
			l.turn.abandon(last, p)
			l.drop(last, errTurnPanicked)
		}
		r.reset(0)
	}()
	if err := l.turn.finish(nil); err != nil {
		l.drop(last, err)
	}
}

// reset forgets what was put off, all but so many reads.
func (r *round) reset(left int) {
	if r.reads = left; left == 0 {
		r.data = r.data[:0]
	}
}
