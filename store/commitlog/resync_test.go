package commitlog

import (
	"encoding/binary"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// A damaged body that is full of heads of long records costs no reading of each, and
// the record behind it is found.
func TestResyncOverFalseHeads(t *testing.T) {
	const size, heads = 4 << 20, 20_000
	l, err := Open(Options{FS: vfs.NewMemory(nil), Paths: []string{"/log"}, FileSize: size, Clock: clock.Real, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.End(0, 0); err != nil {
		t.Fatal(err)
	}
	magic := record(t, 1, 0)[4:8]
	var junk []byte
	for range heads {
		junk = append(binary.BigEndian.AppendUint32(junk, size/2), magic...)
	}
	at := int64(len(junk))
	if err := l.Roll(); err != nil {
		t.Fatal(err)
	}
	if err := l.Write(append(junk, record(t, 10, at)...)); err != nil {
		t.Fatal(err)
	}
	l.Publish(l.Position())
	allocs := testing.AllocsPerRun(1, func() {
		found, ok, err := l.Resync(1, func(int64, *message.View) bool { return true }, func(_ int64, err error) error { return err })
		if !ok || found != at || err != nil {
			t.Errorf("found %d, %v, %v, want %d", found, ok, err, at)
		}
	})
	if allocs > 1000 {
		t.Errorf("%.0f allocations for %d heads that are none", allocs, heads)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
