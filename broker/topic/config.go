package topic

import (
	"maps"
	"sort"
	"strconv"
	"strings"
)

// Permission bits of a topic and of a broker.
const (
	PermInherit  int32 = 1
	PermWrite    int32 = 2
	PermRead     int32 = 4
	PermPriority int32 = 8
)

// Bits of TopicSysFlag.
const (
	SysFlagUnit    int32 = 1
	SysFlagUnitSub int32 = 2
)

// Filter types of a topic.
const (
	SingleTag = "SINGLE_TAG"
	MultiTag  = "MULTI_TAG"
)

// Config is one topic as topics.json and the wire show it (Java's TopicConfig).
// Once it is in a Registry nobody changes it: to alter one, Put a changed Clone.
type Config struct {
	Attributes      map[string]string `json:"attributes"`
	Order           bool              `json:"order"`
	Perm            int32             `json:"perm"`
	ReadQueueNums   int32             `json:"readQueueNums"`
	TopicFilterType string            `json:"topicFilterType"`
	TopicName       string            `json:"topicName"`
	TopicSysFlag    int32             `json:"topicSysFlag"`
	WriteQueueNums  int32             `json:"writeQueueNums"`
}

// NewConfig has the defaults of Java's TopicConfig(name): 16 queues, read and write.
func NewConfig(name string) *Config {
	return &Config{
		TopicName: name, ReadQueueNums: 16, WriteQueueNums: 16, Perm: PermRead | PermWrite,
		TopicFilterType: SingleTag, Attributes: map[string]string{},
	}
}

// newConfig is NewConfig with the number of queues and the permission.
func newConfig(name string, queues, perm int32) *Config {
	c := NewConfig(name)
	c.ReadQueueNums, c.WriteQueueNums, c.Perm = queues, queues, perm
	return c
}

// Readable, Writeable and Inherited are the bits of Perm.
func (c *Config) Readable() bool  { return c.Perm&PermRead != 0 }
func (c *Config) Writeable() bool { return c.Perm&PermWrite != 0 }
func (c *Config) Inherited() bool { return c.Perm&PermInherit != 0 }

// Queues is how many queues can be written to and read from.
func (c *Config) Queues() int32 { return min(c.ReadQueueNums, c.WriteQueueNums) }

// Clone is a copy that may be changed.
func (c *Config) Clone() *Config {
	d := *c
	d.Attributes = maps.Clone(c.Attributes)
	if d.Attributes == nil {
		d.Attributes = map[string]string{}
	}
	return &d
}

// Equal compares everything; nil equals nil only.
func (c *Config) Equal(o *Config) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.Order == o.Order && c.Perm == o.Perm && c.ReadQueueNums == o.ReadQueueNums &&
		c.TopicFilterType == o.TopicFilterType && c.TopicName == o.TopicName &&
		c.TopicSysFlag == o.TopicSysFlag && c.WriteQueueNums == o.WriteQueueNums &&
		maps.Equal(c.Attributes, o.Attributes)
}

// String is Java's TopicConfig.toString, which reaches clients in remarks.
func (c *Config) String() string {
	var b strings.Builder
	b.WriteString("TopicConfig [topicName=" + c.TopicName)
	b.WriteString(", readQueueNums=" + strconv.Itoa(int(c.ReadQueueNums)))
	b.WriteString(", writeQueueNums=" + strconv.Itoa(int(c.WriteQueueNums)))
	b.WriteString(", perm=" + PermString(c.Perm))
	b.WriteString(", topicFilterType=" + c.TopicFilterType)
	b.WriteString(", topicSysFlag=" + strconv.Itoa(int(c.TopicSysFlag)))
	b.WriteString(", order=" + strconv.FormatBool(c.Order) + ", attributes={")
	keys := make([]string, 0, len(c.Attributes))
	for k := range c.Attributes {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for i, k := range keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k + "=" + c.Attributes[k])
	}
	b.WriteString("}]")
	return b.String()
}

// PermString is Java's PermName.perm2String: "RWX" with a dash for what is missing.
func PermString(perm int32) string {
	s := []byte("---")
	if perm&PermRead != 0 {
		s[0] = 'R'
	}
	if perm&PermWrite != 0 {
		s[1] = 'W'
	}
	if perm&PermInherit != 0 {
		s[2] = 'X'
	}
	return string(s)
}
