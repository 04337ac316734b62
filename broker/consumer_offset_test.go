package broker

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func TestUpdateConsumerOffset(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	base := []string{"consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "7"}
	want(t, f.call(code.UpdateConsumerOffset, nil, base...), code.SubscriptionGroupNotExist, "Group G not exist!")
	if f.Groups.Get("G") != nil {
		t.Fatal("a commit made a group")
	}
	_ = f.Groups.Put(subscription.NewGroup("G"))
	want(t, f.call(code.UpdateConsumerOffset, nil, replace(base, "topic", "None")...), code.TopicNotExist, "Topic None not exist!")
	want(t, f.call(code.UpdateConsumerOffset, nil, without(base, "queueId")...), code.InvalidParameter, "QueueId is null, topic is T")
	want(t, f.call(code.UpdateConsumerOffset, nil, without(base, "commitOffset")...), code.InvalidParameter, "Offset is null, topic is T")
	want(t, f.call(code.UpdateConsumerOffset, nil, base...), code.Success, "")
	want(t, f.call(code.UpdateConsumerOffset, nil, replace(base, "commitOffset", "3")...), code.Success, "")
	if got := f.Offsets.Query("G", "T", 0); got != 3 {
		t.Fatalf("committed %d, want the smaller one", got)
	}
	f.Offsets.AssignReset("G", "T", 0, 50)
	want(t, f.call(code.UpdateConsumerOffset, nil, base...), code.Success, "Offset has been previously reset")
	if got := f.Offsets.Query("G", "T", 0); got != 50 {
		t.Fatalf("committed %d while a reset waits", got)
	}
}

// Offsets are kept of queues that the topic has, or had when it was larger, under names that can exist.
func TestUpdateConsumerOffsetOfNoQueue(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, c *store.Config) { c.EnableLmq = true })
	f.sendTo("T", "x") // 4 queues
	f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "e", "3")...)
	_ = f.Groups.Put(subscription.NewGroup("G"), subscription.NewGroup("H"))
	commit := func(group, queue string) *protocol.Command {
		return f.call(code.UpdateConsumerOffset, nil, "consumerGroup", group, "topic", "T", "queueId", queue, "commitOffset", "1")
	}
	for _, queue := range []string{"4", "-1", "2147483647"} {
		want(t, commit("G", queue), code.InvalidParameter, "QueueId "+queue+" is not of topic T")
	}
	want(t, commit("G", "2"), code.Success, "")
	smaller := *f.Topics.Get("T")
	smaller.ReadQueueNums, smaller.WriteQueueNums = 1, 1
	if err := f.Topics.Put(&smaller); err != nil {
		t.Fatal(err)
	}
	want(t, commit("G", "2"), code.Success, "") // it has an offset of it
	want(t, commit("H", "2"), code.InvalidParameter, "QueueId 2 is not of topic T")
	want(t, commit("H", "3"), code.Success, "")      // that queue has messages
	want(t, commit("%LMQ%g", "7"), code.Success, "") // all are one
	long := commit("%LMQ%"+strings.Repeat("g", 1<<20), "0")
	if long.Response() != code.SubscriptionGroupNotExist || len(long.Remark) > 1000 {
		t.Errorf("a long light group: %d, a remark of %d bytes", long.Code, len(long.Remark))
	}
}

func TestQueryConsumerOffset(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	base := []string{"consumerGroup", "G", "topic", "T", "queueId", "0"}
	reply := f.call(code.QueryConsumerOffset, nil, base...)
	want(t, reply, code.Success, "")
	if reply.Fields.String("offset") != "0" {
		t.Fatalf("a young queue answers %q, want 0", reply.Fields.String("offset"))
	}
	want(t, f.call(code.QueryConsumerOffset, nil, replace(base, "setZeroIfNotFound", "false")...), code.QueryNotFound, remarkOffsetNoZero)
	want(t, f.call(code.QueryConsumerOffset, nil, replace(base, "queueId", "1")...), code.QueryNotFound, remarkOffsetFirst)
	f.Offsets.Commit("G", "T", 0, 12)
	if got := f.call(code.QueryConsumerOffset, nil, base...).Fields.String("offset"); got != "12" {
		t.Fatalf("offset %q, want 12", got)
	}
	f.Offsets.AssignReset("G", "T", 0, 5)
	if got := f.call(code.QueryConsumerOffset, nil, base...).Fields.String("offset"); got != "5" {
		t.Fatalf("offset %q, want that of the reset", got)
	}
}

func TestOffsetsOfQueues(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for i := range 3 {
		f.sendTo("T", fmt.Sprint(i))
	}
	at := f.Store.StoreTime("T", 0, 0)
	for _, row := range []struct {
		name   string
		code   code.Request
		fields []string
		field  string
		want   string
	}{
		{"max", code.GetMaxOffset, nil, "offset", "3"},
		{"min", code.GetMinOffset, nil, "offset", "0"},
		{"earliest", code.GetEarliestMsgStoreTime, nil, "timestamp", fmt.Sprint(at)},
		{"max of an unknown topic", code.GetMaxOffset, []string{"topic", "None"}, "offset", "0"},
		{"earliest of an unknown topic", code.GetEarliestMsgStoreTime, []string{"topic", "None"}, "timestamp", "-1"},
		{"by time, before all", code.SearchOffsetByTimestamp, []string{"timestamp", "1"}, "offset", "0"},
		{"by time, after all", code.SearchOffsetByTimestamp, []string{"timestamp", "9999999999999"}, "offset", "3"},
		{"by time, after all, upper", code.SearchOffsetByTimestamp, []string{"timestamp", "9999999999999", "boundaryType", "UPPER"}, "offset", "2"},
	} {
		reply := f.call(row.code, nil, replace([]string{"topic", "T", "queueId", "0"}, row.fields...)...)
		if reply.Response() != code.Success || reply.Fields.String(row.field) != row.want {
			t.Errorf("%s: %d %q %q, want %q", row.name, reply.Code, reply.Remark, reply.Fields.String(row.field), row.want)
		}
	}
}

