package route

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

type bench struct {
	*Table
	t     *testing.T
	clock *clock.Fake
	rules Rules
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: clock.NewFake(time.Unix(1_700_000_000, 0))}
	b.Table = NewTable(b.clock, DefaultLimits, func() Rules { return b.rules })
	return b
}

// reg is a registration of broker "b" in cluster "c" on address id:10911 with two topics.
func reg(id int64, change ...func(*Registration)) *Registration {
	r := &Registration{
		Cluster: "c", BrokerName: "b", BrokerAddr: fmt.Sprintf("10.0.0.%d:10911", id), BrokerID: id,
		HaServerAddr: fmt.Sprintf("10.0.0.%d:10912", id), Version: body.DataVersion{Counter: 1},
		Topics:  map[string]body.TopicConfig{"T": topic("T", 4, 6), "U": topic("U", 8, 7)},
		Channel: fmt.Sprintf("channel %d", id),
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func topic(name string, queues, perm int32) body.TopicConfig {
	return body.TopicConfig{TopicName: name, ReadQueueNums: queues, WriteQueueNums: queues, Perm: perm}
}

func acting(r *Registration)                { yes := true; r.EnableActingMaster = &yes }
func newBroker(r *Registration)             { no := false; r.EnableActingMaster = &no }
func named(name string) func(*Registration) { return func(r *Registration) { r.BrokerName = name } }
func version(v body.DataVersion) func(*Registration) {
	return func(r *Registration) { r.Version = v }
}

func topics(list ...body.TopicConfig) func(*Registration) {
	return func(r *Registration) {
		r.Topics = map[string]body.TopicConfig{}
		for _, c := range list {
			r.Topics[c.TopicName] = c
		}
	}
}

func (b *bench) register(r *Registration) Registered {
	b.t.Helper()
	got, err := b.Register(r)
	if err != nil {
		b.t.Fatalf("Register(%s %d): %v", r.BrokerName, r.BrokerID, err)
	}
	return got
}

// unregister applies requests at once and returns the notices.
func (b *bench) unregister(list ...Member) []*MinBrokerChanged {
	for i := range list {
		list[i] = b.Leaving(list[i])
	}
	_, due := b.Unregister(list)
	return due
}

func (b *bench) queue(topicName, broker string) body.QueueData {
	b.t.Helper()
	data, ok := b.Route(topicName)
	if !ok {
		b.t.Fatalf("no route of %s", topicName)
	}
	for _, q := range data.QueueDatas {
		if q.BrokerName == broker {
			return q
		}
	}
	b.t.Fatalf("topic %s has no queues on %s: %+v", topicName, broker, data)
	return body.QueueData{}
}

func (b *bench) wantMembers(want map[int64]string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.Members("b")); diff != "" {
		b.t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestRegisterMasterAndSlave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if got := b.register(reg(0)); got != (Registered{New: true}) {
		t.Errorf("a master was answered %+v", got)
	}
	slave := b.register(reg(1, topics(topic("T", 99, 6), topic("only-on-slave", 1, 6))))
	want := Registered{New: true, HaServerAddr: "10.0.0.0:10912", MasterAddr: "10.0.0.0:10911"}
	if slave != want {
		t.Errorf("slave was answered %+v, want %+v", slave, want)
	}
	route, ok := b.Route("T")
	if !ok {
		t.Fatal("no route")
	}
	wantRoute := &body.TopicRouteData{
		BrokerDatas: []body.BrokerData{{
			BrokerAddrs: map[int64]string{0: "10.0.0.0:10911", 1: "10.0.0.1:10911"}, BrokerName: "b", Cluster: "c",
		}},
		FilterServerTable: map[string][]string{},
		QueueDatas:        []body.QueueData{{BrokerName: "b", Perm: 6, ReadQueueNums: 4, WriteQueueNums: 4}},
	}
	if diff := cmp.Diff(wantRoute, route); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
	if _, ok := b.Route("only-on-slave"); ok {
		t.Error("an ordinary slave's topics count")
	}
}

// Two brokers of one name and id take the id from each other; so does one that has moved.
func TestTwoBrokersOfOneNameAndID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	twin := func(r *Registration) { r.BrokerAddr = "10.0.9.9:10911" }
	b.register(reg(0))
	if got, want := b.register(reg(0, twin)), (Registered{Before: "10.0.0.0:10911", BeforeLives: true}); got != want {
		t.Errorf("the second: %+v, want %+v", got, want)
	}
	if got := b.register(reg(0, twin)); got != (Registered{}) {
		t.Errorf("the second, again: %+v", got)
	}
	if got, want := b.register(reg(0)), (Registered{Before: "10.0.9.9:10911", BeforeLives: true}); got != want {
		t.Errorf("the first: %+v, want %+v", got, want)
	}
	b.dropLive(address{"c", "10.0.0.0:10911"})
	if got, want := b.register(reg(0, twin)), (Registered{Before: "10.0.0.0:10911"}); got != want {
		t.Errorf("one that has moved: %+v, want %+v", got, want)
	}
}

func TestRegisterRules(t *testing.T) {
	t.Parallel()
	t.Run("slave alone knows no master", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		if got := b.register(reg(1)); got != (Registered{New: true}) {
			t.Errorf("answered %+v", got)
		}
	})
	t.Run("one topic before the first full registration", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		if _, err := b.Register(reg(0, topics(topic("T", 4, 6)))); !errors.Is(err, ErrNotYetRegistered) {
			t.Fatalf("Register = %v, want ErrNotYetRegistered", err)
		}
		b.register(reg(0, topics()))
		b.register(reg(0, topics(topic("T", 4, 6)), version(body.DataVersion{Counter: 2})))
		b.queue("T", "b")
	})
	t.Run("the same address under another id", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.register(reg(1))
		b.register(reg(0, func(r *Registration) { r.BrokerAddr = "10.0.0.1:10911" }))
		b.wantMembers(map[int64]string{0: "10.0.0.1:10911"})
	})
	t.Run("older state version on a taken id", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.register(reg(0, version(body.DataVersion{StateVersion: 5})))
		other := func(r *Registration) { r.BrokerAddr = "10.0.0.9:10911" }
		if got := b.register(reg(0, other, version(body.DataVersion{StateVersion: 4}))); got != (Registered{}) {
			t.Errorf("answered %+v", got)
		}
		b.wantMembers(map[int64]string{0: "10.0.0.0:10911"})
		if _, ok := b.DataVersion("c", "10.0.0.9:10911"); ok {
			t.Error("the refused broker is alive")
		}
		b.register(reg(0, other, version(body.DataVersion{StateVersion: 5})))
		b.wantMembers(map[int64]string{0: "10.0.0.9:10911"})
	})
	t.Run("the same data version changes nothing", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.register(reg(0))
		b.WipeWritePerm("b")
		b.register(reg(0))
		if q := b.queue("T", "b"); q.Perm != 4 {
			t.Errorf("perm %d after a registration with the same version, want the wiped 4", q.Perm)
		}
		b.register(reg(0, version(body.DataVersion{Counter: 2})))
		if q := b.queue("T", "b"); q.Perm != 6 {
			t.Errorf("perm %d after a registration with another version, want 6", q.Perm)
		}
	})
	t.Run("topics missing from a registration", func(t *testing.T) {
		t.Parallel()
		for _, deletes := range []bool{false, true} {
			b := newBench(t)
			b.rules.DeleteTopicWithBrokerRegistration = deletes
			b.register(reg(0))
			b.register(reg(0, named("b2"), topics(topic("T", 1, 6), topic("V", 1, 6))))
			b.register(reg(0, topics(topic("U", 8, 7), topic("W", 1, 6))))
			_, ok := b.Route("T")
			if !ok {
				t.Errorf("deletes=%v: T of the other broker is gone", deletes)
			}
			want := []string{"T", "U", "V", "W"}
			if diff := cmp.Diff(want, b.Topics()); diff != "" {
				t.Errorf("deletes=%v: topics (-want +got):\n%s", deletes, diff)
			}
			data, _ := b.Route("T")
			if has := len(data.QueueDatas) == 2; has == deletes {
				t.Errorf("deletes=%v: queues of T %+v", deletes, data.QueueDatas)
			}
		}
	})
	t.Run("mapping is filed under its own broker name", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		info := body.TopicQueueMappingInfo{Topic: "T", Bname: "b9", TotalQueues: 4, CurrIdMap: map[int32]int32{0: 0}}
		b.register(reg(0, func(r *Registration) { r.Mappings = map[string]body.TopicQueueMappingInfo{"T": info} }))
		data, _ := b.Route("T")
		if diff := cmp.Diff(map[string]body.TopicQueueMappingInfo{"b9": info}, data.TopicQueueMappingByBroker); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("filter servers", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.register(reg(0, func(r *Registration) { r.FilterServers = []string{"f:1"} }))
		b.register(reg(0)) // nil leaves them
		data, _ := b.Route("T")
		if diff := cmp.Diff(map[string][]string{"10.0.0.0:10911": {"f:1"}}, data.FilterServerTable); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		b.register(reg(0, func(r *Registration) { r.FilterServers = []string{} }))
		if data, _ := b.Route("T"); len(data.FilterServerTable) != 0 {
			t.Errorf("an empty list leaves %v", data.FilterServerTable)
		}
	})
}

