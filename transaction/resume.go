package transaction

import (
	"errors"

	"github.com/skylarkmq/skylark/message"
)

// Why a half message cannot be resumed.
var (
	ErrNotHalf = errors.New("transaction: not a record of a half message that waits to be resumed")
	ErrIsOpen  = errors.New("transaction: the half message is open, or is being resumed or committed")
)

// Resume appends a discarded half message again, with no checks used up:
// RESUME_CHECK_HALF_MESSAGE. Also the original of it in the half queue will do.
func (c *Coordinator) Resume(v *message.View) error {
	f, ok := ReadFacts(v.Properties)
	topic := string(v.Topic)
	if !ok || topic != message.TopicMaxCheckTimes && topic != message.TopicHalf {
		return ErrNotHalf
	}
	id := c.index.identity(f.Group, f.Uniq, v.BornTimestamp)
	again, ok := c.index.lift(id)
	if !ok {
		return ErrIsOpen
	}
	defer func() { c.index.lifted(id, again) }()
	t := c.Begin()
	defer func() { c.End(t, nil) }()
	stored := c.opt.Store.Append([]message.Message{{
		Topic: message.TopicHalf, QueueID: queue, Flag: v.Flag, SysFlag: v.SysFlag, BornTimestamp: v.BornTimestamp, BornHost: v.BornHost,
		StoreHost: v.StoreHost, ReconsumeTimes: v.ReconsumeTimes, Body: v.Body,
		// What it was a copy of is settled: one that still named that would be, too.
		Properties: message.DeleteProperty(renewed(v.Properties, 0, -1), message.PropertyTransactionQueueOffset),
	}})
	if len(stored) != 1 || !stored[0].OK {
		return ErrNotStored
	}
	s := &stored[0]
	again = false
	c.Opened([]Opening{{
		Group: f.Group, Uniq: f.Uniq, RealTopic: string(f.RealTopic), Born: v.BornTimestamp, Stored: s.StoreTimestamp, Immunity: f.Immunity,
		Offset: s.QueueOffset, Phy: s.PhyOffset, Size: s.Size, Resumed: true,
	}})
	c.Counters.Resumed.Add(1)
	return nil
}

// lift takes a half message out of the discarded ones, for who resumes it; false when it is
// open, or is being resumed or committed. known: it was among them, and goes back there
// when it cannot be resumed.
func (x *index) lift(id uint64) (known, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.committing[id] || x.resuming[id] != nil || x.isOpen(id) {
		return false, false
	}
	x.resuming[id] = make(chan struct{})
	return x.discarded.take(id), true
}

// lifted ends that; back: to the discarded ones.
func (x *index) lifted(id uint64, back bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	close(x.resuming[id])
	delete(x.resuming, id)
	if back {
		x.discarded.add(id)
	}
}

// awaitLifted waits until a half message is not being resumed: whether a decision about it
// meets an open or a discarded one is known after that. mu is held, but not meanwhile.
func (x *index) awaitLifted(id uint64) {
	for over := x.resuming[id]; over != nil; over = x.resuming[id] {
		x.mu.Unlock()
		<-over
		x.mu.Lock()
	}
}

// isOpen needs mu.
func (x *index) isOpen(id uint64) bool {
	for h := x.first; h != nil; h = h.next {
		if h.id == id {
			return true
		}
	}
	return false
}
