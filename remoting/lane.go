package remoting

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Lane is a class of work with workers of its own, so that one kind cannot starve another.
type Lane uint8

// Inline handlers run on the event loop: bounded, memory only. All others are bounded worker pools.
// (The lane of client management is called Clients because Client is the type.)
const (
	Inline Lane = iota
	Send
	Pull
	Query
	Admin
	Clients
	Transaction
	Pop
	HA
	Append    // what loops do by themselves while the disk is well: batches of sends
	Backlog   // what loops do by themselves while nobody else is in a hurry: long answers
	LaneCount = iota
)

var laneNames = [LaneCount]string{"inline", "send", "pull", "query", "admin", "client", "transaction", "pop", "ha", "append", "backlog"}

func (l Lane) String() string {
	if int(l) < len(laneNames) {
		return laneNames[l]
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

// LaneConfig sizes one lane.
type LaneConfig struct {
	Workers  int
	Capacity int           // requests waiting; one more is answered SYSTEM_BUSY at once
	MaxAge   time.Duration // waiting longer is answered SYSTEM_BUSY instead of worked on; 0: any age
}

// DefaultLanes has Java's queue lengths and age limits; workers are fewer, because what waits in Java is held here. Some are counted by
// the processors that the scheduler has now.
func DefaultLanes() [LaneCount]LaneConfig {
	return [LaneCount]LaneConfig{
		Send:        {Workers: 4, Capacity: 10_000, MaxAge: 200 * time.Millisecond},
		Pull:        {Workers: 8, Capacity: 100_000, MaxAge: 5 * time.Second},
		Query:       {Workers: 4, Capacity: 20_000},
		Admin:       {Workers: 4, Capacity: 10_000, MaxAge: 5 * time.Second},
		Clients:     {Workers: 4, Capacity: 100_000},
		Transaction: {Workers: 4, Capacity: 100_000, MaxAge: 3 * time.Second},
		Pop:         {Workers: 8, Capacity: 100_000, MaxAge: 3 * time.Second},
		HA:          {Workers: 2, Capacity: 10_000},
		// One worker: a second one would wait for the first, and change the order of sends.
		Append: {Workers: 1, Capacity: 10_000, MaxAge: time.Second},
		// They copy, and wait for nothing: one processor is left for the loops, and one is the scheduler's spare.
		Backlog: {Workers: max(1, (runtime.GOMAXPROCS(0)-1)/2), Capacity: 10_000},
	}
}

const (
	backlogRoom = 32 // jobs that wait there at most: what finds no room is done on the loop
	backlogOf   = 8  // and of one connection: the rest waits as usual for a client that reads slowly
)

const (
	textOverload = "[OVERLOAD]system busy, start flow control for a while"
	textTooOld   = "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: %dms, size of queue: %d"

	sweepEvery = 10 * time.Millisecond // BrokerFastFailure's period

	// parkedFor is how old a request may become that waits for its client to read where others wait for any time: what it brought
	// takes the room of all, and its client has given up waiting long before.
	parkedFor = 10 * time.Second
)

// lane is the queue and the workers of one Lane. The queue is a ring under a lock and no channel, because the sweeper must look at
// its oldest entry while all workers are stuck.
type lane struct {
	d       *dispatcher
	name    Lane
	workers int
	maxAge  atomic.Int64 // ms
	passed  atomic.Int64 // jobs put back since one was worked on

	mu     sync.Mutex
	work   sync.Cond
	ring   []*laneJob
	head   int
	size   int
	limit  int
	idle   int
	stop   bool
	wakeup chan struct{} // to the sweeper: something waits and no worker is free

	// Workers that have nothing but jobs of clients that do not read rest for a while, or until another job comes.
	rest    time.Duration
	resting int
	fresh   chan struct{}
}

// laneJob is a request with its own copy of the frame.
type laneJob struct {
	req   Request
	frame []byte
	run   func(*Request) (*protocol.Command, error)
	batch *BatchRun // instead of run
}

// BatchRun handles several requests of a lane at once; one value for each handler, by which jobs that go together are known.
type BatchRun struct{ call func([]*Request) }

func newLane(d *dispatcher, name Lane, cfg LaneConfig) *lane {
	l := &lane{d: d, name: name, workers: cfg.Workers, limit: cfg.Capacity, wakeup: make(chan struct{}, 1), rest: resumeEvery, fresh: make(chan struct{}, 1)}
	l.work.L = &l.mu
	l.maxAge.Store(cfg.MaxAge.Milliseconds())
	return l
}

// put queues a job; false when the lane is full or stopped.
func (l *lane) put(j *laneJob) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop || l.size >= l.limit {
		return false
	}
	l.push(j)
	if l.idle > 0 {
		l.work.Signal()
		return true
	}
	if l.resting > 0 {
		select {
		case l.fresh <- struct{}{}:
		default:
		}
	}
	l.watchRest()
	return true
}

// roomFor says whether fewer jobs than room wait, and fewer than ofOne of this connection.
func (l *lane) roomFor(c *Conn, room, ofOne int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop || l.size >= room {
		return false
	}
	for i := range l.size {
		if l.ring[(l.head+i)%len(l.ring)].req.Conn == c {
			ofOne--
		}
	}
	return ofOne > 0
}

// push adds to the tail. Caller holds mu. Jobs put back by later may exceed the limit by the number of workers.
func (l *lane) push(j *laneJob) {
	if l.size == len(l.ring) {
		l.grow()
	}
	l.ring[(l.head+l.size)%len(l.ring)] = j
	l.size++
}

func (l *lane) grow() {
	ring := make([]*laneJob, min(l.limit+l.workers, max(16, 2*len(l.ring))))
	for i := range l.size {
		ring[i] = l.ring[(l.head+i)%len(l.ring)]
	}
	l.ring, l.head = ring, 0
}

// take removes the oldest job. Caller holds mu and has seen size > 0.
func (l *lane) take() *laneJob {
	j := l.ring[l.head]
	l.ring[l.head] = nil
	l.head = (l.head + 1) % len(l.ring)
	l.size--
	if l.size == 0 && len(l.ring) > 1024 {
		l.ring, l.head = nil, 0 // a burst must not be paid for ever after
	}
	return j
}

func (l *lane) depth() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// headWait is how long the oldest request has waited, as runtime info shows it.
func (l *lane) headWait(now int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size == 0 {
		return 0
	}
	return max(0, now-l.ring[l.head].req.Arrived)
}

// worker runs until the lane is stopped and empty.
func (l *lane) worker() {
	for {
		l.mu.Lock()
		for l.size == 0 && !l.stop {
			l.idle++
			l.work.Wait()
			l.idle--
		}
		if l.size == 0 {
			l.mu.Unlock()
			return
		}
		j, left := l.take(), l.size
		l.watchRest()
		l.mu.Unlock()
		if age := l.tooOld(j); age >= 0 {
			l.refuse(j, age, left)
			continue
		}
		if j.req.Conn.mustWait() {
			if age := l.d.clock.MonoMs() - j.req.Arrived; l.maxAge.Load() <= 0 && age >= parkedFor.Milliseconds() {
				l.refuse(j, age, left)
			} else {
				l.later(j)
			}
			continue
		}
		l.passed.Store(0)
		if j.batch != nil {
			l.runBatch(j)
			continue
		}
		l.d.runJob(j)
	}
}

// runBatch works on a job and on those behind it that go together with it.
func (l *lane) runBatch(first *laneJob) {
	jobs := []*laneJob{first}
	l.mu.Lock()
	for l.size > 0 && len(jobs) < maxBatch {
		next := l.ring[l.head]
		if next.batch != first.batch || l.tooOld(next) >= 0 || next.req.Conn.mustWait() {
			break
		}
		jobs = append(jobs, l.take())
	}
	l.watchRest()
	l.mu.Unlock()
	l.d.runBatch(jobs)
}

// watchRest wakes the sweeper for what waits behind the jobs just taken, when no worker is free. Caller holds mu.
func (l *lane) watchRest() {
	if l.size == 0 || l.idle > 0 {
		return
	}
	select {
	case l.wakeup <- struct{}{}:
	default:
	}
}

// later puts a job back whose client has not read its last answers: the answer would only wait in memory instead. When all that is
// left are such jobs, the worker rests a moment: there is no event to wait for, gnet does not tell when a socket takes bytes.
func (l *lane) later(j *laneJob) {
	j.req.Conn.transport().look(j.req.Conn)
	l.mu.Lock()
	l.push(j)
	if l.passed.Add(1) < int64(l.size) {
		l.mu.Unlock()
		return
	}
	l.passed.Store(0)
	l.resting++
	l.mu.Unlock()
	timer := time.NewTimer(l.rest)
	select {
	case <-timer.C:
	case <-l.fresh: // a lane may have this one worker, and others must not wait for who does not read
		timer.Stop()
	}
	l.mu.Lock()
	l.resting--
	l.mu.Unlock()
}

// tooOld is the age of a job beyond the limit, or -1.
func (l *lane) tooOld(j *laneJob) int64 {
	limit := l.maxAge.Load()
	if limit <= 0 {
		return -1
	}
	if age := l.d.clock.MonoMs() - j.req.Arrived; age >= limit {
		return age
	}
	return -1
}

func (l *lane) refuse(j *laneJob, age int64, left int) {
	l.d.stats.timedOut.Add(1)
	l.d.finish(j, protocol.NewResponse(code.SystemBusy, fmt.Sprintf(textTooOld, age, left)))
}

// sweep answers what waits too long even while every worker is stuck. It sleeps for as long as no worker lacks.
func (l *lane) sweep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wakeup:
		}
		for l.sweepOnce() {
			timer := l.d.clock.NewTimer(sweepEvery)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C():
			}
		}
	}
}

