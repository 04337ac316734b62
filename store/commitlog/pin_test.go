package commitlog

import (
	"bytes"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// TestPin checks what readers get at the edges, and that the kernel is asked once while it is trusted.
func TestPin(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	l, err := Open(Options{FS: vfs.Disk, Paths: []string{t.TempDir()}, FileSize: 2 * PinMost, Clock: clk, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := l.End(0, 0); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		add(t, l, 1000)
	}
	readable := l.Max()
	data, err := l.Read(0, int(readable), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		from, to int64
		want     bool
	}{
		{"first bytes", 0, 10, true},
		{"up to what is readable", 100, readable, true},
		{"beyond what is readable", 100, readable + 1, false},
		{"empty", 10, 10, false},
		{"negative", -1, 10, false},
	} {
		part, f := l.Pin(c.from, c.to)
		if (f != nil) != c.want {
			t.Errorf("%s: pinned %v, want %v", c.name, f != nil, c.want)
		}
		if f == nil {
			continue
		}
		if !bytes.Equal(part, data[c.from:c.to]) {
			t.Errorf("%s: other bytes than were written", c.name)
		}
		f.Release()
	}
	asked := l.pinned[0].Load()
	if asked == nil || asked.from != 0 || asked.to != readable {
		t.Fatalf("asked about %+v, want all up to %d", asked, readable)
	}
	pin := func() {
		if _, f := l.Pin(5, 50); f != nil {
			f.Release()
		}
	}
	if pin(); l.pinned[0].Load() != asked {
		t.Error("asked again at once")
	}
	clk.Advance((pinTrust + 1) * time.Millisecond)
	if pin(); l.pinned[0].Load() == asked {
		t.Error("trusted for too long")
	}
}
