// Package crash kills the real broker with SIGKILL at random moments while producers send, starts it again on the same store, and
// checks what the store promises:
//
//   - a message that was acknowledged is at the queue and offset of its answer
//   - offsets of a queue are dense: no hole, no record twice
//   - no message is there twice, whether it was acknowledged or not
//   - consume queue, commit log and index agree
//
// `make crash ROUNDS=100` runs more rounds. A process that dies takes nothing from the page cache, so this holds with ASYNC_FLUSH
// too; power cuts are the business of the store's own tests, on a disk in memory that forgets.
package crash
