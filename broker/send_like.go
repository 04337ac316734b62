package broker

import (
	"bytes"

	"github.com/skylarkmq/skylark/message"
)

// Messages of one producer have properties that differ in their ids, keys and tags only: what completing the first one has found out is
// kept, and the next ones are compared with it.

// completed is what is kept: places in a property string that is stored as it came.
type completed struct {
	known            completion // without slices
	uniq, keys, tags message.Span
	group            message.Span
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
	c.uniqFrom, c.uniqTo, c.keysAt, c.tagsAt = from+int(k.uniq.From), from+int(k.uniq.To), from+int(k.keys.From), from+int(k.tags.From)
	c.facts.Uniq, c.facts.Keys, c.facts.Tags, c.group = k.uniq.Of(props), k.keys.Of(props), k.tags.Of(props), k.group.Of(props)
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
		k := completed{known: c}
		k.known.group, k.known.facts = nil, message.Facts{}
		for p := message.PairsOf(props); p.Next(); {
			k.place(&p, props)
		}
		s.like.Keep(props, mayDiffer, k)
	}
}

func (k *completed) place(p *message.Pairs, props []byte) {
	at := p.At(props)
	switch string(p.Name) {
	case message.PropertyUniqKey:
		k.uniq = at
	case message.PropertyKeys:
		k.keys = at
	case message.PropertyTags:
		k.tags = at
	case message.PropertyProducerGroup:
		k.group = at
	}
}

// mayDiffer: whatever value the property has, completion.note comes to the same, but for the places that fill sets.
func mayDiffer(name []byte) bool {
	switch string(name) {
	case message.PropertyWait, message.PropertyTransactionPrepared:
		return false
	}
	return true
}
