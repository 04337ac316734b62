package transaction

import "github.com/skylarkmq/skylark/message"

// Store is what the coordinator needs of the message store.
type Store interface {
	// Append stores messages one after the other, and returns when they are as
	// safe as the store makes any message. What it would never take is Refused and left
	// out; after any other failure nothing more of the list is OK.
	Append(list []message.Message) []Stored
	// Record appends the record at a place of the log to dst; the caller knows the
	// place from a queue, or from Append.
	Record(phy int64, size int32, dst []byte) ([]byte, error)
	// Sound says whether the body of a record that was read and decoded is the one
	// that was stored.
	Sound(v *message.View) error
	// Get appends up to n records of a queue to dst, and says at which offset to go
	// on: behind the records, behind a gap when there are none, or at offset itself
	// at the end of the queue.
	Get(topic string, queue int32, offset int64, n int, dst []byte) (records []byte, next int64)
	// Bounds are the first offset and the end of a queue.
	Bounds(topic string, queue int32) (low, high int64)
	// Walk visits the records of the log from a place on, which must be the start of one.
	Walk(from int64, visit func(v *message.View) error) error
	// Oldest and End are the ends of the log, Flushed how far the disk has it.
	Oldest() int64
	End() int64
	Flushed() int64
}

// Stored is what became of one appended message.
type Stored struct {
	OK                     bool
	Refused                bool // for what it is, such as too long: to try again is of no use
	QueueOffset, PhyOffset int64
	StoreTimestamp         int64
	Size                   int32
}

// Offsets are the committed offsets of consumer groups.
type Offsets interface {
	// Query answers a negative number when nothing was committed.
	Query(group, topic string, queue int32) int64
	Commit(group, topic string, queue int32, offset int64)
}

// Group is the consumer group under which progress is committed.
const Group = "CID_RMQ_SYS_TRANS"

// queue is the only one of the half, the op and the discard topic.
const queue = 0
