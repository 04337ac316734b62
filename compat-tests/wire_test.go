package compat_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// Request codes of the scenarios on the wire.
const (
	codeSearchOffset    = 29
	codeMaxOffset       = 30
	codeHeartbeat       = 34
	codeUnregister      = 35
	codeConsumerList    = 38
	codeLock            = 41
	codeUnlock          = 42
	codePutKV           = 100
	codeConsumeStats    = 208
	codeReset           = 222
	codeSendV2          = 310
	codeCloneOffset     = 314
	codeCorrection      = 308
	codeQueryQueue      = 321
	codeTopicConfig     = 351
	codeQueryAssignment = 400
	codeSetRequestMode  = 401
	codeGetRequestModes = 402
	sysFlagSubscription = "4"
	sysFlagClassFilter  = "8"
	sysFlagNone         = "0"
	lockMaxLiveForTests = "10000"
)

// wire is one scenario on the wire: what it sees goes into the transcript.
type wire struct {
	t       *testing.T
	cluster *harness.Cluster
	ask     *harness.Client // an operator, and a producer
	lines   []string
}

func (w *wire) note(format string, args ...any) {
	w.lines = append(w.lines, strings.ReplaceAll(normalise(fmt.Sprintf(format, args...)), "\n", "\\n"))
}

var (
	millis  = regexp.MustCompile(`\b1[0-9]{12}\b`)
	address = regexp.MustCompile(`/?127\.0\.0\.1:\d+`)
)

func normalise(s string) string {
	return address.ReplaceAllString(millis.ReplaceAllString(s, "<ms>"), "<addr>")
}

// say notes an answer's code and remark, with some of its fields.
func (w *wire) say(what string, reply *harness.Command, fields ...string) {
	w.t.Helper()
	text := fmt.Sprintf("%s: %d %q", what, reply.Code, reply.Remark)
	for _, f := range fields {
		text += fmt.Sprintf(" %s=%s", f, reply.ExtFields[f])
	}
	w.note("%s", text)
}

// TestOnTheWire plays clients and operators frame by frame: what the client libraries do not show, or do by themselves.
func TestOnTheWire(t *testing.T) {
	target := harness.TargetOfEnv(t)
	cluster := harness.StartCluster(t, target, map[string]string{
		"enablePropertyFilter": "true", "enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true",
		"rebalanceLockMaxLiveTime": lockMaxLiveForTests,
	})
	var transcript strings.Builder
	for _, s := range []struct {
		name string
		run  func(*wire)
	}{
		{"heartbeat-fingerprint", heartbeatFingerprint},
		{"ids-changed", idsChanged},
		{"queue-locks", queueLocks},
		{"assignment", assignments},
		{"broadcast-offsets", broadcastOffsets},
		{"offset-rules", offsetRules},
		{"offset-reset", offsetReset},
		{"offset-clone", offsetClone},
		{"offset-by-time", offsetByTime},
		{"consume-stats", consumeStats},
		{"tag-hashes", tagHashes},
		{"class-filter", classFilter},
		{"bit-maps", bitMaps},
		{"order-topic", orderTopic},
	} {
		t.Run(s.name, func(t *testing.T) {
			w := &wire{t: t, cluster: cluster, ask: harness.NewClient(t, cluster.Broker.Addr)}
			s.run(w)
			fmt.Fprintf(&transcript, "== %s\n%s\n", s.name, strings.Join(w.lines, "\n"))
		})
	}
	if !t.Failed() {
		harness.CompareGolden(t, "wire", transcript.String(), true)
	}
}

// topic makes a topic with so many queues.
func (w *wire) topic(name string, queues int) string {
	w.t.Helper()
	n := strconv.Itoa(queues)
	reply := w.ask.Ask(codeUpdateTopic, map[string]string{
		"topic": name, "defaultTopic": "TBW102", "readQueueNums": n, "writeQueueNums": n, "perm": "6", "topicFilterType": "SINGLE_TAG",
		"topicSysFlag": "0", "order": "false",
	}, nil)
	if reply.Code != 0 {
		w.t.Fatalf("topic %s: %d %s", name, reply.Code, reply.Remark)
	}
	return name
}

// group makes a consumer group.
func (w *wire) group(name string) string {
	w.t.Helper()
	if reply := w.ask.Ask(codeUpdateGroup, nil, fmt.Appendf(nil, `{"groupName":%q}`, name)); reply.Code != 0 {
		w.t.Fatalf("group %s: %d %s", name, reply.Code, reply.Remark)
	}
	return name
}

