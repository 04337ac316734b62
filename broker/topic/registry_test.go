package topic

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// options have a clock that stands and count how often the table is persisted.
func options(saves *int) Options {
	return Options{
		NowMs:   func() int64 { return 1000 },
		Persist: func() error { *saves++; return nil },
		System: System{
			ClusterName: "C", BrokerName: "b-a", AutoCreateTopic: true, ClusterTopic: true, BrokerTopic: true,
			TimerWheel: true, DefaultQueueNums: 8, ReviveQueue: 8, TraceTopicName: Trace,
		},
	}
}

func TestSystemTopics(t *testing.T) {
	t.Parallel()
	r := New(options(new(int)))
	for _, row := range []struct {
		name         string
		queues, perm int32
	}{
		{"SELF_TEST_TOPIC", 1, 6},
		{"TBW102", 8, 7},
		{"BenchmarkTest", 1024, 6},
		{"C", 16, 7},
		{"b-a", 1, 7},
		{"OFFSET_MOVED_EVENT", 1, 6},
		{"SCHEDULE_TOPIC_XXXX", 18, 6},
		{"C_REPLY_TOPIC", 1, 6},
		{"rmq_sys_REVIVE_LOG_C", 8, 6},
		{"rmq_sys_SYNC_BROKER_MEMBER_b-a", 1, 1},
		{"RMQ_SYS_TRANS_HALF_TOPIC", 1, 6},
		{"RMQ_SYS_TRANS_OP_HALF_TOPIC", 1, 6},
		{"rmq_sys_wheel_timer", 1, 6},
	} {
		c := r.Get(row.name)
		if c == nil || c.ReadQueueNums != row.queues || c.WriteQueueNums != row.queues || c.Perm != row.perm {
			t.Errorf("%s: %v, want %d queues, perm %d", row.name, c, row.queues, row.perm)
		}
		if !r.IsSystem(row.name) {
			t.Errorf("%s is not a system topic", row.name)
		}
	}
	if r.Get(Trace) != nil {
		t.Error("trace topic made though traceTopicEnable is off")
	}
	if !r.IsSystem("rmq_sys_anything") || r.IsSystem("T") {
		t.Error("system topics are told by name or prefix")
	}
}

func TestCreateOnSend(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		prepare func(*Registry)
		q       OnSend
		want    *Config // nil: refused
	}{
		{
			name: "from the template, fewer queues", q: OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: 4, AutoCreate: true},
			want: newConfig("T", 4, 6),
		},
		{
			name: "not more queues than the template", q: OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: 99, AutoCreate: true},
			want: newConfig("T", 8, 6),
		},
		{
			name: "negative number of queues", q: OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: -3, AutoCreate: true},
			want: newConfig("T", 0, 6),
		},
		{name: "creation is off", q: OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: 4}},
		{name: "template unknown", q: OnSend{Topic: "T", Template: "nope", QueueNums: 4, AutoCreate: true}},
		{
			name: "template without INHERIT", q: OnSend{Topic: "T", Template: Benchmark, QueueNums: 4, AutoCreate: true},
		},
		{
			name: "retry topic whatever the template says", q: OnSend{Topic: "%RETRY%g", Template: "nope", QueueNums: 4, SysFlag: 2},
			want: func() *Config { c := newConfig("%RETRY%g", 1, 6); c.TopicSysFlag = 2; return c }(),
		},
		{
			name:    "filter type and flag",
			prepare: func(r *Registry) { c := r.Get("C").Clone(); c.TopicFilterType = MultiTag; _ = r.Put(c) },
			q:       OnSend{Topic: "T", Template: "C", QueueNums: 20, SysFlag: 1, AutoCreate: true},
			want: func() *Config {
				c := newConfig("T", 16, 6)
				c.TopicFilterType, c.TopicSysFlag = MultiTag, 1
				return c
			}(),
		},
	} {
		saves := 0
		r := New(options(&saves))
		if row.prepare != nil {
			row.prepare(r)
		}
		before, version := saves, r.Version()
		got, created, err := r.CreateOnSend(row.q)
		if err != nil || created != (row.want != nil) {
			t.Fatalf("%s: created %v, %v", row.name, created, err)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
		if created && (saves != before+1 || !r.Version().Newer(version)) {
			t.Errorf("%s: saved %d times, version %v after %v", row.name, saves-before, r.Version(), version)
		}
		if again, created, _ := r.CreateOnSend(row.q); created || again != got {
			t.Errorf("%s: a second send made %v", row.name, again)
		}
	}
}

