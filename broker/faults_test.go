package broker

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// startFaulty runs a broker whose disk fails by rules.
func startFaulty(t *testing.T, change func(*store.Config)) (*fixture, *vfs.Faulty) {
	t.Helper()
	return startFaultyWith(t, Options{}, change)
}

func startFaultyWith(t *testing.T, opt Options, change func(*store.Config)) (*fixture, *vfs.Faulty) {
	t.Helper()
	disk := vfs.NewFaulty(vfs.Disk)
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerName, cfg.BrokerIP1, cfg.NamesrvAddr = "test-a", "127.0.0.1", ""
	unhurried(&cfg, &st)
	small(&st)
	st.StorePathRootDir = t.TempDir()
	if change != nil {
		change(&st)
	}
	opt.Config, opt.Store, opt.Disk = config.NewSection(cfg), config.NewSection(st), disk
	return startWith(t, opt), disk
}

func inject(t *testing.T, disk *vfs.Faulty, rule string) {
	t.Helper()
	if err := disk.Inject(rule); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, nil)
	f.sendTo("T", "before")
	inject(t, disk, "pwrite commitlog/* err=ENOSPC")
	reply := f.call(code.SendMessageV2, []byte("x"), sendFields("T")...)
	if reply.Response() != code.ServiceNotAvailable || !strings.HasPrefix(reply.Remark, "service not available now. It may be caused by one of "+
		"the following reasons: the broker's disk is full [CL: ") || !strings.Contains(reply.Remark, " CQ: ") {
		t.Fatalf("%d %q", reply.Code, reply.Remark)
	}
	if reply.Fields.String("MSG_REGION") == "" {
		t.Fatal("the answer lacks MSG_REGION")
	}
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
	disk.Heal()
	if reply := f.sendTo("T", "after"); reply.Fields.String("queueOffset") != "1" {
		t.Fatalf("queueOffset %q, want 1", reply.Fields.String("queueOffset"))
	}
}

// TestTopicFileFails: a topic whose file cannot be written exists in memory, as in
// Java; the next change writes it.
func TestTopicFileFails(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, nil)
	inject(t, disk, "rename config/topics.json err=EIO")
	want(t, f.call(code.SendMessageV2, []byte("x"), sendFields("T")...), code.Success, "")
	if f.Topics.Get("T") == nil {
		t.Fatal("not there")
	}
	disk.Heal()
	if err := f.saver.topics.persist(); err != nil {
		t.Fatal(err)
	}
}

func TestFlushStatusReachesTheClient(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	for _, row := range []struct {
		status store.PutStatus
		code   code.Response
		fields bool
	}{
		{store.PutOK, code.Success, true},
		{store.FlushDiskTimeout, code.FlushDiskTimeout, true},
		{store.FlushSlaveTimeout, code.FlushSlaveTimeout, true},
		{store.SlaveNotAvailable, code.SlaveNotAvailable, true},
		{store.UnknownError, code.SystemError, false},
		{store.ServiceNotAvailable, code.ServiceNotAvailable, false},
		{store.OSPageCacheBusy, code.SystemBusy, false},
		{store.CreateMappedFileFailed, code.SystemError, false},
		{store.InSyncReplicasNotEnough, code.SystemError, false},
		{store.PutToRemoteBrokerFail, code.SystemError, false},
	} {
		got, remark := f.putFailure(row.status)
		if row.status == store.PutOK {
			continue // never asked
		}
		if got != row.code || row.fields != (remark == "") {
			t.Errorf("%s: %d %q, want %d", row.status, got, remark, row.code)
		}
	}
}

func TestFlushThatFails(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, func(s *store.Config) { s.FlushDiskType = store.SyncFlush })
	f.sendTo("T", "x")
	f.mayFail.Store(true) // the end cannot flush either
	inject(t, disk, "fdatasync commitlog/* err=EIO")
	reply := f.call(code.SendMessageV2, []byte("lost"), sendFields("T")...)
	if reply.Response() == code.Success {
		t.Fatal("a message that the disk may not have was acknowledged")
	}
	disk.Heal()
	if reply := f.call(code.SendMessageV2, []byte("x"), sendFields("T")...); reply.Response() == code.Success {
		t.Fatal("a flush that failed must not be forgotten")
	}
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
}

// A topic made by a send, and a group that an operator deletes, are saved when the disk
// lets them, whatever else changes or is stopped: a crash finds them.
func TestStateSavedWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, nil)
	of := []string{"groupName", "G"}
	want(t, f.call(code.UpdateAndCreateSubscriptionGroup, []byte(`{"groupName":"G","consumeEnable":true}`)), code.Success, "")
	inject(t, disk, "pwrite config/*.tmp err=ENOSPC")
	f.sendTo("New", "x")
	for range 2 {
		if reply := f.call(code.DeleteSubscriptionGroup, nil, of...); reply.Response() == code.Success {
			t.Error("a group that is still in the file was answered as deleted")
		}
	}
	disk.Heal()
	in := func(file, text string) bool {
		data, err := os.ReadFile(f.inConfig(file))
		return err == nil && bytes.Contains(data, []byte(text))
	}
	f.eventually("topics to be saved", func() bool { return in("topics.json", `"New"`) })
	f.eventually("groups to be saved", func() bool { return !in("subscriptionGroup.json", `"G"`) })
	want(t, f.call(code.DeleteSubscriptionGroup, nil, of...), code.Success, "")
}