// send stores a message in a queue, with properties `name=value`.
func (w *wire) send(topic string, queue int, properties ...string) *harness.Command {
	w.t.Helper()
	var props strings.Builder
	for _, p := range properties {
		name, value, _ := strings.Cut(p, "=")
		fmt.Fprintf(&props, "%s\x01%s\x02", name, value)
	}
	reply := w.ask.Ask(codeSendV2, map[string]string{
		"a": "PG", "b": topic, "c": "TBW102", "d": "4", "e": strconv.Itoa(queue), "f": "0", "g": "1700000000000", "h": "0",
		"i": props.String(), "j": "0", "k": "false", "m": "false",
	}, []byte("body"))
	if reply.Code != 0 {
		w.t.Fatalf("send to %s: %d %s", topic, reply.Code, reply.Remark)
	}
	return reply
}

// stored waits until consumers may see so many messages of queue 0.
func (w *wire) stored(topic string, n int) {
	w.t.Helper()
	harness.Until(w.t, "messages to be readable", answerTime, func() error {
		reply := w.ask.Ask(codeMaxOffset, map[string]string{"topic": topic, "queueId": "0"}, nil)
		if reply.ExtFields["offset"] != strconv.Itoa(n) {
			return fmt.Errorf("%s of %d", reply.ExtFields["offset"], n)
		}
		return nil
	})
}

// member is a consumer that the test plays.
type member struct {
	*harness.Client
	w  *wire
	id string
}

func (w *wire) member(id string) *member {
	return &member{harness.NewClient(w.t, w.cluster.Broker.Addr), w, id}
}

// subscription is one of a heartbeat.
type subscription struct {
	ClassFilterMode bool     `json:"classFilterMode"`
	CodeSet         []int32  `json:"codeSet"`
	ExpressionType  string   `json:"expressionType"`
	SubString       string   `json:"subString"`
	SubVersion      int64    `json:"subVersion"`
	TagsSet         []string `json:"tagsSet"`
	Topic           string   `json:"topic"`
}

func all(topic string) subscription {
	return subscription{ExpressionType: "TAG", SubString: "*", SubVersion: 1, Topic: topic}
}

func bySQL(topic, expression string) subscription {
	return subscription{ExpressionType: "SQL92", SubString: expression, SubVersion: 1, Topic: topic}
}

// beat is a heartbeat of one group.
type beat struct {
	group       string
	model       string // CLUSTERING when empty
	fingerprint int
	withoutSub  bool
	subs        []subscription
}

func (m *member) beat(b beat) *harness.Command {
	m.w.t.Helper()
	if b.model == "" {
		b.model = "CLUSTERING"
	}
	if b.subs == nil {
		b.subs = []subscription{}
	}
	data, err := json.Marshal(map[string]any{
		"clientID": m.id, "producerDataSet": []any{}, "heartbeatFingerprint": b.fingerprint, "withoutSub": b.withoutSub,
		"consumerDataSet": []any{map[string]any{
			"groupName": b.group, "consumeType": "CONSUME_PASSIVELY", "messageModel": b.model,
			"consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "subscriptionDataSet": b.subs, "unitMode": false,
		}},
	})
	if err != nil {
		m.w.t.Fatal(err)
	}
	reply := m.Ask(codeHeartbeat, nil, data)
	if reply.Code != 0 {
		m.w.t.Fatalf("heartbeat: %d %s", reply.Code, reply.Remark)
	}
	return reply
}

// pull asks for messages; more are fields that differ.
func (m *member) pull(group, topic string, offset int, more ...string) *harness.Command {
	fields := map[string]string{
		"consumerGroup": group, "topic": topic, "queueId": "0", "queueOffset": strconv.Itoa(offset), "maxMsgNums": "32", "sysFlag": sysFlagNone,
		"commitOffset": "0", "suspendTimeoutMillis": "0", "subVersion": "1",
	}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	return m.Ask(codePull, fields, nil)
}

// heartbeatFingerprint: version 2 repeats its subscriptions only when another fingerprint was seen last.
func heartbeatFingerprint(w *wire) {
	w.topic("wire-beat", 1)
	one, two := w.member("c1"), w.member("c2")
	say := func(what string, reply *harness.Command) {
		w.say(what, reply, "IS_SUPPORT_HEART_BEAT_V2", "IS_SUB_CHANGE")
	}
	subs := []subscription{all("wire-beat")}
	say("version 1", one.beat(beat{group: "g-v1", subs: subs}))
	say("the first", one.beat(beat{group: "g-v2", fingerprint: 7, subs: subs}))
	say("the same, without subscriptions", one.beat(beat{group: "g-v2", fingerprint: 7, withoutSub: true}))
	say("another client with the same", two.beat(beat{group: "g-v2", fingerprint: 7, subs: subs}))
	say("another client with another", two.beat(beat{group: "g-v2", fingerprint: 8, subs: subs}))
	say("the first again", one.beat(beat{group: "g-v2", fingerprint: 7, withoutSub: true}))
	say("and again", one.beat(beat{group: "g-v2", fingerprint: 7, withoutSub: true}))
	say("version 1 in between", one.beat(beat{group: "g-v2", subs: subs}))
	say("version 2 after it", one.beat(beat{group: "g-v2", fingerprint: 7, subs: subs}))
	w.say("a pull by those subscriptions", one.pull("g-v2", "wire-beat", 0))
}

