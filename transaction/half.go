package transaction

import (
	"math"
	"strconv"

	"github.com/skylarkmq/skylark/message"
)

// Reserved says whether a property of a half message is the broker's own: what a
// client sends under such a name would pass for our bookkeeping.
func Reserved(name []byte) bool {
	switch string(name) {
	case message.PropertyRealTopic, message.PropertyRealQueueID, message.PropertyTransactionID,
		message.PropertyTransactionCheckTimes, message.PropertyTransactionQueueOffset:
		return true
	}
	return false
}

// AppendHalf adds to a property string, already in dst, what makes its message a
// half message. The transaction id is the UNIQ_KEY. What a commit takes away again comes first, up to
// behind.
func AppendHalf(dst []byte, realTopic string, realQueue int32, uniq []byte) (_ []byte, behind int) {
	dst = appendPair(dst, message.PropertyRealTopic, realTopic)
	dst = append(append(dst, message.PropertyRealQueueID...), 1)
	dst = append(strconv.AppendInt(dst, int64(realQueue), 10), 2)
	behind = len(dst)
	return appendPair(dst, message.PropertyTransactionID, uniq), behind
}

func appendPair[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = append(append(dst, name...), 1)
	return append(append(dst, value...), 2)
}

// appendWithout copies pairs but for those a name is asked about.
func appendWithout(dst, props []byte, drop func(name []byte) bool) []byte {
	run := message.RunOf(props)
	for p := message.PairsOf(props); p.Next(); {
		if !drop(p.Name) {
			dst, _ = run.Keep(dst, &p)
		}
	}
	return run.End(dst)
}

// WithoutReserved copies a property string without the names a client may not use.
func WithoutReserved(dst, props []byte) []byte { return appendWithout(dst, props, Reserved) }

// CommitProperties reads the properties of a half message and copies them as its
// real message has them: all but where it goes. known is what those say. TRAN_MSG and the transaction id
// stay, as in Java.
func CommitProperties(dst, props []byte, known *message.Facts) ([]byte, Facts, bool) {
	f := noFacts
	*known = message.Facts{}
	run := message.RunOf(props)
	for p := message.PairsOf(props); p.Next(); {
		if f.read(p.Name, p.Value) {
			dst, _ = run.Keep(dst, &p)
			known.Note(p.Name, p.Value)
		}
	}
	return run.End(dst), f, f.complete()
}

// renewed is the property string of a half message that is appended again. A
// negative origin is none.
func renewed(props []byte, checks int32, origin int64) []byte {
	dst := appendWithout(make([]byte, 0, len(props)+64), props, func(name []byte) bool {
		return string(name) == message.PropertyTransactionCheckTimes ||
			origin >= 0 && string(name) == message.PropertyTransactionQueueOffset
	})
	if checks >= 0 {
		dst = appendPair(dst, message.PropertyTransactionCheckTimes, strconv.Itoa(int(checks)))
	}
	if origin >= 0 {
		dst = appendPair(dst, message.PropertyTransactionQueueOffset, strconv.FormatInt(origin, 10))
	}
	return dst
}

// Facts are what the properties of a half message say. The slices point into them.
type Facts struct {
	Group, RealTopic, Uniq, Keys []byte
	RealQueue                    int32
	Checks                       int32 // TRANSACTION_CHECK_TIMES, -1 without
	Immunity                     int64 // CHECK_IMMUNITY_TIME_IN_SECONDS in ms, 0 when unreadable, -1 without
	Origin                       int64 // TRAN_PREPARED_QUEUE_OFFSET, -1 without
}

var noFacts = Facts{RealQueue: -1, Checks: -1, Immunity: -1, Origin: -1}

// ReadFacts reads the properties; ok is false when they are not those of a half message.
func ReadFacts(props []byte) (f Facts, ok bool) {
	f = noFacts
	for p := message.PairsOf(props); p.Next(); {
		f.read(p.Name, p.Value)
	}
	return f, f.complete()
}

func (f *Facts) complete() bool { return message.SafeTopic(f.RealTopic) && f.RealQueue >= 0 }

// read takes one pair in, and says whether the real message has it too.
func (f *Facts) read(name, value []byte) (stays bool) {
	switch string(name) {
	case message.PropertyProducerGroup:
		f.Group = value
	case message.PropertyRealTopic:
		f.RealTopic = value
		return false
	case message.PropertyUniqKey:
		f.Uniq = value
	case message.PropertyKeys:
		f.Keys = value
	case message.PropertyRealQueueID:
		f.RealQueue = int32(number(value, math.MaxInt32))
		return false
	case message.PropertyTransactionCheckTimes:
		f.Checks = int32(number(value, math.MaxInt32))
	case message.PropertyCheckImmunityTime:
		f.Immunity = ParseImmunity(value)
	case message.PropertyTransactionQueueOffset:
		f.Origin = number(value, math.MaxInt64)
	}
	return true
}

// number reads a decimal that is not negative; -1 for anything else.
func number(b []byte, most int64) int64 {
	if len(b) == 0 || len(b) > 19 {
		return -1
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' || n > (math.MaxInt64-int64(c-'0'))/10 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	if n > most {
		return -1
	}
	return n
}

// ParseImmunity reads CHECK_IMMUNITY_TIME_IN_SECONDS. What is no number counts as 0, which stands for the transaction timeout;
// no time at all is 1 ms.
func ParseImmunity(seconds []byte) int64 {
	const most = 1 << 40 // 35,000 years: a product in ms must not overflow
	n := number(seconds, most)
	if n == 0 {
		return 1
	}
	return max(0, n) * 1000
}

// immunityMs is for how long a half message is not checked, also when that is less than the timeout: Java's
// TransactionalMessageServiceImpl has no minimum. The one for decisions has (TransactionalMessageUtil).
func immunityMs(own, timeoutMs int64) int64 {
	if own == 0 {
		return timeoutMs
	}
	return own
}
