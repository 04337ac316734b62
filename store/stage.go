package store

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/skylarkmq/skylark/message"
)

// Stage encodes one message into the batch: everything that can be done outside
// the append lock. A refused message leaves the batch as it was. The message may
// be changed: Options.PrePut says where it really goes.
func (s *Store) Stage(b *Batch, m *message.Message) (int, PutStatus) {
	return s.stage(b, m, true)
}

// StageAsIs is Stage for what this store already holds in another place and what now
// goes to its own, or on: a message whose delay is over, a half message that is checked.
// It keeps the DELAY property and is not sent away again, and a limit that was lowered
// since does not stop it.
func (s *Store) StageAsIs(b *Batch, m *message.Message) (int, PutStatus) {
	return s.stage(b, m, false)
}

func (s *Store) stage(b *Batch, m *message.Message, fresh bool) (int, PutStatus) {
	cfg := s.cfg.Get()
	bodyMax := math.MaxInt32 - recordSlack
	if fresh {
		bodyMax = max(cfg.MaxMessageSize, 10)
	}
	if st := s.admit(cfg, b, m, bodyMax); st != PutOK {
		return -1, st
	}
	f := b.factsOf(m)
	if fresh && s.prePut != nil && delayLevel(f.Delay) > 0 {
		var st PutStatus
		if b.scratch, st = s.prePut(m, b.scratch[:0]); st != PutOK {
			return -1, st
		}
		f = facts{Facts: b.facts.Read(m.Properties)}
	}
	from := b.mark()
	if st := s.encode(cfg, b, m, &f, bodyMax); st != PutOK {
		b.back(from)
		return -1, st
	}
	return s.group(b, from, cfg)
}

// StageList encodes the messages of a batch body: as many records, one after the
// other in one file and one queue.
func (s *Store) StageList(b *Batch, m *message.Message) (int, PutStatus) {
	cfg := s.cfg.Get()
	bodyMax := max(cfg.MaxMessageSize, 10)
	if st := s.admit(cfg, b, m, bodyMax); st != PutOK {
		return -1, st
	}
	if m.SysFlag&message.FlagTransactionMask != 0 || len(m.Body) == 0 {
		return -1, MessageIllegal
	}
	if level, ok := message.Property(m.Properties, message.PropertyDelay); ok && delayLevel(level) > 0 {
		return -1, MessageIllegal
	}
	from := b.mark()
	one := *m
	one.PreparedTransactionOffset = 0
	st := PutOK
	err := message.EachBatchElement(m.Body, func(e message.BatchElement) error {
		if len(b.items)-from.items == maxListMessages {
			st = MessageIllegal
			return errRefused
		}
		one.Flag, one.Body, one.Properties = e.Flag, e.Body, e.Properties
		f := facts{Facts: b.facts.Read(e.Properties), element: true}
		if st = s.encode(cfg, b, &one, &f, bodyMax); st != PutOK {
			return errRefused
		}
		return nil
	})
	if err != nil {
		b.back(from)
		if st == PutOK {
			st = MessageIllegal
		}
		return -1, st
	}
	return s.group(b, from, cfg)
}

// maxListMessages is how many messages a batch body may have: the answer names each with
// up to 57 bytes, in a header whose length has 24 bits. With a UNIQ_KEY each, a frame does not
// hold so many.
const maxListMessages = 250_000

var errRefused = errors.New("store: refused")

// admit checks what Java's pre-put hooks check, in their order.
func (s *Store) admit(cfg *Config, b *Batch, m *message.Message, bodyMax int) PutStatus {
	if s.refuses() {
		return ServiceNotAvailable
	}
	switch {
	case !s.homeOf(b, m.Topic).legal, m.QueueID < 0, m.Body == nil:
		return MessageIllegal
	case s.busy(cfg):
		return OSPageCacheBusy
	case len(m.Body) > bodyMax:
		return MessageIllegal
	case len(m.Properties) > message.PropertiesMax:
		return PropertiesSizeExceeded
	}
	return PutOK
}

