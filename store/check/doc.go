// Package check looks at a store directory without opening the store: Run
// compares every file with every other, Dump prints what is in them, Plan says
// what a repair would do and (*Repair).Write does it.
//
// The commit log is the truth. Run walks it once, in order, and while it does
// compares each record with the unit that its queue should have and with its keys
// in the index; both are in the order of the log, so a cursor into each is enough
// and nothing grows with the number of messages:
//
//	log      R R R R R R R …            one pass
//	queues     u   u     u              a cursor a queue: 128 units in memory
//	index    e e e   e e e              one cursor over all files
//	then     units that no record wanted, ends, checkpoint, config/*.json, timers
//
// Run only reads, through vfs.ReadOnly, and takes no lock: it may be used while a
// broker runs. What that broker has not written yet, or wrote meanwhile, is then
// no problem.
package check
