package schedule

import (
	"strconv"

	"github.com/skylarkmq/skylark/message"
)

// Level is the delay level that a property string asks for; 0 for none.
func Level(props []byte) int {
	value, ok := message.Property(props, message.PropertyDelay)
	if !ok {
		return 0
	}
	return parseLevel(value)
}

func parseLevel(value []byte) int {
	n, err := strconv.ParseInt(string(value), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int(n)
}

// Rewrite sends a message with a delay level to that level's queue, as Java's
// HookUtils.handleScheduleMessage does: a level above the highest is the highest, and
// timer properties lose against a level. The new property string is appended to buf,
// which is returned. It leaves alone what has no level, what a transaction has
// not committed, and half messages, whose level counts when they are committed.
func Rewrite(m *message.Message, levels int, buf []byte) []byte {
	level := min(Level(m.Properties), levels)
	if level == 0 || !message.Indexed(m.SysFlag) || m.Topic == message.TopicHalf {
		return buf
	}
	from := len(buf)
	for p := message.PairsOf(m.Properties); p.Next(); {
		switch string(p.Name) {
		case message.PropertyTimerDelaySec, message.PropertyTimerDelayMs, message.PropertyTimerDeliverMs,
			message.PropertyRealTopic, message.PropertyRealQueueID:
		case message.PropertyDelay:
			buf = appendNumber(buf, message.PropertyDelay, level)
		default:
			buf = append(append(buf, p.Name...), 1)
			buf = append(append(buf, p.Value...), 2)
		}
	}
	buf = message.AppendProperty(buf, message.PropertyRealTopic, m.Topic)
	buf = appendNumber(buf, message.PropertyRealQueueID, int(m.QueueID))
	m.Topic, m.QueueID, m.Properties = message.TopicSchedule, int32(level-1), buf[from:]
	return buf
}

func appendNumber(dst []byte, name string, n int) []byte {
	dst = append(append(dst, name...), 1)
	return append(strconv.AppendInt(dst, int64(n), 10), 2)
}
