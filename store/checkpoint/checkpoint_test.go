package checkpoint

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	if err := disk.MkdirAll("/s"); err != nil {
		t.Fatal(err)
	}
	c, err := Open(disk, "/s/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if c.MinTime() != 0 {
		t.Errorf("a new one begins at %d", c.MinTime())
	}
	for i, f := range c.fields() {
		f.Store(int64(10_000 * (i + 1)))
	}
	if c.MinTime() != 7000 || c.MinTimeIndex() != 7000 {
		t.Errorf("recovery from %d, with the index %d; want 7000", c.MinTime(), c.MinTimeIndex())
	}
	c.IndexTime.Store(6000)
	if c.MinTimeIndex() != 6000 {
		t.Errorf("with the index %d, want 6000", c.MinTimeIndex())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := vfs.ReadFile(disk, "/s/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, v := range []uint64{10_000, 20_000, 6000, 40_000, 50_000} {
		want = binary.BigEndian.AppendUint64(want, v)
	}
	if len(data) != 4096 || !bytes.Equal(data[:40], want) || len(bytes.Trim(data[40:], "\x00")) != 0 {
		t.Errorf("%d bytes, % x", len(data), data[:48])
	}
	c, err = Open(disk, "/s/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if c.ConfirmOffset.Load() != 50_000 || c.PhysicTime.Load() != 10_000 {
		t.Errorf("read back %d %d", c.PhysicTime.Load(), c.ConfirmOffset.Load())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// A mark holds as long as nobody else has written to the file.
func TestMark(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	if err := disk.MkdirAll("/s"); err != nil {
		t.Fatal(err)
	}
	const path = "/s/checkpoint"
	again := func() *Checkpoint {
		c, err := Open(disk, path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := again()
	if c.Mark() != (Mark{}) {
		t.Fatalf("a new one has the mark %+v", c.Mark())
	}
	want := Mark{PhyOffset: 1 << 40, StoreTime: 1_700_000_000_000, IndexEnd: NotIndexed, Size: 200, Queues: 3, Light: true, FileStart: 1 << 39}
	c.PhysicTime.Store(7)
	c.SetMark(want)
	for _, change := range []func(){func() {}, func() { c.LogicsTime.Store(8) }, func() { c.ConfirmOffset.Store(9) }} {
		change()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if c = again(); c.Mark() != want {
			t.Fatalf("read back %+v, want %+v", c.Mark(), want)
		}
		if r, err := Read(disk, path); err != nil || r.Mark() != want {
			t.Fatalf("read %+v, %v, want %+v", r.Mark(), err, want)
		}
	}
	for at := range int64(markAt + markSize) { // any byte: a Java broker's times, a torn sector
		if at >= javas && at < markAt {
			continue
		}
		image := disk.KillClone()
		f, err := image.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 0x10
		if _, err := f.WriteAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		if r, err := Read(image, path); err != nil || r.Mark() != (Mark{}) {
			t.Fatalf("with another byte %d: %+v, %v", at, r.Mark(), err)
		}
	}
	c.SetMark(Mark{})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := vfs.ReadFile(disk, path)
	if err != nil || len(bytes.Trim(data[40:], "\x00")) != 0 {
		t.Errorf("without a mark: % x, %v", data[40:markAt+markSize], err)
	}
}
