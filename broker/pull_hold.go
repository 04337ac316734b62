package broker

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/skylarkmq/skylark/broker/longpoll"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// heldPull is a pull that waits.
type heldPull struct {
	longpoll.Hold
	b    *Broker
	held remoting.Held
	pull pull
	// passed: messages came that it did not want, and its offset is behind them.
	passed bool
}

// hold parks a pull; false when it has to be answered now. Where no more can be held it is answered with a, what it found.
func (b *Broker) hold(r *remoting.Request, p *pull, a *answer) bool {
	cfg := b.cfg.Get()
	wait := p.suspendMs
	if !cfg.LongPollingEnable {
		wait = cfg.ShortPollingTimeMills
	}
	if wait = min(wait, cfg.MaxSuspendTimeMills); wait <= 0 || r.IsOneWay() || b.stopped.Load() {
		return false
	}
	h := &heldPull{b: b, pull: *p}
	h.Hold = longpoll.Hold{
		Topic: p.topic.TopicName, Queue: p.queue, From: p.offset, Deadline: b.clock.MonoMs() + wait, Owner: r.Conn, Owned: h, Wake: wakeHeld,
	}
	if !p.sub.All() {
		h.Match = p.sub.MatchCode
	}
	h.held = r.Hold()
	if !b.park(h) {
		_ = h.held.Reply(b.notFound(p, a)) // a closed connection has nobody to tell
	}
	return true
}

// park adds a pull to the held ones; false when there are too many.
func (b *Broker) park(h *heldPull) bool {
	name, queue, from, conn := h.Topic, h.Queue, h.From, h.held.Conn // h is somebody else's as soon as it is added
	if !b.Holds.Add(&h.Hold) {
		return false
	}
	// A message may have come between the read and the Add, and the end of the connection.
	if maxOffset := b.Store.MaxOffset(name, queue); maxOffset > from {
		b.Holds.Arrive(name, queue, maxOffset, 0, true)
	}
	if conn.Closed() {
		b.Holds.Drop(conn)
	}
	return true
}

// wakeHeld runs a pull again whose time is over, or for which the re-check found
// something; this time it is not held.
func wakeHeld(p *longpoll.Hold, _ longpoll.Reason) {
	h := p.Owned.(*heldPull)
	h.b.wakers.put(h)
}

// rerun answers a woken pull; false: it needs the disk, or has more to evaluate than others
// may wait for, and was not answered. Who wakes it runs for nobody's request: a panic costs
// this answer.
func (h *heldPull) rerun(residentOnly, slowToo bool) (answered bool) {
	defer func() {
		if p := recover(); p != nil {
			h.b.log.Error().Interface("panic", fmt.Sprint(p)).Bytes("stack", debug.Stack()).Msg("held pull panicked")
			_ = h.held.Reply(protocol.NewResponse(code.SystemError, fmt.Sprintf("%T: %v", p, p)))
			answered = true
		}
	}()
	return h.again(residentOnly, slowToo)
}

// again handles a pull once more. Settings may have changed while it waited, so the
// checks are made again.
func (h *heldPull) again(residentOnly, slowToo bool) (answered bool) {
	b, p := h.b, &h.pull
	p.sysFlag &^= header.PullSuspend
	if refusal := b.readmit(h); refusal.code != code.Success {
		_ = h.held.Reply(refusal.response()) // a closed connection has nobody to tell
		return true
	}
	if !slowToo && b.slow(p) {
		return false
	}
	if answer, ok := b.moved(p); ok {
		_ = h.held.Reply(answer)
		return true
	}
	buf := b.wakers.buffer()
	defer b.wakers.release(buf)
	a := answer{opaque: h.held.Opaque, serialize: h.held.Serialize, passed: h.passed}
	var cold bool
	if buf.b, cold = b.read(buf.b[:0], p, &a, residentOnly); cold {
		return false
	}
	if b.holdOn(h, &a) {
		return true
	}
	b.pulled(p, &a)
	_ = h.held.ReplyFrame(buf.b)
	return true
}