func TestRegisterRefusesWhatNoBrokerSends(t *testing.T) {
	t.Parallel()
	limits := Limits{Brokers: 2, QueueDatas: 3, Mappings: 1, MappedQueues: 2, NameLength: 40, FilterServers: 2}
	tests := []struct {
		name   string
		change func(*Registration)
		want   error
	}{
		{"empty cluster", func(r *Registration) { r.Cluster = "" }, ErrIllegal},
		{"empty broker name", func(r *Registration) { r.BrokerName = "" }, ErrIllegal},
		{"address with a blank", func(r *Registration) { r.BrokerAddr = "10.0.0.1 :1" }, ErrIllegal},
		{"address with a line break", func(r *Registration) { r.BrokerAddr = "a:1\nb:2" }, ErrIllegal},
		{"two addresses", func(r *Registration) { r.HaServerAddr = "a:1;b:2" }, ErrIllegal},
		{"huge address", func(r *Registration) { r.BrokerAddr = strings.Repeat("9", 41) }, ErrIllegal},
		{"many filter servers", func(r *Registration) { r.FilterServers = []string{"a", "b", "c"} }, ErrLimit},
		{"many topics", topics(topic("1", 1, 6), topic("2", 1, 6), topic("3", 1, 6), topic("4", 1, 6)), ErrLimit},
		{"many static topics", mappings("b", 1, "1", "2"), ErrLimit},
		{"a static topic of many queues", mappings("b", 3, "1"), ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := NewTable(clock.Real, limits, func() Rules { return Rules{} })
			if _, err := table.Register(reg(0, tt.change)); !errors.Is(err, tt.want) {
				t.Errorf("Register = %v, want %v", err, tt.want)
			}
		})
	}
	t.Run("many brokers", func(t *testing.T) {
		t.Parallel()
		table := NewTable(clock.Real, limits, func() Rules { return Rules{} })
		for id, want := range []error{nil, nil, ErrLimit} {
			if _, err := table.Register(reg(int64(id), topics())); !errors.Is(err, want) {
				t.Errorf("broker %d: %v, want %v", id, err, want)
			}
		}
		if _, err := table.Register(reg(1, topics())); err != nil {
			t.Errorf("a known broker is refused in a full table: %v", err)
		}
	})
}