// encode adds one record to the stage; f is what m.Properties say.
func (s *Store) encode(cfg *Config, b *Batch, m *message.Message, f *facts, bodyMax int) PutStatus {
	msg := *m
	if !msg.StoreHost.IsValid() {
		msg.StoreHost = s.storeHost
	}
	at := len(b.stage)
	home := s.homeOf(b, m.Topic)
	if home.light && s.lightQueuesEnd(m.Topic, m.QueueID) {
		return LmqConsumeQueueNumExceeded
	}
	mo, st := s.special(cfg, &msg, home, f)
	if st != PutOK {
		return st
	}
	encoding := message.Encoding{LongTopics: cfg.AutoMessageVersionOnTopicLen, PropertyCRC: cfg.EnabledAppendPropCRC}
	stage, err := encoding.AppendRecord(b.stage, &msg)
	b.stage = stage
	switch {
	case errors.Is(err, message.ErrPropertiesLength):
		return PropertiesSizeExceeded
	case err != nil:
		return MessageIllegal
	}
	size := len(stage) - at
	if size > bodyMax+recordSlack || size > math.MaxInt32 {
		return MessageIllegal
	}
	it := item{at: at, storeAt: message.StoreTimestampAt(stage[at:]), numbered: message.Indexed(m.SysFlag), sealed: cfg.EnabledAppendPropCRC}
	it.size = int32(size)
	if mo != nil {
		if mo.places != nil && size-mo.room+mo.estimate() > bodyMax { // Java's limit for these is for the whole record
			return MessageIllegal
		}
		mo.late = encoding.LateOf(stage[at:], mo.room)
		it.more = mo
	}
	switch {
	case mo != nil && mo.batch != nil:
		it.numbered = false
		it.tagsCode = message.TagsCode(f.Tags)
	case it.numbered:
		it.queue = home.queues.Queue(m.QueueID)
		if err := it.queue.Err(); err != nil { // its units would keep all others waiting
			_ = s.cannotRead(m.Topic, m.QueueID, -1, err)
			return ServiceNotAvailable
		}
		it.tagsCode = message.TagsCode(f.Tags)
		it.bits = s.bitMapOf(m.Topic, m.Properties)
		if m.Topic == message.TopicSchedule {
			it.delay = s.delays.of(f.Delay)
		}
	}
	b.hashes, it.keys = f.appendKeys(b.hashes, home.prefix, m.SysFlag, s.indexing(cfg))
	b.items = append(b.items, it)
	return PutOK
}

// special is for what is not one message in one queue; nil for all others. It may
// replace the properties.
func (s *Store) special(cfg *Config, m *message.Message, home *home, f *facts) (*more, PutStatus) {
	batch := home.batch
	switch {
	case (m.SysFlag&message.FlagInnerBatch != 0) != (len(f.InnerNum) > 0), (m.SysFlag&message.FlagInnerBatch != 0) != batch,
		batch && m.SysFlag&message.FlagTransactionMask != 0:
		// A single message in a batch queue would have no unit: Java stores it, and
		// nobody ever gets it.
		return nil, MessageIllegal
	case batch:
		return s.manyMessages(m, f.InnerNum)
	case len(f.Dispatch) == 0, !lightSettings(cfg), f.element, !message.Indexed(m.SysFlag), !message.AllowsLight(m.Topic),
		m.Topic == message.TopicHalf, m.Topic == message.TopicOpHalf:
		if f.Dispatched && lightSettings(cfg) { // a client's own offsets would be believed by recovery
			m.Properties = message.DeleteProperty(m.Properties, message.PropertyInnerMultiQueueOffset)
		}
		return nil, PutOK
	}
	return s.light(m, f.Dispatch)
}

// recordSlack is how much longer than the longest body a record may be.
const recordSlack = 64 << 10

