package broker

import (
	"strconv"

	"github.com/skylarkmq/skylark/message"
)

// completion is what was learned from a message's properties while they were
// completed.
type completion struct {
	uniqFrom, uniqTo int  // of UNIQ_KEY in the completed string's buffer
	keysAt, tagsAt   int  // there, too, where KEYS and TAGS begin
	madeUniq         bool // it came without one

	transaction bool // TRAN_MSG is true
	delay       bool // DELAY above 0
	timer       bool // any of the timer properties
	noWait      bool // WAIT is false
	keys        bool // KEYS is there
	innerNum    bool // INNER_NUM is there
	sharded     bool // __SHARDINGKEY is there

	facts    message.Facts
	badDelay []byte // DELAY that is not a number
	reserved bool   // a name that half messages must not bring along
	group    []byte // PGROUP, in what was completed
	immunity []byte // CHECK_IMMUNITY_TIME_IN_SECONDS, likewise
	priority []byte // _SYS_MSG_PRIORITY_
	lite     []byte // __LITE_TOPIC
}

// uniq is UNIQ_KEY in the buffer that complete returned.
func (c *completion) uniq(buf []byte) []byte { return buf[c.uniqFrom:c.uniqTo:c.uniqTo] }

// complete appends a message's property string as it is stored: without POP_CK and
// with this broker's region, trace switch and cluster, and with a UNIQ_KEY if it
// came without. Pairs that Java's parser would drop are dropped.
func (t *replyTemplate) complete(dst, props []byte, c *completion, ids *message.UniqIDs) []byte {
	run := message.RunOf(props)
	for p := message.PairsOf(props); p.Next(); {
		if !c.note(p.Name, p.Value) {
			continue
		}
		value := 0
		dst, value = run.Keep(dst, &p)
		switch string(p.Name) {
		case message.PropertyUniqKey:
			c.uniqFrom, c.uniqTo = value, value+len(p.Value)
		case message.PropertyKeys:
			c.keysAt = value
		case message.PropertyTags:
			c.tagsAt = value
		}
	}
	dst = run.End(dst)
	if c.madeUniq = c.uniqTo == 0; c.madeUniq {
		dst = append(append(dst, message.PropertyUniqKey...), 1)
		c.uniqFrom = len(dst)
		dst = ids.Append(dst)
		c.uniqTo = len(dst)
		dst = append(dst, 2)
		c.facts.Uniq = c.uniq(dst)
	}
	return append(dst, t.properties...)
}

// note looks at one pair; false says that it is not stored. What depends on the value is named by mayDiffer, or keeps learn from keeping.
func (c *completion) note(name, value []byte) (keep bool) {
	switch string(name) {
	case message.PropertyPopCK, message.PropertyMsgRegion, message.PropertyTraceSwitch, message.PropertyCluster:
		return false
	case message.PropertyWait:
		c.noWait = equalFold(value, "false")
	case message.PropertyKeys:
		c.keys = len(trimmed(value)) > 0
	case message.PropertyTransactionPrepared:
		c.transaction = equalFold(value, "true")
	case message.PropertyDelay:
		level, err := strconv.ParseInt(string(value), 10, 32)
		if c.delay, c.badDelay = level > 0, nil; err != nil {
			c.delay, c.badDelay = false, value
		}
	case message.PropertyTimerDelaySec, message.PropertyTimerDelayMs, message.PropertyTimerDeliverMs:
		c.timer = true
	case message.PropertyInnerNum:
		c.innerNum = true
	case message.PropertyShardingKey:
		c.sharded = true
	case message.PropertyPriority:
		c.priority = value
	case message.PropertyLiteTopic:
		c.lite = value
	case message.PropertyProducerGroup:
		c.group = value
	case message.PropertyCheckImmunityTime:
		c.immunity = value
	case message.PropertyRealTopic, message.PropertyRealQueueID, message.PropertyTransactionID,
		message.PropertyTransactionCheckTimes, message.PropertyTransactionQueueOffset:
		c.reserved = true
	}
	c.facts.Note(name, value)
	return true
}

// equalFold compares with a word of small ASCII letters.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

func trimmed(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	return b
}
