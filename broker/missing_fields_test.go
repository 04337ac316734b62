package broker

import (
	"testing"

	"github.com/skylarkmq/skylark/broker/admin"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header/headertest"
)

// stricter are the fields without which the original does something, or nothing, and says yes: a topic or a group
// called null, an offset that is set to where nobody asked for. Ours says what is missing.
var stricter = []string{
	"222 timestamp", "314 srcGroup", "314 destGroup", "353 topic",
}

// TestMissingFields: bad input 25, for each request that a broker answers and that needs a field.
func TestMissingFields(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	answered := map[code.Request]bool{}
	for _, r := range routes {
		answered[r.Code] = true
	}
	for _, r := range admin.Routes() {
		answered[r.Code] = true
	}
	makeTopic := []string{
		"topic", "T", "defaultTopic", "TBW102", "readQueueNums", "4", "writeQueueNums", "4", "perm", "6",
		"topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false",
	}
	asked := 0
	for _, r := range headertest.Recorded(t, "broker") {
		if !answered[r.Code] {
			continue
		}
		asked++
		headertest.Missing(t, f.addr, &r, stricter, func() { want(t, f.call(code.UpdateAndCreateTopic, nil, makeTopic...), code.Success, "") })
	}
	if asked < 35 {
		t.Errorf("only %d requests asked", asked)
	}
	f.sendTo("T", "a good client still works")
}