// mappings are static topics whose mapping names a broker and has so many queues.
func mappings(bname string, queues int32, topics ...string) func(*Registration) {
	return func(r *Registration) {
		r.Mappings = map[string]body.TopicQueueMappingInfo{}
		for _, name := range topics {
			info := body.TopicQueueMappingInfo{Topic: name, Bname: bname, TotalQueues: queues, CurrIdMap: map[int32]int32{}}
			for q := range queues {
				info.CurrIdMap[q] = q
			}
			r.Mappings[name] = info
		}
	}
}

// Mappings go with the topic and with the broker that sent them, whatever broker they name, and come back with it; what is there is
// counted.
func TestMappingsLeave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	want := func(what string, mapped, queues int) {
		t.Helper()
		if b.mapped != mapped || b.mappedQueues != queues {
			t.Errorf("%s: %d mappings of %d queues, want %d of %d", what, b.mapped, b.mappedQueues, mapped, queues)
		}
		if data, ok := b.Route("T"); ok && (data.TopicQueueMappingByBroker != nil) != (mapped > 0) {
			t.Errorf("%s: the route has %v", what, data.TopicQueueMappingByBroker)
		}
	}
	b.register(reg(0))
	b.register(reg(0, named("b2"), mappings("b", 3, "T", "U"))) // a stranger, of a broker that is not his
	want("registered", 2, 6)
	b.register(reg(0, named("b2"), mappings("b", 3, "T", "U")))
	want("registered again", 2, 6)
	b.DeleteTopic("U")
	want("one topic deleted", 1, 3)
	b.register(reg(0, named("b2"), mappings("b", 3, "T", "U")))
	want("registered, unchanged", 2, 6)
	b.DeleteTopicOfCluster("U", "other")
	want("deleted of another cluster", 2, 6)
	b.DeleteTopicOfCluster("U", "c")
	want("deleted of the cluster", 1, 3)
	b.register(reg(0, named("b2"), mappings("b", 5, "T"), func(r *Registration) { r.Version.Counter++ }))
	want("changed", 1, 5)
	b.unregister(Member{Cluster: "c", BrokerName: "b2", BrokerAddr: "10.0.0.0:10911", BrokerID: 0})
	want("its sender has left", 0, 0)
}

