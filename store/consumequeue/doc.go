// Package consumequeue holds the consume queues: for every topic and queue the
// dense list of its messages' places in the commit log.
//
// A Queue is a run of fixed-size files of fixed-size units (unit.go). There may
// be a hundred thousand of them, so nothing here keeps a mapping or an open file
// per queue: new units collect in a small piece of memory (tail.go) that readers
// of the newest messages read without a lock, and reach the file in one write a
// run, at the latest with the next Flush. Older units are read from the file
// through a bounded set of open files (files.go). A queue that nobody touches
// costs its entry in the Table and no system call.
//
// A killed process loses the units of the last flush interval. That is safe
// because the commit log is the truth: recovery dispatches every record again
// from FlushedTimestamp on, and Put recognises units that stand there already.
//
// The Table starts no goroutine. Its owner, the store, is the only writer (Put,
// under its append lock or in its group-commit goroutine) and calls Flush and
// DeleteExpired from goroutines of its own; readers come from anywhere.
package consumequeue
