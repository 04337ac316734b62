package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/mapped"
)

func bench1KiB() []*message.Message {
	body := make([]byte, 1024)
	for i := range body {
		body[i] = byte(i)
	}
	list := make([]*message.Message, 64)
	for i := range list {
		list[i] = msg("BenchmarkTest", int32(i%8), string(body), fmt.Sprintf("KEYS\x01key-%d\x02UNIQ_KEY\x017F0000010539002A9D6A4F0C5B8A%04X\x02WAIT\x01true\x02TAGS\x01TagA\x02", i, i))
	}
	return list
}

func BenchmarkAppend1KiB(b *testing.B) {
	for _, flush := range []FlushDiskType{AsyncFlush, SyncFlush} {
		b.Run(string(flush), func(b *testing.B) {
			c := Defaults()
			c.StorePathRootDir = b.TempDir()
			c.MappedFileSizeCommitLog = 512 << 20
			c.FlushDiskType = flush
			writeZeros(b, filepath.Join(c.StorePathRootDir, "commitlog"), c.MappedFileSizeCommitLog)
			s := open(b, nil, config.NewSection(c))
			ctx, cancel := context.WithCancel(context.Background())
			var wait sync.WaitGroup
			wait.Go(func() { _ = s.Run(ctx) })
			list, batch := bench1KiB(), NewBatch()
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			for n := 0; n < b.N; n += len(list) {
				batch.Reset()
				for _, m := range list {
					if _, st := s.Stage(batch, m); st != PutOK {
						b.Fatal(st)
					}
				}
				s.Append(batch)
				if r := batch.Result(63); r.Status != PutOK {
					b.Fatal(r.Status)
				}
				if s.NeedsFlush() {
					done := make(chan PutStatus, 1)
					s.AwaitFlush(batch.End(), func(st PutStatus) { done <- st })
					if st := <-done; st != PutOK {
						b.Fatal(st)
					}
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			cancel()
			wait.Wait()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// Stage and Append of ordinary messages allocate nothing once batch and queues
// are warm.
func TestAppendAllocatesNothing(t *testing.T) {
	c := Defaults()
	c.StorePathRootDir = t.TempDir()
	c.MappedFileSizeCommitLog = 64 << 20
	c.MaxHashSlotNum, c.MaxIndexNum = 1000, 1_000_000
	s := open(t, nil, config.NewSection(c))
	s.OnArrival(func(Arrival) {})
	list, batch := bench1KiB(), NewBatch()
	turn := func() {
		batch.Reset()
		for _, m := range list {
			if _, st := s.Stage(batch, m); st != PutOK {
				t.Fatal(st)
			}
		}
		s.Append(batch)
	}
	for range 50 {
		turn()
	}
	runtime.GC()
	if n := testing.AllocsPerRun(200, turn); n > 0.2 {
		t.Errorf("%v allocations for %d messages", n, len(list))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// cpuTime is what the process used, flusher and preparation of files included: on
// a busy machine it says more than the wall clock.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// writeZeros makes the first file of a log as the background preparation leaves
// those that follow: written, so that its pages are in memory.
func writeZeros(b *testing.B, dir string, size int) {
	b.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, mapped.Name(0)))
	if err != nil {
		b.Fatal(err)
	}
	zeros := make([]byte, 64<<10)
	for at := 0; at < size; at += len(zeros) {
		if _, err := f.Write(zeros); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		b.Fatal(err)
	}
}
