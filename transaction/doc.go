// Package transaction keeps half messages until their producer decides: it knows
// which are open, writes what settles them, and asks producers that stay silent.
//
// Its main type is Coordinator. On the disk everything is the original's:
//
//	half queue   RMQ_SYS_TRANS_HALF_TOPIC 0     one record a half message; one more each time it is checked
//	op queue     RMQ_SYS_TRANS_OP_HALF_TOPIC 0  bodies list half offsets that are settled
//	progress     CID_RMQ_SYS_TRANS              committed offsets of both queues
//
// A half message is open when its offset is at or behind the progress of the half
// queue and no op record behind the progress of the op queue names it. The
// coordinator reads that once, at the start, and then keeps the open ones in an
// index in memory: a round of checks costs by open transactions and not by the
// length of the queues. What the index holds and how it stays true is in index.go;
// which crash leaves what, and how Load tells, is in load.go.
//
// The package knows neither connections nor the broker. Whoever appends half
// messages and commits in its own batch brackets that with Begin and End, says
// Opened for each half message that is in the log, and Claim, then Settled or
// Released, around each decision. Run owns two goroutines: one writes op records,
// one runs the rounds.
package transaction
