package broker

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/broker/schedule"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// startAgain runs a broker that begins with five messages in queue 0 of T, none of them
// read yet, on a disk that may fail.
func startAgain(t *testing.T) (*fixture, func(rule string), func()) {
	t.Helper()
	root := t.TempDir()
	in := func(s *store.Config) { s.StorePathRootDir = root }
	f, _ := startFaulty(t, in)
	for range 5 {
		f.sendTo("T", "x")
	}
	f.sendTo("U", "x") // a start opens the queue of the last message
	f.stop()
	f, disk := startFaulty(t, in)
	return f, func(rule string) { inject(t, disk, rule) }, disk.Heal
}

// TestUnreadableQueueMovesNobody: a queue that cannot be opened is an error to who asks
// for its messages or offsets, which they try again; not an empty queue, to whose
// beginning consumers would go.
func TestUnreadableQueueMovesNobody(t *testing.T) {
	t.Parallel()
	f, inject, heal := startAgain(t)
	inject("open T/0/* err=EMFILE")
	of := []string{"topic", "T", "queueId", "0", "consumerGroup", "G", "timestamp", "1"}
	for _, request := range []code.Request{code.GetMaxOffset, code.GetMinOffset, code.QueryConsumerOffset, code.SearchOffsetByTimestamp} {
		if reply := f.call(request, nil, of...); reply.Response() != code.SystemError || !strings.Contains(reply.Remark, "too many open files") {
			t.Errorf("%s: %d %q", request, reply.Code, reply.Remark)
		}
	}
	for _, offset := range []string{"0", "3"} {
		reply := f.call(code.PullMessage, nil, pullFields("G", "T", offset)...)
		if reply.Response() != code.SystemError || !strings.Contains(reply.Remark, "too many open files") {
			t.Errorf("pull at %s: %d %q", offset, reply.Code, reply.Remark)
		}
		if next := reply.Fields.String("nextBeginOffset"); next != offset {
			t.Errorf("pull at %s: goes on at %s", offset, next)
		}
	}
	heal()
	f.eventually("the queue to be opened", func() bool {
		return f.call(code.PullMessage, nil, pullFields("G", "T", "3")...).Response() == code.Success
	})
	if reply := f.call(code.GetMaxOffset, nil, of...); reply.Response() != code.Success || reply.Fields.String("offset") != "5" {
		t.Errorf("%d %q %q", reply.Code, reply.Remark, reply.Fields.String("offset"))
	}
}

// TestUnreadableLogMovesNobody: the same for a file of the log.
func TestUnreadableLogMovesNobody(t *testing.T) {
	t.Parallel()
	f, inject, heal := startAgain(t)
	inject("tryread commitlog/* err=EIO")
	inject("pread commitlog/* err=EIO")
	inject("map commitlog/* err=EIO")
	reply := f.call(code.PullMessage, nil, pullFields("G", "T", "0")...)
	if reply.Response() != code.SystemError || reply.Fields.String("nextBeginOffset") != "0" || !strings.Contains(reply.Remark, "input/output error") {
		t.Errorf("%d %q, next %q", reply.Code, reply.Remark, reply.Fields.String("nextBeginOffset"))
	}
	heal()
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
}

// TestScheduleOfUnreadable: what a delay level hears of queues and records that cannot be
// opened now.
func TestScheduleOfUnreadable(t *testing.T) {
	t.Parallel()
	f, inject, heal := startAgain(t)
	s := newScheduleStore(f.Broker)
	inject("open T/0/* err=EMFILE")
	deliver := []message.Message{
		{Topic: "U", Body: []byte("x"), BornHost: netip.MustParseAddrPort(f.addr), StoreHost: netip.MustParseAddrPort(f.addr)},
		{Topic: "T", Body: []byte("x"), BornHost: netip.MustParseAddrPort(f.addr), StoreHost: netip.MustParseAddrPort(f.addr)},
	}
	if stored, err := s.Deliver(deliver); stored != 1 || !errors.Is(err, schedule.ErrQueue) {
		t.Errorf("%d stored, %v", stored, err)
	}
	heal()
	f.eventually("the queue to be opened", func() bool {
		stored, err := s.Deliver(deliver[1:])
		return stored == 1 && err == nil
	})
}