func TestCreationOffTakesInheritAway(t *testing.T) {
	t.Parallel()
	r := New(options(new(int)))
	if c, _, _ := r.CreateOnSend(OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: 4}); c != nil {
		t.Fatalf("made %v", c)
	}
	if perm := r.Get(AutoCreateKey).Perm; perm != 6 {
		t.Fatalf("TBW102 has perm %d, want 6 as in Java", perm)
	}
}

func TestMostTopics(t *testing.T) {
	t.Parallel()
	opt := options(new(int))
	opt.Max = New(opt).Len() + 1
	r := New(opt)
	if err := r.Put(NewConfig("T1")); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(NewConfig("T2")); !errors.Is(err, ErrFull) {
		t.Fatalf("one too many: %v", err)
	}
	if err := r.Put(newConfig("T1", 3, 6)); err != nil {
		t.Fatalf("changing a known one: %v", err)
	}
}

func TestGroupTopicFollowsOrder(t *testing.T) {
	t.Parallel()
	r := New(options(new(int)))
	g := GroupTopic{Topic: "%RETRY%g", QueueNums: 1}
	if g.Fits(r.Get(g.Topic)) {
		t.Fatal("nothing needed for an unknown topic")
	}
	if created, _ := r.CreateForGroups([]GroupTopic{g, g}); len(created) != 1 || !g.Fits(r.Get(g.Topic)) {
		t.Fatalf("made %v", created)
	}
	g.Order = true
	created, _ := r.CreateForGroups([]GroupTopic{g})
	if len(created) != 0 || !r.Get(g.Topic).Order {
		t.Fatalf("order flag not changed, made %v", created)
	}
	full := New(Options{NowMs: func() int64 { return 1 }, Max: New(Options{NowMs: func() int64 { return 1 }}).Len() + 1})
	created, err := full.CreateForGroups([]GroupTopic{{Topic: "%RETRY%a"}, {Topic: "%RETRY%b"}})
	if len(created) != 1 || !errors.Is(err, ErrFull) {
		t.Fatalf("made %v, %v", created, err)
	}
}

// The queues of a group's topic follow those of the group, upwards only; a topic that
// has some to write and others to read gets what it lacks.
func TestGroupTopicGrows(t *testing.T) {
	t.Parallel()
	r := New(options(new(int)))
	g := GroupTopic{Topic: "%RETRY%g"}
	for _, row := range []struct {
		what        string
		queues      int32
		grown       bool
		read, write int32
	}{
		{"made without queues", 0, true, 0, 0},
		{"raised", 4, true, 4, 4},
		{"the same", 4, false, 4, 4},
		{"lowered", 2, false, 4, 4},
	} {
		g.QueueNums = row.queues
		grown, err := r.CreateForGroups([]GroupTopic{g})
		c := r.Get(g.Topic)
		if err != nil || (len(grown) == 1) != row.grown || c.ReadQueueNums != row.read || c.WriteQueueNums != row.write || !g.Fits(c) {
			t.Errorf("%s: grown %v, %v; now %v", row.what, grown, err, c)
		}
	}
	shrinking := newConfig("%RETRY%h", 8, PermRead|PermWrite)
	shrinking.ReadQueueNums = 1
	if err := r.Put(shrinking); err != nil {
		t.Fatal(err)
	}
	h := GroupTopic{Topic: "%RETRY%h", QueueNums: 3}
	if grown, _ := r.CreateForGroups([]GroupTopic{h}); len(grown) != 1 || r.Get(h.Topic).ReadQueueNums != 3 || r.Get(h.Topic).WriteQueueNums != 8 {
		t.Errorf("grown %v, now %v", grown, r.Get(h.Topic))
	}
}

