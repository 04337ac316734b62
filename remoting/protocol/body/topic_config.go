package body

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// Topic filter types.
const (
	SingleTag = "SINGLE_TAG"
	MultiTag  = "MULTI_TAG"
)

// TopicConfig is a topic as the broker keeps and registers it.
type TopicConfig struct {
	Attributes      map[string]string `json:"attributes"`
	Order           bool              `json:"order"`
	Perm            int32             `json:"perm"`
	ReadQueueNums   int32             `json:"readQueueNums"`
	TopicFilterType string            `json:"topicFilterType"`
	TopicName       string            `json:"topicName"`
	TopicSysFlag    int32             `json:"topicSysFlag"`
	WriteQueueNums  int32             `json:"writeQueueNums"`
}

// SetDefaults gives the initial values of the Java class: 16 queues, readable and writeable.
func (c *TopicConfig) SetDefaults() {
	c.ReadQueueNums, c.WriteQueueNums, c.Perm, c.TopicFilterType = 16, 16, 6, SingleTag
}

// AppendText appends the form with blanks that compressed registrations carry; sys flag and order are not in it:
//
//	name readQueueNums writeQueueNums perm filterType attributesJson
func (c *TopicConfig) AppendText(dst []byte) ([]byte, error) {
	attributes := c.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	text, err := javajson.Marshal(attributes)
	if err != nil {
		return dst, fmt.Errorf("attributes of topic %s: %w", c.TopicName, err)
	}
	dst = fmt.Appendf(dst, "%s %d %d %d %s ", c.TopicName, c.ReadQueueNums, c.WriteQueueNums, c.Perm, c.TopicFilterType)
	return append(dst, text...), nil
}

// parseText reads that form. As in Java, attributes that cannot be read are dropped.
func (c *TopicConfig) parseText(text string) error {
	parts := strings.SplitN(text, " ", 6)
	if len(parts) < 5 || parts[0] == "" {
		return fmt.Errorf("topic text %.80q: %d parts, expected 5 or 6", text, len(parts))
	}
	c.SetDefaults()
	c.TopicName = strings.Clone(parts[0]) // it is kept, and must not keep the rest of the text
	for i, number := range []*int32{&c.ReadQueueNums, &c.WriteQueueNums, &c.Perm} {
		n, err := strconv.ParseInt(parts[i+1], 10, 32)
		if err != nil {
			return fmt.Errorf("topic text %.80q: part %d: %w", text, i+2, err)
		}
		*number = int32(n)
	}
	switch parts[4] {
	case SingleTag:
	case MultiTag:
		c.TopicFilterType = MultiTag
	default:
		return fmt.Errorf("topic text %.80q: filter type unknown", text)
	}
	if len(parts) == 6 && parts[5] != "" {
		if err := javajson.Unmarshal([]byte(parts[5]), &c.Attributes); err != nil {
			c.Attributes = nil
		}
	}
	return nil
}

// TopicConfigAndQueueMapping answers GET_TOPIC_CONFIG.
type TopicConfigAndQueueMapping struct {
	TopicConfig
	MappingDetail *TopicQueueMappingDetail `json:"mappingDetail"`
}

// CreateTopicListRequestBody is the body of UPDATE_AND_CREATE_TOPIC_LIST.
type CreateTopicListRequestBody struct {
	TopicConfigList []TopicConfig `json:"topicConfigList"`
}
