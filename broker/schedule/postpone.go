package schedule

import (
	"time"

	"github.com/skylarkmq/skylark/message"
)

// A message whose own queue cannot be opened does not hold up its level: after some tries
// it is put into the level once more, behind the others, and waits as long again. So its
// record is in the log before the progress passes the old one.

const (
	// postponeAfter is how often its delivery is tried before, every again.
	postponeAfter = 20
	// leastPostponed is the shortest level, in ms, that messages are put into again: they
	// come back after so long, each a record more in the log.
	leastPostponed = 1000
	// refusedFor is how long the level takes such refusals for the same trouble: those that
	// follow are not tried as often.
	refusedFor = 10 * time.Second
)

// refusals are the deliveries of a level that ErrQueue refused.
type refusals struct {
	count int
	last  int64 // MonoMs
}

// postponed puts a message that was refused into its level again, when it is time for that.
func (l *level) postponed(m *message.Message, refused error) bool {
	now, r := l.s.opt.Clock.MonoMs(), &l.refusals
	if now-r.last > refusedFor.Milliseconds() {
		r.count = 0
	}
	r.last = now
	if r.count++; r.count < postponeAfter || l.delay < leastPostponed {
		return false
	}
	once := *m
	once.Topic, once.QueueID = message.TopicSchedule, l.queue()
	if stored, _ := l.s.opt.Store.Deliver([]message.Message{once}); stored == 0 {
		return false
	}
	if l.say(now) {
		l.s.opt.Log.Error().Err(refused).Int32("level", l.n).Str("topic", m.Topic).Int32("queue", m.QueueID).
			Msg("schedule: a message cannot be delivered to its queue now; it waits once more")
	}
	return true
}
