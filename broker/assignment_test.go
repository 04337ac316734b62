package broker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// assigned asks for a client's queues, as a text; "keep" when there is no list.
func (f *fixture) assigned(topic, group, client, model, strategy string) string {
	f.t.Helper()
	data, err := body.Encode(&body.QueryAssignmentRequestBody{
		ClientId: client, ConsumerGroup: group, MessageModel: model, StrategyName: strategy, Topic: topic,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	reply := f.call(code.QueryAssignment, data)
	want(f.t, reply, code.Success, "")
	if string(reply.Body) == "{}" {
		return "keep"
	}
	answer, err := body.Decode[body.QueryAssignmentResponseBody](reply.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	var list []string
	for _, a := range *answer.MessageQueueAssignments {
		if a.Mode != "PULL" || a.MessageQueue.BrokerName != "test-a" || a.MessageQueue.Topic != topic {
			f.t.Errorf("assigned %+v", a)
		}
		list = append(list, fmt.Sprint(a.MessageQueue.QueueId))
	}
	return strings.Join(list, " ")
}

func TestQueryAssignment(t *testing.T) {
	t.Parallel()
	ns := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr = ns.addr })
	f.sendTo("T", "x") // 4 queues
	ns.route(f.client, "T", known)
	for _, id := range []string{"c2", "c1", "c3"} {
		f.member(id).beatFor("G", all("T"))
	}
	for _, row := range []struct{ what, topic, group, client, model, strategy, want string }{
		{"the first", "T", "G", "c1", "CLUSTERING", "AVG", "0 1"},
		{"the second", "T", "G", "c2", "CLUSTERING", "AVG", "2"},
		{"the third", "T", "G", "c3", "CLUSTERING", "AVG", "3"},
		{"by circle", "T", "G", "c1", "CLUSTERING", "AVG_BY_CIRCLE", "0 3"},
		{"a stranger", "T", "G", "c9", "CLUSTERING", "AVG", ""},
		{"broadcasting", "T", "nobody", "c9", "BROADCASTING", "", "0 1 2 3"},
		{"a strategy that clients know", "T", "G", "c1", "CLUSTERING", "CONSISTENT_HASH", "keep"},
		{"a group that is not online", "T", "H", "c1", "CLUSTERING", "AVG", "keep"},
		{"a topic that is not there", "None", "G", "c1", "CLUSTERING", "AVG", "keep"},
		{"and broadcasting", "None", "G", "c1", "BROADCASTING", "AVG", "keep"},
	} {
		if got := f.assigned(row.topic, row.group, row.client, row.model, row.strategy); got != row.want {
			t.Errorf("%s: %q, want %q", row.what, got, row.want)
		}
	}
	cfg := *f.cfg.Get()
	cfg.ServerLoadBalancerEnable = false
	f.cfg.Change(func(c *Config) { *c = cfg })
	if got := f.assigned("T", "H", "c1", "CLUSTERING", "AVG"); got != "0 1 2 3" {
		t.Errorf("without serverLoadBalancerEnable: %q, want all", got)
	}
	ns.stop() // what is known stays known
	if got := f.assigned("T", "H", "c1", "CLUSTERING", "AVG"); got != "0 1 2 3" {
		t.Errorf("without a name server: %q, want all", got)
	}
	for _, bad := range []string{"", "{", `{"topic":"T"}`, `{"topic":"T","messageModel":"X"}`, `{"topic":"` + strings.Repeat("x", 300) + `"}`} {
		if reply := f.call(code.QueryAssignment, []byte(bad)); reply.Response() != code.SystemError {
			t.Errorf("%.40q: %d %q", bad, reply.Code, reply.Remark)
		}
	}
}

// TestQueryAssignmentOfLightTopic: the one queue is here, whatever name servers know.
func TestQueryAssignmentOfLightTopic(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	const name = "%LMQ%a"
	for _, id := range []string{"c1", "c2"} {
		f.member(id).beatFor("G", all(name))
	}
	for _, row := range []struct{ what, group, client, model, want string }{
		{"the first", "G", "c1", "CLUSTERING", "0"},
		{"the second", "G", "c2", "CLUSTERING", ""},
		{"a group that is not online", "H", "c1", "CLUSTERING", "keep"},
		{"broadcasting", "G", "c1", "BROADCASTING", "keep"}, // as Java, which asks name servers
	} {
		if got := f.assigned(name, row.group, row.client, row.model, "AVG"); got != row.want {
			t.Errorf("%s: %q, want %q", row.what, got, row.want)
		}
	}
	f.cfg.Change(func(c *Config) { c.ServerLoadBalancerEnable = false })
	if got := f.assigned(name, "H", "c2", "CLUSTERING", "AVG"); got != "0" {
		t.Errorf("without serverLoadBalancerEnable: %q", got)
	}
}

func TestMessageRequestMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := start(t, func(c *Config, s *store.Config) { c.AutoCreateSubscriptionGroup, s.StorePathRootDir = false, dir })
	f.sendTo("T", "x")
	mode := func(topic, group, mode string) (code.Response, string) {
		data, err := json.Marshal(body.SetMessageRequestModeRequestBody{Topic: topic, ConsumerGroup: group, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		reply := f.call(code.SetMessageRequestMode, data)
		return reply.Response(), reply.Remark
	}
	const group = "TOOLS_CONSUMER" // there from the start
	for _, row := range []struct {
		topic, group, mode string
		code               code.Response
		remark             string
	}{
		{"%RETRY%G", "G", "PULL", code.NoPermission, "retry topic is not allowed to set mode"},
		{"None", group, "PULL", code.TopicNotExist, "topic[None] not exist"},
		{"T", "G", "PULL", code.SubscriptionGroupNotExist, "subscription group does not exist"},
		{"T", group, "POP", code.RequestCodeNotSupported, remarkNoPop},
		{"T", group, "PUSH", code.InvalidParameter, `mode "PUSH" is neither PULL nor POP`},
		{"T", group, "PULL", code.Success, ""},
	} {
		if c, remark := mode(row.topic, row.group, row.mode); c != row.code || remark != row.remark {
			t.Errorf("%s %s %s: %d %q", row.topic, row.group, row.mode, c, remark)
		}
	}
	const all = `{"messageRequestModeMap":{"T":{"TOOLS_CONSUMER":{"consumerGroup":"TOOLS_CONSUMER","mode":"PULL","popShareQueueNum":0,"topic":"T"}}}}`
	if reply := f.call(code.GetAllMessageRequestMode, nil); string(reply.Body) != all {
		t.Errorf("all: %s", reply.Body)
	}
	f.stop()
	// A Java broker made it POP meanwhile: served by pull, and kept.
	path := filepath.Join(dir, "config", "messageRequestMode.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), `"PULL"`, `"POP"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	ns := startNameServer(t, t.TempDir(), "")
	f = start(t, func(c *Config, s *store.Config) { c.NamesrvAddr, s.StorePathRootDir = ns.addr, dir })
	ns.route(f.client, "T", known)
	if got := f.assigned("T", group, "c", "BROADCASTING", ""); got != "0 1 2 3" { // each with mode PULL
		t.Errorf("assigned %q", got)
	}
	if reply := f.call(code.GetAllMessageRequestMode, nil); string(reply.Body) != strings.Replace(all, "PULL", "POP", 1) {
		t.Errorf("after a restart: %s", reply.Body)
	}
}