// clients lists a group as the broker answers it.
func (w *wire) clients(group string) string {
	reply := w.ask.Ask(codeConsumerList, map[string]string{"consumerGroup": group}, nil)
	if reply.Code != 0 {
		return fmt.Sprintf("%d %q", reply.Code, reply.Remark)
	}
	var list struct{ ConsumerIdList []string }
	if err := json.Unmarshal(reply.Body, &list); err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(list.ConsumerIdList)
	return strings.Join(list.ConsumerIdList, " ")
}

// idsChanged: who joins, changes its topics, leaves or ends is told to the others.
func idsChanged(w *wire) {
	w.topic("wire-ids", 1)
	w.topic("wire-ids2", 1)
	one, two := w.member("c1"), w.member("c2")
	heard := func(what string, m *member) {
		cmd := m.Hear()
		w.note("%s: %s hears %d, one-way %t, of %s", what, m.id, cmd.Code, cmd.Flag&2 != 0, cmd.ExtFields["consumerGroup"])
	}
	one.beat(beat{group: "g-ids", subs: []subscription{all("wire-ids")}})
	heard("joins", one)
	two.beat(beat{group: "g-ids", subs: []subscription{all("wire-ids")}})
	heard("another joins", one)
	heard("another joins", two)
	w.note("members: %s", w.clients("g-ids"))
	one.beat(beat{group: "g-ids", subs: []subscription{all("wire-ids"), all("wire-ids2")}})
	heard("a topic more", one)
	heard("a topic more", two)
	one.beat(beat{group: "g-ids", subs: []subscription{all("wire-ids"), all("wire-ids2")}}) // nothing new: nobody hears
	w.say("leaves", two.Ask(codeUnregister, map[string]string{"clientID": "c2", "consumerGroup": "g-ids"}, nil))
	heard("the other left", one)
	w.note("members: %s", w.clients("g-ids"))
	two.beat(beat{group: "g-ids", subs: []subscription{all("wire-ids"), all("wire-ids2")}})
	heard("back", one)
	heard("back", two)
	two.Close()
	heard("the other's connection ended", one)
	w.note("members: %s", w.clients("g-ids"))
	one.beat(beat{group: "g-bc", model: "BROADCASTING", subs: []subscription{all("wire-ids")}})
	w.note("heard of a broadcasting group: %d", len(one.Heard))
}

