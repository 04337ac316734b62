package store

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/statefile"
)

// state reads one of config/*.json, or its .bak, as a start of the Java broker would.
// Nobody else reads it here: what cannot be read is an obstacle, which stops when what
// is in it might.
func (l *look) state(name string, stops bool, into any) (path string, there bool) {
	path = filepath.Join(l.root, "config", name)
	there, err := statefile.Read(l.disk, path, func(data []byte) error { return javajson.Unmarshal(data, into) })
	if err != nil {
		l.add(Obstacle{
			Stops: stops, File: path, What: fmt.Sprintf("what is in it cannot be told: %v", err),
			WayOut: "let the broker's user read it; when it is damaged, and what it is for was never used, move it and its .bak away",
		})
	}
	return path, there && err == nil
}

// staticTopics have queues whose offsets are not those of the files: a consumer's
// position would lead to another message.
func (l *look) staticTopics() error {
	var f struct{ TopicQueueMappingInfoMap map[string]javajson.Raw }
	path, there := l.state("topicQueueMapping.json", true, &f)
	if !there || len(f.TopicQueueMappingInfoMap) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(f.TopicQueueMappingInfoMap))
	l.add(Obstacle{
		Stops: true, Setting: "static topics (mqadmin updateStaticTopic)", File: path,
		What: fmt.Sprintf("%d topics have logical queues, which are not supported: %s", len(names), strings.Join(names[:min(len(names), 5)], ", ")),
		WayOut: "let consumers read these topics to their ends, copy what is kept to ordinary topics, delete them with mqadmin deleteTopic on every broker, " +
			"then move this file and its .bak away",
	})
	return nil
}

// tiered: messages that are only in another store would be passed over by groups that have not consumed them yet. The file lists what
// is there (DefaultMetadataStore); queues without a segment have nothing there any more.
func (l *look) tiered() error {
	var f struct {
		CommitLogFileSegmentTable map[string]map[int64]javajson.Raw // by queue and offset
	}
	path, there := l.state("tieredStoreMetadata.json", true, &f)
	maps.DeleteFunc(f.CommitLogFileSegmentTable, func(_ string, segments map[int64]javajson.Raw) bool { return len(segments) == 0 })
	if !there || len(f.CommitLogFileSegmentTable) == 0 {
		return nil
	}
	l.add(Obstacle{
		Stops: true, Setting: "messageStorePlugIn=org.apache.rocketmq.tieredstore.TieredMessageStore", File: path,
		What:   fmt.Sprintf("messages of %d queues are in a tiered store, which is not supported: groups would go on behind those that are only there", len(f.CommitLogFileSegmentTable)),
		WayOut: "let consumers read to where the log begins (mqadmin brokerStatus: commitLogMinOffset), then take the setting, and this file and its .bak, away",
	})
	return nil
}

// orderInfo is what orderly POP consumers hold.
func (l *look) orderInfo() error {
	var f struct{ Table map[string]javajson.Raw }
	path, there := l.state("consumerOrderInfo.json", false, &f)
	if !there || len(f.Table) == 0 {
		return nil
	}
	l.add(Obstacle{
		Setting: "consumerOrderInfo", File: path,
		What:   fmt.Sprintf("orderly POP consumers hold messages of %d topics and groups; the file stays as it is, and what they hold may come again", len(f.Table)),
		WayOut: "stop these consumers and wait for their invisible time before the Java broker stops",
	})
	return nil
}