// Who needs queues that somebody else is making waits for them as for a topic.
func TestQueuesOnDiskBeforeSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := make(chan struct{})
		r := New(Options{NowMs: func() int64 { return 1 }})
		if err := r.Put(newConfig("%RETRY%g", 0, PermRead|PermWrite)); err != nil {
			t.Fatal(err)
		}
		r.opt.Persist = func() error {
			<-saved
			return nil
		}
		g, seen := GroupTopic{Topic: "%RETRY%g", QueueNums: 2}, make(chan int32, 2)
		for range 2 {
			go func() {
				if _, err := r.CreateForGroups([]GroupTopic{g}); err != nil {
					t.Error(err)
				}
				seen <- r.Get(g.Topic).Queues()
			}()
			synctest.Wait()
		}
		if n := r.Get(g.Topic).Queues(); n != 0 || len(seen) != 0 {
			t.Errorf("%d queues seen, and %d done, before they were saved", n, len(seen))
		}
		close(saved)
		if a, b := <-seen, <-seen; a != 2 || b != 2 {
			t.Errorf("%d and %d queues, want 2", a, b)
		}
	})
}

func TestFileOfJava(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		file    string
		counter int64
		topics  int
	}{{"topics-5.4.0.json", 19, 34}, {"topics-4.9.4.json", 18, 26}} {
		data, err := os.ReadFile("testdata/" + row.file)
		if err != nil {
			t.Fatal(err)
		}
		r := New(Options{NowMs: func() int64 { return 1 }})
		before := r.Len()
		if err := r.Decode(data); err != nil {
			t.Fatalf("%s: %v", row.file, err)
		}
		if c := r.Get("GoldenOrder"); c == nil || c.ReadQueueNums != 2 || c.Perm != 6 || c.TopicFilterType != SingleTag || c.Attributes == nil {
			t.Errorf("%s: GoldenOrder is %v", row.file, c)
		}
		if r.Version().Counter != row.counter {
			t.Errorf("%s: version %v, want counter %d", row.file, r.Version(), row.counter)
		}
		if r.Len() < row.topics {
			t.Errorf("%s: %d topics (%d before), want at least %d", row.file, r.Len(), before, row.topics)
		}
		roundTrip(t, r)
	}
}

// roundTrip writes, reads into an empty registry, and writes again.
func roundTrip(t *testing.T, r *Registry) {
	t.Helper()
	first, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again := New(Options{NowMs: func() int64 { return 2 }})
	if err := again.Decode(first); err != nil {
		t.Fatal(err)
	}
	second, err := again.Encode()
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("not the same after a round trip: %v", err)
	}
}

