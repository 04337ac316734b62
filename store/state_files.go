package store

import (
	"fmt"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// stateTables is the member of each file under config/ that holds what the file is
// for. Both brokers write it always, also when it is empty.
var stateTables = map[string]string{
	"topics.json":             "topicConfigTable",
	"subscriptionGroup.json":  "subscriptionGroupTable",
	"consumerOffset.json":     "offsetTable",
	"lmqConsumerOffset.json":  "lmqOffsetTable",
	"delayOffset.json":        "offsetTable",
	"consumerFilter.json":     "filterDataByTopic",
	"messageRequestMode.json": "messageRequestModeMap",
	"purgedOffsets.json":      "purged",
	"deadLettersSent.json":    "queues",
	"transactionMetrics":      "transactionCount",
}

// WholeState says what is wrong with the content of a file under config/: no JSON, or
// other members, but not its table. One flipped bit in the name of that member would
// else make a broker forget everything, without a word. An empty object is what
// somebody wrote who wants to begin anew.
func WholeState(name string, data []byte) error {
	var members map[string]javajson.Raw
	if err := javajson.Unmarshal(data, &members); err != nil {
		return err
	}
	table := stateTables[name]
	if _, ok := members[table]; table != "" && len(members) > 0 && !ok {
		return fmt.Errorf("%s has no member %s", name, table)
	}
	return nil
}
