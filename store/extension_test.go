package store

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// TestExtensionIsJavas: queues and extensions that are filled anew from the log of a
// Java store, whose broker had enableConsumeQueueExt, are byte for byte what Java wrote.
func TestExtensionIsJavas(t *testing.T) {
	t.Parallel()
	const name = "java-5.4.0-features"
	root, theirs := goldenstore.Unpack(t, name), goldenstore.Unpack(t, name)
	cfg := goldenConfig(root)
	for _, dir := range []string{"consumequeue", "consumequeue_ext"} {
		if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "abort"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(cfg, Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(theirs, "consumequeue_ext", "*", "*", "*"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d extension files, %v", len(files), err)
	}
	for _, path := range files {
		rel, err := filepath.Rel(filepath.Join(theirs, "consumequeue_ext"), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"consumequeue_ext", "consumequeue"} {
			want, err := os.ReadFile(filepath.Join(theirs, dir, rel))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(root, dir, rel))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs", filepath.Join(dir, rel[max(0, len(rel)-40):]))
			}
		}
	}
}

// mapper is a BitMaps whose generation a test moves.
type mapper struct{ generation uint64 }

func (m *mapper) Generation() uint64 { return m.generation }
func (m *mapper) BitMap(topic string, _ []byte) []byte {
	if topic != "T" {
		return nil
	}
	return []byte{0xa5, byte(m.generation)}
}

// TestBitMaps: what is stored, and that a bit map is dropped when an expression was
// registered between its making and the message's time.
func TestBitMaps(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Config){func(*Config) {}, syncFlush} {
		m := &mapper{generation: 7}
		cfg := small("/s", func(c *Config) { c.EnableConsumeQueueExt, c.MappedFileSizeConsumeQueueExt = true, 4096 }, change)
		s, err := Open(cfg, Options{FS: vfs.NewMemory(time.Now), BitMaps: m, StoreHost: stood, Log: testLog()})
		if err != nil {
			t.Fatal(err)
		}
		run(t, s)
		flushed := func(end int64) {
			done := make(chan PutStatus, 1)
			s.AwaitFlush(end, func(st PutStatus) { done <- st })
			if st := <-done; st != PutOK {
				t.Fatal(st)
			}
		}
		stale := NewBatch()
		if _, st := s.Stage(stale, numbered("T", 0, 1)); st != PutOK {
			t.Fatal(st)
		}
		s.Put(numbered("T", 0, 0))
		s.Put(numbered("U", 0, 0))
		m.generation++
		s.Append(stale)
		flushed(stale.End())
		s.Put(numbered("T", 0, 2))
		for _, row := range []struct {
			topic  string
			offset int64
			bits   []byte
		}{{"T", 0, []byte{0xa5, 7}}, {"U", 0, nil}, {"T", 1, nil}, {"T", 2, []byte{0xa5, 8}}} {
			units, _, _, _ := s.Units(row.topic, 0, row.offset, 1)
			if len(units) != 1 || units[0].Ext == nil {
				t.Fatalf("%s %d: units %+v", row.topic, row.offset, units)
			}
			u := units[0]
			rec, err := s.Lookup(u.PhyOffset, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(u.Ext.BitMap, row.bits) || u.Ext.StoreTimestamp != storeTimestamp(rec) || u.Ext.TagsCode != u.TagsCode ||
				len(u.Ext.Raw) != 20+len(row.bits) || int(binary.BigEndian.Uint16(u.Ext.Raw)) != len(u.Ext.Raw) {
				t.Errorf("%s %d: extension %+v, want bits %x", row.topic, row.offset, u.Ext, row.bits)
			}
		}
	}
}

// TestExtensionIsOff: without enableConsumeQueueExt nobody is asked for bit maps.
func TestExtensionIsOff(t *testing.T) {
	t.Parallel()
	s, err := Open(small("/s"), Options{FS: vfs.NewMemory(time.Now), BitMaps: &mapper{}, StoreHost: stood, Log: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	s.Put(numbered("T", 0, 0))
	if units, _, _, _ := s.Units("T", 0, 0, 1); len(units) != 1 || consumequeue.IsExtAddress(units[0].TagsCode) || units[0].Ext != nil {
		t.Errorf("units %+v", units)
	}
}