func TestFileWithUnsafeName(t *testing.T) {
	t.Parallel()
	r := New(options(new(int)))
	if err := r.Decode([]byte(`{"topicConfigTable":{"../x":{"topicName":"../x"}}}`)); err == nil {
		t.Fatal("a topic that leaves the store was loaded")
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	c := newConfig("T", 8, 6)
	want := "TopicConfig [topicName=T, readQueueNums=8, writeQueueNums=8, perm=RW-, topicFilterType=SINGLE_TAG, " +
		"topicSysFlag=0, order=false, attributes={}]"
	if got := c.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	r := New(options(new(int)))
	name := []byte("TBW102")
	if n := testing.AllocsPerRun(100, func() {
		if r.Lookup(name) == nil {
			t.Error("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrentCreation(t *testing.T) {
	t.Parallel()
	r := New(Options{NowMs: func() int64 { return 1 }})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 100 {
				_ = r.Put(NewConfig(fmt.Sprintf("T%d", i)))
				if c := r.Get(fmt.Sprintf("T%d", i)); c == nil {
					t.Errorf("worker %d: T%d is gone", w, i)
				}
			}
		})
	}
	before := r.Version().Counter
	wg.Wait()
	if r.Version().Counter != 400 {
		t.Fatalf("version %d (%d at the start), want 400 changes", r.Version().Counter, before)
	}
}

// Nobody sees a topic before the disk has it: a message acknowledged in it would be
// out of reach after a crash. Who wants the same topic waits for the one who makes it.
func TestOnDiskBeforeSeen(t *testing.T) {
	t.Parallel()
	var r *Registry
	saving, go1 := make(chan struct{}, 2), make(chan struct{})
	r = New(Options{NowMs: func() int64 { return 1 }, System: System{AutoCreateTopic: true, DefaultQueueNums: 4}, Persist: func() error {
		if table, _ := r.Snapshot(); table["T"] == nil {
			t.Error("saved without the new topic")
		}
		saving <- struct{}{}
		<-go1
		return nil
	}})
	q := OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: 4, AutoCreate: true}
	made, seen := make(chan bool, 2), make(chan *Config, 1)
	for range 2 {
		go func() {
			c, created, err := r.CreateOnSend(q)
			if c == nil || err != nil {
				t.Error(c, err)
			}
			made <- created
		}()
	}
	<-saving
	if r.Get("T") != nil {
		t.Error("seen before it was saved")
	}
	go func() {
		if created, err := r.CreateForGroups([]GroupTopic{{Topic: "T", QueueNums: 1}}); len(created) != 0 || err != nil {
			t.Error(created, err)
		}
		seen <- r.Get("T")
	}()
	close(go1)
	if c := <-seen; c == nil {
		t.Error("who asks meanwhile does not wait")
	}
	if a, b := <-made, <-made; a == b {
		t.Errorf("made by both or by none: %v", a)
	}
	if r.Get("T") == nil || len(r.pending) != 0 {
		t.Errorf("%v, pending %v", r.Get("T"), r.pending)
	}
	if len(saving) != 0 {
		t.Error("saved twice")
	}
}

// Nobody makes a topic again while its queues are being removed: what is sent to it would go with them.
func TestMadeAgainWhenGone(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(*Registry) error{
		"a send": func(r *Registry) error {
			_, _, err := r.CreateOnSend(OnSend{Topic: "T", Template: AutoCreateKey, QueueNums: 4, AutoCreate: true})
			return err
		},
		"a group": func(r *Registry) error {
			_, err := r.CreateForGroups([]GroupTopic{{Topic: "T", QueueNums: 1}})
			return err
		},
		"an operator": func(r *Registry) error { return r.Put(NewConfig("T")) },
		"a deletion":  func(r *Registry) error { return errors.Join(r.Delete("T", nothing), r.Put(NewConfig("T"))) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := New(options(new(int)))
			if err := r.Put(NewConfig("T")); err != nil {
				t.Fatal(err)
			}
			again := func() {
				if err := make(r); err != nil {
					t.Error(err)
				}
			}
			err := r.Delete("T", func() error {
				go again()
				synctest.Wait()
				if table, _ := r.Snapshot(); table["T"] != nil {
					t.Errorf("%s makes the topic before all that was its is gone", name)
				}
				return nil
			})
			if synctest.Wait(); err != nil || r.Get("T") == nil {
				t.Errorf("%s: %v, topic %v", name, err, r.Get("T"))
			}
		})
	}
}

func nothing() error { return nil }

// A change that the disk refused is not forgotten: who repeats it, in vain for the
// table, has it saved.
func TestChangeNotSaved(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var saves int
	var disk error
	opt := options(&saves)
	opt.Persist = func() error { saves++; return disk }
	r := New(opt)
	for _, change := range []func() error{
		func() error { return r.Put(NewConfig("T")) },
		func() error { return r.Delete("T", nothing) },
	} {
		disk = broken
		if err := change(); !errors.Is(err, broken) {
			t.Fatalf("error %v, want that of the disk", err)
		}
		if err := r.Resave(); !errors.Is(err, broken) {
			t.Fatalf("again: error %v, want that of the disk", err)
		}
		if err := r.Delete("absent", nothing); !errors.Is(err, broken) {
			t.Fatalf("deleting what is not there: error %v, want that of the disk", err)
		}
		disk = nil
		before := saves
		for range 2 {
			if err := r.Resave(); err != nil {
				t.Fatal(err)
			}
		}
		if saves != before+1 {
			t.Errorf("saved %d times, want once", saves-before)
		}
	}
}

// A save that began before another one failed says nothing about what that one lacks.
func TestEarlierSaveMendsNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var r *Registry
	depth := 0
	r = New(Options{NowMs: func() int64 { return 1 }, Persist: func() error {
		if depth++; depth > 1 {
			return broken
		}
		_ = r.Put(NewConfig("later")) // fails meanwhile
		return nil
	}})
	if err := r.Put(NewConfig("T")); err != nil {
		t.Fatal(err)
	}
	if err := r.Resave(); !errors.Is(err, broken) {
		t.Fatalf("error %v: the later change is taken for saved", err)
	}
}
