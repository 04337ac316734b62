package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func TestSendThenPull(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for i := range 5 {
		reply := f.sendTo("T1", fmt.Sprintf("body %d", i))
		if got := reply.Fields.String("queueOffset"); got != fmt.Sprint(i) {
			t.Fatalf("queueOffset %q, want %d", got, i)
		}
		for _, name := range []string{"msgId", "queueId", "transactionId", "MSG_REGION", "TRACE_ON"} {
			if reply.Fields.String(name) == "" {
				t.Fatalf("answer lacks %s", name)
			}
		}
	}
	reply := f.call(code.PullMessage, nil, pullFields("G1", "T1", "0")...)
	want(t, reply, code.Success, "FOUND")
	if got := reply.Fields.String("nextBeginOffset"); got != "5" {
		t.Fatalf("nextBeginOffset %q, want 5", got)
	}
	bodies := decodeAll(t, reply.Body)
	if len(bodies) != 5 || string(bodies[4].Body) != "body 4" || string(bodies[0].Topic) != "T1" {
		t.Fatalf("pulled %d messages", len(bodies))
	}
	props := string(bodies[0].Properties)
	for _, want := range []string{"TAGS\x01A\x02", "MSG_REGION\x01DefaultRegion\x02", "TRACE_ON\x01true\x02", "CLUSTER\x01DefaultCluster\x02", "UNIQ_KEY\x01"} {
		if !strings.Contains(props, want) {
			t.Fatalf("properties %q lack %q", props, want)
		}
	}
	if id := f.call(code.ViewMessageByID, nil, "offset", fmt.Sprint(bodies[2].PhyOffset)); string(id.Body) == "" {
		t.Fatalf("view: %d %s", id.Code, id.Remark)
	}
}

func decodeAll(t testing.TB, data []byte) (list []message.View) {
	t.Helper()
	for len(data) > 0 {
		var v message.View
		if err := message.Decode(data, &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
		data = data[v.Size:]
	}
	return list
}
