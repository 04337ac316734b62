package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// readThrough is a consumer of queue 0 of T: it asks where it is told to, again after an
// error, and returns what it got. between is called after each answer.
func readThrough(t *testing.T, s *Store, between func(GetResult)) (got []string) {
	t.Helper()
	at := int64(0)
	for range 1000 {
		res, recs := s.Get(&GetRequest{Topic: "T", Offset: at, MaxCount: 32}, nil)
		for rest := recs; len(rest) > 0; {
			var v message.View
			if err := message.Decode(rest, &v); err != nil {
				t.Fatal(err)
			}
			got, rest = append(got, string(v.Body)), rest[v.Size:]
		}
		if res.Status == GetFailed && (res.NextBegin != at || res.Err == nil || len(recs) > 0) {
			t.Fatalf("at %d: failed, %d bytes, next %d, %v", at, len(recs), res.NextBegin, res.Err)
		}
		if res.Status == GetOffsetOverflowOne {
			return got
		}
		at = res.NextBegin
		between(res)
	}
	t.Fatalf("never at the end; now at %d", at)
	return nil
}

// What cannot be opened or read for a moment is neither passed over nor an end: the
// consumer is told so, keeps its offset, and gets every message.
func TestReadsThatFailForAMoment(t *testing.T) {
	t.Parallel()
	const messages = 60
	var want []string
	for n := range messages {
		want = append(want, fmt.Sprintf("body-%d", n))
	}
	for _, rule := range []string{
		"open T/0/* times=2 err=EMFILE",
		"open T/0/00000000000000000400 times=3 err=EMFILE",
		"pread T/0/* after=1 times=2 err=EIO",
		"open commitlog/00000000000000000000 times=6 err=EMFILE",
		"open commitlog/00000000000000008192 times=6 err=EMFILE",
		"pread commitlog/* times=40 err=EIO",
		"pread commitlog/* after=1 times=40 err=EIO",
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
			disk := vfs.NewFaulty(vfs.NewMemory(clk.Now))
			s := openAt(t, disk, small("/store"), clk)
			for n := range messages {
				send(t, s, msg("T", 0, want[n], "KEYS\x01"+strings.Repeat("k", 300)+"\x02"))
			}
			send(t, s, numbered("U", 0, 0)) // a start opens the queue of the last message
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openAt(t, disk, small("/store"), clk)
			for _, f := range s.commitLog.Files() {
				f.Rest() // as the cleaner lets old ones
			}
			inject(t, disk, "map * err=EIO") // records are read, and not copied from where they lie in memory
			inject(t, disk, rule)
			failed := 0
			got := readThrough(t, s, func(res GetResult) {
				if res.Status == GetFailed {
					failed++
				}
				clk.Advance(time.Second)
			})
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if failed == 0 {
				t.Error("nothing failed: the test is about nothing")
			}
			disk.Heal()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The same with a batch queue, whose units are searched for: a unit that cannot be read
// leads to no other place.
func TestBatchReadsThatFailForAMoment(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(time.Now))
	s := openMore(t, disk, small("/store", lmq), clock.Real)
	for n := range 20 {
		send(t, s, many("Batch", 3*n, 3))
	}
	for _, rule := range []string{"pread Batch/0/* times=1 err=EIO", "pread Batch/0/* after=2 times=1 err=EIO", "pread commitlog/* times=1 err=EIO"} {
		inject(t, disk, rule)
		res, _ := s.Get(&GetRequest{Topic: "Batch", Offset: 30, MaxCount: 3}, nil)
		if res.Status != GetFailed || res.NextBegin != 30 || !errors.Is(res.Err, syscall.EIO) {
			t.Errorf("%s: %v, next %d, %v", rule, res.Status, res.NextBegin, res.Err)
		}
		disk.Heal()
		if res, _ := s.Get(&GetRequest{Topic: "Batch", Offset: 30, MaxCount: 3}, nil); res.Status != GetFound || res.NextBegin != 33 {
			t.Errorf("%s: healed: %v, next %d", rule, res.Status, res.NextBegin)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A queue that could not be opened is opened at a later use. Until then nobody is told
// that it is empty, or begins elsewhere.
func TestQueueIsOpenedAgain(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	disk := vfs.NewFaulty(vfs.NewMemory(clk.Now))
	s := openAt(t, disk, small("/store"), clk)
	send(t, s, numbered("T", 0, 0), numbered("T", 0, 1), numbered("U", 0, 0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"open T/0/* err=EMFILE", "readdir T/0 err=EIO", "pread T/0/* err=EIO"} {
		s = openAt(t, disk, small("/store"), clk)
		inject(t, disk, rule)
		if res, _ := s.Get(&GetRequest{Topic: "T", Offset: 1, MaxCount: 32}, nil); res.Status != GetFailed || res.NextBegin != 1 || res.Err == nil {
			t.Errorf("%s: %v next %d", rule, res.Status, res.NextBegin)
		}
		if _, _, err := s.Bounds("T", 0); err == nil {
			t.Errorf("%s: it has bounds", rule)
		}
		if _, err := s.OffsetByTime("T", 0, 1, false); err == nil {
			t.Errorf("%s: it has an offset by time", rule)
		}
		if phy, ok := s.PlaceOf("T", 0, 1); phy != 0 || !ok {
			t.Errorf("%s: what cannot be read is not protected: %d %v", rule, phy, ok)
		}
		if r := put(t, s, numbered("T", 0, 2)); r.Status != ServiceNotAvailable {
			t.Errorf("%s: a message is taken: %v", rule, r.Status)
		}
		disk.Heal()
		clk.Advance(time.Second)
		if low, high, err := s.Bounds("T", 0); low != 0 || high != 2 || err != nil {
			t.Errorf("%s: healed: %d %d %v", rule, low, high, err)
		}
		if res, _ := s.Get(&GetRequest{Topic: "T", Offset: 1, MaxCount: 32}, nil); res.Status != GetFound || res.NextBegin != 2 {
			t.Errorf("%s: healed: %v next %d", rule, res.Status, res.NextBegin)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s = openAt(t, disk, small("/store"), clk)
	inject(t, disk, "open T/0/* times=2 err=EMFILE")
	if r := put(t, s, numbered("T", 0, 2)); r.Status != ServiceNotAvailable {
		t.Errorf("at the first attempt: %+v", r)
	}
	clk.Advance(time.Second)
	if r := put(t, s, numbered("T", 0, 2)); r.Status != PutOK || r.QueueOffset != 2 {
		t.Errorf("after another attempt: %+v", r)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A topic whose queue cannot be opened can be deleted, and begins anew.
func TestDeletedWithoutBeingOpened(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(time.Now))
	s := open(t, disk, small("/store"))
	send(t, s, numbered("T", 0, 0), numbered("T", 0, 1), numbered("U", 0, 0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, disk, small("/store"))
	inject(t, disk, "pread T/0/* err=EIO")
	if err := s.DeleteTopics([]string{"T"}); err != nil {
		t.Fatal(err)
	}
	if r := put(t, s, numbered("T", 0, 2)); r.Status != PutOK || r.QueueOffset != 0 {
		t.Errorf("%+v", r)
	}
	disk.Heal()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Thousands of consumers that ask again and again are a line in ten seconds, which says
// why, and what to do.
func TestUnreadableIsSaidSeldom(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	var lines strings.Builder
	s, err := Open(small("/store"), Options{FS: vfs.NewMemory(clk.Now), Clock: clk, StoreHost: stood, Log: zerolog.New(&lines)})
	if err != nil {
		t.Fatal(err)
	}
	lines.Reset()
	for range 200 {
		_ = s.cannotRead("T", 0, 5, syscall.EMFILE)
		clk.Advance(100 * time.Millisecond)
	}
	if got := lines.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "LimitNOFILE") || !strings.Contains(got, `"moreSinceLastLine":99`) {
		t.Errorf("said: %s", got)
	}
	if n := faults(s, "no_descriptors"); n != 200 {
		t.Errorf("%d counted", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
