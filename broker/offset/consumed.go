package offset

// Outcome says what became of a consumer's commit.
type Outcome uint8

// Outcomes.
const (
	Stored  Outcome = iota
	Void            // a reset waits for the consumer
	Refused         // the table is full, or group or topic are gone
)

// Consumed is Commit for consumers, whose offsets come late: one is void as long as a
// reset of its queue waits for its consumer, and does not revive what was deleted.
func (t *Table) Consumed(group, topic string, queue int32, offset int64) Outcome {
	outcome, resets := Refused, t.showsResets()
	t.with(topic, group, consumed, func(r *row) {
		if r == nil {
			return
		}
		if _, pending := r.reset[queue]; pending && resets {
			outcome = Void
		} else if t.put(&r.committed, t.place(group, queue), offset) {
			outcome = Stored
		}
	})
	if outcome != Void {
		t.changed(outcome == Stored)
	}
	return outcome
}
