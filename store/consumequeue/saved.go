package consumequeue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// The table of ends, written by a clean stop and removed by the next start,
// big-endian. Java does not know it; a queue that another broker moved on shows by
// its units (Queue.endsAt) and is scanned.
//
//	"SKCQ" | version i32 | count i32 | entries | CRC-32 of all before
//	entry: topic length i16 | topic | queue id i32 | max offset i64 | max phy i64
const (
	savedMagic   = "SKCQ"
	savedVersion = 1
)

type savedKey struct {
	topic string
	id    int32
}

// takeSaved reads and removes the table of ends. A bad one is as good as none.
func (t *Table) takeSaved(use bool) (map[savedKey]ends, error) {
	if t.opt.SavedFile == "" {
		return nil, nil
	}
	data, err := vfs.ReadFile(t.opt.FS, t.opt.SavedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consume queues: %w", err)
	}
	if err := t.opt.FS.Remove(t.opt.SavedFile); err != nil {
		return nil, fmt.Errorf("consume queues: %w", err)
	}
	if !use {
		return nil, nil
	}
	table, ok := decodeSaved(data)
	if !ok {
		t.log.Warn().Str("file", t.opt.SavedFile).Msg("consume queues: the table of ends is damaged, all queues are scanned")
	}
	return table, nil
}

func decodeSaved(data []byte) (map[savedKey]ends, bool) {
	if len(data) < 16 || string(data[:4]) != savedMagic || binary.BigEndian.Uint32(data[4:]) != savedVersion {
		return nil, false
	}
	body := data[:len(data)-4]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(data[len(body):]) {
		return nil, false
	}
	count := int(binary.BigEndian.Uint32(body[8:]))
	body = body[12:]
	if count < 0 || count > len(body)/22 {
		return nil, false
	}
	table := make(map[savedKey]ends, count)
	for range count {
		if len(body) < 2 {
			return nil, false
		}
		n := int(binary.BigEndian.Uint16(body))
		if len(body) < 2+n+20 {
			return nil, false
		}
		key := savedKey{string(body[2 : 2+n]), int32(binary.BigEndian.Uint32(body[2+n:]))}
		table[key] = ends{
			max:    int64(binary.BigEndian.Uint64(body[6+n:])),
			maxPhy: int64(binary.BigEndian.Uint64(body[14+n:])),
			known:  true,
		}
		body = body[22+n:]
	}
	return table, true
}

func encodeSaved(list []*Queue) []byte {
	out := append([]byte(savedMagic), 0, 0, 0, savedVersion, 0, 0, 0, 0)
	count := uint32(0)
	for _, q := range list {
		e := q.saved
		if q.ready.Load() {
			e = ends{q.max.Load(), q.maxPhy.Load(), q.refused == nil && q.hasFiles.Load()}
		}
		if !e.known {
			continue
		}
		count++
		out = binary.BigEndian.AppendUint16(out, uint16(len(q.Topic)))
		out = append(out, q.Topic...)
		out = binary.BigEndian.AppendUint32(out, uint32(q.ID))
		out = binary.BigEndian.AppendUint64(out, uint64(e.max))
		out = binary.BigEndian.AppendUint64(out, uint64(e.maxPhy))
	}
	binary.BigEndian.PutUint32(out[8:], count)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// Close flushes, remembers the ends for the next start (clean stops only) and
// closes the files.
func (t *Table) Close(clean bool) error {
	err := t.Flush(0)
	if err == nil && clean && t.opt.SavedFile != "" {
		var list []*Queue
		t.Each(func(q *Queue) bool { list = append(list, q); return true })
		err = vfs.WriteFile(t.opt.FS, t.opt.SavedFile, encodeSaved(list))
	}
	t.files.closeAll()
	t.EachBatch(func(q *BatchQueue) bool {
		q.mu.Lock()
		q.close()
		q.mu.Unlock()
		return true
	})
	return err
}
