package transaction

import (
	"bytes"

	"github.com/skylarkmq/skylark/message"
)

// Layout is where a commit finds what it needs in the properties of a half message, said by
// whoever has put them together: to look for it would cost as much as the rest of the
// record. The zero value says nothing.
type Layout struct {
	Size             uint16       // of all properties, 0: not known
	Real             message.Span // REAL_TOPIC and REAL_QID, which the real message does not have
	Uniq, Keys, Tags message.Span // values
	RealQueue        int32
}

var realTopicName = []byte(message.PropertyRealTopic + "\x01")

// Properties copies the properties of the claimed half message as its real message has
// them, as CommitProperties does, without looking through them; ok is false when nothing is known of them,
// or not of these. known is what they say.
func (cl *Claim) Properties(dst, props []byte, known *message.Facts) (_ []byte, ok bool) {
	l := &cl.layout
	if l.Size == 0 || len(props) != int(l.Size) {
		return dst, false
	}
	topic, ok := bytes.CutPrefix(l.Real.Of(props), realTopicName)
	if n := len(cl.topic.name); !ok || len(topic) <= n || string(topic[:n]) != cl.topic.name {
		return dst, false
	}
	*known = message.Facts{Uniq: l.Uniq.Of(props), Keys: l.Keys.Of(props), Tags: l.Tags.Of(props)}
	return append(append(dst, props[:l.Real.From]...), props[l.Real.To:]...), true
}

// Real is where the real message of a claimed half message goes, when Properties has said that this is known.
func (cl *Claim) Real() (topic string, queue int32) { return cl.topic.name, cl.layout.RealQueue }
