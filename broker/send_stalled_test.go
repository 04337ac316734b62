package broker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// A flush hangs, then a write too. Sends go on over the lane as long as writes work;
// when they do not, senders are told that the broker is busy, everybody else is served,
// and what hung is stored when the disk goes on.
func TestStalledDisk(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, func(s *store.Config) {
		s.FlushIntervalCommitLog, s.FlushCommitLogLeastPages = 5, 0
	})
	f.sendTo("T", "0")
	h := f.sendHalf("T", "1")
	back := f.stored(t, f.sendTo("T", "2"))
	f.beat("G", "CLUSTERING")
	inject(t, disk, "fdatasync commitlog/* hang")
	f.sendTo("T", "3")
	f.eventually("the disk to be called stalled", f.Store.Stalled)
	f.sendTo("T", "4")
	want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
	want(t, f.back(back.PhyOffset), code.Success, "")
	if !f.Store.Stalled() {
		t.Fatal("that was not while it stalled")
	}

	inject(t, disk, "pwrite commitlog/* hang")
	hanging := f.sending("5")
	f.eventually("the lane's worker to hang in its write", func() bool { return disk.Hanging() > 1 })
	waiting, behind := f.server.Stats().LaneBytes, f.sending("refused")
	f.eventually("a send to wait behind it", func() bool { return f.server.Stats().LaneBytes > waiting })
	f.busyAfter(300)
	wantBusy(t, <-behind, "[TIMEOUT_CLEAN_QUEUE]broker busy")
	f.eventually("the store to be busy", f.Store.Busy)
	wantBusy(t, <-f.sending("refused"), "[REJECTREQUEST]system busy")
	f.beat("G", "CLUSTERING")
	want(t, f.call(code.GetMaxOffset, nil, "topic", "T", "queueId", "0"), code.Success, "")
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
	f.busyAfter(60_000)
	disk.Heal()
	want(t, <-hanging, code.Success, "")
	f.sendTo("T", "6")
	var got []string
	for _, v := range f.visible("T") {
		got = append(got, string(v.Body))
	}
	if w := []string{"0", "2", "3", "4", "body of 1", "5", "6"}; !slices.Equal(got, w) {
		t.Errorf("stored %q, want %q", got, w)
	}
}

// The write that a loop does hangs, and nothing has told before. The connection that
// sent waits with it; all others are served, new ones too.
func TestWriteHangsOnLoop(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, nil)
	f.sendTo("T", "0")
	other := f.another(t)
	other.beat("G", "CLUSTERING")
	inject(t, disk, "pwrite commitlog/* hang")
	hanging := f.sending("1")
	f.eventually("the loop to hang in its write", func() bool { return disk.Hanging() == 1 })
	other.beat("G", "CLUSTERING")
	want(t, other.call(code.GetMaxOffset, nil, "topic", "T", "queueId", "0"), code.Success, "")
	want(t, other.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
	f.busyAfter(300)
	f.eventually("the store to be busy", f.Store.Busy)
	wantBusy(t, <-other.sending("refused"), "[REJECTREQUEST]system busy")
	late := f.another(t)
	late.beat("G2", "CLUSTERING")
	select {
	case a := <-hanging:
		t.Fatalf("answered while the disk hangs: %d %q", a.Code, a.Remark)
	default:
	}
	f.busyAfter(60_000)
	disk.Heal()
	want(t, <-hanging, code.Success, "")
	other.sendTo("T", "2")
	late.sendTo("T", "3")
	f.sendTo("T", "4")
	if n := len(f.visible("T")); n != 5 {
		t.Errorf("%d messages, want 5", n)
	}
}

// The next file of the log is not there: loops do not wait for it, and what they take
// back is done when it is.
func TestNextFileIsLate(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, func(s *store.Config) { s.MappedFileSizeCommitLog = 64 << 10 })
	h := f.sendHalf("T", "1")
	back := f.stored(t, f.sendTo("T", "0"))
	f.beat("G", "CLUSTERING")
	want(t, f.back(back.PhyOffset), code.Success, "") // makes the retry topic
	inject(t, disk, "allocate commitlog/* hang")
	var answers []<-chan *protocol.Command
	full := strings.Repeat("x", 30<<10)
	for range 3 {
		answers = append(answers, f.sending(full))
	}
	f.eventually("the file to be late", func() bool { return disk.Hanging() > 0 })
	f.eventually("a send to wait for it", func() bool { return f.server.Stats().LaneBytes > 0 })
	answers = append(answers, f.sending("1"), f.ask(code.EndTransaction, h.endFields(8)...), f.ask(code.ConsumerSendMsgBack,
		"offset", fmt.Sprint(back.PhyOffset), "group", "G", "delayLevel", "0", "originMsgId", "x", "originTopic", "T", "unitMode", "false", "maxReconsumeTimes", "16"))
	want(t, f.call(code.GetMaxOffset, nil, "topic", "T", "queueId", "0"), code.Success, "")
	disk.Heal()
	for i, a := range answers {
		if reply := <-a; reply.Response() != code.Success {
			t.Errorf("answer %d: %d %q", i, reply.Code, reply.Remark)
		}
	}
	if n := len(f.visible("T")); n != 6 {
		t.Errorf("%d messages, want 6", n)
	}
}

