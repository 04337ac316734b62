package store

import (
	"bytes"
	"strconv"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// more is what the few records have that are not one message in one queue: those
// with light queues, and those that hold many messages.
type more struct {
	// late is the property at the end that names offsets: INNER_MULTI_QUEUE_OFFSET,
	// or INNER_BASE. Without room there is none: recovery reads it.
	late message.Late
	room int

	places []place // of INNER_MULTI_DISPATCH, empty ones too

	batch *consumequeue.BatchQueue // instead of entry.queue
	count int16                    // messages in the record
}

// place is a light queue, and the record's offset there.
type place struct {
	queue  *consumequeue.Queue // nil: a name that is no light queue's
	offset int64
}

// offsetDigits is the room for one offset: those of 18 digits and a comma.
const offsetDigits = 19

// values writes what the late property says now, under the append lock, and returns
// by how much the record is shorter than its room.
func (s *Store) values(b *Batch, it *item) (shorter int32) {
	m := it.more
	if m == nil || m.room == 0 {
		return 0
	}
	text := s.lateText[:0]
	if m.batch != nil {
		text = strconv.AppendInt(text, m.batch.Next, 10)
	}
	for i := range m.places {
		if i > 0 {
			text = append(text, ',')
		}
		if q := m.places[i].queue; q != nil {
			text = strconv.AppendInt(text, q.Next, 10)
		}
	}
	s.lateText = text
	had := it.size
	it.size = int32(len(m.late.Put(b.stage[it.at:it.at+int(had)], text)))
	return had - it.size
}

// take gives the record its offsets, under the append lock.
func (m *more) take(it *item) {
	if m.batch != nil {
		it.offset = m.batch.Next
		m.batch.Next += int64(m.count)
	}
	for i := range m.places {
		if p := &m.places[i]; p.queue != nil {
			p.offset = p.queue.Next
			p.queue.Next++
		}
	}
}

// giveBack undoes take.
func (m *more) giveBack() {
	if m.batch != nil {
		m.batch.Next -= int64(m.count)
	}
	for i := range m.places {
		if q := m.places[i].queue; q != nil {
			q.Next--
		}
	}
}

// put gives the record its units. Those that are there already are recognised, so
// that it can be called again after an error.
func (m *more) put(e *entry) error {
	if m.batch != nil {
		return m.batch.Put(consumequeue.BatchUnit{
			PhyOffset: e.phy, Size: e.size, TagsCode: e.tagsCode, StoreTimestamp: e.storeTime, Base: e.offset, Count: m.count,
		})
	}
	for i := range m.places {
		if p := &m.places[i]; p.queue != nil {
			if err := p.queue.Put(p.offset, e.phy, e.size, e.tagsCode, e.storeTime); err != nil {
				return err
			}
		}
	}
	return nil
}

// touched adds the arrivals in these queues.
func (m *more) touched(list []Arrival, e *entry) []Arrival {
	a := Arrival{TagsCode: e.tagsCode, StoreTimestamp: e.storeTime, Count: 1}
	if m.batch != nil {
		a.Topic, a.QueueID, a.NextOffset, a.Count = m.batch.Topic, m.batch.ID, e.offset+int64(m.count), int(m.count)
		return append(list, a)
	}
	for _, p := range m.places {
		if p.queue != nil {
			a.Topic, a.QueueID, a.NextOffset = p.queue.Topic, p.queue.ID, p.offset+1
			list = append(list, a)
		}
	}
	return list
}

// lightSettings says whether records get places in light queues: Java writes the
// offsets with enableLmq and the units with enableMultiDispatch; one without the
// other is of no use to anybody.
func lightSettings(c *Config) bool { return c.EnableLmq && c.EnableMultiDispatch }

// light prepares a record for its light queues: it replaces m.Properties.
func (s *Store) light(m *message.Message, names []byte) (*more, PutStatus) {
	mo := &more{room: (bytes.Count(names, []byte{','}) + 1) * offsetDigits}
	if len(m.Properties)+mo.room > message.PropertiesMax { // before queues are made for it
		return nil, PropertiesSizeExceeded
	}
	status := PutOK
	message.EachLightName(names, func(name string) {
		if name == "" || name == m.Topic || status != PutOK { // one unit of a queue is enough
			mo.places = append(mo.places, place{})
			return
		}
		q, known := s.queues.Lookup(name, lightQueueID)
		if !known {
			if n := s.queues.Lights(); n >= s.mostLights || s.lightQuota(n) {
				status = LmqConsumeQueueNumExceeded
				return
			}
			q = s.queues.Queue(name, lightQueueID)
		}
		if err := q.Err(); err != nil {
			_ = s.cannotRead(name, lightQueueID, -1, err)
			status = ServiceNotAvailable
			return
		}
		mo.places = append(mo.places, place{queue: q})
	})
	if status != PutOK {
		return nil, status
	}
	props := message.AppendWithoutProperty(make([]byte, 0, len(m.Properties)+mo.room+32), m.Properties, message.PropertyInnerMultiQueueOffset)
	m.Properties = message.AppendLate(props, message.PropertyInnerMultiQueueOffset, mo.room)
	return mo, PutOK
}

const (
	lightQueueID = 0
	// maxLightQueues bounds the light queues that clients make by naming them, with
	// any settings.
	maxLightQueues = 1 << 20
)

// lightQueuesEnd says whether a message to a light queue itself would make one more than there may be. The quota is not asked: as in Java
// (HookUtils.handleLmqQuota) it refuses what INNER_MULTI_DISPATCH names, and counts all.
func (s *Store) lightQueuesEnd(topic string, queue int32) bool {
	if s.queues.Lights() < s.mostLights {
		return false
	}
	_, known := s.queues.Lookup(topic, queue)
	return !known
}

// lightQuota is Java's enableLmqQuota.
func (s *Store) lightQuota(n int64) bool {
	c := s.cfg.Get()
	return c.EnableLmqQuota && n >= int64(c.MaxLmqConsumeQueueNum)
}

// estimate is how long the values of the late property will be, or a digit less: a
// limit needs it before the append lock says so.
func (m *more) estimate() int {
	n := max(0, len(m.places)-1)
	for i := range m.places {
		if q := m.places[i].queue; q != nil {
			n += len(strconv.AppendInt(nil, q.MaxOffset(), 10))
		}
	}
	return n
}

// manyMessages prepares a record that holds the messages of its body: it replaces
// m.Properties.
func (s *Store) manyMessages(m *message.Message, innerNum []byte) (*more, PutStatus) {
	count := 0
	err := message.EachBatchElement(m.Body, func(message.BatchElement) error { count++; return nil })
	says, err2 := strconv.Atoi(string(innerNum))
	if err != nil || err2 != nil || count != says || count == 0 || count > maxInnerMessages || m.SysFlag&message.FlagCompressed != 0 {
		return nil, MessageIllegal
	}
	q := s.queues.Batch(m.Topic, m.QueueID)
	if err := q.Err(); err != nil { // opened: from here on Next is the append lock's
		_ = s.cannotRead(m.Topic, m.QueueID, -1, err)
		return nil, ServiceNotAvailable
	}
	props := message.AppendWithoutProperty(make([]byte, 0, len(m.Properties)+offsetDigits+16), m.Properties, message.PropertyInnerBase)
	m.Properties = message.AppendLate(props, message.PropertyInnerBase, offsetDigits)
	return &more{batch: q, count: int16(count), room: offsetDigits}, PutOK
}

const maxInnerMessages = 32767 // the count is an i16 in the unit

func (s *Store) isBatch(topic string) bool {
	return s.queueType != nil && s.queueType(topic) == QueueBatch
}

// lightUnits reads from a record of the log which light queues it is in; nil: none.
func (s *Store) lightUnits(v *message.View) *more {
	mo := &more{}
	message.EachLightQueue(v, func(name string, offset int64) {
		if offset <= maxQueueOffset {
			mo.places = append(mo.places, place{queue: s.queues.Queue(name, lightQueueID), offset: offset})
		}
	})
	if mo.places == nil {
		return nil
	}
	return mo
}