// readmit is admitPull for what a held pull remembers.
func (b *Broker) readmit(h *heldPull) pullRefusal {
	p := &h.pull
	if refusal := b.mayPull(p.lite); refusal.code != code.Success {
		return refusal
	}
	group, name := p.group.GroupName, p.topic.TopicName
	if g := b.Groups.Get(group); g != nil {
		p.group = g
	}
	t := b.Topics.Get(name)
	if t == nil {
		return pullRefused(code.TopicNotExist, "topic["+name+"] not exist, apply first please! "+faq)
	}
	p.topic = t
	if refusal := mayRead(p, h.held.Conn); refusal.code != code.Success {
		return refusal
	}
	if p.has(header.PullSubscription) {
		return pullAdmitted
	}
	return b.subscribed(p)
}

// arrived is the store's word that a queue has new messages: the first few pulls
// that wait for them are answered here and now, because handing over to another
// goroutine costs more than the answer; a crowd is left to the wakers.
func (b *Broker) arrived(a store.Arrival) {
	if a.Topic == message.TopicSchedule {
		b.Schedule.Arrived(a.QueueID)
	}
	p := b.Holds.Take(a.Topic, a.QueueID, a.NextOffset, a.TagsCode, a.Count != 1)
	for n := 0; p != nil; n++ {
		next := p.Next()
		h := p.Owned.(*heldPull)
		if n >= wakeInline || !h.rerun(true, false) {
			b.wakers.put(h)
		}
		p = next
	}
}

const (
	wakeInline = 4 // pulls answered by the goroutine that appended
	wakerCount = 2
	keepBuffer = 1 << 20
)

// wakers answer woken pulls away from the loops. Their queue is bounded by the
// number of pulls that may be held.
type wakers struct {
	b    *Broker
	slow *wakers // for expressions with much work, which would keep all others waiting; nil: these are theirs
	// Made once: a method's value costs an allocation.
	onLane, cold, backlog func(*remoting.Request) (*protocol.Command, error)

	mu    sync.Mutex
	ready sync.Cond
	queue []*heldPull
	stop  bool

	buffers sync.Pool
}

type pullBuffer struct{ b []byte }

func newWakers(b *Broker) *wakers {
	w := &wakers{b: b, onLane: b.pullOnLane, cold: b.pullCold, backlog: b.pullBacklog, slow: &wakers{b: b}}
	w.ready.L, w.slow.ready.L = &w.mu, &w.slow.mu
	w.buffers.New = func() any { return &pullBuffer{b: make([]byte, 0, 64<<10)} }
	return w
}

func (w *wakers) buffer() *pullBuffer { return w.buffers.Get().(*pullBuffer) }

func (w *wakers) release(p *pullBuffer) {
	if cap(p.b) <= keepBuffer {
		w.buffers.Put(p)
	}
}

func (w *wakers) put(h *heldPull) {
	w.mu.Lock()
	w.queue = append(w.queue, h)
	w.mu.Unlock()
	w.ready.Signal()
}

// run works until ctx ends.
func (w *wakers) run(ctx context.Context) {
	stopSlow, stop := w.slow.start(), w.start()
	<-ctx.Done()
	stop() // first: they give the others work
	stopSlow()
}

func (w *wakers) start() (stop func()) {
	var workers sync.WaitGroup
	for range wakerCount {
		workers.Go(w.work)
	}
	return func() {
		w.mu.Lock()
		w.stop = true
		w.mu.Unlock()
		w.ready.Broadcast()
		workers.Wait()
	}
}

func (w *wakers) work() {
	var batch []*heldPull
	for {
		w.mu.Lock()
		for len(w.queue) == 0 && !w.stop {
			w.ready.Wait()
		}
		if len(w.queue) == 0 {
			w.mu.Unlock()
			return
		}
		n := min(len(w.queue), 64)
		batch = append(batch[:0], w.queue[:n]...)
		clear(w.queue[:n])
		if w.queue = w.queue[n:]; len(w.queue) == 0 {
			w.queue = nil
		}
		w.mu.Unlock()
		for i, h := range batch {
			if !h.rerun(false, w.slow == nil) {
				w.slow.put(h)
			}
			batch[i] = nil
		}
	}
}

// drainHolds answers all held pulls: the server is about to stop.
func (b *Broker) drainHolds() {
	b.stopped.Store(true)
	b.Holds.Stop()
}