// The write of a reply hangs: neither the loop of the client that confirmed it, or left, nor that of its sender hangs with it.
func TestReplyHangsOnItsWayToTheTopic(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"confirms", "leaves", "is not there"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			f, disk := startFaulty(t, nil)
			f.call(code.SendReplyMessageV2, []byte("makes the topic"), replyFields("nobody")...)
			other, sender := f.another(t), f.another(t)
			other.beat("G", "CLUSTERING")
			a := f.asker("asks")
			a.silent = client == "leaves"
			if client == "is not there" {
				a.client.Close()
				f.eventually("it to be gone", func() bool { _, known := f.Clients.FindProducer("asks"); return !known })
			}
			inject(t, disk, "pwrite commitlog/* hang")
			answer := make(chan *protocol.Command, 1)
			go func() { answer <- sender.call(code.SendReplyMessageV2, []byte("the reply"), replyFields("asks")...) }()
			if client == "leaves" {
				<-a.took
				a.client.Close()
			}
			f.eventually("the write to hang", func() bool { return disk.Hanging() == 1 })
			f.beat("G", "CLUSTERING")
			other.beat("G", "CLUSTERING")
			disk.Heal()
			<-answer
			if n := len(f.visible(replyTopic)); n != 2 {
				t.Errorf("%d replies kept, want 2", n)
			}
		})
	}
}

func (f *fixture) sending(body string) <-chan *protocol.Command {
	answer := make(chan *protocol.Command, 1)
	go func() { answer <- f.call(code.SendMessageV2, []byte(body), sendFields("T")...) }()
	return answer
}

// busyAfter changes osPageCacheBusyTimeOutMills, for the lane too.
func (f *fixture) busyAfter(ms int64) {
	f.storeCfg.Change(func(s *store.Config) { s.OsPageCacheBusyTimeOutMills = ms })
	f.laneAges()
}

func wantBusy(t *testing.T, reply *protocol.Command, remark string) {
	t.Helper()
	if reply.Response() != code.SystemBusy || !strings.HasPrefix(reply.Remark, remark) {
		t.Fatalf("%d %q, want %q", reply.Code, reply.Remark, remark)
	}
}

// With SYNC_FLUSH a loop flushes for a sender who is alone. When the disk hangs then, everybody else is served, and the sender
// gets his answer when it goes on.
func TestFlushHangsOnLoop(t *testing.T) {
	t.Parallel()
	f, disk := startFaultyWith(t, Options{QuickFlush: time.Hour}, func(s *store.Config) { s.FlushDiskType = store.SyncFlush })
	sent := f.sendAlone()
	other := f.another(t)
	other.beat("G", "CLUSTERING")
	f.eventually("the disk to be well", func() bool { return !f.Store.Stalled() }) // or a lane flushes
	inject(t, disk, "fdatasync commitlog/* hang")
	hanging := f.sending("x")
	f.eventually("the flush to hang", func() bool { return disk.Hanging() == 1 })
	other.beat("G", "CLUSTERING")
	want(t, other.call(code.GetMaxOffset, nil, "topic", "T", "queueId", "0"), code.Success, "")
	f.eventually("a stand-in, as it hangs on the loop", func() bool { return f.server.Stats().Reliefs > 0 })
	waiting := other.sending("y")
	select {
	case a := <-hanging:
		t.Fatalf("answered before it is on the disk: %d %q", a.Code, a.Remark)
	case a := <-waiting:
		t.Fatalf("answered before it is on the disk: %d %q", a.Code, a.Remark)
	default:
	}
	disk.Heal()
	want(t, <-hanging, code.Success, "")
	want(t, <-waiting, code.Success, "")
	if n := f.Store.MaxOffset("T", 0); n != sent+2 {
		t.Errorf("%d messages, want %d", n, sent+2)
	}
}

