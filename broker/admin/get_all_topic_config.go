package admin

import (
	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// getAllTopicConfig answers GET_ALL_TOPIC_CONFIG, for slaves and exports: everything to callers that know no pages, else one page.
func (a *Admin) getAllTopicConfig(r *remoting.Request, h *header.GetAllTopicConfig) (*protocol.Command, error) {
	rules := a.Rules()
	table, version := a.Topics.Snapshot()
	names := sortedNames(table)
	total := len(names)
	if rules.SplitMetadata && asksForPage(&r.Fields, "topicSeq", "dataVersion", "maxTopicNum") {
		names = page(names, h.TopicSeq, h.DataVersion, version, pageSize(&rules, h.MaxTopicNum))
	}
	w := body.TopicConfigAndMappingSerializeWrapper{
		DataVersion: body.DataVersion(version), TopicConfigTable: make(map[string]body.TopicConfig, len(names)),
		TopicQueueMappingDetailMap: map[string]body.TopicQueueMappingDetail{},
		TopicQueueMappingInfoMap:   map[string]body.TopicQueueMappingInfo{},
	}
	for _, name := range names {
		w.TopicConfigTable[name] = body.TopicConfig(*table[name])
	}
	answer, err := jsonAnswer(w)
	if err != nil {
		return nil, err
	}
	answer.Header = &header.GetAllTopicConfigResponse{TotalTopicNum: int32(total)}
	return answer, nil
}

// asksForPage: callers before 5.3.3 send none of the three.
func asksForPage(f *protocol.Fields, names ...string) bool {
	for _, name := range names {
		if _, ok := f.Get(name); ok {
			return true
		}
	}
	return false
}

func pageSize(rules *Rules, wanted *int32) int {
	size := max(rules.SplitMetadataSize, 1)
	if wanted != nil {
		size = min(size, int(max(*wanted, 0)))
	}
	return size
}

// page cuts one page out of sorted names. A caller whose version differs from ours has begun with another table: it gets the start.
func page(names []string, seq int32, asked string, version dataversion.Version, size int) []string {
	var seen dataversion.Version
	if asked == "" || javajson.Unmarshal([]byte(asked), &seen) != nil || seen != version {
		seq = 0
	}
	from := min(max(int(seq), 0), len(names))
	return names[from:min(from+size, len(names))]
}

// getTopicConfig answers GET_TOPIC_CONFIG.
func (a *Admin) getTopicConfig(_ *remoting.Request, h *header.GetTopicConfig) (*protocol.Command, error) {
	c := a.Topics.Get(h.Topic)
	if c == nil {
		return nil, remoting.Fail(code.TopicNotExist, "No topic in this broker. topic: "+h.Topic)
	}
	return jsonAnswer(body.TopicConfigAndQueueMapping{TopicConfig: body.TopicConfig(*c)})
}

// getSystemTopicList answers GET_SYSTEM_TOPIC_LIST_FROM_BROKER.
func (a *Admin) getSystemTopicList(*remoting.Request) (*protocol.Command, error) {
	return jsonAnswer(body.TopicList{TopicList: a.Topics.SystemNames()})
}
