package filterdata

import (
	"fmt"

	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/internal/javajson"
)

// file is consumerFilter.json.
type file struct {
	FilterDataByTopic map[string]byTopic `json:"filterDataByTopic"`
}

type byTopic struct {
	GroupFilterData map[string]*Data `json:"groupFilterData"`
	Topic           string           `json:"topic"`
}

// Encode is the content of consumerFilter.json.
func (t *Table) Encode() ([]byte, error) {
	f := file{FilterDataByTopic: map[string]byTopic{}}
	t.mu.RLock()
	for group, topics := range t.groups {
		for topic, d := range topics {
			row, ok := f.FilterDataByTopic[topic]
			if !ok {
				row = byTopic{GroupFilterData: map[string]*Data{}, Topic: topic}
				f.FilterDataByTopic[topic] = row
			}
			out := *d
			out.Dead = d.IsDead()
			row.GroupFilterData[group] = &out
		}
	}
	t.mu.RUnlock()
	return javajson.MarshalPretty(f)
}

// clear needs mu.
func (t *Table) clear() {
	t.groups, t.topics, t.entries, t.kept = map[string]map[string]*Data{}, map[string]*topicRow{}, 0, 0
}

// lostMs is how long before a start its consumers are taken to have gone.
const lostMs = 30_000

// Decode replaces the table by the content of consumerFilter.json. All entries are
// dead until their group is heard of. When one was made for a bloom filter of
// another size all are dropped: bit maps that are stored mean other consumers now.
func (t *Table) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("consumerFilter.json: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	for topic, row := range f.FilterDataByTopic {
		for group, d := range row.GroupFilterData {
			if d == nil {
				continue
			}
			if !t.opt.Bloom.Valid(d.BloomFilterData) {
				t.clear()
				return nil
			}
			compiled, err := filter.Compile(d.Expression, d.ExpressionType)
			if err != nil {
				t.opt.Refused(group, topic, err)
				continue
			}
			d.ConsumerGroup, d.Topic, d.Dead, d.compiled = group, topic, false, compiled
			if d.DeadTime == 0 {
				d.DeadTime = max(t.opt.NowMs()-lostMs, d.BornTime)
			}
			t.put(group, topic, d)
		}
	}
	return nil
}