func TestUnregister(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	b.register(reg(1))
	b.register(reg(0, named("b2"), func(r *Registration) { r.BrokerAddr = "10.0.1.0:10911" }))

	b.unregister(Member{Cluster: "c", BrokerName: "b", BrokerAddr: "10.0.0.0:10911", BrokerID: 0})
	b.wantMembers(map[int64]string{1: "10.0.0.1:10911"})
	if q := b.queue("T", "b"); q.Perm != 6 {
		t.Errorf("perm %d of a group without acting masters, want 6", q.Perm)
	}

	b.unregister(Member{Cluster: "c", BrokerName: "b", BrokerAddr: "10.0.0.1:10911", BrokerID: 1})
	info := b.Clusters()
	if diff := cmp.Diff(map[string][]string{"c": {"b2"}}, info.ClusterAddrTable); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	if data, _ := b.Route("T"); len(data.QueueDatas) != 1 {
		t.Errorf("queues of a broker that is gone: %+v", data.QueueDatas)
	}

	b.unregister(
		Member{Cluster: "c", BrokerName: "b2", BrokerAddr: "10.0.1.0:10911", BrokerID: 0},
		Member{Cluster: "c", BrokerName: "nobody", BrokerAddr: "10.0.9.9:10911", BrokerID: 0},
	)
	if info := b.Clusters(); len(info.ClusterAddrTable) != 0 || len(info.BrokerAddrTable) != 0 || len(b.Topics()) != 0 {
		t.Errorf("left over: %+v, topics %v", info, b.Topics())
	}
	if b.queueDatas != 0 {
		t.Errorf("count of queue data is %d in an empty table", b.queueDatas)
	}
}

func TestActingMaster(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rules = Rules{SupportActingMaster: true, NotifyMinBrokerIDChanged: true}
	b.register(reg(0, acting, topics(topic("T", 4, 6), topic(memberTopicPrefix+"b", 1, 6))))
	b.register(reg(1, acting))
	b.register(reg(2, acting))

	notices := b.unregister(Member{Cluster: "c", BrokerName: "b", BrokerAddr: "10.0.0.0:10911", BrokerID: 0})
	want := []*MinBrokerChanged{{
		BrokerName: "b", MinBrokerID: 1, MinBrokerAddr: "10.0.0.1:10911", OfflineBrokerAddr: "10.0.0.0:10911",
		Recipients: []string{"10.0.0.1:10911", "10.0.0.2:10911"},
	}}
	if diff := cmp.Diff(want, notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}

	data, _ := b.Route("T")
	if diff := cmp.Diff(map[int64]string{0: "10.0.0.1:10911", 2: "10.0.0.2:10911"}, data.BrokerDatas[0].BrokerAddrs); diff != "" {
		t.Errorf("route without a master (-want +got):\n%s", diff)
	}
	if data.QueueDatas[0].Perm != 4 {
		t.Errorf("perm %d, want 4: an acting master takes no messages", data.QueueDatas[0].Perm)
	}
	data, _ = b.Route(memberTopicPrefix + "b")
	if _, shown := data.BrokerDatas[0].BrokerAddrs[0]; shown {
		t.Error("the member topic shows an acting master")
	}
	b.wantMembers(map[int64]string{1: "10.0.0.1:10911", 2: "10.0.0.2:10911"})

	// The slave's own registration keeps the permission wiped; its topics count now.
	b.register(reg(1, acting, version(body.DataVersion{Counter: 7}), topics(topic("T", 4, 6), topic("new", 2, 6))))
	if q := b.queue("new", "b"); q.Perm != 4 {
		t.Errorf("perm %d of a topic from the acting master, want 4", q.Perm)
	}

	got := b.register(reg(0, acting, version(body.DataVersion{Counter: 8})))
	wantNotice := &MinBrokerChanged{
		BrokerName: "b", MinBrokerID: 0, MinBrokerAddr: "10.0.0.0:10911", HaBrokerAddr: "10.0.0.0:10912",
		Recipients: []string{"10.0.0.1:10911", "10.0.0.2:10911"},
	}
	if diff := cmp.Diff(wantNotice, got.Notice); diff != "" {
		t.Errorf("notice of the returned master (-want +got):\n%s", diff)
	}
	if q := b.queue("T", "b"); q.Perm != 6 {
		t.Errorf("perm %d after the master came back, want 6", q.Perm)
	}
}

