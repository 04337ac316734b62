package schedule

import (
	"errors"

	"github.com/skylarkmq/skylark/message"
)

// Store is what a schedule needs of the message store.
type Store interface {
	// Units appends up to n units of a level's queue to dst, from an offset on, and
	// says which offsets the queue has: [low, high), 0 and 0 when there is no queue. An
	// error: that cannot be told now.
	Units(queue int32, offset int64, n int, dst []Unit) (units []Unit, low, high int64, err error)
	// Record appends the record of a unit to dst; ErrGone when the log no longer has it,
	// ErrNotNow when something that passes stands in the way.
	Record(phy int64, size int32, dst []byte) ([]byte, error)
	// Deliver stores messages one after the other as they are, without a look at
	// their delay level, and says how many are in the log. refused is why the next one
	// is not; ErrIllegal when the store will never take it, ErrQueue when it takes others.
	Deliver(list []message.Message) (stored int, refused error)
	// Sync makes everything delivered so far durable.
	Sync() error
}

// Unit is one message that waits.
type Unit struct {
	Phy  int64
	Size int32
	// Due is when to deliver it, ms; negative when the queue does not say (Java's
	// consume queue extension hides it behind an address).
	Due int64
}

var (
	// ErrGone is the answer to a read of what expired.
	ErrGone = errors.New("schedule: the record is gone")
	// ErrNotNow is the answer to a read for which the process lacks something now, such as
	// a file descriptor: it says nothing of the record.
	ErrNotNow = errors.New("schedule: not now")
	// ErrQueue refuses a message because its own queue cannot be opened now.
	ErrQueue = errors.New("schedule: the queue that the message is for cannot be opened")
	// ErrIllegal refuses a message for good.
	ErrIllegal = errors.New("schedule: the store does not take the message")
)
