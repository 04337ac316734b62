package broker

import (
	"fmt"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// TestBroadcastOffsets: a client that broadcasts moves between the broker and a
// proxy and goes on where it was.
func TestBroadcastOffsets(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for i := range 10 {
		f.sendTo("T", fmt.Sprint(i))
	}
	f.beat("G", "BROADCASTING", all("T"))
	direct := func(offset string) *protocol.Command {
		return f.call(code.PullMessage, nil, replace(pullFields("G", "T", offset), "sysFlag", "0")...)
	}
	proxied := func(client, offset string) *protocol.Command {
		return f.call(code.PullMessage, nil, append(pullFields("G", "T", offset), "requestSource", "1", "proxyFrowardClientId", client)...)
	}
	moved := func(what string, reply *protocol.Command, to string) {
		t.Helper()
		if reply.Response() != code.PullOffsetMoved || reply.Remark != "OFFSET_RESET" || reply.Fields.String("nextBeginOffset") != to {
			t.Errorf("%s: %d %q at %s, want a reset to %s", what, reply.Code, reply.Remark, reply.Fields.String("nextBeginOffset"), to)
		}
		if lo, hi := reply.Fields.String("minOffset"), reply.Fields.String("maxOffset"); lo != "0" || hi != "0" {
			t.Errorf("%s: range %s to %s, want none, as in Java", what, lo, hi)
		}
	}
	if reply := direct("3"); reply.Response() != code.Success || reply.Fields.String("nextBeginOffset") != "10" {
		t.Fatalf("direct: %d %q", reply.Code, reply.Remark)
	}
	moved("to the proxy", proxied("c1", "0"), "3") // where it pulled last, not what it got there
	if reply := proxied("c1", "3"); reply.Response() != code.Success {
		t.Errorf("goes on by the proxy: %d %q", reply.Code, reply.Remark)
	}
	moved("back to the broker", direct("0"), "3")
	f.Broadcasts.Scan()
	if got := f.Offsets.Query("G@broadcast", "T", 0); got != 3 {
		t.Errorf("common offset %d, want 3", got)
	}
	moved("another client of the proxy, which has none", proxied("c2", "-1"), "3")
	if groups := f.Offsets.Groups("T"); len(groups) != 0 {
		t.Errorf("groups with offsets: %v, want none: the common offset is no group's", groups)
	}
	// Without anything known a client of a proxy begins at the first message.
	reply := f.call(code.PullMessage, nil, append(pullFields("H", "T", "-1"), "requestSource", "1", "proxyFrowardClientId", "c1")...)
	moved("a new group behind a proxy", reply, "0")
	if off := f.Clients.BroadcastClient("H", nil); off != "" {
		t.Errorf("a group that does not heart-beat has client %q", off)
	}
	want(t, f.call(code.DeleteTopicInBroker, nil, "topic", "T"), code.Success, "")
	f.sendTo("T", "again")
	if f.Broadcasts.Scan(); f.Offsets.Query("G@broadcast", "T", 0) != -1 {
		t.Errorf("common offset %d of a topic made again", f.Offsets.Query("G@broadcast", "T", 0))
	}
}

func TestBroadcastOffsetsOff(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.EnableBroadcastOffsetStore = false })
	f.sendTo("T", "x")
	reply := f.call(code.PullMessage, nil, append(pullFields("H", "T", "-1"), "requestSource", "1", "proxyFrowardClientId", "c1")...)
	if reply.Remark != "OFFSET_TOO_SMALL" {
		t.Errorf("%d %q, want OFFSET_TOO_SMALL", reply.Code, reply.Remark)
	}
	f.Broadcasts.Scan()
	if got := f.Offsets.Query("H@broadcast", "T", 0); got != -1 {
		t.Errorf("an offset was noted: %d", got)
	}
}
