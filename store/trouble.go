package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/skylarkmq/skylark/store/mapped"
)

// Fault is a kind of trouble with the disk.
type Fault uint8

// The kinds. What is done about each: docs/reliability.md.
const (
	FaultNoSpace  Fault = iota // ENOSPC, EDQUOT
	FaultReadOnly              // EROFS
	FaultIO                    // EIO
	FaultMapping               // SIGBUS
	FaultFiles                 // EMFILE, ENFILE
	FaultOther
	faultKinds
)

var faultNames = [faultKinds]string{"no_space", "read_only", "io_error", "mapping", "no_descriptors", "other"}

func (f Fault) String() string { return faultNames[f] }

// FaultOf tells the kind of an error.
func FaultOf(err error) Fault {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return FaultNoSpace
	case errors.Is(err, syscall.EROFS):
		return FaultReadOnly
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return FaultFiles
	case errors.Is(err, mapped.ErrFault):
		return FaultMapping
	case errors.Is(err, syscall.EIO):
		return FaultIO
	}
	return FaultOther
}

// troubles is what went wrong with the disk since the start.
type troubles struct {
	counts [faultKinds]atomic.Int64
	last   atomic.Pointer[trouble]
}

type trouble struct {
	why string
	at  int64 // ms
}

// troubleFor is how long a single refusal is explained by the last trouble.
const troubleFor = 10_000

// trouble counts an error of the disk and returns what to tell people about it.
func (s *Store) trouble(err error) string {
	why := s.explain(err)
	s.troubles.last.Store(&trouble{why, s.clk.NowMs()})
	return why
}

// explain counts an error of the disk, and says what it means and what to do.
func (s *Store) explain(err error) string {
	f := FaultOf(err)
	s.troubles.counts[f].Add(1)
	why := err.Error()
	switch f {
	case FaultFiles:
		why = fmt.Sprintf("no file descriptor is left (%v): raise the limit of open files (ulimit -n, LimitNOFILE=) or lower maxConnections", err)
	case FaultNoSpace:
		why = fmt.Sprintf("the disk is full (%v): messages are accepted again when there is room", err)
	case FaultReadOnly:
		why = fmt.Sprintf("the file system is read-only (%v): make it writeable, and restart the broker if it had failed", err)
	case FaultIO:
		why = fmt.Sprintf("the disk failed (%v): look into the kernel's log, restart the broker when the disk is sound", err)
	case FaultMapping:
		why = fmt.Sprintf("a page of a mapped file cannot be reached (%v): was a file cut, or is the disk full?", err)
	}
	return why
}

// Cause is why messages are refused now, or were a moment ago; empty when nothing
// is known.
func (s *Store) Cause() string {
	if ok, why := s.Writeable(); !ok {
		return why
	}
	if t := s.troubles.last.Load(); t != nil && s.clk.NowMs()-t.at < troubleFor {
		return t.why
	}
	return ""
}

// Faults counts the troubles with the disk since the start, by the kind's name.
func (s *Store) Faults(yield func(kind string, count int64)) {
	for f := range faultKinds {
		yield(f.String(), s.troubles.counts[f].Load())
	}
}

// refusals are the reasons that a Prometheus is told of.
var refusals = []struct {
	bit  uint32
	name string
}{
	{flagNotWriteable, "flush_failed"},
	{flagQueueError, "consume_queue_failed"},
	{flagIndexError, "index_failed"},
	{flagDiskFull, "disk_full"},
	{flagQueueUnsynced, "consume_queue_flush_failed"},
	{flagIndexUnsynced, "index_flush_failed"},
	{flagLogicsFull, "consume_queue_disk_full"},
	{flagFenced, "fenced"},
	{flagClosed, "closed"},
}

// Refusals says of each reason to refuse messages whether it holds. index_failed and
// the flushes of queues and index refuse none, but want a restart.
func (s *Store) Refusals(yield func(reason string, holds bool)) {
	for _, r := range refusals {
		yield(r.name, s.flags.has(r.bit))
	}
}
