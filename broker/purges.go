package broker

import (
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/broker/purged"
)

// purges keeps config/purgedOffsets.json, which the Java broker does not know. It is
// written before messages are hidden: what an operator was told is gone stays gone.
type purges struct {
	b     *Broker
	table *purged.Table
	file  *stateFile
}

func newPurges(b *Broker) *purges {
	p := &purges{b: b, table: purged.New()}
	p.file = b.stateFile("purgedOffsets.json", p.table.Encode, p.table.Decode)
	return p
}

// load hides what was purged before. A mark whose queue is not the one that was
// purged, or has expired as far, is dropped; not one whose queue cannot be read now.
func (p *purges) load() error {
	if err := p.file.load(); err != nil {
		return err
	}
	for _, m := range p.table.Marks() {
		switch hidden, err := p.b.Store.Hide(m.Topic, m.QueueID, m.Offset, m.Phy); {
		case err != nil:
			p.b.log.Error().Err(err).Str("topic", m.Topic).Int32("queue", m.QueueID).Int64("offset", m.Offset).
				Msg("the queue cannot be read: messages that were purged are there until the next start")
		case !hidden:
			p.table.Drop(m)
			p.b.log.Info().Str("topic", m.Topic).Int32("queue", m.QueueID).Int64("offset", m.Offset).
				Msg("purged messages have expired, or the queue was made anew: mark dropped")
		}
	}
	return nil
}

// purge hides what is before the marks. One at a time.
func (b *Broker) purge(marks []purged.Mark) error {
	// What is hidden must not be lost in a power cut: another message would take its
	// place in log and queue, and be hidden for it.
	if err := b.Store.Sync(); err != nil {
		return fmt.Errorf("nothing purged: %w", err)
	}
	t, before := b.purges.table, b.purges.table.Marks()
	if err := t.Set(marks); err != nil {
		return err
	}
	if err := b.purges.file.persist(); err != nil {
		for _, m := range marks {
			t.Drop(m)
		}
		return errors.Join(fmt.Errorf("nothing purged: %w", err), t.Set(before))
	}
	for _, m := range marks {
		if hidden, err := b.Store.Hide(m.Topic, m.QueueID, m.Offset, m.Phy); !hidden {
			b.log.Warn().AnErr("why", err).Str("topic", m.Topic).Int32("queue", m.QueueID).Msg("queue not purged: it was deleted meanwhile, or cannot be read until the next start")
		}
	}
	return nil
}
