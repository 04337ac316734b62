package store

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// Derived is what queues and index hold about a record: what dispatch makes of it.
type Derived struct {
	// Queued: the record has a unit in the queue of its topic.
	Queued bool
	Unit   consumequeue.Unit
	// Hashes are its keys in the index. When Tagged, the last is that of its tags,
	// which Java writes since 5.4.0 only.
	Hashes []int32
	Tagged bool
}

// Deriver derives. The zero value knows no delay levels.
type Deriver struct{ levels delays }

// NewDeriver reads messageDelayLevel.
func NewDeriver(levels string) (Deriver, error) {
	list, err := ParseDelayLevels(levels)
	return Deriver{list}, err
}

// Of derives; d.Hashes is used again.
func (r Deriver) Of(v *message.View, d *Derived) {
	var f facts
	f.Read(v.Properties)
	topic := string(v.Topic)
	d.Queued = message.Indexed(v.SysFlag) && v.SysFlag&message.FlagInnerBatch == 0
	d.Unit = consumequeue.Unit{PhyOffset: v.PhyOffset, Size: v.Size, TagsCode: message.TagsCode(f.Tags)}
	if topic == message.TopicSchedule {
		if wait := r.levels.of(f.Delay); wait > 0 {
			d.Unit.TagsCode = v.StoreTimestamp + wait
		}
	}
	d.Hashes, _ = f.appendKeys(d.Hashes[:0], indexPrefix(topic), v.SysFlag, true)
	d.Tagged = len(f.Tags) > 0 && len(d.Hashes) > 0
}

// MaxQueueOffset is the largest queue offset: byte positions of units stay within 63 bits.
const MaxQueueOffset = maxQueueOffset