// sweepOnce answers the old head of the queue and reports whether anything is left waiting.
func (l *lane) sweepOnce() bool {
	for {
		l.mu.Lock()
		if l.size == 0 {
			l.mu.Unlock()
			return false
		}
		age := l.tooOld(l.ring[l.head])
		if age < 0 {
			l.mu.Unlock()
			return true
		}
		j, left := l.take(), l.size
		l.mu.Unlock()
		l.refuse(j, age, left)
	}
}

// close lets the workers finish what waits and ends them.
func (l *lane) close() {
	l.mu.Lock()
	l.stop = true
	l.work.Broadcast()
	l.mu.Unlock()
}

// lanes starts and stops all of them.
type lanes struct {
	all    [LaneCount]*lane
	bytes  atomic.Int64 // copies of frames that wait
	wg     sync.WaitGroup
	cancel context.CancelFunc
}

func (s *lanes) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	for _, l := range s.all {
		if l == nil {
			continue
		}
		for range l.workers {
			s.wg.Go(l.worker)
		}
		s.wg.Go(func() { l.sweep(ctx) })
	}
}

func (s *lanes) stop() {
	for _, l := range s.all {
		if l != nil {
			l.close()
		}
	}
	if s.cancel != nil {
		s.cancel()
	}
	s.wg.Wait()
}