// lock takes or gives back queues, and returns those that are held.
func (m *member) lock(code int, group string, only bool, queues ...int) string {
	m.w.t.Helper()
	set := []any{}
	for _, q := range queues {
		set = append(set, map[string]any{"brokerName": harness.BrokerName, "queueId": q, "topic": "wire-lock"})
	}
	data, err := json.Marshal(map[string]any{"clientId": m.id, "consumerGroup": group, "mqSet": set, "onlyThisBroker": only})
	if err != nil {
		m.w.t.Fatal(err)
	}
	reply := m.Ask(code, nil, data)
	if reply.Code != 0 || code == codeUnlock {
		return fmt.Sprintf("%d %q", reply.Code, reply.Remark)
	}
	var held struct{ LockOKMQSet []struct{ QueueID int } }
	if err := json.Unmarshal(reply.Body, &held); err != nil {
		m.w.t.Fatal(err)
	}
	list := []int{}
	for _, q := range held.LockOKMQSet {
		list = append(list, q.QueueID)
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}

// queueLocks: who holds what, and that the locks of a client that died are taken over when their time is over.
func queueLocks(w *wire) {
	w.topic("wire-lock", 4)
	one, two := w.member("c1"), w.member("c2")
	w.note("c1 locks 0 1: %s", one.lock(codeLock, "g-lock", false, 0, 1))
	w.note("c2 locks 1 2: %s", two.lock(codeLock, "g-lock", false, 1, 2))
	w.note("c2 locks 1 on this broker only: %s", two.lock(codeLock, "g-lock", true, 1))
	w.note("c2 of another group locks 1: %s", two.lock(codeLock, "g-lock2", false, 1))
	w.note("c2 unlocks 0 1, which it does not hold: %s", two.lock(codeUnlock, "g-lock", false, 0, 1))
	w.note("c2 locks 0 1: %s", two.lock(codeLock, "g-lock", false, 0, 1))
	w.note("c1 unlocks 0: %s", one.lock(codeUnlock, "g-lock", false, 0))
	w.note("c2 locks 0 1: %s", two.lock(codeLock, "g-lock", false, 0, 1))
	w.note("c1 locks a queue twice: %s", one.lock(codeLock, "g-lock", false, 1, 1))
	w.note("c1 locks nothing: %s", one.lock(codeLock, "g-lock", false))
	one.Close()
	w.note("c2 locks 1, c1 just died: %s", two.lock(codeLock, "g-lock", false, 1))
	harness.Until(w.t, "the lock of a dead client to be over", answerTime, func() error {
		if held := two.lock(codeLock, "g-lock", false, 1); held != "[1]" {
			return fmt.Errorf("held %s", held)
		}
		return nil
	})
	w.note("c2 took over 1")
}

// assigned asks for a client's queues.
func (w *wire) assigned(what string, request map[string]any) {
	w.t.Helper()
	data, err := json.Marshal(request)
	if err != nil {
		w.t.Fatal(err)
	}
	reply := w.ask.Ask(codeQueryAssignment, nil, data)
	var answer struct {
		MessageQueueAssignments *[]struct {
			Mode         string
			MessageQueue struct {
				BrokerName string
				QueueID    int
				Topic      string
			}
		}
	}
	if err := json.Unmarshal(reply.Body, &answer); err != nil {
		w.t.Fatal(err)
	}
	if answer.MessageQueueAssignments == nil {
		w.note("%s: %d %q, no list", what, reply.Code, reply.Remark)
		return
	}
	list := []string{}
	for _, a := range *answer.MessageQueueAssignments {
		list = append(list, fmt.Sprintf("%s %s-%s-%d", a.Mode, a.MessageQueue.Topic, a.MessageQueue.BrokerName, a.MessageQueue.QueueID))
	}
	slices.Sort(list)
	w.note("%s: %d %q %s", what, reply.Code, reply.Remark, strings.Join(list, ", "))
}

// assignments: QUERY_ASSIGNMENT for consumers that pull, and the modes that operators set.
func assignments(w *wire) {
	w.topic("wire-assign", 5)
	w.group("g-assign")
	for _, id := range []string{"c2", "c1"} {
		w.member(id).beat(beat{group: "g-assign", subs: []subscription{all("wire-assign")}})
	}
	ask := func(what, group, client, model, strategy, topic string) {
		w.assigned(what, map[string]any{"clientId": client, "consumerGroup": group, "messageModel": model, "strategyName": strategy, "topic": topic})
	}
	ask("AVG, c1", "g-assign", "c1", "CLUSTERING", "AVG", "wire-assign")
	ask("AVG, c2", "g-assign", "c2", "CLUSTERING", "AVG", "wire-assign")
	ask("AVG_BY_CIRCLE, c1", "g-assign", "c1", "CLUSTERING", "AVG_BY_CIRCLE", "wire-assign")
	ask("AVG_BY_CIRCLE, c2", "g-assign", "c2", "CLUSTERING", "AVG_BY_CIRCLE", "wire-assign")
	ask("a stranger", "g-assign", "c9", "CLUSTERING", "AVG", "wire-assign")
	ask("no client", "g-assign", "", "CLUSTERING", "AVG", "wire-assign")
	ask("CONSISTENT_HASH", "g-assign", "c1", "CLUSTERING", "CONSISTENT_HASH", "wire-assign")
	ask("MACHINE_ROOM_NEARBY", "g-assign", "c1", "CLUSTERING", "MACHINE_ROOM_NEARBY", "wire-assign")
	ask("a group that is not online", "g-nobody", "c1", "CLUSTERING", "AVG", "wire-assign")
	ask("broadcasting", "g-nobody", "c9", "BROADCASTING", "AVG", "wire-assign")
	ask("a topic that is not there", "g-assign", "c1", "CLUSTERING", "AVG", "wire-none")
	ask("the retry topic", "g-assign", "c1", "CLUSTERING", "AVG", "%RETRY%g-assign")

	set := func(what, topic, group string) {
		data, err := json.Marshal(map[string]any{"topic": topic, "consumerGroup": group, "mode": "PULL", "popShareQueueNum": 0})
		if err != nil {
			w.t.Fatal(err)
		}
		w.say("set PULL for "+what, w.ask.Ask(codeSetRequestMode, nil, data))
	}
	set("a retry topic", "%RETRY%g-assign", "g-assign")
	set("a topic that is not there", "wire-none", "g-assign")
	set("a topic and group", "wire-assign", "g-assign")
	reply := w.ask.Ask(codeGetRequestModes, nil, nil)
	w.note("all modes: %d %s", reply.Code, reply.Body)
	ask("after that", "g-assign", "c1", "CLUSTERING", "AVG", "wire-assign")
}

// broadcastOffsets: a client that broadcasts moves between the broker and a proxy.
func broadcastOffsets(w *wire) {
	w.topic("wire-bcast", 1)
	for range 10 {
		w.send("wire-bcast", 0)
	}
	w.stored("wire-bcast", 10)
	c := w.member("c1")
	c.beat(beat{group: "g-bcast", model: "BROADCASTING", subs: []subscription{all("wire-bcast")}})
	say := func(what string, reply *harness.Command) {
		w.say(what, reply, "nextBeginOffset", "minOffset", "maxOffset")
	}
	proxied := func(client string, offset int) *harness.Command {
		return c.pull("g-bcast", "wire-bcast", offset, "sysFlag", sysFlagSubscription, "subscription", "*", "requestSource", "1", "proxyFrowardClientId", client)
	}
	say("a proxy's client without an offset, nothing known", proxied("c8", -1))
	say("direct at 3", c.pull("g-bcast", "wire-bcast", 3))
	say("direct at 5", c.pull("g-bcast", "wire-bcast", 5))
	say("by the proxy", proxied("c1", 0))
	say("and on", proxied("c1", 5))
	say("direct again", c.pull("g-bcast", "wire-bcast", 0))
	say("another client by the proxy", proxied("c2", 2))
	say("direct at 7", c.pull("g-bcast", "wire-bcast", 7))
}

// offset asks for a committed offset.
func (w *wire) offset(what, group, topic string, queue int, more ...string) {
	fields := map[string]string{"consumerGroup": group, "topic": topic, "queueId": strconv.Itoa(queue)}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	w.say(what, w.ask.Ask(codeQueryOffset, fields, nil), "offset")
}

// commit stores an offset.
func (w *wire) commit(what, group, topic string, more ...string) {
	fields := map[string]string{"consumerGroup": group, "topic": topic, "queueId": "0"}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	w.say(what, w.ask.Ask(codeUpdateOffset, fields, nil))
}

// offsetRules: what may be committed, and what is answered when nothing was.
func offsetRules(w *wire) {
	w.topic("wire-off", 2)
	w.group("g-off")
	w.send("wire-off", 0)
	w.stored("wire-off", 1)
	w.offset("nothing committed, first message there", "g-off", "wire-off", 0)
	w.offset("nothing committed, zero not wanted", "g-off", "wire-off", 0, "setZeroIfNotFound", "false")
	w.offset("nothing committed, empty queue", "g-off", "wire-off", 1)
	w.offset("a queue that is not there", "g-off", "wire-off", 9)
	w.commit("group not there", "g-off-none", "wire-off", "commitOffset", "1")
	w.commit("topic not there", "g-off", "wire-off-none", "commitOffset", "1")
	w.commit("far beyond the end", "g-off", "wire-off", "commitOffset", "1000")
	w.offset("after it", "g-off", "wire-off", 0)
	w.commit("backwards", "g-off", "wire-off", "commitOffset", "1")
	w.offset("after it", "g-off", "wire-off", 0)
	w.commit("below zero", "g-off", "wire-off", "commitOffset", "-5")
	w.offset("after it", "g-off", "wire-off", 0)
	c := w.member("c1")
	sub := []string{"sysFlag", sysFlagSubscription, "subscription", "*"}
	say := func(what string, offset int, more ...string) {
		w.say(what, c.pull("g-off", "wire-off", offset, append(slices.Clone(sub), more...)...), "nextBeginOffset", "minOffset", "maxOffset")
	}
	say("pull at the message", 0)
	say("pull at the end", 1)
	say("pull beyond the end", 2)
	say("pull before the beginning", -1)
	say("pull an empty queue at 0", 0, "queueId", "1")
	say("pull an empty queue at 5", 5, "queueId", "1")
	say("pull a queue that is not there", 0, "queueId", "2")
	say("pull with a commit", 0, "sysFlag", "5", "commitOffset", "1")
	w.offset("after it", "g-off", "wire-off", 0)
}

// offsetReset: resets of the server's side reach the consumer by its next pull, and shut out late commits.
func offsetReset(w *wire) {
	w.topic("wire-reset", 2)
	w.group("g-reset")
	for range 5 {
		w.send("wire-reset", 0)
	}
	w.stored("wire-reset", 5)
	c := w.member("c1")
	c.beat(beat{group: "g-reset", subs: []subscription{all("wire-reset")}})
	reset := func(what string, more ...string) {
		fields := map[string]string{"topic": "wire-reset", "group": "g-reset", "timestamp": "0", "isForce": "true"}
		for i := 0; i+1 < len(more); i += 2 {
			fields[more[i]] = more[i+1]
		}
		reply := w.ask.Ask(codeReset, fields, nil)
		w.note("%s: %d %q %s", what, reply.Code, reply.Remark, sortedQueues(w.t, reply.Body))
	}
	pull := func(what string, offset int) {
		w.say(what, c.pull("g-reset", "wire-reset", offset), "nextBeginOffset")
	}
	w.commit("committed", "g-reset", "wire-reset", "commitOffset", "5")
	reset("to the beginning")
	w.offset("offset", "g-reset", "wire-reset", 0)
	w.commit("a late commit", "g-reset", "wire-reset", "commitOffset", "5")
	w.offset("offset", "g-reset", "wire-reset", 0)
	pull("the next pull", 5)
	pull("the one after", 0)
	w.commit("a commit", "g-reset", "wire-reset", "commitOffset", "4")
	w.offset("offset", "g-reset", "wire-reset", 0)
	reset("to the end", "timestamp", "-1")
	pull("the next pull", 4)
	reset("one queue to an offset", "queueId", "0", "offset", "2")
	pull("the next pull", 5)
	reset("one queue to an offset beyond its end", "queueId", "0", "offset", "7")
	reset("one queue to its end and one", "queueId", "0", "offset", "6")
	reset("one queue by time", "queueId", "0", "timestamp", "-1")
	reset("a topic that is not there", "topic", "wire-reset-none")
	reset("a group that is not there", "group", "g-reset-none")
}

// sortedQueues shows a table by queue in one order.
func sortedQueues(t *testing.T, body []byte) string {
	t.Helper()
	if len(body) == 0 {
		return ""
	}
	found := queueEntry.FindAllStringSubmatch(string(body), -1)
	list := []string{}
	for _, f := range found {
		list = append(list, f[1]+"="+f[2])
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

var queueEntry = regexp.MustCompile(`"queueId":(\d+),"topic":"[^"]*"\}:(-?\d+)`)

// offsetClone: one group goes on where another is.
func offsetClone(w *wire) {
	w.topic("wire-clone", 1)
	w.topic("wire-clone2", 1)
	for _, g := range []string{"g-clone1", "g-clone2", "g-clone3"} {
		w.group(g)
	}
	for range 9 {
		w.send("wire-clone", 0)
	}
	w.stored("wire-clone", 9)
	w.commit("first", "g-clone1", "wire-clone", "commitOffset", "7")
	w.commit("second", "g-clone2", "wire-clone", "commitOffset", "3")
	clone := func(what, from, to, topic string) {
		w.say(what, w.ask.Ask(codeCloneOffset, map[string]string{"srcGroup": from, "destGroup": to, "topic": topic, "offline": "true"}, nil))
	}
	clone("cloned", "g-clone1", "g-clone3", "wire-clone")
	w.offset("the clone", "g-clone3", "wire-clone", 0)
	clone("from a group without offsets", "g-clone1", "g-clone3", "wire-clone2")
	w.offset("the other topic", "g-clone3", "wire-clone2", 0)
	correction := func(what, compare string) {
		reply := w.ask.Ask(codeCorrection, map[string]string{"topic": "wire-clone", "compareGroup": compare}, nil)
		w.note("%s: %d %q %s", what, reply.Code, reply.Remark, harness.StandardJSON(reply.Body))
	}
	correction("correction for the first", "g-clone1")
	correction("correction for the second", "g-clone2")
	correction("correction for a group without offsets", "g-none")
}

// offsetByTime: boundaries of a search between, at and around messages of one time and of others.
func offsetByTime(w *wire) {
	w.topic("wire-time", 1)
	c := w.member("c1")
	var times []int64
	stored := func() int64 {
		reply := c.pull("g-time", "wire-time", len(times), "sysFlag", sysFlagSubscription, "subscription", "*")
		return storeTimes(w.t, reply.Body)[0]
	}
	for len(times) < 5 {
		w.send("wire-time", 0)
		w.stored("wire-time", len(times)+1)
		times = append(times, stored())
		harness.Until(w.t, "another millisecond", answerTime, func() error {
			if nowMs() <= times[len(times)-1]+2 {
				return fmt.Errorf("not yet")
			}
			return nil
		})
	}
	search := func(at int64, boundary string) string {
		fields := map[string]string{"topic": "wire-time", "queueId": "0", "timestamp": strconv.FormatInt(at, 10)}
		if boundary != "" {
			fields["boundaryType"] = boundary
		}
		reply := w.ask.Ask(codeSearchOffset, fields, nil)
		return reply.ExtFields["offset"]
	}
	for _, boundary := range []string{"", "LOWER", "UPPER", "upper", "lower", "MIDDLE"} {
		var at, before, after []string
		for _, ms := range times {
			at, before, after = append(at, search(ms, boundary)), append(before, search(ms-1, boundary)), append(after, search(ms+1, boundary))
		}
		w.note("%q: at %v, a ms before %v, a ms after %v, time 0: %s, the end of time: %s", boundary, at, before, after,
			search(0, boundary), search(1<<62, boundary))
	}
	w.say("no topic", w.ask.Ask(codeSearchOffset, map[string]string{"topic": "wire-time-none", "queueId": "0", "timestamp": "1"}, nil), "offset")
	w.say("a negative time", w.ask.Ask(codeSearchOffset, map[string]string{"topic": "wire-time", "queueId": "0", "timestamp": "-1"}, nil), "offset")
}

// consumeStats: lag as it is counted.
func consumeStats(w *wire) {
	w.topic("wire-stats", 2)
	w.group("g-stats")
	for range 6 {
		w.send("wire-stats", 0)
	}
	w.stored("wire-stats", 6)
	stats := func(what string, more ...string) {
		fields := map[string]string{"consumerGroup": "g-stats"}
		for i := 0; i+1 < len(more); i += 2 {
			fields[more[i]] = more[i+1]
		}
		reply := w.ask.Ask(codeConsumeStats, fields, nil)
		w.note("%s: %d %q %s", what, reply.Code, reply.Remark, sortedStats(w.t, reply.Body))
	}
	stats("nothing committed, by topic", "topic", "wire-stats")
	stats("nothing committed")
	c := w.member("c1")
	c.beat(beat{group: "g-stats", subs: []subscription{all("wire-stats")}})
	stats("online", "topic", "wire-stats")
	c.pull("g-stats", "wire-stats", 0)
	w.commit("committed", "g-stats", "wire-stats", "commitOffset", "2")
	stats("pulled and committed")
	stats("by a list of topics", "topicList", "wire-stats;%RETRY%g-stats")
	c.beat(beat{group: "g-stats", subs: []subscription{all("wire-off")}})
	stats("no longer subscribed")
}

var statEntry = regexp.MustCompile(`"queueId":(\d+),"topic":"([^"]*)"\}:\{"brokerOffset":(\d+),"consumerOffset":(-?\d+),"lastTimestamp":(\d+),"pullOffset":(-?\d+)\}`)

func sortedStats(t *testing.T, body []byte) string {
	t.Helper()
	list := []string{}
	for _, f := range statEntry.FindAllStringSubmatch(string(body), -1) {
		list = append(list, fmt.Sprintf("%s-%s broker %s consumer %s last %t pull %s", f[2], f[1], f[3], f[4], f[5] != "0", f[6]))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// tagHashes: the broker compares hashes, and two tags may have the same.
func tagHashes(w *wire) {
	w.topic("wire-tags", 1)
	for _, tag := range []string{"AaAa", "BBBB", "AaBB", "other", ""} {
		w.send("wire-tags", 0, "TAGS="+tag)
	}
	w.send("wire-tags", 0)
	w.stored("wire-tags", 6)
	c := w.member("c1")
	say := func(what, expression string) {
		reply := c.pull("g-tags", "wire-tags", 0, "sysFlag", sysFlagSubscription, "subscription", expression)
		w.note("%s: %d %q, %d messages, next %s", what, reply.Code, reply.Remark, len(storeTimes(w.t, reply.Body)), reply.ExtFields["nextBeginOffset"])
	}
	say("one of three with the same hash", "AaAa")
	say("the other", "other")
	say("two", "other || BBBB")
	say("with blanks and nothing between", " other ||  || ")
	say("nobody's", "nobody")
	say("only bars", "||")
	say("all", "*")
	say("nothing", "")
}

// classFilter: filters that are classes are gone since 4.9.
func classFilter(w *wire) {
	w.topic("wire-class", 1)
	w.send("wire-class", 0, "TAGS=A")
	w.stored("wire-class", 1)
	c := w.member("c1")
	s := subscription{ClassFilterMode: true, ExpressionType: "TAG", SubString: "my.Filter", SubVersion: 1, Topic: "wire-class"}
	w.say("heartbeat", c.beat(beat{group: "g-class", subs: []subscription{s}}))
	w.say("pull by the heartbeat", c.pull("g-class", "wire-class", 0), "nextBeginOffset")
	w.say("pull with the class filter's flag", c.pull("g-class", "wire-class", 0, "sysFlag", sysFlagClassFilter), "nextBeginOffset")
	w.say("with a subscription too", c.pull("g-class", "wire-class", 0, "sysFlag", "12", "subscription", "my.Filter"), "nextBeginOffset")
}

// bitMaps: which groups' expressions a message matched when it came, in the extension of its queue.
func bitMaps(w *wire) {
	w.topic("wire-bits", 1)
	w.send("wire-bits", 0, "a=1", "TAGS=T")
	w.stored("wire-bits", 1) // the original makes the bit map when the queue gets its unit
	one, two, three := w.member("c1"), w.member("c2"), w.member("c3")
	one.beat(beat{group: "g-bits1", subs: []subscription{bySQL("wire-bits", "a > 1")}})
	two.beat(beat{group: "g-bits2", subs: []subscription{bySQL("wire-bits", "a < 3 OR b = 'x'")}})
	three.beat(beat{group: "g-bits3", subs: []subscription{all("wire-bits")}})
	born := nowMs()
	harness.Until(w.t, "a later time than the expressions'", answerTime, func() error {
		if nowMs() <= born+2 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	w.send("wire-bits", 0, "a=1", "TAGS=T")
	w.send("wire-bits", 0, "a=2")
	w.send("wire-bits", 0, "a=5")
	w.send("wire-bits", 0, "a=5", "b=x")
	w.send("wire-bits", 0, "a=five")
	w.send("wire-bits", 0)
	w.stored("wire-bits", 7)
	for _, group := range []string{"g-bits1", "g-bits2", "g-bits3", "g-bits-none", ""} {
		fields := map[string]string{"topic": "wire-bits", "queueId": "0", "index": "0", "count": "10"}
		if group != "" {
			fields["consumerGroup"] = group
		}
		reply := w.ask.Ask(codeQueryQueue, fields, nil)
		w.note("%s: %d %q", group, reply.Code, reply.Remark)
		w.units(reply.Body)
	}
	for _, m := range []struct {
		who   *member
		group string
	}{{one, "g-bits1"}, {two, "g-bits2"}, {three, "g-bits3"}} {
		reply := m.who.pull(m.group, "wire-bits", 0)
		w.note("pull of %s: %d %q, %d messages, next %s", m.group, reply.Code, reply.Remark, len(storeTimes(w.t, reply.Body)), reply.ExtFields["nextBeginOffset"])
	}
	reply := one.pull("g-bits1", "wire-bits", 5)
	w.note("pull of g-bits1 at what it does not want: %d %q, next %s", reply.Code, reply.Remark, reply.ExtFields["nextBeginOffset"])
}

// units notes what QUERY_CONSUME_QUEUE shows of a queue.
func (w *wire) units(body []byte) {
	var answer struct {
		MinQueueIndex, MaxQueueIndex int
		FilterData                   string
		SubscriptionData             *struct{ SubString, ExpressionType string }
		QueueData                    []struct {
			TagsCode       int64
			Eval           bool
			BitMap         string
			ExtendDataJSON string `json:"extendDataJson"`
			Msg            string
		}
	}
	if err := json.Unmarshal(harness.StandardJSON(body), &answer); err != nil {
		w.t.Fatalf("%v: %s", err, body)
	}
	filterData := answer.FilterData
	var compact map[string]any
	if json.Unmarshal([]byte(filterData), &compact) == nil && compact != nil {
		filterData = fmt.Sprintf("%v %v %v", compact["expression"], compact["consumerGroup"], compact["bloomFilterData"])
	}
	w.note("  %d to %d, subscription %v, filter %s", answer.MinQueueIndex, answer.MaxQueueIndex, answer.SubscriptionData, filterData)
	for _, u := range answer.QueueData {
		w.note("  tags %d eval %t bits %q ext %q %s", u.TagsCode, u.Eval, u.BitMap, u.ExtendDataJSON, u.Msg)
	}
}

// orderTopic: a topic that is ordered by the name server's word.
func orderTopic(w *wire) {
	w.topic("wire-order", 2)
	ns := harness.NewClient(w.t, w.cluster.NameServer.Addr)
	w.say("put", ns.Ask(codePutKV, map[string]string{"namespace": "ORDER_TOPIC_CONFIG", "key": "wire-order", "value": harness.BrokerName + ":2"}, nil))
	conf := func(topic string) string {
		reply := ns.Ask(harness.CodeGetRouteInfo, map[string]string{"topic": topic}, nil)
		var route struct{ OrderTopicConf *string }
		if err := json.Unmarshal(harness.StandardJSON(reply.Body), &route); err != nil {
			w.t.Fatal(err)
		}
		if route.OrderTopicConf == nil {
			return "none"
		}
		return *route.OrderTopicConf
	}
	w.note("route: %s", conf("wire-order"))
	w.topic("wire-order-other", 1) // its registration brings the configuration to the broker
	w.note("route of another: %s", conf("wire-order-other"))
	ordered := func(topic string) string {
		reply := w.ask.Ask(codeTopicConfig, map[string]string{"topic": topic, "lo": "true"}, nil)
		var c struct{ Order bool }
		if err := json.Unmarshal(harness.StandardJSON(reply.Body), &c); err != nil {
			w.t.Fatalf("%v: %s", err, reply.Body)
		}
		return strconv.FormatBool(c.Order)
	}
	harness.Until(w.t, "the broker to know the ordered topic", answerTime, func() error {
		if ordered("wire-order") != "true" {
			return fmt.Errorf("not ordered")
		}
		return nil
	})
	w.note("ordered: %s, the other: %s", ordered("wire-order"), ordered("wire-order-other"))
	c := w.member("c1")
	c.beat(beat{group: "g-order", subs: []subscription{all("wire-order")}})
	w.note("retry topic of a group of it ordered: %s", ordered("%RETRY%g-order"))
}
