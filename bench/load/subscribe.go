package load

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Subscribe registers the group of Pull with o.Filter on o.Topic by a heartbeat, as a push consumer does: brokers that write bit maps
// make them for registered groups only. The group is there until the closer is closed.
func Subscribe(o Options) (io.Closer, error) {
	o = o.withDefaults()
	beat, err := json.Marshal(body.HeartbeatData{ClientID: "bench@1", ProducerDataSet: []body.ProducerData{}, ConsumerDataSet: []body.ConsumerData{{
		GroupName: pullGroup, ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", ConsumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
		SubscriptionDataSet: []body.SubscriptionData{{
			Topic: o.Topic, SubString: o.Filter, ExpressionType: o.FilterType, SubVersion: 1, CodeSet: []int32{}, TagsSet: []string{},
		}},
	}}})
	if err != nil {
		return nil, err
	}
	c, err := dial(o.Addr)
	if err != nil {
		return nil, err
	}
	if _, err := c.exchange(protocol.NewRequest(code.HeartBeat, nil, beat)); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("subscribe %s to %s: %w", pullGroup, o.Topic, err)
	}
	return c, nil
}
