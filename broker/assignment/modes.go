package assignment

import (
	"fmt"
	"maps"
	"sync"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// Modes in which a group gets the messages of a topic.
const (
	Pull = "PULL"
	Pop  = "POP"
)

// Mode is one entry of messageRequestMode.json.
type Mode struct {
	ConsumerGroup    string `json:"consumerGroup"`
	Mode             string `json:"mode"`
	PopShareQueueNum int32  `json:"popShareQueueNum"`
	Topic            string `json:"topic"`
}

// maxModes bounds the table: entries are made by operators, for topics and groups
// that exist, and never go.
const maxModes = 1 << 17

// Modes are the modes that operators set, by topic and group.
type Modes struct {
	mu     sync.RWMutex
	topics map[string]map[string]Mode
	count  int
}

// NewModes returns an empty table.
func NewModes() *Modes { return &Modes{topics: map[string]map[string]Mode{}} }

// Get is what was set for a group and topic.
func (m *Modes) Get(topic, group string) (Mode, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	mode, ok := m.topics[topic][group]
	return mode, ok
}

// Set keeps a mode; false when the table is full.
func (m *Modes) Set(mode Mode) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set(mode)
}

// set needs mu.
func (m *Modes) set(mode Mode) bool {
	groups := m.topics[mode.Topic]
	if _, known := groups[mode.ConsumerGroup]; !known {
		if m.count >= maxModes {
			return false
		}
		m.count++
	}
	if groups == nil {
		groups = map[string]Mode{}
		m.topics[mode.Topic] = groups
	}
	groups[mode.ConsumerGroup] = mode
	return true
}

// Count is how many entries have a mode.
func (m *Modes) Count(mode string) (n int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, groups := range m.topics {
		for _, e := range groups {
			if e.Mode == mode {
				n++
			}
		}
	}
	return n
}

// modesFile is messageRequestMode.json.
type modesFile struct {
	MessageRequestModeMap map[string]map[string]Mode `json:"messageRequestModeMap"`
}

func (m *Modes) file() modesFile {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f := modesFile{MessageRequestModeMap: make(map[string]map[string]Mode, len(m.topics))}
	for topic, groups := range m.topics {
		f.MessageRequestModeMap[topic] = maps.Clone(groups)
	}
	return f
}

// Encode is the content of messageRequestMode.json.
func (m *Modes) Encode() ([]byte, error) { return javajson.MarshalPretty(m.file()) }

// EncodeCompact is the same as slaves ask for it.
func (m *Modes) EncodeCompact() ([]byte, error) { return javajson.Marshal(m.file()) }

// Decode replaces the table by the content of messageRequestMode.json.
func (m *Modes) Decode(data []byte) error {
	var f modesFile
	if err := javajson.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("messageRequestMode.json: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.topics, m.count = map[string]map[string]Mode{}, 0
	for topic, groups := range f.MessageRequestModeMap {
		for group, mode := range groups {
			mode.Topic, mode.ConsumerGroup = topic, group
			if mode.Mode == "" {
				mode.Mode = Pull
			}
			m.set(mode)
		}
	}
	return nil
}
