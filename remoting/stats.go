package remoting

import "sync/atomic"

// counters count since the start.
type counters struct {
	accepted, acceptErrors, overConnections        atomic.Int64
	requests, unknown, overloaded, timedOut        atomic.Int64
	failed, panics, badFrames, strayAnswers        atomic.Int64
	slowClosed, idleClosed, tlsFailed, tlsAccepted atomic.Int64
	reliefs                                        atomic.Int64
}

// Stats is a snapshot of a server. Counters run since its start.
type Stats struct {
	Connections                             int64 // now
	PendingBytes, PartialBytes, LaneBytes   int64 // now
	Accepted, AcceptErrors, OverConnections int64
	Requests                                int64
	Unknown                                 int64 // request codes without a row
	Overloaded, TimedOut                    int64 // SYSTEM_BUSY: lane full, in flight or waited too long
	Failed, Panics                          int64 // SYSTEM_ERROR
	BadFrames, StrayAnswers                 int64
	SlowClosed, IdleClosed                  int64
	TLSAccepted, TLSFailed                  int64
	Reliefs                                 int64 // times a loop waited for the disk, and had a stand-in
	Lanes                                   [LaneCount]LaneStats
}

// LaneStats is one lane now.
type LaneStats struct {
	Depth, Capacity int
	HeadWaitMs      int64
}

func (d *dispatcher) snapshot() Stats {
	c := &d.stats
	s := Stats{
		PendingBytes: d.outbound.Load(), PartialBytes: d.partial.Load(), LaneBytes: d.lanes.bytes.Load(),
		Accepted: c.accepted.Load(), AcceptErrors: c.acceptErrors.Load(), OverConnections: c.overConnections.Load(),
		Requests: c.requests.Load(), Unknown: c.unknown.Load(), Overloaded: c.overloaded.Load(), TimedOut: c.timedOut.Load(),
		Failed: c.failed.Load(), Panics: c.panics.Load(), BadFrames: c.badFrames.Load(), StrayAnswers: c.strayAnswers.Load(),
		SlowClosed: c.slowClosed.Load(), IdleClosed: c.idleClosed.Load(), TLSAccepted: c.tlsAccepted.Load(), TLSFailed: c.tlsFailed.Load(),
		Reliefs: c.reliefs.Load(),
	}
	now := d.clock.MonoMs()
	for i, l := range d.lanes.all {
		if l != nil {
			s.Lanes[i] = LaneStats{Depth: l.depth(), Capacity: l.limit, HeadWaitMs: l.headWait(now)}
		}
	}
	return s
}
