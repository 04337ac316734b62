package broker

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// scale is a disk that knows the largest write to the log.
type scale struct {
	vfs.FS
	largest atomic.Int64
}

type weighed struct {
	vfs.File
	disk *scale
}

func (d *scale) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil || !strings.Contains(f.Name(), "/commitlog/") {
		return f, err
	}
	return weighed{f, d}, nil
}

func (d *scale) Open(name string) (vfs.File, error)   { return d.wrap(d.FS.Open(name)) }
func (d *scale) Create(name string) (vfs.File, error) { return d.wrap(d.FS.Create(name)) }

func (f weighed) WriteWithZeros(p []byte, off int64, behind int) (int, error) {
	for n := int64(len(p)); ; {
		if was := f.disk.largest.Load(); n <= was || f.disk.largest.CompareAndSwap(was, n) {
			return f.File.WriteWithZeros(p, off, behind)
		}
	}
}

// Requests of 200 bytes that each store a large message again come with one read. They
// are appended a few MiB at a time, all of them, whichever of them goes to a lane.
func TestTurnIsAppendedInParts(t *testing.T) {
	t.Parallel()
	const body, crowd = 1 << 20, 40
	disk := &scale{FS: vfs.Disk}
	f := startOn(t, Options{Disk: disk}, func(_ *Config, s *store.Config) { s.MappedFileSizeCommitLog = 256 << 20 })
	big := strings.Repeat("x", body)
	phy := f.stored(t, f.sendTo("T", big)).PhyOffset
	f.beat("G", "CLUSTERING")
	want(t, f.back(phy, "delayLevel", "-1"), code.Success, "") // makes the topic
	halves := make([]halfSent, crowd)
	for i := range halves {
		halves[i] = f.sendHalf("T", fmt.Sprint(i), "PAD\x01"+strings.Repeat("p", 20<<10)+"\x02")
	}
	var backs, ends []byte
	for i := range int32(crowd) {
		cmd := protocol.NewRequest(code.ConsumerSendMsgBack, nil, nil)
		cmd.Opaque, cmd.Fields = i, fields("offset", fmt.Sprint(phy), "group", "G", "delayLevel", "-1", "unitMode", "false", "maxReconsumeTimes", "16")
		backs = protocol.AppendFrame(backs, cmd)
		cmd = protocol.NewRequest(code.EndTransaction, nil, nil)
		cmd.Opaque, cmd.Fields = crowd+i, fields(halves[i].endFields(8)...)
		ends = protocol.AppendFrame(ends, cmd)
	}
	conn := f.raw()
	if _, err := conn.Write(append(backs, ends...)); err != nil {
		t.Fatal(err)
	}
	for range 2 * crowd {
		want(t, readFrame(t, conn), code.Success, "")
	}
	if n := f.Store.MaxOffset("%DLQ%G", 0); n != crowd+1 {
		t.Errorf("%d dead letters, want %d", n, crowd+1)
	}
	if n := f.Store.MaxOffset("T", 0); n != crowd+1 {
		t.Errorf("%d messages, want %d", n, crowd+1)
	}
	if n := disk.largest.Load(); n < body || n > 4<<20+body+64<<10 {
		t.Errorf("%d bytes in one write", n)
	}
}
