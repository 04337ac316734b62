package offset

import (
	"fmt"
	"maps"
	"sort"
	"strings"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/message"
)

// file is consumerOffset.json. GroupTopicMap is what a getter of 5.4 and later
// adds; it is not read.
type file struct {
	DataVersion   dataversion.Version        `json:"dataVersion"`
	GroupTopicMap map[string][]string        `json:"groupTopicMap"`
	OffsetTable   map[string]map[int32]int64 `json:"offsetTable"`
}

// lightFile is lmqConsumerOffset.json: the offsets of light groups, by topic@group,
// are in a table of their own.
type lightFile struct {
	DataVersion    dataversion.Version        `json:"dataVersion"`
	GroupTopicMap  map[string][]string        `json:"groupTopicMap"`
	LmqOffsetTable map[string]int64           `json:"lmqOffsetTable"`
	OffsetTable    map[string]map[int32]int64 `json:"offsetTable"`
}

// Encode is the content of consumerOffset.json, or of lmqConsumerOffset.json.
func (t *Table) Encode() ([]byte, error) {
	f := file{DataVersion: t.Version(), GroupTopicMap: map[string][]string{}, OffsetTable: t.All()}
	light := map[string]int64{}
	for key, queues := range f.OffsetTable {
		if _, group, ok := splitKey(key); ok && t.opt.Light && message.IsLight(group) {
			light[key] = queues[0]
			delete(f.OffsetTable, key)
			continue
		}
		if topic, group, ok := splitKey(key); ok && !strings.Contains(group, "@") {
			f.GroupTopicMap[group] = append(f.GroupTopicMap[group], topic)
		}
	}
	for _, topics := range f.GroupTopicMap {
		sort.Strings(topics)
	}
	if t.opt.Light {
		return javajson.MarshalPretty(lightFile{f.DataVersion, f.GroupTopicMap, light, f.OffsetTable})
	}
	return javajson.MarshalPretty(f)
}

// Decode replaces the committed offsets by the content of one of the two files. What is
// under a key that is not topic@group is left out, and Options.Skipped told: a Java
// broker takes commits without a topic, writes @group, and reads that again. An offset
// that nobody can ask for is no reason to stop, or to go back to an older file.
func (t *Table) Decode(data []byte) error {
	var f lightFile
	if err := javajson.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("consumerOffset.json: %w", err)
	}
	t.each(func(*row) bool { return false })
	if f.OffsetTable == nil {
		f.OffsetTable = map[string]map[int32]int64{}
	}
	for key, offset := range f.LmqOffsetTable {
		f.OffsetTable[key] = map[int32]int64{0: offset}
	}
	var odd []string
	for key, queues := range f.OffsetTable {
		topic, group, ok := splitKey(key)
		if !ok {
			odd = append(odd, key)
			continue
		}
		t.with(topic, group, always, func(r *row) {
			t.entries.Add(int64(len(queues)))
			r.committed = maps.Clone(queues)
		})
	}
	t.mu.Lock()
	t.version = f.DataVersion
	t.mu.Unlock()
	if len(odd) > 0 && t.opt.Skipped != nil {
		sort.Strings(odd)
		t.opt.Skipped(odd)
	}
	return nil
}
