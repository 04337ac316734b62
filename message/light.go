package message

import (
	"bytes"
	"strconv"
	"strings"
)

// Light queues (LMQ): a record may have units in more queues than that of its topic.
// INNER_MULTI_DISPATCH names them, separated by commas; the store adds
// INNER_MULTI_QUEUE_OFFSET, the offsets that it gave, in the same order. Names that
// do not begin with %LMQ% get an empty place. All light queues have id 0.
const listSeparator = ","

// IsLight says whether a topic, or a group, is that of a light queue.
func IsLight[T ~string | ~[]byte](name T) bool {
	return len(name) >= len(LMQPrefix) && string(name[:len(LMQPrefix)]) == LMQPrefix
}

// AllowsLight says whether records of a topic are dispatched to light queues: what
// only passes through a topic of the broker's own is not, it still carries the
// properties (Java's MixAll.topicAllowsLMQ).
func AllowsLight(topic string) bool {
	return topic != TopicSchedule && !strings.HasPrefix(topic, RetryGroupPrefix) && !strings.HasPrefix(topic, DLQGroupPrefix) &&
		!strings.HasPrefix(topic, SystemTopicPrefix)
}

// LiteQueue is the light queue of a lite topic, %LMQ%$parent$lite; false where it cannot have one.
func LiteQueue(parent, lite []byte) (name string, ok bool) {
	name = LMQPrefix + "$" + string(parent) + "$" + string(lite)
	return name, SafeTopic(name) && !strings.Contains(name, listSeparator)
}

// EachLightName calls fn with the places of INNER_MULTI_DISPATCH's value: empty for
// a name that no light queue can have, or that came before.
func EachLightName(names []byte, fn func(name string)) {
	seen := map[string]bool{}
	for part := range bytes.SplitSeq(names, []byte(listSeparator)) {
		name := string(part)
		if !IsLight(name) || !SafeTopic(name) || seen[name] {
			name = ""
		}
		seen[name] = true
		fn(name)
	}
}

// EachLightQueue calls fn for the light queues that a stored record has units in,
// with its offsets there, but for that of its topic. What does not fit together is left out.
func EachLightQueue(v *View, fn func(name string, offset int64)) {
	names, _ := Property(v.Properties, PropertyInnerMultiDispatch)
	offsets, _ := Property(v.Properties, PropertyInnerMultiQueueOffset)
	if len(names) == 0 || len(offsets) == 0 || !Indexed(v.SysFlag) || v.SysFlag&FlagInnerBatch != 0 || !AllowsLight(string(v.Topic)) {
		return
	}
	at := strings.Split(string(offsets), listSeparator)
	if len(at) != bytes.Count(names, []byte(listSeparator))+1 {
		return
	}
	i := -1
	EachLightName(names, func(name string) {
		i++
		if offset, err := strconv.ParseInt(at[i], 10, 64); err == nil && offset >= 0 && name != "" && name != string(v.Topic) { // it has its unit there
			fn(name, offset)
		}
	})
}

// InnerBatch is what a record of many messages says of itself: the queue offset of
// the first, and how many there are.
func (v *View) InnerBatch() (base int64, count int16, ok bool) {
	if v.SysFlag&FlagInnerBatch == 0 || !Indexed(v.SysFlag) {
		return 0, 0, false
	}
	first, _ := Property(v.Properties, PropertyInnerBase)
	num, _ := Property(v.Properties, PropertyInnerNum)
	base, err := strconv.ParseInt(string(first), 10, 64)
	n, err2 := strconv.ParseInt(string(num), 10, 16)
	return base, int16(n), err == nil && err2 == nil && base >= 0 && n > 0
}

// A property whose value is known only when the record gets its place is the last
// one of the string, with room kept for it (Late).
//
//	… name 0x01 [room for the value] 0x02 [property CRC, 20 bytes]
type Late struct {
	propsAt, valueAt int // in the record: the length of the properties, the value
	room, tail       int
}

// AppendLate adds a property with room for its value.
func AppendLate(props []byte, name string, room int) []byte {
	props = AppendProperty(props, name, "")
	return append(append(props[:len(props)-1], make([]byte, room)...), valueEnd)
}

// LateOf finds the place in the record that was encoded from such a string.
func (e Encoding) LateOf(rec []byte, room int) Late {
	l := Late{room: room}
	if e.PropertyCRC {
		l.tail = crcTail
	}
	l.valueAt = len(rec) - l.tail - 1 - room
	l.propsAt = propertiesAt(rec)
	return l
}

// Put writes the value, which must fit the room, and returns the record as it is
// then: shorter, with its lengths corrected.
func (l Late) Put(rec, value []byte) []byte {
	if len(value) > l.room {
		panic("message: the value of a late property is longer than its room")
	}
	cut := l.room - len(value)
	n := l.valueAt + copy(rec[l.valueAt:], value)
	rec[n] = valueEnd
	rec = rec[:n+1+l.tail]
	putLengths(rec, l.propsAt, cut)
	return rec
}
