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
