package broker

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// A crash that shortens a queue leaves groups ahead of it, who would then skip what
// is sent next: github.com/apache/rocketmq issue 8239.
func TestUpstream8239ConsumerAheadOfTheQueue(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for range 3 {
		f.sendTo("T", "x", "e", "0")
	}
	f.Offsets.Commit("G", "T", 0, 5) // it has seen two that the crash took
	f.Offsets.Commit("G", "T", 1, 7) // all of this queue
	f.Offsets.Commit("behind", "T", 0, 2)
	opt := Options{Config: f.cfg, Store: f.storeCfg}
	root := f.storeCfg.Get().StorePathRootDir
	f.stop()
	if err := vfs.WriteFile(vfs.Disk, filepath.Join(root, "abort"), nil); err != nil {
		t.Fatal(err)
	}
	f = startWith(t, opt)
	for _, c := range []struct {
		group string
		queue int32
		want  int64
	}{{"G", 0, 3}, {"G", 1, 0}, {"behind", 0, 2}} {
		if got := f.Offsets.Query(c.group, "T", c.queue); got != c.want {
			t.Errorf("%s is at %d of queue %d, want %d", c.group, got, c.queue, c.want)
		}
	}
	f.stop()
	f = startWith(t, opt) // a clean stop: nobody looks
	f.Offsets.Commit("G", "T", 0, 9)
	f.stop()
	if f = startWith(t, opt); f.Offsets.Query("G", "T", 0) != 9 {
		t.Error("set back after a clean stop")
	}
}

// What protectUnconsumedEnable goes by.
func TestOldestUnconsumed(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for range 4 {
		f.sendTo("T", "x", "e", "0")
	}
	if phy, who := f.unconsumed(); phy != math.MaxInt64 || who != "" {
		t.Errorf("without groups: %d of %q", phy, who)
	}
	f.Offsets.Commit("done", "T", 0, 4)
	f.Offsets.Commit("G", "T", 0, 2)
	f.Offsets.Commit("H", "T", 0, 3)
	f.Offsets.Commit("old", "Gone", 0, 0)
	want, _ := f.Store.PlaceOf("T", 0, 2)
	if phy, who := f.unconsumed(); phy != want || who != "T@G" || phy == 0 {
		t.Errorf("%d of %q, want %d", phy, who, want)
	}
}

// A disk without room for the next file, with the broker running: sends are refused
// with the cause, pulls and heartbeats go on, and within seconds after there is room
// messages are accepted again. The scrape shows it.
func TestFullDiskAndRoomAgain(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, func(s *store.Config) { s.MappedFileSizeCommitLog = 64 << 10 })
	inject(t, disk, "space commitlog/* after=40 err=ENOSPC")
	sent := 0
	reply := f.call(code.SendMessageV2, make([]byte, 4000), sendFields("T")...)
	for ; reply.Response() == code.Success && sent < 1000; sent++ {
		reply = f.call(code.SendMessageV2, make([]byte, 4000), sendFields("T")...)
	}
	if reply.Response() != code.ServiceNotAvailable || !strings.Contains(reply.Remark, " Cause: the disk is full (") {
		t.Fatalf("after %d: %d %q", sent, reply.Code, reply.Remark)
	}
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
	kinds := map[string]int64{}
	f.Store.Faults(func(kind string, n int64) { kinds[kind] = n })
	if kinds["no_space"] == 0 || kinds["io_error"] != 0 {
		t.Errorf("counted: %v", kinds)
	}
	disk.Heal()
	began := time.Now()
	for f.call(code.SendMessageV2, []byte("x"), sendFields("T")...).Response() != code.Success {
		if time.Since(began) > 30*time.Second { // a healthy machine needs one or two
			t.Fatal("not accepting 30 s after there is room")
		}
		<-time.After(20 * time.Millisecond)
	}
}

// A disk that hangs while it flushes holds up who waits for it, and nobody else.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, func(s *store.Config) { s.FlushDiskType = store.SyncFlush })
	f.sendTo("T", "x", "e", "0")
	inject(t, disk, "sync commitlog/* hang")
	f.storeCfg.Change(func(s *store.Config) { s.SyncFlushTimeout = 300 })
	answer := f.sending("y")
	f.eventually("the flush to hang", func() bool { return disk.Hanging() > 0 })
	slowest := time.Duration(0)
	for range 20 {
		began := time.Now()
		f.beat("G", "CLUSTERING")
		want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("heartbeat and pull while the disk hangs: at most %v", slowest)
	if got := (<-answer).Response(); got != code.FlushDiskTimeout {
		t.Errorf("the send: %v", got)
	}
	f.storeCfg.Change(func(s *store.Config) { s.SyncFlushTimeout = 60_000 })
	disk.Heal()
	if reply := f.sendTo("T", "y", "e", "0"); reply.Response() != code.Success {
		t.Errorf("when it goes on: %d %q", reply.Code, reply.Remark)
	}
}
