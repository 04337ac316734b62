package broker

import (
	"bytes"

	"github.com/skylarkmq/skylark/message"
)

// Messages of one producer have properties that differ in their ids, keys and tags only: what completing the first one has found out is
// kept, and the next ones are compared with it.

// completed is what is kept of a property string that is stored as it came.
type completed struct {
	known completion // without facts; the group is its own
	at    message.FactsAt
}

// complete appends the properties of the send in s.head to s.props as they are stored, and learns what they say.
func (s *sendTurn) complete() {
	c, props, from := &s.known, s.head.Properties, len(s.props)
	if like := s.like.Find(props); like != nil {
		s.props = append(message.ClosePairs(append(s.props, props...)), s.reply.properties...)
		like.fill(c, props, from)
	} else {
		*c = completion{}
		s.props = s.reply.complete(s.props, props, c, s.b.uniqIDs)
		if s.like.Missed(props) {
			s.learn(props, s.props[from:])
		}
	}
	if s.head.ReconsumeTimes > 0 && c.delay {
		c.transaction = false // a committed message that its consumer gives back keeps TRAN_MSG
	}
}

// fill is what replyTemplate.complete would have found in props, which is now stored from a place on.
func (k *completed) fill(c *completion, props []byte, from int) {
	*c = k.known
	c.facts = k.at.Of(props)
	c.uniqFrom, c.uniqTo = from+int(k.at.Uniq.From), from+int(k.at.Uniq.To)
	c.keysAt, c.tagsAt = from+int(k.at.Keys.From), from+int(k.at.Tags.From)
	c.keys = len(trimmed(c.facts.Keys)) > 0
}

// learn keeps what is known of a message's properties, unless they were changed, or ask for more than to be stored.
func (s *sendTurn) learn(props, stored []byte) {
	c := s.known
	f := &c.facts
	own := message.ClosePairs(bytes.Clone(props))
	switch {
	case c.madeUniq, len(stored) != len(own)+len(s.reply.properties), !bytes.HasPrefix(stored, own):
	case c.reserved, c.immunity != nil, c.priority != nil, c.lite != nil:
	case f.Delay != nil, f.InnerNum != nil, f.Dispatch != nil, f.Dispatched:
	default:
		k := completed{known: c, at: message.FactsAtOf(props)}
		k.known.group, k.known.facts = bytes.Clone(c.group), message.Facts{}
		s.like.Keep(props, mayDiffer, k)
	}
}

// mayDiffer: whatever value the property has, completion.note comes to the same, but for the places that fill sets.
func mayDiffer(name []byte) bool {
	switch string(name) {
	case message.PropertyWait, message.PropertyTransactionPrepared, message.PropertyProducerGroup:
		return false
	}
	return true
}
