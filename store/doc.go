// Package store is the message store: a commit log of all messages, consume
// queues that point into it, an index by key, and a checkpoint, in the files and
// formats of Apache RocketMQ. Store composes the packages below it:
//
//	commitlog     the records, one after the other      consumequeue  per queue: where its messages are
//	index         key → records                         checkpoint    what the disk is known to have
//	mapped        files of one size                     clean         what may go
//
// # Writing
//
// A sender encodes messages into its Batch (Stage: outside of any lock) and hands
// it to Append: one critical section that gives queue offsets and places, patches
// them into the encoded records and writes each contiguous run with one pwrite.
// With ASYNC_FLUSH the same critical section fills consume queues and index. With
// SYNC_FLUSH the group commit does that, after the disk has the bytes: nobody sees
// what a power cut could take back (the Java store shows it earlier, upstream
// issue 8239). A failed write gives its offsets back and wipes what it may have
// left. The first failed flush ends the acceptance of messages until a restart:
// the kernel may have dropped the pages, and a second flush would seem to succeed.
//
// # Recovery
//
// Open reads the log from a file of which the checkpoint is sure and walks the
// records to the first bytes that are none. After an unclean stop (the abort file
// is there) no unit of a queue from the start of that walk on counts until its
// record was found, because a power cut keeps any part of what was not flushed;
// those that stand right stay where they are. What no record was found for goes
// when the walk has ended, and what follows the log's end in its last file is zeroed.
//
// # Goroutines and locks
//
// Open starts nothing; Run starts these and waits for them:
//
//	commitlog.Log.Run       makes the next log file; with SYNC_FLUSH fills it with zeros
//	flushLoop               ASYNC_FLUSH: fdatasync of the log every flushIntervalCommitLog
//	groupCommit             SYNC_FLUSH: one fdatasync after the other while there is something to flush
//	queueLoop               consume queues, index and checkpoint to the disk; retries of dispatch
//	stats.sample            counts once a second
//	cleanLoop               expiry
//
// Locks, in the order in which they are taken; nothing calls upwards with one held:
//
//	Store.mu                the append lock: position of the log, Queue.Next, commit.items
//	Store.dispatching       the writer of consume queues and index; the backlog
//	commitlog next, flush   the next file; one flush at a time
//	consumequeue, index     their own, see there
//	commit.mu               who waits for a flush; never held while they are told
//
// Arrival listener and AwaitFlush functions are called with no lock held.
package store
