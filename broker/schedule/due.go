package schedule

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/skylarkmq/skylark/message"
)

var errNoPlace = errors.New("schedule: the record does not say where it belongs")

// due makes of the record of a waiting message the one to deliver: the same but for
// its place. DELAY, REAL_TOPIC and REAL_QID stay among the properties: Java builds
// the property string before it clears the level (messageTimeUp). The message
// refers to the record's bytes.
func due(rec []byte, m *message.Message) error {
	var v message.View
	if err := message.Decode(rec, &v); err != nil {
		return err
	}
	if err := v.CheckBody(); err != nil { // stored again, a damaged body would get a sum that fits
		return err
	}
	var topic, queue []byte
	for p := message.PairsOf(v.Properties); p.Next(); {
		switch string(p.Name) {
		case message.PropertyRealTopic:
			topic = p.Value
		case message.PropertyRealQueueID:
			queue = p.Value
		}
	}
	id, err := strconv.ParseInt(string(queue), 10, 32)
	if len(topic) == 0 || err != nil || id < 0 {
		return fmt.Errorf("%w: %s %q, %s %q", errNoPlace, message.PropertyRealTopic, topic, message.PropertyRealQueueID, queue)
	}
	if name := string(topic); name == message.TopicHalf || name == message.TopicSchedule {
		return fmt.Errorf("%w: %s may not be delivered to", errNoPlace, name)
	}
	*m = message.Message{
		Topic: string(topic), QueueID: int32(id), Flag: v.Flag, SysFlag: v.SysFlag,
		BornTimestamp: v.BornTimestamp, BornHost: v.BornHost, StoreHost: v.StoreHost,
		ReconsumeTimes: v.ReconsumeTimes, Body: v.Body, Properties: v.Properties,
	}
	return nil
}