// Members that leave together are neither told of each other nor named as the new minimum.
func TestNoticeOfABatch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rules = Rules{SupportActingMaster: true, NotifyMinBrokerIDChanged: true}
	var batch []Member
	for id := range int64(5) {
		b.register(reg(id, acting))
		if id < 2 || id == 3 {
			batch = append(batch, Member{Cluster: "c", BrokerName: "b", BrokerAddr: reg(id).BrokerAddr, BrokerID: id})
		}
	}
	want := []*MinBrokerChanged{{
		BrokerName: "b", MinBrokerID: 2, MinBrokerAddr: "10.0.0.2:10911", OfflineBrokerAddr: "10.0.0.1:10911",
		Recipients: []string{"10.0.0.2:10911", "10.0.0.4:10911"},
	}}
	if diff := cmp.Diff(want, b.unregister(batch...)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestActingMasterIsOffByDefault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0, acting))
	b.register(reg(1, acting))
	if n := b.unregister(Member{Cluster: "c", BrokerName: "b", BrokerAddr: "10.0.0.0:10911"}); n != nil {
		t.Errorf("notices %v though they are off", n)
	}
	data, _ := b.Route("T")
	if diff := cmp.Diff(map[int64]string{1: "10.0.0.1:10911"}, data.BrokerDatas[0].BrokerAddrs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A slave of 5.x without acting masters says so (false, not absent): its topics count while it is the smallest, unwiped.
func TestPrimeSlave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(1, newBroker))
	if q := b.queue("T", "b"); q.Perm != 6 {
		t.Errorf("perm %d, want 6", q.Perm)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	short := int64(10_000)
	b.register(reg(0))
	b.register(reg(1, func(r *Registration) { r.HeartbeatTimeoutMs = &short }))

	b.clock.Step(time.Hour) // a clock that is set is no silence
	b.clock.Advance(10 * time.Second)
	if gone := b.Expired(); len(gone) != 0 {
		t.Errorf("expired at the limit: %+v", gone)
	}
	b.Touch("c", "10.0.0.1:10911")
	b.Touch("c", "unknown:1")
	b.clock.Advance(10*time.Second + time.Millisecond)
	want := []Departure{{
		Member:  Member{Cluster: "c", BrokerName: "b", BrokerAddr: "10.0.0.1:10911", BrokerID: 1, AsOf: 2},
		Channel: "channel 1",
	}}
	if diff := cmp.Diff(want, b.Expired()); diff != "" {
		t.Errorf("after 20 s (-want +got):\n%s", diff)
	}
	b.clock.Advance(100 * time.Second)
	if gone := b.Expired(); len(gone) != 2 {
		t.Errorf("after two minutes: %+v", gone)
	}
	if list := b.ByChannel("channel 0"); len(list) != 1 || list[0].BrokerID != 0 {
		t.Errorf("ByChannel = %+v", list)
	}
	if list := b.ByChannel("a client"); len(list) != 0 {
		t.Errorf("a client's channel belongs to %+v", list)
	}
}

