package topic

import (
	"fmt"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/message"
)

// file is topics.json.
type file struct {
	DataVersion      dataversion.Version `json:"dataVersion"`
	TopicConfigTable map[string]*Config  `json:"topicConfigTable"`
}

// Encode is the content of topics.json.
func (r *Registry) Encode() ([]byte, error) {
	table, version := r.Snapshot()
	return javajson.MarshalPretty(file{DataVersion: version, TopicConfigTable: table})
}

// Decode lays the content of topics.json over what is there: a persisted value
// wins over the one made at start. Names become directories, so one that could
// leave the store refuses the file.
func (r *Registry) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("topics.json: %w", err)
	}
	for name, c := range f.TopicConfigTable {
		if c == nil {
			delete(f.TopicConfigTable, name)
			continue
		}
		if !message.SafeTopic(name) {
			return fmt.Errorf("topics.json: topic %q cannot be the name of a directory", name)
		}
		c.TopicName = name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, c := range f.TopicConfigTable {
		r.table.Set(name, c)
	}
	r.version = f.DataVersion
	return nil
}

// SetDefaults gives members that a file or request leaves out Java's values; files
// of 4.x lack some.
func (c *Config) SetDefaults() { *c = *NewConfig("") }
