package store

import (
	"testing"

	"github.com/skylarkmq/skylark/internal/config"
)

// BenchmarkRecoverGiB opens a store whose process was killed: one op is one GiB of
// 1 KiB messages with two keys and a tag, read again from the page cache.
func BenchmarkRecoverGiB(b *testing.B) {
	const size = 256 << 20
	c := Defaults()
	c.StorePathRootDir = b.TempDir()
	c.MappedFileSizeCommitLog = size
	cfg := config.NewSection(c)
	s := open(b, nil, cfg)
	list, batch := bench1KiB(), NewBatch()
	for s.MaxPhyOffset() < size-(1<<20) {
		batch.Reset()
		for _, m := range list {
			if _, st := s.Stage(batch, m); st != PutOK {
				b.Fatal(st)
			}
		}
		s.Append(batch)
	}
	for b.Loop() {
		if err := s.lock.Close(); err != nil {
			b.Fatal(err)
		}
		before := cpuTime(b)
		for i := range 4 {
			s = open(b, nil, cfg)
			if i < 3 {
				if err := s.lock.Close(); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(cpuTime(b)-before), "cpu-ns/op")
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