// One connection cannot fill the table for good, whatever it promises.
func TestTheBrokersOfOneChannelLeaveTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	forever := int64(math.MaxInt64)
	for i := range int64(10) {
		b.register(reg(i, named(fmt.Sprintf("b%d", i)), func(r *Registration) { r.Channel, r.HeartbeatTimeoutMs = "one", &forever }))
	}
	b.register(reg(20))
	b.clock.Advance(maxHeartbeatTimeout)
	b.Touch("c", reg(20).BrokerAddr)
	b.clock.Advance(time.Millisecond)
	if gone := b.Expired(); len(gone) != 10 {
		t.Errorf("%d expired, want the ten that promised silence for ever", len(gone))
	}
	b.Unregister(b.ByChannel("one"))
	if len(b.lives) != 1 || len(b.brokers) != 1 || b.pairs != 1 {
		t.Errorf("%d lives, %d brokers, %d pairs; want the other one", len(b.lives), len(b.brokers), b.pairs)
	}
}

// A group's member whose address nobody keeps alive is swept away with the silent.
func TestMembersThatNobodyKeepsAliveExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	b.register(reg(0, named("twice")))
	b.register(reg(1, named("wrong")))
	b.register(reg(2, named("lives")))
	b.unregister(
		Member{Cluster: "c", BrokerName: "b", BrokerAddr: reg(0).BrokerAddr},
		Member{Cluster: "c", BrokerName: "nobody", BrokerAddr: reg(1).BrokerAddr, BrokerID: 1},
	)
	var batch []Member
	for _, d := range b.Expired() {
		batch = append(batch, d.Member)
	}
	b.Unregister(batch)
	if diff := cmp.Diff(map[string][]string{"c": {"lives"}}, b.Clusters().ClusterAddrTable); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

// Broker names are global: a second cluster may use a name, and its broker must be forgotten like any other.
func TestSameNameInTwoClusters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	b.register(reg(5, func(r *Registration) { r.Cluster = "c2" }))
	got := b.ByChannel("channel 5")
	if diff := cmp.Diff([]Member{{Cluster: "c2", BrokerName: "b", BrokerAddr: "10.0.0.5:10911", BrokerID: 5, AsOf: 2}}, got); diff != "" {
		t.Fatalf("ByChannel (-want +got):\n%s", diff)
	}
	b.Unregister(got)
	b.wantMembers(map[int64]string{0: "10.0.0.0:10911"})
	b.Unregister(b.ByChannel("channel 0"))
	if info := b.Clusters(); len(info.ClusterAddrTable) != 0 || b.pairs != 0 {
		t.Errorf("%d pairs of a name that is gone: %+v", b.pairs, info.ClusterAddrTable)
	}
}

// A refused registration leaves nothing behind: there is nobody whose end would take it away.
func TestRefusedRegistrationsLeaveNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	before := b.Clusters()
	for i := range 10 {
		name := fmt.Sprintf("b%d", i)
		for _, brokerName := range []string{"b", name} {
			_, err := b.Register(reg(3, acting, named(brokerName), topics(topic("T", 1, 6)), func(r *Registration) { r.Cluster, r.Zone = name, "z" }))
			if !errors.Is(err, ErrNotYetRegistered) {
				t.Fatalf("Register = %v, want ErrNotYetRegistered", err)
			}
		}
	}
	// The increment of a broker under another id than before: it has to register whole, and is known as what it was until then.
	if _, err := b.Register(reg(1, topics(topic("T", 1, 6)), func(r *Registration) { r.BrokerAddr = reg(0).BrokerAddr })); !errors.Is(err, ErrNotYetRegistered) {
		t.Errorf("Register = %v, want ErrNotYetRegistered", err)
	}
	if diff := cmp.Diff(before, b.Clusters()); diff != "" || b.pairs != 1 {
		t.Errorf("%d pairs (-before +after):\n%s", b.pairs, diff)
	}
}

