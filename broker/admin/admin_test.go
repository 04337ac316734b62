package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// bench is a running broker and an operator's connection to it.
type bench struct {
	*broker.Broker
	t      *testing.T
	client *remoting.Client
	config string // brokerConfigPath
}

func start(t *testing.T, change ...func(*broker.Config)) *bench {
	t.Helper()
	return startOn(t, vfs.Disk, change...)
}

func startOn(t *testing.T, disk vfs.FS, change ...func(*broker.Config)) *bench {
	t.Helper()
	return startLogged(t, disk, zerolog.Nop(), change...)
}

func startLogged(t *testing.T, disk vfs.FS, log zerolog.Logger, change ...func(*broker.Config)) *bench {
	t.Helper()
	dir := t.TempDir()
	c, st := broker.DefaultConfig(), store.Defaults()
	c.BrokerName, c.BrokerClusterName, c.BrokerIP1, c.BrokerIP2, c.NamesrvAddr = "b", "C", "127.0.0.1", "127.0.0.1", ""
	c.BrokerConfigPath = filepath.Join(dir, "broker.conf")
	st.StorePathRootDir = filepath.Join(dir, "store")
	st.MappedFileSizeCommitLog, st.MappedFileSizeConsumeQueue = 8<<20, 40_000
	st.MaxHashSlotNum, st.MaxIndexNum = 1000, 4000
	for _, f := range change {
		f(&c)
	}
	b, err := broker.New(broker.Options{
		Config: config.NewSection(c), Store: config.NewSection(st), Disk: disk, Addr: "127.0.0.1:0", Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	x := &bench{Broker: b, t: t, client: remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop()), config: c.BrokerConfigPath}
	t.Cleanup(func() {
		x.client.Close()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	return x
}

func (b *bench) callBy(client *remoting.Client, c code.Request, data []byte, ext ...string) *protocol.Command {
	b.t.Helper()
	cmd := protocol.NewRequest(c, nil, data)
	for i := 0; i < len(ext); i += 2 {
		cmd.Fields.Set(ext[i], ext[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	reply, err := client.Call(ctx, b.Addr().String(), cmd)
	if err != nil {
		b.t.Fatalf("%s: %v", c, err)
	}
	return reply
}

func (b *bench) call(c code.Request, data []byte, ext ...string) *protocol.Command {
	b.t.Helper()
	return b.callBy(b.client, c, data, ext...)
}

func (b *bench) must(c code.Request, data []byte, ext ...string) *protocol.Command {
	b.t.Helper()
	reply := b.call(c, data, ext...)
	if reply.Response() != code.Success {
		b.t.Fatalf("%s %v: code %d, remark %q", c, ext, reply.Code, reply.Remark)
	}
	return reply
}

// refused checks code and remark.
func (b *bench) refused(reply *protocol.Command, c code.Response, remark string) {
	b.t.Helper()
	if reply.Response() != c || reply.Remark != remark {
		b.t.Errorf("code %d, remark %q; want %d, %q", reply.Code, reply.Remark, c, remark)
	}
}

func topicExt(name string, more ...string) []string {
	base := []string{
		"topic", name, "defaultTopic", "TBW102", "readQueueNums", "4", "writeQueueNums", "2", "perm", "6",
		"topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false",
	}
	for i := 0; i < len(more); i += 2 {
		at := len(base)
		for k := 0; k < len(base); k += 2 {
			if base[k] == more[i] {
				at = k
			}
		}
		base = append(base[:at:at], append([]string{more[i], more[i+1]}, base[min(at+2, len(base)):]...)...)
	}
	return base
}

func (b *bench) send(topicName string, queue int, text string) {
	b.t.Helper()
	b.must(code.SendMessage, []byte(text), "producerGroup", "pg", "topic", topicName, "defaultTopic", "TBW102", "defaultTopicQueueNums", "4",
		"queueId", strconv.Itoa(queue), "sysFlag", "0", "bornTimestamp", "1700000000000", "flag", "0", "properties", "TAGS\x01A\x02")
}

func decode[T any](t *testing.T, reply *protocol.Command) *T {
	t.Helper()
	v, err := body.Decode[T](reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTopics(t *testing.T) {
	t.Parallel()
	b := start(t)
	before := b.Topics.Version()
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T", "attributes", "+message.type=FIFO")...)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T", "attributes", "+message.type=FIFO")...) // + makes it differ: another version
	got := string(b.must(code.GetTopicConfig, nil, "topic", "T").Body)
	want := `{"attributes":{"message.type":"FIFO"},"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG",` +
		`"topicName":"T","topicSysFlag":0,"writeQueueNums":2}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topic (-want +got):\n%s", diff)
	}
	if n := b.Topics.Version().Counter - before.Counter; n != 2 {
		t.Errorf("version moved by %d, want 2", n)
	}
	b.must(code.UpdateAndCreateTopic, nil, topicExt("U")...)
	still := b.Topics.Version()
	b.must(code.UpdateAndCreateTopic, nil, topicExt("U")...)
	if b.Topics.Version() != still {
		t.Error("the same configuration moved the version")
	}

	refusals := []struct {
		name   string
		ext    []string
		want   code.Response
		remark string
	}{
		{"blank", topicExt(" "), code.InvalidParameter, "The specified topic is blank."},
		{"climbs", topicExt("../../x"), code.InvalidParameter, "The specified topic: ../../x, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"},
		{"long", topicExt(strings.Repeat("a", 128)), code.InvalidParameter, "The specified topic: " + strings.Repeat("a", 128) + ", is longer than topic max length: 127"},
		{"system", topicExt("TBW102"), code.InvalidParameter, "The topic[TBW102] is conflict with system topic."},
		{"mixed", topicExt("M", "attributes", "+message.type=MIXED"), code.InvalidParameter, "MIXED message type is not supported."},
		{"attribute", topicExt("M", "attributes", "+x=1"), code.SystemError, "unsupported key: x"},
		{"filter type", topicExt("M", "topicFilterType", "NONE"), code.SystemError, "No enum constant org.apache.rocketmq.common.TopicFilterType.NONE"},
		{"queues", topicExt("M", "readQueueNums", "2147483647"), code.InvalidParameter, "The specified queue number: 2147483647, is not between 0 and 65536"},
		{"negative queues", topicExt("M", "writeQueueNums", "-1"), code.InvalidParameter, "The specified queue number: -1, is not between 0 and 65536"},
		{"perm", topicExt("M", "perm", "255"), code.InvalidParameter, "The specified perm: 255, is not between 0 and 15"},
		{"missing", []string{"topic", "M"}, code.SystemError, "the custom field <readQueueNums> is null"},
	}
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			reply := b.call(code.UpdateAndCreateTopic, nil, tt.ext...)
			if reply.Response() != tt.want || reply.Remark != tt.remark {
				t.Errorf("code %d, remark %q; want %d, %q", reply.Code, reply.Remark, tt.want, tt.remark)
			}
		})
	}
	b.refused(b.call(code.GetTopicConfig, nil, "topic", "M"), code.TopicNotExist, "No topic in this broker. topic: M")

	list := `{"topicConfigList":[{"topicName":"L1","readQueueNums":1,"writeQueueNums":1},{"topicName":"L2","attributes":{"+message.type":"DELAY"}}]}`
	b.must(code.UpdateAndCreateTopicList, []byte(list))
	if c := b.Topics.Get("L2"); c == nil || c.ReadQueueNums != 16 || c.Attributes["message.type"] != "DELAY" {
		t.Errorf("L2 is %v", c)
	}
	b.refused(b.call(code.UpdateAndCreateTopicList, []byte(`{"topicConfigList":[{"topicName":"L3"},{"topicName":"a b"}]}`)), code.InvalidParameter,
		"The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$")
	if b.Topics.Get("L3") != nil {
		t.Error("a list with an illegal topic was applied in part")
	}
}

func TestDeleteTopic(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, name := range []string{"T", "%RETRY%g_T", "%RETRY%h_T"} {
		b.must(code.UpdateAndCreateTopic, nil, topicExt(name)...)
	}
	b.send("T", 0, "one")
	b.Offsets.Commit("g", "T", 0, 1)
	b.refused(b.call(code.DeleteTopicInBroker, nil, "topic", " "), code.InvalidParameter, "The specified topic is blank.")
	b.refused(b.call(code.DeleteTopicInBroker, nil, "topic", "SCHEDULE_TOPIC_XXXX"), code.InvalidParameter, "The topic[SCHEDULE_TOPIC_XXXX] is conflict with system topic.")
	for _, climbs := range []string{"../config", "/etc", "..", "a\x00b"} {
		if reply := b.call(code.DeleteTopicInBroker, nil, "topic", climbs); reply.Response() != code.SystemError {
			t.Errorf("deleting %q: code %d, remark %q", climbs, reply.Code, reply.Remark)
		}
	}
	b.must(code.DeleteTopicInBroker, nil, "topic", "T")
	b.must(code.DeleteTopicInBroker, nil, "topic", "T") // again: success
	if b.Topics.Get("T") != nil || b.Topics.Get("%RETRY%g_T") != nil {
		t.Error("the topic or its group's retry topic is left")
	}
	if b.Topics.Get("%RETRY%h_T") == nil {
		t.Error("the retry topic of a group without an offset is gone")
	}
	if list := b.Offsets.Topics("g"); len(list) != 0 {
		t.Errorf("offsets of %v are left", list)
	}
	if n := b.Store.MaxOffset("T", 0); n != 0 {
		t.Errorf("max offset %d after the deletion", n)
	}
}

// TestTopicsNotSaved: a request that repeats what the disk refused saves it, or fails again.
func TestTopicsNotSaved(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.Disk)
	b := startOn(t, disk)
	create := func() *protocol.Command { return b.call(code.UpdateAndCreateTopic, nil, topicExt("T")...) }
	remove := func() *protocol.Command { return b.call(code.DeleteTopicInBroker, nil, "topic", "T") }
	for _, request := range []func() *protocol.Command{create, remove} {
		if err := disk.Inject("rename config/topics.json err=EIO"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if reply := request(); reply.Response() != code.SystemError {
				t.Errorf("code %d, remark %q without a file", reply.Code, reply.Remark)
			}
		}
		disk.Heal()
		b.refused(request(), code.Success, "")
	}
}

func TestListingsInPages(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *broker.Config) { c.SplitMetadataSize = 5 })
	for i := range 7 {
		b.must(code.UpdateAndCreateTopic, nil, topicExt(fmt.Sprintf("T%d", i))...)
		b.must(code.UpdateAndCreateSubscriptionGroup, []byte(fmt.Sprintf(`{"groupName":"g%d"}`, i)))
	}
	reply := b.must(code.GetAllTopicConfig, nil)
	whole := decode[body.TopicConfigAndMappingSerializeWrapper](t, reply)
	total := strconv.Itoa(len(whole.TopicConfigTable))
	if reply.Fields.String("totalTopicNum") != total || len(whole.TopicConfigTable) != b.Topics.Len() {
		t.Errorf("%s topics of %s, the broker has %d", total, reply.Fields.String("totalTopicNum"), b.Topics.Len())
	}
	version, err := body.Encode(whole.DataVersion)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for seq := 0; seq < b.Topics.Len(); {
		reply := b.must(code.GetAllTopicConfig, nil, "topicSeq", strconv.Itoa(seq), "dataVersion", string(version), "maxTopicNum", "100")
		page := decode[body.TopicConfigAndMappingSerializeWrapper](t, reply)
		if n := len(page.TopicConfigTable); n == 0 || n > 5 || reply.Fields.String("totalTopicNum") != total {
			t.Fatalf("page at %d has %d topics of %s", seq, n, reply.Fields.String("totalTopicNum"))
		}
		for name := range page.TopicConfigTable {
			seen[name] = true
		}
		seq += len(page.TopicConfigTable)
	}
	if len(seen) != b.Topics.Len() {
		t.Errorf("pages showed %d topics of %d", len(seen), b.Topics.Len())
	}
	first := decode[body.TopicConfigAndMappingSerializeWrapper](t, b.must(code.GetAllTopicConfig, nil, "topicSeq", "8", "dataVersion", "{}", "maxTopicNum", "1"))
	if _, ok := first.TopicConfigTable["BenchmarkTest"]; !ok {
		t.Errorf("another version does not begin at the start: %v", first.TopicConfigTable)
	}

	groups := decode[body.SubscriptionGroupWrapper](t, b.must(code.GetAllSubscriptionGroupConfig, nil))
	if len(groups.SubscriptionGroupTable) != b.Groups.Len() || groups.SubscriptionGroupTable["g3"].RetryMaxTimes != 16 {
		t.Errorf("groups %v", groups.SubscriptionGroupTable)
	}
	reply = b.must(code.GetAllSubscriptionGroupConfig, nil, "groupSeq", "0", "maxGroupNum", "3")
	if n := len(decode[body.SubscriptionGroupWrapper](t, reply).SubscriptionGroupTable); n != 3 || reply.Fields.String("totalGroupNum") != strconv.Itoa(b.Groups.Len()) {
		t.Errorf("a page of 3 has %d of %s", n, reply.Fields.String("totalGroupNum"))
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *broker.Config) { c.AutoCreateSubscriptionGroup = false })
	b.must(code.UpdateAndCreateSubscriptionGroup, []byte(`{"groupName":"g","consumeEnable":false,"retryMaxTimes":3,"attributes":{"+priority.factor":"7"}}`))
	got := string(b.must(code.GetSubscriptionGroupConfig, nil, "group", "g").Body)
	want := `{"attributes":{"priority.factor":"7"},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":false,"consumeFromMinEnable":true,` +
		`"consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"g","groupRetryPolicy":{"type":"CUSTOMIZED"},"groupSysFlag":0,` +
		`"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":3,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	b.refused(b.call(code.UpdateAndCreateSubscriptionGroup, []byte(`{"groupName":"a/b"}`)), code.InvalidParameter,
		"The specified group: a/b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$")
	b.refused(b.call(code.UpdateAndCreateSubscriptionGroup, []byte(`{}`)), code.InvalidParameter, "The specified group is blank.")
	b.refused(b.call(code.GetSubscriptionGroupConfig, nil, "group", "unknown"), code.SubscriptionGroupNotExist, "No group in this broker")
	b.must(code.UpdateAndCreateSubscriptionGroupList, []byte(`{"groupConfigList":[{"groupName":"h"},{"groupName":"i","consumeMessageOrderly":true}]}`))
	if g := b.Groups.Get("i"); g == nil || !g.ConsumeMessageOrderly {
		t.Errorf("group i is %+v", g)
	}

	reply := b.must(code.UpdateAndGetGroupForbidden, nil, "group", "g", "topic", "T", "readable", "false")
	if string(reply.Body) != `{"group":"g","readable":false,"topic":"T"}` {
		t.Errorf("forbidden: %s", reply.Body)
	}
	reply = b.must(code.UpdateAndGetGroupForbidden, nil, "group", "g", "topic", "T")
	if string(reply.Body) != `{"group":"g","readable":false,"topic":"T"}` {
		t.Errorf("forbidden, asked only: %s", reply.Body)
	}
	b.refused(b.call(code.UpdateAndGetGroupForbidden, nil, "group", "a/b", "topic", "T", "readable", "false"), code.InvalidParameter,
		"The specified group: a/b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$")
	b.refused(b.call(code.UpdateAndGetGroupForbidden, nil, "group", "g", "topic", " ", "readable", "false"), code.InvalidParameter, "The specified topic is blank.")
	long := b.call(code.UpdateAndGetGroupForbidden, nil, "group", strings.Repeat("g", 1<<20), "topic", "T", "readable", "false")
	if long.Response() != code.InvalidParameter || len(long.Remark) > 1000 {
		t.Errorf("a long name: %d, a remark of %d bytes", long.Code, len(long.Remark))
	}
	if _, forbidden, _ := b.Groups.Snapshot(); len(forbidden) != 1 {
		t.Errorf("forbidden: %d groups", len(forbidden))
	}

	b.Offsets.Commit("g", "T", 0, 5)
	b.must(code.DeleteSubscriptionGroup, nil, "groupName", "g")
	if b.Groups.Get("g") != nil || len(b.Offsets.Topics("g")) != 1 {
		t.Error("deleting a group must keep its offsets unless told otherwise")
	}
	b.must(code.DeleteSubscriptionGroup, nil, "groupName", "g", "cleanOffset", "true")
	if len(b.Offsets.Topics("g")) != 0 {
		t.Error("offsets are left")
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, refused := range []string{
		"brokerConfigPath=/tmp/x", "rocketmqHome=/tmp", "configBlackList=x", "brokerName=x", "listenPort=1", "storePathRootDir=/tmp",
		"fileReservedTime=1\nbrokerId=3", "brokerId=3", "brokerIP1=10.0.0.1", "haListenPort=1", "storePathCommitLog=/tmp",
		"tls.server.mode=disabled", "tls.server.keyPassword=x", "authConfigPath=/tmp", "innerClientAuthenticationCredentials=x",
		"mappedFileSizeCommitLog=1", "maxIndexNum=1", "memoryLimit=64MiB", "maxConnections=1", "metricsPromExporterPort=1",
		"brokerConfigPath=" + b.config, // the original's list is of names, whatever the value
	} {
		b.refused(b.call(code.UpdateBrokerConfig, []byte(refused)), code.NoPermission, "Can not update config in black list.")
	}
	for refused, why := range map[string]string{
		"brokerRole=SLAVE": "brokerRole=SLAVE", "enableDLegerCommitLog=true": "enableDLegerCommitLog", "storeType=defaultRocksDB": "storeType",
		"aclEnable=true": "aclEnable", "adminAccess=loopback": "adminAccess", "messageStorePlugIn=x": "messageStorePlugIn", "fileReservedTime=1\nnamesrvAddr=nonsense": "namesrvAddr", "messageDelayLevel=1x": "messageDelayLevel",
		"brokerRole=SYNC_MASTER\ninSyncReplicas=2": "inSyncReplicas", "brokerPermission=4\nfileReservedTime=-1": "fileReservedTime is -1, at least 0",
	} {
		reply := b.call(code.UpdateBrokerConfig, []byte(refused))
		if reply.Response() != code.NoPermission || !strings.Contains(reply.Remark, "the next start would be refused") || !strings.Contains(reply.Remark, why) {
			t.Errorf("%s: code %d, %q", refused, reply.Code, reply.Remark)
		}
	}
	b.refused(b.call(code.UpdateBrokerConfig, []byte(`a=\u1`)), code.SystemError, "string2Properties error")
	b.must(code.UpdateBrokerConfig, []byte("noSuchName=1"))
	b.must(code.UpdateBrokerConfig, []byte("brokerName=b\nbrokerRole=ASYNC_MASTER\nfileReservedTime=72")) // as it is
	if _, err := os.Stat(b.config); err == nil {
		t.Error("nothing changed, and a file was written")
	}

	first := b.must(code.GetBrokerConfig, nil)
	version := b.Topics.Version()
	b.must(code.UpdateBrokerConfig, []byte("fileReservedTime=71\nbrokerPermission=4\nautoCreateTopicEnable=maybe\n"))
	reply := b.must(code.GetBrokerConfig, nil)
	for _, line := range []string{"fileReservedTime=71", "brokerPermission=4", "autoCreateTopicEnable=false", "brokerName=b"} {
		if !strings.Contains("\n"+string(reply.Body), "\n"+line+"\n") {
			t.Errorf("the listing lacks %q", line)
		}
	}
	if first.Fields.String("version") == reply.Fields.String("version") {
		t.Errorf("version stays %s", reply.Fields.String("version"))
	}
	file, err := os.ReadFile(b.config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(file), "\nfileReservedTime=71\n") {
		t.Error("the file lacks the change")
	}
	if b.Topics.Version() == version {
		t.Error("brokerPermission changed without another version for the name servers")
	}
}

// logged is a log that a running broker writes.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestConfigurationForTheNextStart: what is not hot is taken as in Java, shown, saved and named in the log, and changes nothing yet.
func TestConfigurationForTheNextStart(t *testing.T) {
	t.Parallel()
	var log logged
	b := startLogged(t, vfs.Disk, zerolog.New(&log))
	lines := []string{
		"defaultTopicQueueNums=16", "registerNameServerPeriod=20000", "flushConsumerOffsetInterval=9000", "channelExpiredTimeout=60000",
		"flushDiskType=SYNC_FLUSH", "brokerRole=SYNC_MASTER",
	}
	b.must(code.UpdateBrokerConfig, []byte("fileReservedTime=71\n"+strings.Join(lines, "\n")))
	file, err := os.ReadFile(b.config)
	if err != nil {
		t.Fatal(err)
	}
	listing := b.must(code.GetBrokerConfig, nil).Body
	for _, line := range lines {
		for where, text := range map[string][]byte{"listing": listing, "file": file} {
			if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
				t.Errorf("the %s lacks %q", where, line)
			}
		}
	}
	const names = `"names":["brokerRole","channelExpiredTimeout","defaultTopicQueueNums","flushConsumerOffsetInterval","flushDiskType","registerNameServerPeriod"]`
	if text := log.String(); !strings.Contains(text, names) || !strings.Contains(text, `"file":"`+b.config) {
		t.Errorf("log %s", text)
	}
}

// TestConfigurationNotSaved: what the disk refuses holds, is announced and answered with an error, until a request saves it.
func TestConfigurationNotSaved(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.Disk)
	b := startOn(t, disk)
	if err := disk.Inject("rename broker.conf err=EIO"); err != nil {
		t.Fatal(err)
	}
	change := []byte("brokerPermission=4")
	for range 2 { // the second one changes nothing, and is as little saved
		version := b.Topics.Version()
		if reply := b.call(code.UpdateBrokerConfig, change); reply.Response() != code.SystemError {
			t.Errorf("code %d, remark %q without a file", reply.Code, reply.Remark)
		}
		if b.Topics.Version() == version {
			t.Error("no other version for the name servers")
		}
	}
	if listing := b.must(code.GetBrokerConfig, nil).Body; !strings.Contains(string(listing), "\nbrokerPermission=4\n") {
		t.Error("the change does not hold")
	}
	disk.Heal()
	b.must(code.UpdateBrokerConfig, change)
	file, err := os.ReadFile(b.config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(file), "\nbrokerPermission=4\n") {
		t.Error("the file lacks the change")
	}
}

func TestRuntimeInfo(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	b.send("T", 0, "one")
	var table map[string]string
	for tries := 0; table["msgPutTotalTodayNow"] != "1" && tries < 1000; tries++ { // a send is counted right behind its answer
		table = decode[body.KVTable](t, b.must(code.GetBrokerRuntimeInfo, nil)).Table
	}
	// The keys that brokerStatus of the original 5.5.0 shows, without the one that has a path in it.
	for key := range strings.FieldsSeq(`EndTransactionQueueSize EndTransactionThreadPoolQueueCapacity ackThreadPoolQueueCapacity
		ackThreadPoolQueueHeadWaitTimeMills ackThreadPoolQueueSize bootTimestamp brokerActive brokerVersionDesc commitLogDirCapacity
		commitLogDiskRatio commitLogMaxOffset commitLogMinOffset consumeQueueDiskRatio dispatchBehindBytes dispatchMaxBuffer
		earliestMessageTimeStamp getFoundTps getMessageEntireTimeMax getMissTps getTotalTps getTransferredTps litePullThreadPoolQueueCapacity
		litePullThreadPoolQueueHeadWaitTimeMills litePullThreadPoolQueueSize msgGetTotalTodayMorning msgGetTotalTodayNow
		msgGetTotalYesterdayMorning msgPutTotalTodayMorning msgPutTotalTodayNow msgPutTotalYesterdayMorning pageCacheLockTimeMills
		pullThreadPoolQueueCapacity pullThreadPoolQueueHeadWaitTimeMills pullThreadPoolQueueSize
		putMessageAverageSize putMessageDistributeTime putMessageEntireTimeMax putMessageFailedTimes putMessageSizeTotal
		putMessageTimesTotal putTps queryThreadPoolQueueCapacity queryThreadPoolQueueHeadWaitTimeMills queryThreadPoolQueueSize
		remainHowManyDataToFlush remainTransientStoreBufferNumbs runtime sendThreadPoolQueueCapacity sendThreadPoolQueueHeadWaitTimeMills
		sendThreadPoolQueueSize startAcceptSendRequestTimeStamp timerCongestNum timerDequeueTps timerEnqueueTps timerOffsetBehind timerReadBehind`) {
		if _, ok := table[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	for key, want := range map[string]string{
		"brokerVersionDesc": "V5_5_0", "msgPutTotalTodayNow": "1", "putMessageTimesTotal": "1", "brokerActive": "true",
		"sendThreadPoolQueueCapacity": "10000", "pullThreadPoolQueueCapacity": "100000", "queryThreadPoolQueueCapacity": "20000",
	} {
		if table[key] != want {
			t.Errorf("%s is %q, want %q", key, table[key], want)
		}
	}
	// clusterList takes the first of the numbers.
	for _, key := range []string{"putTps", "getTransferredTps"} {
		first, _, _ := strings.Cut(table[key], " ")
		if _, err := strconv.ParseFloat(first, 64); err != nil {
			t.Errorf("%s is %q", key, table[key])
		}
	}
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	b.must(code.UpdateAndCreateSubscriptionGroup, []byte(`{"groupName":"g"}`))
	b.send("T", 0, "one")
	b.send("T", 0, "two")
	b.send("T", 1, "three")
	b.Offsets.Commit("g", "T", 0, 1)
	mq := func(q int32) body.MessageQueue { return body.MessageQueue{BrokerName: "b", QueueId: q, Topic: "T"} }

	stats := decode[body.TopicStatsTable](t, b.must(code.GetTopicStatsInfo, nil, "topic", "T"))
	if len(stats.OffsetTable) != 4 || stats.OffsetTable[mq(0)].MaxOffset != 2 || stats.OffsetTable[mq(1)].MaxOffset != 1 ||
		stats.OffsetTable[mq(0)].LastUpdateTimestamp == 0 || stats.OffsetTable[mq(3)] != (body.TopicOffset{}) {
		t.Errorf("topic stats %+v", stats)
	}
	b.refused(b.call(code.GetTopicStatsInfo, nil, "topic", "X"), code.TopicNotExist, "topic[X] not exist")

	consumed := decode[body.ConsumeStats](t, b.must(code.GetConsumeStats, nil, "consumerGroup", "g"))
	at := consumed.OffsetTable[mq(0)]
	if len(consumed.OffsetTable) != 4 || at.BrokerOffset != 2 || at.ConsumerOffset != 1 || at.PullOffset != 1 || at.LastTimestamp == 0 {
		t.Errorf("consume stats %+v", consumed)
	}
	if n := len(decode[body.ConsumeStats](t, b.must(code.GetConsumeStats, nil, "consumerGroup", "g", "topicList", "X;U;")).OffsetTable); n != 0 {
		t.Errorf("unknown topics of a list have %d queues", n)
	}

	all := decode[body.ConsumeStatsList](t, b.must(code.GetBrokerConsumeStats, nil, "isOrder", "false"))
	if all.BrokerAddr != b.Addr().String() || all.TotalDiff != 2 || len(all.ConsumeStatsList) != b.Groups.Len() {
		t.Errorf("broker consume stats %+v", all)
	}
	if ordered := decode[body.ConsumeStatsList](t, b.must(code.GetBrokerConsumeStats, nil, "isOrder", "true")); ordered.TotalDiff != 0 {
		t.Errorf("ordered only: %+v", ordered)
	}

	spans := decode[body.QueryConsumeTimeSpanBody](t, b.must(code.QueryConsumeTimeSpan, nil, "topic", "T", "group", "g")).ConsumeTimeSpanSet
	if len(spans) != 2 || spans[0].MinTimeStamp == 0 || spans[0].MaxTimeStamp < spans[0].MinTimeStamp || spans[0].ConsumeTimeStamp == 0 {
		t.Errorf("time spans %+v", spans)
	}
	b.refused(b.call(code.QueryConsumeTimeSpan, nil, "topic", "X", "group", "g"), code.TopicNotExist, "topic[X] not exist")

	units := decode[body.QueryConsumeQueueResponseBody](t, b.must(code.QueryConsumeQueue, nil, "topic", "T", "queueId", "0", "index", "0", "count", "10", "consumerGroup", "g"))
	if units.MaxQueueIndex != 2 || len(units.QueueData) != 2 || units.QueueData[1].PhysicOffset == 0 || units.FilterData != "g@T is not online!" {
		t.Errorf("units %+v", units)
	}
	b.refused(b.call(code.QueryConsumeQueue, nil, "topic", "T", "queueId", "9", "index", "0", "count", "1"), code.SystemError, "9@T is not exist!")
	b.refused(b.call(code.QueryConsumeQueue, nil, "topic", "T", "queueId", "0", "index", "7", "count", "1"), code.Success, "Index 7 of 0@T is not exist!")

	b.Stats.Sample()
	view := decode[body.BrokerStatsData](t, b.must(code.ViewBrokerStatsData, nil, "statsName", "TOPIC_PUT_NUMS", "statsKey", "T"))
	if view.StatsMinute == nil || view.StatsMinute.Sum != 3 || view.StatsDay == nil {
		t.Errorf("statistics %+v", view.StatsMinute)
	}
	b.refused(b.call(code.ViewBrokerStatsData, nil, "statsName", "TOPIC_PUT_NUMS", "statsKey", "X"), code.SystemError, "The stats <TOPIC_PUT_NUMS> <X> not exist")

	if got := string(b.must(code.QueryTopicConsumeByWho, nil, "topic", "T").Body); got != `{"groupList":["g"]}` {
		t.Errorf("groups of the topic: %s", got)
	}
	if got := string(b.must(code.QueryTopicConsumeByWho, nil, "topic", "X").Body); got != `{"groupList":[]}` {
		t.Errorf("groups of no topic: %s", got)
	}
	if got, want := string(b.must(code.QueryTopicsByConsumer, nil, "group", "g").Body), `{"brokerAddr":"`+b.Addr().String()+`","topicList":["T"]}`; got != want {
		t.Errorf("topics of the group: %s, want %s", got, want)
	}
	if got := string(b.must(code.QuerySubscriptionByConsumer, nil, "group", "g", "topic", "T").Body); got != `{"group":"g","topic":"T"}` {
		t.Errorf("subscription: %s", got)
	}
}

func TestResetOffset(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	b.send("T", 0, "one")
	b.send("T", 0, "two")
	ext := func(more ...string) []string {
		return append([]string{"topic", "T", "group", "g", "timestamp", "-1", "isForce", "true"}, more...)
	}
	b.refused(b.call(code.InvokeBrokerToResetOffset, nil, "topic", "X", "group", "g", "timestamp", "-1", "isForce", "true"), code.TopicNotExist, "Topic X does not exist")
	b.refused(b.call(code.InvokeBrokerToResetOffset, nil, ext()...), code.SubscriptionGroupNotExist, "Group g does not exist")
	b.must(code.UpdateAndCreateSubscriptionGroup, []byte(`{"groupName":"g"}`))
	b.refused(b.call(code.InvokeBrokerToResetOffset, nil, ext("queueId", "0", "offset", "9")...), code.SystemError, "Target offset 9 not in consume queue range [0-2]")

	got := decode[body.ResetOffsetBody](t, b.must(code.InvokeBrokerToResetOffset, nil, ext()...)).OffsetTable
	want := map[body.MessageQueue]int64{}
	for q := range int32(4) {
		want[body.MessageQueue{BrokerName: "b", QueueId: q, Topic: "T"}] = 0
	}
	want[body.MessageQueue{BrokerName: "b", QueueId: 0, Topic: "T"}] = 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("to the end (-want +got):\n%s", diff)
	}
	if at := b.Offsets.Query("g", "T", 0); at != 2 || !b.Offsets.HasReset("g", "T", 0) {
		t.Errorf("offset %d, reset pending %v", at, b.Offsets.HasReset("g", "T", 0))
	}
	one := decode[body.ResetOffsetBody](t, b.must(code.InvokeBrokerToResetOffset, nil, ext("queueId", "0", "offset", "1")...)).OffsetTable
	if len(one) != 1 || b.Offsets.Query("g", "T", 0) != 1 {
		t.Errorf("one queue: %v", one)
	}
	b.must(code.InvokeBrokerToResetOffset, nil, "topic", "T", "group", "g", "timestamp", "0", "isForce", "true")
	if at := b.Offsets.Query("g", "T", 0); at != 0 {
		t.Errorf("to time 0: offset %d", at)
	}
}

func TestOffsetTables(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	for i := range 4 {
		b.send("T", 0, strconv.Itoa(i))
	}
	b.Offsets.Commit("g", "T", 0, 3)
	b.Offsets.Commit("h", "T", 0, 1)
	got := decode[body.ConsumerOffsetSerializeWrapper](t, b.must(code.GetAllConsumerOffset, nil)).OffsetTable
	// No transaction yet: their own group has no progress, as in Java.
	want := map[string]map[int32]int64{"T@g": {0: 3}, "T@h": {0: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	b.must(code.CloneGroupOffset, nil, "srcGroup", "g", "destGroup", "k", "offline", "true")
	if at := b.Offsets.Query("k", "T", 0); at != 3 {
		t.Errorf("cloned offset %d, want 3", at)
	}
	for _, dest := range []string{"", "k@T", strings.Repeat("k", 121)} {
		reply := b.call(code.CloneGroupOffset, nil, "srcGroup", "g", "destGroup", dest, "offline", "true")
		if reply.Response() != code.InvalidParameter || !strings.HasPrefix(reply.Remark, "The specified group") || b.Offsets.Query(dest, "T", 0) != -1 {
			t.Errorf("cloned to %.10q: %d %.100q", dest, reply.Code, reply.Remark)
		}
	}
	for _, tt := range []struct {
		filter, compare, want string
	}{
		{"", "g", `{"correctionOffsets":{0:1}}`},
		{"h,k", "g", `{"correctionOffsets":{0:3}}`},
		{"h", "h", `{"correctionOffsets":{0:9223372036854775807}}`},
	} {
		reply := b.must(code.QueryCorrectionOffset, nil, "topic", "T", "compareGroup", tt.compare, "filterGroups", tt.filter)
		if string(reply.Body) != tt.want {
			t.Errorf("filter %q, compare %q: %s, want %s", tt.filter, tt.compare, reply.Body, tt.want)
		}
	}
	b.Offsets.Commit("g", "Vanished", 0, 5)
	b.Offsets.Commit("g", "%RETRY%vanished", 0, 5)
	b.Offsets.Commit("g", "%LMQ%light", 0, 5)
	for _, c := range []code.Request{code.CleanExpiredConsumeQueue, code.DeleteExpiredCommitLog, code.CleanUnusedTopic} {
		b.must(c, nil)
	}
	if diff := cmp.Diff([]string{"%LMQ%light", "T"}, b.Offsets.Topics("g")); diff != "" {
		t.Errorf("offsets after the topics vanished: %s", diff)
	}
	if n := b.Store.MaxOffset("T", 0); n != 4 {
		t.Errorf("cleaning removed what is in use: max offset %d", n)
	}
}

// consumer is a client that answers the broker's requests.
type consumer struct {
	mu    sync.Mutex
	seen  []*protocol.Command
	mute  bool // it answers nothing from now on
	close func()
}

func (c *consumer) answer(r *remoting.Request) (*protocol.Command, error) {
	got := new(protocol.Command)
	r.CopyTo(got)
	c.mu.Lock()
	c.seen = append(c.seen, got)
	mute := c.mute
	c.mu.Unlock()
	switch {
	case r.IsOneWay():
		return nil, nil
	case mute:
		r.Hold()
		return nil, nil
	}
	reply := protocol.NewResponse(code.Success, "from the client")
	reply.Body = []byte(`{"messageQueueTable":{{"brokerName":"b","queueId":0,"topic":"T"}:7}}`)
	return reply, nil
}

func (c *consumer) take(t *testing.T, want code.Request) *protocol.Command {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		c.mu.Lock()
		for i, got := range c.seen {
			if got.Request() == want {
				c.seen = append(c.seen[:i], c.seen[i+1:]...)
				c.mu.Unlock()
				return got
			}
		}
		c.mu.Unlock()
	}
	t.Fatalf("the client did not get %s", want)
	return nil
}

// online makes a consumer of group g and a producer of group p, with client id "cid".
func (b *bench) online(version int32) *consumer {
	b.t.Helper()
	c := new(consumer)
	client := remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	b.t.Cleanup(client.Close)
	c.close = client.Close
	row := func(c code.Request) remoting.Route[*consumer] {
		return remoting.HandleRaw(c, remoting.Inline, (*consumer).answer)
	}
	remoting.MountClient(client, c, []remoting.Route[*consumer]{
		row(code.GetConsumerRunningInfo), row(code.ConsumeMessageDirectly), row(code.GetConsumerStatusFromClient), row(code.ResetConsumerClientOffset),
		row(code.NotifyConsumerIDsChanged),
	})
	beat := `{"clientID":"cid","producerDataSet":[{"groupName":"p"}],"consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY",` +
		`"messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":1}]}]}`
	cmd := protocol.NewRequest(code.HeartBeat, nil, []byte(beat))
	cmd.Version = version
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if reply, err := client.Call(ctx, b.Addr().String(), cmd); err != nil || reply.Response() != code.Success {
		b.t.Fatalf("heartbeat: %v %+v", err, reply)
	}
	return c
}

func TestConnections(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.refused(b.call(code.GetConsumerConnectionList, nil, "consumerGroup", "g"), code.ConsumerNotOnline, "the consumer group[g] not online")
	b.refused(b.call(code.GetProducerConnectionList, nil, "producerGroup", "p"), code.SystemError, "the producer group[p] not exist")
	b.online(513)
	got := decode[body.ConsumerConnection](t, b.must(code.GetConsumerConnectionList, nil, "consumerGroup", "g"))
	if len(got.ConnectionSet) != 1 || got.ConnectionSet[0].ClientId != "cid" || got.ConnectionSet[0].Language != "JAVA" ||
		got.ConnectionSet[0].Version != 513 || !strings.HasPrefix(got.ConnectionSet[0].ClientAddr, "127.0.0.1:") {
		t.Errorf("connections %+v", got.ConnectionSet)
	}
	if got.ConsumeType != "CONSUME_PASSIVELY" || got.MessageModel != "CLUSTERING" || got.ConsumeFromWhere != "CONSUME_FROM_LAST_OFFSET" {
		t.Errorf("group %+v", got)
	}
	// A consumer's heartbeat has made its retry topic a subscription only when the client says so.
	if sub := got.SubscriptionTable["T"]; sub.SubString != "*" || sub.ExpressionType != "TAG" || len(got.SubscriptionTable) != 1 {
		t.Errorf("subscriptions %+v", got.SubscriptionTable)
	}
	if p := decode[body.ProducerConnection](t, b.must(code.GetProducerConnectionList, nil, "producerGroup", "p")); len(p.ConnectionSet) != 1 {
		t.Errorf("producers %+v", p)
	}
	if all := decode[body.ProducerTableInfo](t, b.must(code.GetAllProducerInfo, nil)).Data; len(all["p"]) != 1 || all["p"][0].ClientId != "cid" {
		t.Errorf("all producers %+v", all)
	}
	if s := decode[body.QuerySubscriptionResponseBody](t, b.must(code.QuerySubscriptionByConsumer, nil, "group", "g", "topic", "T")); s.SubscriptionData == nil || s.SubscriptionData.SubString != "*" {
		t.Errorf("subscription %+v", s)
	}
}

func TestRelays(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	b.refused(b.call(code.GetConsumerRunningInfo, nil, "consumerGroup", "g", "clientId", "cid"), code.SystemError, "The Consumer <g> <cid> not online")
	b.refused(b.call(code.InvokeBrokerToGetConsumerStatus, nil, "topic", "T", "group", "g"), code.SystemError, "No Any Consumer online in the consumer group: [g]")
	c := b.online(513)

	reply := b.must(code.GetConsumerRunningInfo, nil, "consumerGroup", "g", "clientId", "cid", "jstackEnable", "true")
	if reply.Remark != "from the client" || len(reply.Body) == 0 {
		t.Errorf("relayed answer %+v", reply)
	}
	if got := c.take(t, code.GetConsumerRunningInfo); got.Fields.String("jstackEnable") != "true" {
		t.Errorf("the client got %v", got.Fields)
	}

	sent := b.call(code.SendMessage, []byte("body"), "producerGroup", "pg", "topic", "T", "defaultTopic", "TBW102", "defaultTopicQueueNums", "4",
		"queueId", "0", "sysFlag", "0", "bornTimestamp", "1700000000000", "flag", "0")
	b.must(code.ConsumeMessageDirectly, nil, "consumerGroup", "g", "clientId", "cid", "msgId", sent.Fields.String("msgId"), "topic", "T")
	got := c.take(t, code.ConsumeMessageDirectly)
	if got.Fields.String("brokerName") != "b" || got.Fields.String("topicSysFlag") != "0" || got.Fields.String("groupSysFlag") != "0" || !strings.Contains(string(got.Body), "body") {
		t.Errorf("the client got %v with %d bytes", got.Fields, len(got.Body))
	}
	for _, bad := range []string{"", "xyz", strings.Repeat("F", 32)} {
		if reply := b.call(code.ConsumeMessageDirectly, nil, "consumerGroup", "g", "clientId", "cid", "msgId", bad); reply.Response() != code.SystemError {
			t.Errorf("msgId %q: code %d", bad, reply.Code)
		}
	}

	status := decode[body.GetConsumerStatusBody](t, b.must(code.InvokeBrokerToGetConsumerStatus, nil, "topic", "T", "group", "g"))
	if status.ConsumerTable["cid"][body.MessageQueue{BrokerName: "b", QueueId: 0, Topic: "T"}] != 7 {
		t.Errorf("status %+v", status)
	}
}

func TestOldClientIsNotAsked(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.online(27)
	b.refused(b.call(code.GetConsumerRunningInfo, nil, "consumerGroup", "g", "clientId", "cid"), code.SystemError,
		"The Consumer <cid> Version <27> too low to finish, please upgrade it to V3_1_8_SNAPSHOT")
	b.refused(b.call(code.InvokeBrokerToGetConsumerStatus, nil, "topic", "T", "group", "g"), code.SystemError,
		"the client does not support this feature. version=27")
}

func TestResetAtClients(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *broker.Config) { c.UseServerSideResetOffset = false })
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T", "writeQueueNums", "1")...)
	b.send("T", 0, "one")
	ext := []string{"topic", "T", "group", "g", "timestamp", "-1", "isForce", "true"}
	b.refused(b.call(code.InvokeBrokerToResetOffset, nil, "topic", "U", "group", "g", "timestamp", "-1", "isForce", "true"), code.TopicNotExist,
		"[reset-offset] reset offset failed, no topic in this broker. topic=U")
	b.refused(b.call(code.InvokeBrokerToResetOffset, nil, ext...), code.SystemError, "THe consumer group <g> not exist")
	b.Offsets.Commit("g", "T", 0, 0)
	b.refused(b.call(code.InvokeBrokerToResetOffset, nil, ext...), code.ConsumerNotOnline,
		"Consumer not online, so can not reset offset, Group: g Topic: T Timestamp: -1")
	c := b.online(513)
	want := `{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:1}}`
	if got := string(b.must(code.InvokeBrokerToResetOffset, nil, ext...).Body); got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	if got := c.take(t, code.ResetConsumerClientOffset); string(got.Body) != want || !got.IsOneWay() || got.Fields.String("group") != "g" {
		t.Errorf("the client got %s %v", got.Body, got.Fields)
	}
	want = `{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:0}}` // of all negative times only -1 is the end
	if got := string(b.must(code.InvokeBrokerToResetOffset, nil, "topic", "T", "group", "g", "timestamp", "-2", "isForce", "true").Body); got != want {
		t.Errorf("answer to -2 %s, want %s", got, want)
	}
}
