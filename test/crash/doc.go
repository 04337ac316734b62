// Package crash kills the real broker with SIGKILL at random moments while producers send, starts it again on the same store, and
// checks what the store promises:
//
//   - a message that was acknowledged is at the queue and offset of its answer
//   - offsets of a queue are dense: no hole, no record twice
//   - no message is there twice, whether it was acknowledged or not
//   - consume queue, commit log and index agree
//
// Kills fall into starts too, and, with the settings of the test, into rolls, deletions and checkpoints. A process that dies takes nothing
// from the page cache, so this holds with ASYNC_FLUSH too. Power cuts of a loop-mounted file system, errors that strace injects, a full and
// a read-only file system follow where the machine can do them; else the test says SKIPPED.
//
// `make crash ROUNDS=100` runs more rounds; SKYLARK_CRASH_SEED repeats the decisions of one.
package crash