// A broker that came back on a new connection is not touched by the end of the old one.
func TestOldChannelOfAReconnectedBroker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	b.register(reg(0, func(r *Registration) { r.Channel = "channel new" }))
	if list := b.ByChannel("channel 0"); len(list) != 0 {
		t.Errorf("the old channel still names %+v", list)
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	flagged := func(name string, flag int32) body.TopicConfig {
		c := topic(name, 1, 6)
		c.TopicSysFlag = flag
		return c
	}
	b.register(reg(0, topics(flagged("plain", 0), flagged("unit", 1), flagged("sub", 2), flagged("both", 3))))
	b.register(reg(0, named("b2"), func(r *Registration) { r.Cluster, r.BrokerAddr = "c2", "10.0.1.0:10911" },
		topics(topic("plain", 1, 6), topic("x", 1, 6))))

	system, addr := b.SystemTopics()
	tests := []struct {
		name string
		got  []string
		want []string
	}{
		{"all", b.Topics(), []string{"both", "plain", "sub", "unit", "x"}},
		{"cluster", b.TopicsOfCluster("c2"), []string{"plain", "x"}},
		{"unknown cluster", b.TopicsOfCluster("c3"), []string{}},
		{"unit", b.UnitTopics(), []string{"both", "unit"}},
		{"unit sub", b.UnitSubTopics(), []string{"both", "sub"}},
		{"unit sub without unit", b.UnitSubUnunitTopics(), []string{"sub"}},
		{"system", system, []string{"b", "b2", "c", "c2"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if addr != "10.0.0.0:10911" {
		t.Errorf("address with the system topics: %q", addr)
	}

	b.DeleteTopicOfCluster("plain", "c2")
	if data, _ := b.Route("plain"); len(data.QueueDatas) != 1 {
		t.Errorf("queues after a deletion in one cluster: %+v", data.QueueDatas)
	}
	b.DeleteTopic("plain")
	if _, ok := b.Route("plain"); ok {
		t.Error("a deleted topic has a route")
	}
	if n := b.WipeWritePerm("b"); n != 3 {
		t.Errorf("wiped %d topics, want 3", n)
	}
	if n := b.AddWritePerm("b"); n != 3 {
		t.Errorf("added to %d topics, want 3", n)
	}
	if b.queueDatas != 4 {
		t.Errorf("count of queue data is %d, want 4", b.queueDatas)
	}
}

func TestRegisterTopic(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	q := body.QueueData{BrokerName: "b", ReadQueueNums: 2, WriteQueueNums: 2, Perm: 6}
	unknown := body.QueueData{BrokerName: "nobody", ReadQueueNums: 2, WriteQueueNums: 2, Perm: 6}
	b.RegisterTopic("new", []body.QueueData{q, unknown})
	if _, ok := b.Route("new"); ok {
		t.Error("a new topic with a queue of an unknown broker was taken")
	}
	b.RegisterTopic("T", []body.QueueData{q, unknown})
	if got := b.queue("T", "b"); got.ReadQueueNums != 2 {
		t.Errorf("a known topic keeps what came before the unknown broker: %+v", got)
	}
	b.RegisterTopic("new", []body.QueueData{q})
	b.queue("new", "b")
}

func TestZones(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	zone := func(z string) func(*Registration) { return func(r *Registration) { r.Zone = z } }
	b.register(reg(0, zone("z1")))
	b.register(reg(0, named("b2"), zone("z2"), func(r *Registration) { r.BrokerAddr = "10.0.1.0:10911" }))
	b.register(reg(1, newBroker, named("b3"), zone("z2"), func(r *Registration) { r.BrokerAddr = "10.0.2.1:10911" }))
	data, _ := b.Route("T")
	FilterZone(data, "Z1")
	var names, queues []string
	for _, d := range data.BrokerDatas {
		names = append(names, d.BrokerName)
	}
	for _, q := range data.QueueDatas {
		queues = append(queues, q.BrokerName)
	}
	want := []string{"b", "b3"} // b3 has lost its master
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("brokers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, queues); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	table := NewTable(clock.Real, DefaultLimits, func() Rules { return Rules{SupportActingMaster: true, NotifyMinBrokerIDChanged: true} })
	var wg sync.WaitGroup
	for worker := range int64(4) {
		wg.Go(func() {
			for round := range int64(50) {
				r := reg(worker, acting, version(body.DataVersion{Counter: round}))
				if _, err := table.Register(r); err != nil {
					t.Errorf("Register: %v", err)
				}
				table.Route("T")
				table.Clusters()
				table.Expired()
				table.WipeWritePerm("b")
				table.Topics()
				table.Unregister([]Member{table.Leaving(Member{Cluster: "c", BrokerName: "b", BrokerAddr: r.BrokerAddr, BrokerID: worker})})
			}
		})
	}
	wg.Wait()
	if table.pairs != 0 || table.queueDatas != 0 || len(table.channels) != 0 || len(table.lives) != 0 {
		t.Errorf("everyone left, and there are %d queue data, %d channels, %d lives", table.queueDatas, len(table.channels), len(table.lives))
	}
}
