package offset

import (
	"fmt"
	"maps"
	"sort"
	"strings"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/javajson"
)

// file is consumerOffset.json. GroupTopicMap is what a getter of 5.4 and later
// adds; it is not read.
type file struct {
	DataVersion   dataversion.Version        `json:"dataVersion"`
	GroupTopicMap map[string][]string        `json:"groupTopicMap"`
	OffsetTable   map[string]map[int32]int64 `json:"offsetTable"`
}

// Encode is the content of consumerOffset.json.
func (t *Table) Encode() ([]byte, error) {
	f := file{DataVersion: t.Version(), GroupTopicMap: map[string][]string{}, OffsetTable: t.All()}
	for key := range f.OffsetTable {
		if topic, group, ok := splitKey(key); ok && !strings.Contains(group, "@") {
			f.GroupTopicMap[group] = append(f.GroupTopicMap[group], topic)
		}
	}
	for _, topics := range f.GroupTopicMap {
		sort.Strings(topics)
	}
	return javajson.MarshalPretty(f)
}

// Decode replaces the committed offsets by the content of consumerOffset.json.
func (t *Table) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("consumerOffset.json: %w", err)
	}
	t.each(func(*row) bool { return false })
	for key, queues := range f.OffsetTable {
		topic, group, ok := splitKey(key)
		if !ok {
			return fmt.Errorf("consumerOffset.json: key %q, expected topic@group", key)
		}
		t.with(topic, group, true, func(r *row) {
			if r != nil {
				r.committed = maps.Clone(queues)
			}
		})
	}
	t.mu.Lock()
	t.version = f.DataVersion
	t.mu.Unlock()
	return nil
}