func TestQueryMessage(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for i := range 5 {
		f.sendTo("T", fmt.Sprint(i), "i", fmt.Sprintf("KEYS\x01common k%d\x02UNIQ_KEY\x01U%d\x02", i, i))
	}
	base := []string{"topic", "T", "key", "common", "maxNum", "3", "beginTimestamp", "0", "endTimestamp", "9999999999999"}
	reply := f.call(code.QueryMessage, nil, base...)
	want(t, reply, code.Success, "")
	if n := len(decodeAll(t, reply.Body)); n != 3 || reply.Fields.String("indexLastUpdatePhyoffset") == "" {
		t.Fatalf("%d messages", n)
	}
	reply = f.call(code.QueryMessage, nil, replace(base, "key", "U4", "_UNIQUE_KEY_QUERY", "true", "maxNum", "0")...)
	want(t, reply, code.Success, "")
	if list := decodeAll(t, reply.Body); len(list) != 1 || string(list[0].Body) != "4" {
		t.Fatalf("%d messages by unique key", len(list))
	}
	want(t, f.call(code.QueryMessage, nil, replace(base, "key", "none")...), code.QueryNotFound, "can not find message, maybe time range not correct")
	for _, offset := range []string{"-1", "9223372036854775807", "17"} {
		want(t, f.call(code.ViewMessageByID, nil, "offset", offset), code.SystemError, "can not find message by the offset, "+offset)
	}
}

// TestRestart starts a second broker on the first one's files.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerName, cfg.BrokerIP1, cfg.NamesrvAddr = "test-a", "127.0.0.1", ""
	small(&st)
	st.StorePathRootDir = dir
	opt := Options{Config: config.NewSection(cfg), Store: config.NewSection(st)}

	f := startWith(t, opt)
	f.sendTo("T", "kept")
	want(t, f.beat("G", "CLUSTERING", all("T")), code.Success, "")
	want(t, f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "1"), code.Success, "")
	f.stop()
	for _, name := range []string{"topics.json", "subscriptionGroup.json", "consumerOffset.json"} {
		if _, err := statefile.Load(vfs.Disk, filepath.Join(dir, "config", name)); err != nil {
			t.Fatal(err)
		}
	}

	g := startWith(t, opt)
	if g.Topics.Get("T") == nil || g.Topics.Get("%RETRY%G") == nil || g.Groups.Get("G") == nil || g.Offsets.Query("G", "T", 0) != 1 {
		t.Fatal("state is lost")
	}
	if reply := g.sendTo("T", "after"); reply.Fields.String("queueOffset") != "1" {
		t.Fatalf("queueOffset %q, want 1", reply.Fields.String("queueOffset"))
	}
	if n := len(decodeAll(t, g.call(code.PullMessage, nil, pullFields("G", "T", "0")...).Body)); n != 2 {
		t.Fatalf("%d messages, want 2", n)
	}
}

// TestOddOffsets: what a Java broker noted for a commit without a topic does not keep the
// broker from starting. The log says so, in a line that does not grow with the key.
func TestOddOffsets(t *testing.T) {
	t.Parallel()
	odd := strings.Repeat("x", 10_000)
	f := start(t, func(_ *Config, s *store.Config) {
		file := filepath.Join(s.StorePathRootDir, "config", "consumerOffset.json")
		if err := statefile.Save(vfs.Disk, file, []byte(`{"offsetTable":{"@g":{0:1},"`+odd+`":{0:1},"T@G":{0:8}}}`)); err != nil {
			t.Fatal(err)
		}
	})
	if f.Offsets.Query("G", "T", 0) != 8 || len(f.Offsets.All()) != 1 {
		t.Errorf("loaded %v", f.Offsets.All())
	}
	var log bytes.Buffer
	(&Broker{log: zerolog.New(&log)}).skippedOffsets([]string{odd, "y"})
	if line := log.String(); strings.Count(line, "\n") != 1 || len(line) > 400 || !strings.Contains(line, `"keys":2,"first":"\"xxx`) {
		t.Errorf("logged %q", line)
	}
}

func TestSaverWritesOffsetsOnlyWhenTheyChange(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	s := f.saver
	f.Offsets.Commit("G", "T", 0, 1)
	s.saveOffsets()
	first := s.offsets.asked.Load()
	s.saveOffsets()
	if s.offsets.asked.Load() != first {
		t.Fatal("saved again though nothing was committed")
	}
	f.Offsets.Commit("G", "T", 0, 2)
	s.saveOffsets()
	if s.offsets.asked.Load() != first+1 {
		t.Fatal("not saved after a commit")
	}
}

// TestGroupIsSavedSoon: automatic creation does not wait for the disk, but the
// saver does not wait for long either.
func TestGroupIsSavedSoon(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	f.call(code.PullMessage, nil, pullFields("MadeByPull", "T", "0")...)
	path := filepath.Join(f.storeCfg.Get().StorePathRootDir, "config", "subscriptionGroup.json")
	f.eventually("subscriptionGroup.json", func() bool {
		_, err := vfs.Disk.Stat(path)
		return err == nil
	})
}
