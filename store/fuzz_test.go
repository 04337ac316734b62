package store

import (
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// FuzzRecovery opens a store whose log, consume queue, checkpoint and index hold
// anything: it may refuse to open, and must not panic; when it opens, a message
// can be stored and read.
func FuzzRecovery(f *testing.F) {
	rec := func(m *message.Message, offset, phy int64) []byte {
		r, err := message.Encoding{LongTopics: true}.AppendRecord(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		message.Patch(r, message.StoreTimestampAt(r), offset, phy, 1_700_000_000_000)
		return r
	}
	one := rec(numbered("T", 0, 0), 0, 0)
	two := append(append([]byte{}, one...), rec(numbered("T", 0, 1), 1, int64(len(one)))...)
	unit := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(one)), 0, 0, 0, 0, 0, 0, 0, 0}
	f.Add(two, unit, make([]byte, 40), make([]byte, 60), true)
	f.Add(two[:len(two)-3], unit, make([]byte, 40), []byte{}, false)
	f.Add(rec(msg("../../x", 0, "b", ""), 0, 0), unit, make([]byte, 8), []byte{}, true)
	f.Add(rec(msg("T", -5, "b", ""), -1, 0), []byte{}, make([]byte, 8), []byte{}, true)
	f.Add(rec(msg("T", 1<<30, "b", "KEYS\x01 a  b \x02"), 1<<60, 0), []byte{}, make([]byte, 8), []byte{}, false)
	f.Add(rec(msg("T", 3, "b", ""), 1<<40, 0), []byte{}, make([]byte, 8), []byte{}, true)
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 0xda, 0xa3, 0x20, 0xa7}, []byte{}, []byte{}, []byte{}, true)
	f.Fuzz(func(t *testing.T, log, queue, check, index []byte, abnormal bool) {
		disk := vfs.NewMemory(nil)
		cfg := small("/store")
		c := cfg.Get()
		place := func(dir, name string, size int, data []byte) {
			if err := disk.MkdirAll(dir); err != nil {
				t.Fatal(err)
			}
			whole := make([]byte, size)
			copy(whole, data)
			if err := vfs.WriteFile(disk, dir+"/"+name, whole); err != nil {
				t.Fatal(err)
			}
		}
		place("/store/commitlog", "00000000000000000000", c.MappedFileSizeCommitLog, log)
		if len(log) > c.MappedFileSizeCommitLog {
			place("/store/commitlog", "00000000000000008192", c.MappedFileSizeCommitLog, log[c.MappedFileSizeCommitLog:])
		}
		place("/store/consumequeue/T/0", "00000000000000000000", c.MappedFileSizeConsumeQueue, queue)
		place("/store", "checkpoint", 4096, check)
		place("/store/index", "20230101000000000", 40+4*c.MaxHashSlotNum+20*c.MaxIndexNum, index)
		if abnormal {
			place("/store", "abort", 0, nil)
		}
		s, err := Open(cfg, Options{FS: disk, StoreHost: stood})
		if err != nil {
			return
		}
		b := NewBatch()
		if _, st := s.Stage(b, numbered("Fresh", 0, 7)); st != PutOK {
			t.Fatal(st)
		}
		s.Append(b)
		r := b.Result(0)
		if r.Status != PutOK {
			t.Fatal(r.Status)
		}
		if _, err := s.Lookup(r.PhyOffset, nil); err != nil {
			t.Fatal(err)
		}
		_, _, _, _ = s.index.Query("T#k0", 32, 0, 1<<62)
		req := GetRequest{Topic: "T", QueueID: 0, MaxCount: 32}
		s.Get(&req, nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