// A sender whose flush hangs on the loop is told after syncFlushTimeout, as by the group commit.
func TestFlushTimesOutOnLoop(t *testing.T) {
	t.Parallel()
	f, disk := startFaultyWith(t, Options{QuickFlush: time.Hour}, func(s *store.Config) { s.FlushDiskType, s.SyncFlushTimeout = store.SyncFlush, 100 })
	sent := f.sendAlone()
	inject(t, disk, "fdatasync commitlog/* hang")
	hanging := f.sending("x")
	f.eventually("the flush to hang", func() bool { return disk.Hanging() == 1 })
	want(t, <-hanging, code.FlushDiskTimeout, "")
	f.eventually("a stand-in, as it hangs on the loop", func() bool { return f.server.Stats().Reliefs > 0 })
	disk.Heal()
	f.eventually("what was stored to be visible", func() bool { return f.Store.MaxOffset("T", 0) == sent+1 })
}

// A lone sender is told when the flush that the loop did for him fails.
func TestFlushFailsOnLoop(t *testing.T) {
	t.Parallel()
	f, disk := startFaultyWith(t, Options{QuickFlush: time.Hour}, func(s *store.Config) { s.FlushDiskType = store.SyncFlush })
	sent := f.sendAlone()
	f.mayFail.Store(true) // the end cannot flush either
	inject(t, disk, "fdatasync commitlog/* err=EIO")
	for range 2 {
		if reply := f.call(code.SendMessageV2, []byte("lost"), sendFields("T")...); reply.Response() == code.Success {
			t.Fatal("a message that the disk may not have was acknowledged")
		}
		disk.Heal()
	}
	if n := f.Store.MaxOffset("T", 0); n != sent {
		t.Errorf("%d messages are visible, want %d", n, sent)
	}
}

func TestWaitingSenders(t *testing.T) {
	t.Parallel()
	conns := make([]*remoting.Conn, 2*crowd)
	for i := range conns {
		conns[i] = &remoting.Conn{ID: uint64(i + 1)}
	}
	turn := func(conns ...*remoting.Conn) (reqs []*remoting.Request) {
		for _, c := range conns {
			reqs = append(reqs, &remoting.Request{Conn: c})
		}
		return reqs
	}
	var w waitingSenders
	for range lonely + 1 {
		w.note(turn(conns[0]))
	}
	if w.alone != lonely || w.crowd {
		t.Errorf("one that sends by itself: %+v", w)
	}
	for name, c := range map[string]struct {
		turn  []*remoting.Request
		crowd bool
	}{
		"another one":                   {turn(conns[1]), false},
		"two of one connection":         {turn(conns[1], conns[1]), false},
		"too few":                       {turn(conns[:crowd-1]...), false},
		"as many as it takes":           {turn(conns[:crowd]...), true},
		"many":                          {turn(conns...), true},
		"many, and one that sends more": {turn(append(conns[:crowd:crowd], conns[crowd-1])...), false},
	} {
		w := waitingSenders{conn: conns[0].ID, alone: lonely}
		if w.note(c.turn); w.alone != 0 || w.crowd != c.crowd {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

// Many at once, whoever flushes for them: nobody is answered before, and each message is there once.
func TestManyWaitForFlush(t *testing.T) {
	t.Parallel()
	f, _ := startFaultyWith(t, Options{QuickFlush: time.Hour}, func(s *store.Config) { s.FlushDiskType = store.SyncFlush })
	f.sendTo("T", "first")
	const senders, each = 4 * crowd, 30
	var all sync.WaitGroup
	for range senders {
		other := f.another(t)
		all.Go(func() {
			for i := range each {
				reply := <-other.sending(fmt.Sprint(i))
				at, err := strconv.ParseInt(reply.Fields.String("queueOffset"), 10, 64)
				if reply.Response() != code.Success || err != nil || f.Store.MaxOffset("T", 0) <= at {
					t.Errorf("answered before it was visible, or refused: %d %q, offset %d, %v", reply.Code, reply.Remark, at, err)
				}
			}
		})
	}
	all.Wait()
	if n := f.Store.MaxOffset("T", 0); n != senders*each+1 {
		t.Errorf("%d messages, want %d", n, senders*each+1)
	}
}

// sendAlone sends until the loop flushes for it, and returns how many it sent.
func (f *fixture) sendAlone() (sent int64) {
	for sent < 2*lonely {
		f.sendTo("T", fmt.Sprint(sent))
		sent++
	}
	return sent
}

// another is the same broker over a connection of its own.
func (f *fixture) another(t *testing.T) *fixture {
	other := *f
	other.client = remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	t.Cleanup(other.client.Close)
	return &other
}
