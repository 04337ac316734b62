package subscription

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
)

func registry(auto bool) (*Registry, *int) {
	dirty := new(int)
	return New(Options{
		NowMs: func() int64 { return 1000 }, AutoCreate: func(string) bool { return auto }, Dirty: func() { *dirty++ },
		Validate: func(g string) string {
			if g == "bad/name" {
				return "illegal"
			}
			return ""
		},
	}), dirty
}

func TestFind(t *testing.T) {
	t.Parallel()
	r, dirty := registry(true)
	if r.Get("G") != nil {
		t.Fatal("Get made a group")
	}
	g := r.Find("G")
	if g == nil || !g.ConsumeEnable || g.RetryMaxTimes != 16 || g.RetryQueueNums != 1 || *dirty != 1 {
		t.Fatalf("made %+v, marked %d times", g, *dirty)
	}
	if r.Find("G") != g || *dirty != 1 {
		t.Fatal("made again")
	}
	if r.Find("bad/name") != nil {
		t.Fatal("made a group with an illegal name")
	}
	off, _ := registry(false)
	if off.Find("G") != nil {
		t.Fatal("made a group though that is off")
	}
	if off.Find(ToolsConsumer) == nil || off.Find(SysTrans) == nil {
		t.Fatal("system groups are there from the start")
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	r, _ := registry(true)
	_ = r.SetForbidden("G", "T", ForbiddenRead, true)
	if !r.Forbidden("G", "T", ForbiddenRead) || r.Forbidden("G", "T2", ForbiddenRead) || r.Forbidden("G", "T", 1) {
		t.Fatal("the wrong bit is set")
	}
	_, table, _ := r.Snapshot()
	if table["G"]["T"] != 4 {
		t.Fatalf("table %v, want the value 4", table)
	}
	_ = r.SetForbidden("G", "T", ForbiddenRead, false)
	if r.Forbidden("G", "T", ForbiddenRead) {
		t.Fatal("still forbidden")
	}
}

// What is forbidden is bounded over all groups; what is allowed again, or goes with its group, makes room.
func TestForbiddenBound(t *testing.T) {
	t.Parallel()
	r, _ := registry(true)
	many := map[string]int32{"T": 4}
	for i := range maxForbidden - 3 {
		many[fmt.Sprint("T", i)] = 4
	}
	r.forbid("G0", many)
	r.forbid("G1", map[string]int32{"T": 4})
	r.forbid("G2", map[string]int32{"T": 4})
	if err := r.SetForbidden("G", "T", ForbiddenRead, true); !errors.Is(err, ErrForbiddenFull) {
		t.Fatalf("one too many: %v", err)
	}
	if err := r.SetForbidden("G0", "T", 1, true); err != nil {
		t.Fatalf("another bit of a known one: %v", err)
	}
	_ = r.SetForbidden("G1", "T", ForbiddenRead, false)
	r.table.Set("G2", NewGroup("G2"))
	if _, err := r.Delete("G2"); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"T", "U"} {
		if err := r.SetForbidden("G", topic, ForbiddenRead, true); err != nil {
			t.Fatalf("topic %s: %v", topic, err)
		}
	}
	if err := r.SetForbidden("G", "V", ForbiddenRead, true); !errors.Is(err, ErrForbiddenFull) {
		t.Fatalf("one too many again: %v", err)
	}
	if data, err := r.Encode(); err != nil || r.Decode(data) != nil || r.rows != maxForbidden {
		t.Fatalf("saved and read again: %d rows, %v", r.rows, err)
	}
}

func TestFileOfJava(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"subscriptionGroup-5.4.0.json", "subscriptionGroup-4.9.4.json"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := registry(false)
		if err := r.Decode(data); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		g := r.Get("CG_retry")
		if g == nil || !g.ConsumeEnable || g.RetryMaxTimes != 16 || g.GroupRetryPolicy == nil || g.ConsumeTimeoutMinute != 15 ||
			g.WhichBrokerWhenConsumeSlowly != 1 || g.Attributes == nil {
			t.Fatalf("%s: CG_retry is %+v", file, g)
		}
		first, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, _ := registry(false)
		if err := again.Decode(first); err != nil {
			t.Fatal(err)
		}
		if second, _ := again.Encode(); !bytes.Equal(first, second) {
			t.Fatalf("%s: not the same after a round trip", file)
		}
	}
}
