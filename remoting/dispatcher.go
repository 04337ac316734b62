package remoting

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	textNotSupported = " request type %d not supported" // the leading space is Java's
	textGoAway       = "please go away"

	goAwayAbove = 475 // V5_3_1: older clients do not know GO_AWAY
)

// dispatcher brings requests to their handlers: the part that a server and a client share.
type dispatcher struct {
	table table
	lanes lanes
	jobs  sync.Pool // *laneJob
	log   zerolog.Logger
	clock clock.Clock
	cfg   Config
	stats counters

	outbound atomic.Int64 // bytes that peers have not read yet
	partial  atomic.Int64 // bytes of unfinished frames
	total    *Server      // who keeps the bounds of both; a client has none
	goAway   atomic.Bool
}

func (d *dispatcher) init(cfg Config, log zerolog.Logger) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real
	}
	d.cfg, d.log, d.clock = cfg, log, cfg.Clock
	d.jobs.New = func() any { return new(laneJob) }
	defaults := DefaultLanes()
	for i := Inline + 1; i < LaneCount; i++ {
		lc := defaults[i]
		if cfg.Lanes[i].Workers > 0 {
			lc = cfg.Lanes[i]
		}
		d.lanes.all[i] = newLane(d, i, lc)
	}
}

// refusal is the answer that a request gets before any handler sees it, or nil.
func (d *dispatcher) refusal(r *Request) *protocol.Command {
	if r.row == nil {
		d.stats.unknown.Add(1)
		return protocol.NewResponse(code.RequestCodeNotSupported, fmt.Sprintf(textNotSupported, r.Code))
	}
	if d.sendsAway(r) {
		return protocol.NewResponse(code.GoAway, textGoAway)
	}
	if d.crowded(r.Conn) {
		d.stats.overloaded.Add(1)
		return protocol.NewResponse(code.SystemBusy, textOverload)
	}
	return nil
}

// sendsAway says whether the client is told to go to another server: old ones do not know how.
func (d *dispatcher) sendsAway(r *Request) bool { return d.goAway.Load() && r.Version > goAwayAbove }

// crowded says whether a connection has as many requests under way as it may.
func (d *dispatcher) crowded(c *Conn) bool {
	return c.inFlight.Load() >= int64(d.cfg.MaxInFlightPerConnection)
}

// toLane queues a copy of the request for one of the two kinds of handlers.
func (d *dispatcher) toLane(r *Request, name Lane, h func(*Request) (*protocol.Command, error), batch *BatchRun) {
	if name == Inline || name >= LaneCount {
		name = Admin
	}
	size := int64(len(r.frame))
	j := d.jobs.Get().(*laneJob)
	j.frame = append(j.frame[:0], r.frame...)
	j.run, j.batch = h, batch
	j.req.Conn, j.req.Arrived, j.req.row, j.req.frame = r.Conn, r.Arrived, r.row, j.frame
	j.req.answered, j.req.counted = false, r.counted
	if err := protocol.DecodeFrame(j.frame, &j.req.Command); err != nil {
		panic(fmt.Sprintf("remoting: a frame that decoded once does no more: %v", err))
	}
	j.req.Code = r.Code
	if !j.req.counted && !r.IsOneWay() {
		r.Conn.inFlight.Add(1)
		j.req.counted = true
	}
	r.counted, r.answered = false, true
	if d.lanes.bytes.Add(size) <= d.cfg.MaxLaneBytes && d.lanes.all[name].put(j) {
		return
	}
	d.stats.overloaded.Add(1)
	d.finish(j, protocol.NewResponse(code.SystemBusy, textOverload))
}

// runJob is one request on a lane's worker.
func (d *dispatcher) runJob(j *laneJob) {
	defer func() {
		if p := recover(); p != nil { // in the handler, or while its answer was encoded
			d.finish(j, d.panicked(&j.req, p))
		}
	}()
	cmd, err := j.run(&j.req)
	if err != nil {
		cmd = d.failed(&j.req, err)
	}
	d.finish(j, cmd)
}

// runBatch is several requests on a lane's worker.
func (d *dispatcher) runBatch(jobs []*laneJob) {
	defer func() {
		p := recover()
		for _, j := range jobs {
			if p != nil && !j.req.answered {
				d.finish(j, d.panicked(&j.req, p))
				continue
			}
			d.finish(j, nil)
		}
	}()
	reqs := make([]*Request, len(jobs))
	for i, j := range jobs {
		reqs[i] = &j.req
	}
	jobs[0].batch.call(reqs)
}

// finish answers a lane's request unless its handler held it, and recycles the job.
func (d *dispatcher) finish(j *laneJob, cmd *protocol.Command) {
	r := &j.req
	if !r.answered && cmd != nil {
		_ = r.Hold().Reply(cmd) // a closed connection has nobody to tell
	} else if r.counted { // nobody has it now: a Held or another lane would have taken the count over
		r.Conn.inFlight.Add(-1)
	}
	d.lanes.bytes.Add(-int64(len(j.frame)))
	r.Conn, r.row, r.frame, j.run, j.batch = nil, nil, nil, nil, nil
	if cap(j.frame) > 64<<10 || r.Fields.Len() > keepFields {
		return
	}
	j.frame = j.frame[:0]
	d.jobs.Put(j)
}

// failed turns a handler's error into its answer, and logs what is not the client's fault.
func (d *dispatcher) failed(r *Request, err error) *protocol.Command {
	cmd, reported := failure(err)
	if reported {
		d.stats.failed.Add(1)
		d.log.Error().Err(err).Stringer("request", r.Request()).Stringer("remote", r.Conn.RemoteAddr()).Msg("request failed")
	}
	return cmd
}

// panicked turns a handler's panic into its answer: a broken invariant in one request must not end the others' connections.
func (d *dispatcher) panicked(r *Request, p any) *protocol.Command {
	d.stats.panics.Add(1)
	d.log.Error().Interface("panic", fmt.Sprint(p)).Stringer("request", r.Request()).Stringer("remote", r.Conn.RemoteAddr()).
		Bytes("stack", debug.Stack()).Msg("handler panicked")
	return protocol.NewResponse(code.SystemError, fmt.Sprintf("%T: %v", p, p))
}

// survive is deferred around what is called for nobody's request: a panic there costs what it was doing.
func (d *dispatcher) survive() {
	if p := recover(); p != nil {
		d.stats.panics.Add(1)
		d.log.Error().Interface("panic", fmt.Sprint(p)).Bytes("stack", debug.Stack()).Msg("handler panicked")
	}
}
