package commitlog

import (
	"bytes"
	"testing"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// Old files that were read rest, not those that somebody holds, nor what the disk does not have yet; all can be read as before.
func TestRest(t *testing.T) {
	t.Parallel()
	l := openLog(t, vfs.NewMemory(nil), clock.Real)
	defer l.Close()
	const files = keepOpen + 4
	var first []int64
	for len(l.dir.Files()) < files {
		at := add(t, l, 20_000)
		if len(first) < len(l.dir.Files()) {
			first = append(first, at)
		}
	}
	read := func(phy int64) {
		t.Helper()
		got, err := l.Read(phy, 100, nil, false)
		if err != nil || len(got) != 100 || bytes.Equal(got, make([]byte, 100)) {
			t.Fatalf("at %d: %d bytes, %v", phy, len(got), err)
		}
	}
	open := func() (n int) {
		for _, f := range l.dir.Files() {
			if f.Open() {
				n++
			}
		}
		return n
	}
	if n := l.Rest(); n != 0 {
		t.Errorf("%d files rest, of which the disk has nothing yet", n)
	}
	if _, err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, phy := range first {
		read(phy)
	}
	_, held := l.Pin(first[0], first[0]+100)
	if held == nil {
		t.Fatal("nothing pinned")
	}
	if n := l.Rest(); n != files-keepOpen-1 || open() != keepOpen+1 {
		t.Errorf("%d files rest and %d are open, want all but the one that is held and the newest %d", n, open(), keepOpen)
	}
	held.Release()
	if n := l.Rest(); n != 1 || open() != keepOpen {
		t.Errorf("%d more rest and %d are open", n, open())
	}
	for _, phy := range first {
		read(phy)
	}
	if open() != files {
		t.Errorf("%d of %d open after reading all", open(), files)
	}
}
