package check

import "fmt"

// Severity says what a problem costs.
type Severity string

// The severities. A store with no Error serves everything that is in its log.
const (
	Error   Severity = "error"   // a message is lost, or not served, or a start fails
	Warning Severity = "warning" // something is slower to find, or a figure is off
	Note    Severity = "note"    // as it should be, and good to know
)

// Kind is what is wrong, for programs. They do not change.
type Kind string

// The kinds.
const (
	BadName       Kind = "bad-name"      // a file whose name is none of its directory's
	BadSize       Kind = "bad-size"      // a file of another size than all others
	Unreadable    Kind = "unreadable"    // the disk does not give it
	LogGap        Kind = "log-gap"       // a file of the log is missing
	LogDamage     Kind = "log-damage"    // bytes that are no record, with records behind them
	LogTail       Kind = "log-tail"      // bytes behind the last record that are no record
	LogBlank      Kind = "log-blank"     // the record that should end a file
	UnitMissing   Kind = "unit-missing"  // a record without its unit
	UnitWrong     Kind = "unit-wrong"    // a unit that differs from its record
	UnitStray     Kind = "unit-stray"    // a unit without a record
	QueueGap      Kind = "queue-gap"     // a file of a queue is missing
	QueueHole     Kind = "queue-hole"    // offsets for which the log has no record
	ExtMissing    Kind = "ext-missing"   // a unit points to no extension unit
	IndexDamage   Kind = "index-damage"  // head, slots or chains of an index file do not agree
	KeyMissing    Kind = "key-missing"   // a key that queries will not find
	KeyStray      Kind = "key-stray"     // an entry that leads to no record with that key
	CheckpointOff Kind = "checkpoint"    // beyond what it speaks of
	StateDamage   Kind = "state-damage"  // a state file that cannot be read
	OffsetBeyond  Kind = "offset-beyond" // a consumer is ahead of its queue
	TimerOff      Kind = "timer"         // timer log or wheel
	UncleanStop   Kind = "unclean-stop"  // abort is there
	InUse         Kind = "in-use"        // someone holds the lock
	NotUnderstood Kind = "not-checked"   // files this check does not know
)

// Problem is one finding.
type Problem struct {
	Severity Severity `json:"severity"`
	Kind     Kind     `json:"kind"`
	File     string   `json:"file,omitempty"`
	At       int64    `json:"at"` // in the log or in the file; -1 when it has no place
	What     string   `json:"what"`

	starts *starts
	wayOut string // "": a repair
}

// starts says which broker starts beside a file of a wrong name or size; unsaid,
// neither does when it is an Error.
type starts struct{ ours, java bool }

// maxProblems of one kind are listed; the others are counted.
const maxProblems = 50

// Report is the result of Run.
type Report struct {
	Root     string           `json:"root"`
	InUse    bool             `json:"inUse"`
	Unclean  bool             `json:"uncleanStop"`
	Settings map[string]int64 `json:"settings"`

	Log        LogSummary   `json:"log"`
	Queues     QueueSummary `json:"queues"`
	Index      IndexSummary `json:"index"`
	StateFiles int          `json:"stateFiles"`
	Offsets    int64        `json:"offsets"` // consumer positions compared
	Timers     int64        `json:"pendingTimers"`

	Counts   map[Kind]int64 `json:"counts"`
	Errors   int64          `json:"errors"`
	Warnings int64          `json:"warnings"`
	Problems []Problem      `json:"problems"`

	damage damage
	held   bool // made under the store's lock, which is still held
}

// LogSummary is what the walk over the log saw.
type LogSummary struct {
	Files    int   `json:"files"`
	Min      int64 `json:"minOffset"`
	End      int64 `json:"endOffset"`
	Records  int64 `json:"records"`
	Bytes    int64 `json:"recordBytes"`
	Sealed   int64 `json:"recordsWithCRCProperty"`
	LastTime int64 `json:"lastStoreTimestamp"`

	Quarantined int64 `json:"quarantined"` // records that a repair wrote
}

// QueueSummary counts units; Units are those that agree with a record.
type QueueSummary struct {
	Queues  int   `json:"queues"`
	Units   int64 `json:"units"`
	Expired int64 `json:"unitsOfExpiredRecords"`
	Batch   int64 `json:"batchUnits"`
	Ext     int64 `json:"extensionUnits"`
}

// IndexSummary counts keys; Keys are those that agree with a record.
type IndexSummary struct {
	Files   int   `json:"files"`
	Keys    int64 `json:"keys"`
	Expired int64 `json:"keysOfExpiredRecords"`
}

// Clean says whether there is nothing to repair.
func (r *Report) Clean() bool { return r.Errors == 0 && r.Warnings == 0 }

// add reports a problem; the result is for what else is to be said about it.
func (r *Report) add(s Severity, k Kind, file string, at int64, format string, args ...any) *Problem {
	switch s {
	case Error:
		r.Errors++
	case Warning:
		r.Warnings++
	}
	if r.Counts[k]++; r.Counts[k] > maxProblems {
		return &Problem{}
	}
	r.Problems = append(r.Problems, Problem{Severity: s, Kind: k, File: file, At: at, What: fmt.Sprintf(format, args...)})
	return &r.Problems[len(r.Problems)-1]
}

// damage is what Plan needs to know, beside the words.
type damage struct {
	regions    []region
	logFiles   []sizedFile // of another size than they should have
	strangers  []string    // files in a directory where their names break a start
	queues     map[queueKey]bool
	batches    map[queueKey]bool
	index      bool
	checkpoint bool
	states     []string // unreadable, with a good .bak
	beyond     []position
	lost       []identity
	holes      []hole
	dead       map[queueKey]bool // damaged, and the log has no record of them
	shifted    map[queueKey]bool // built from a log with a hole: their units are ahead of their records
	firstTime  int64             // of the oldest record
	// quarantined are the places of records that an earlier repair wrote.
	quarantined []span
	lastPhy     int64
	unread      string // a file that the disk does not give, of which there is no second source
}

// hole is queue offsets [from, to) of which the log has no record; those around
// them are at after and before.
type hole struct {
	key           queueKey
	from, to      int64
	after, before int64
}

// identity is the place in a queue of a record that the log lost; phy is where it
// was, or noPhy.
type identity struct {
	key    queueKey
	offset int64
	phy    int64
}

type sizedFile struct {
	path       string
	start, has int64
}

type queueKey struct {
	topic string
	id    int32
}

// region is [from, to) of the log, without a record.
type region struct {
	from, to  int64
	storeTime int64 // of the last record before it
}

// position is a consumer that is ahead of its queue.
type position struct {
	file, key string
	queue     int32
	has, max  int64
	light     bool // in lmqOffsetTable
}
