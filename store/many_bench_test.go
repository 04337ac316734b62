package store

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/skylarkmq/skylark/internal/config"
)

// BenchmarkStartManyQueues opens and closes a store of SKYLARK_QUEUES queues (8 a
// topic, one message each), after clean stops and after crashes. SKYLARK_QUEUES_DIR
// is where the store is made, and left for the binary to be started on.
func BenchmarkStartManyQueues(b *testing.B) {
	queues := 4000
	if n, err := strconv.Atoi(os.Getenv("SKYLARK_QUEUES")); err == nil {
		queues = n
	} else if testing.Short() {
		b.Skip("makes many files")
	}
	c := Defaults()
	if c.StorePathRootDir = os.Getenv("SKYLARK_QUEUES_DIR"); c.StorePathRootDir == "" {
		c.StorePathRootDir = b.TempDir()
	}
	c.MappedFileSizeCommitLog = 256 << 20
	cfg := config.NewSection(c)
	s := open(b, nil, cfg)
	batch := NewBatch()
	for n := range queues {
		if _, st := s.Stage(batch, msg(fmt.Sprintf("Topic%05d", n/8), int32(n%8), "x", "")); st != PutOK {
			b.Fatal(st)
		}
		if batch.Len() == 32 || n == queues-1 {
			s.Append(batch)
			batch.Reset()
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for _, clean := range []bool{true, false} {
		b.Run(map[bool]string{true: "clean", false: "crash"}[clean], func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if !clean {
					if err := os.WriteFile(s.abortFile(), nil, 0o600); err != nil {
						b.Fatal(err)
					}
				}
				runtime.GC()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				b.StartTimer()
				s = open(b, nil, cfg)
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(int64(after.HeapAlloc-before.HeapAlloc))/(1<<20), "MiB")
				if got := s.MaxOffset(fmt.Sprintf("Topic%05d", (queues-1)/8), int32((queues-1)%8)); got != 1 {
					b.Fatal(got)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