// group closes what a call staged.
func (s *Store) group(b *Batch, from mark, _ *Config) (int, PutStatus) {
	size := int64(len(b.stage) - from.stage)
	if size+message.BlankSize > s.commitLog.FileSize() {
		b.back(from)
		return -1, MessageIllegal
	}
	b.groups = append(b.groups, group{
		first: from.items, count: len(b.items) - from.items, size: size,
		result: Result{Status: UnknownError, Size: int32(size), Count: int32(len(b.items) - from.items)},
	})
	if mo := b.items[from.items].more; mo != nil { // always alone
		gr := &b.groups[len(b.groups)-1]
		if gr.late = true; mo.batch != nil {
			gr.result.Count = int32(mo.count)
		}
	}
	return len(b.groups) - 1, PutOK
}

// facts are what is known of a record's properties.
type facts struct {
	message.Facts
	element bool // of a batch: those do not get into light queues
}

// factsOf takes them from whoever knows them, else from the properties.
func (b *Batch) factsOf(m *message.Message) facts {
	if m.Facts != nil {
		return facts{Facts: *m.Facts}
	}
	return facts{Facts: b.facts.Read(m.Properties)}
}

// appendKeys adds the hashes of a record's index keys, see indexPrefix: unique key,
// each of the keys, and the tags.
func (f *facts) appendKeys(dst []int32, prefix int32, sysFlag int32, indexing bool) ([]int32, [2]int32) {
	part := [2]int32{int32(len(dst)), int32(len(dst))}
	if !indexing || sysFlag&message.FlagTransactionMask == message.FlagTransactionRollback {
		return dst, part
	}
	if len(f.Uniq) > 0 {
		dst = append(dst, message.IndexHash(message.HashOn(prefix, f.Uniq)))
	}
	for at := 0; at < len(f.Keys); {
		end := at
		for end < len(f.Keys) && f.Keys[end] != ' ' {
			end++
		}
		if end > at {
			dst = append(dst, message.IndexHash(message.HashOn(prefix, f.Keys[at:end])))
		}
		at = end + 1
	}
	if len(f.Tags) > 0 {
		dst = append(dst, message.IndexHash(message.HashOn(message.HashOn(prefix, "T#"), f.Tags)))
	}
	part[1] = int32(len(dst))
	return dst, part
}

// delays are the lengths of the delay levels in ms; level n is delays[n-1].
type delays []int64

// of is how long a message with this DELAY property waits: capped to the highest
// level; 1 s for a level that is not in the table (an empty table).
func (d delays) of(level []byte) int64 {
	n := delayLevel(level)
	switch {
	case n <= 0:
		return 0
	case len(d) == 0:
		return 1000
	}
	return d[min(n, len(d))-1]
}

func delayLevel(level []byte) int {
	if len(level) == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(level))
	if err != nil {
		return 0
	}
	return n
}

// ParseDelayLevels reads messageDelayLevel: the lengths of the levels in ms, from
// words such as 1s, 5m, 2h, 1d.
func ParseDelayLevels(levels string) ([]int64, error) {
	unit := map[byte]int64{'s': 1000, 'm': 60_000, 'h': 3_600_000, 'd': 86_400_000}
	var list []int64
	for f := range strings.FieldsSeq(levels) {
		n, err := strconv.ParseInt(f[:len(f)-1], 10, 64)
		u, ok := unit[f[len(f)-1]]
		if err != nil || !ok || n < 0 || n > maxDelayMs/u {
			return nil, fmt.Errorf("store: messageDelayLevel %q: %q is not a length such as 10s, 5m, 2h or 1d", levels, f)
		}
		list = append(list, n*u)
	}
	if len(list) == 0 || len(list) > maxDelayLevels {
		return nil, fmt.Errorf("store: messageDelayLevel %q has %d levels, expected 1 to %d", levels, len(list), maxDelayLevels)
	}
	return list, nil
}

const (
	maxDelayLevels = 1000
	maxDelayMs     = 100 * 365 * 86_400_000 // so that no sum with a time overflows
)
