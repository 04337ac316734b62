package consumequeue

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// BenchmarkOpenManyQueues is the start of a store with many queues, 8 a
// topic: SKYLARK_QUEUES or 20,000: after a clean stop, after a crash, and the first message of each.
func BenchmarkOpenManyQueues(b *testing.B) {
	if testing.Short() {
		b.Skip("makes many files")
	}
	topics := 2500
	if n, err := strconv.Atoi(os.Getenv("SKYLARK_QUEUES")); err == nil {
		topics = n / 8
	}
	opt := testOptions(b.TempDir())
	opt.FileSize = 6_000_000
	table, _ := openTable(b, opt, false)
	each := func(table *Table, put func(*Queue)) {
		for topic := range topics {
			name := fmt.Sprint("Topic", topic)
			for id := range int32(8) {
				put(table.Queue(name, id))
			}
		}
	}
	phy := int64(0)
	add := func(q *Queue) {
		if err := q.Put(q.MaxOffset(), phy, 100, 0, phy); err != nil {
			b.Fatal(err)
		}
		phy += 100
	}
	each(table, add)
	if err := table.Close(true); err != nil {
		b.Fatal(err)
	}
	for _, how := range []string{"clean", "crash"} {
		b.Run(how, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				table, maxPhy := openTable(b, opt, how == "crash")
				b.ReportMetric(float64(int64(heap()-before))/(1<<20), "MiB")
				if maxPhy != phy {
					b.Fatal(maxPhy)
				}
				if how == "clean" {
					b.StopTimer()
					if err := table.Close(true); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
		})
	}
	b.Run("put", func(b *testing.B) {
		table, _ := openTable(b, opt, false)
		each(table, add)
		before := heap()
		for b.Loop() {
			each(table, add)
		}
		b.ReportMetric(float64(int64(heap()-before))/(1<<20), "MiB-more")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(topics*8), "ns/put")
		b.StopTimer()
		if err := table.Close(true); err != nil {
			b.Fatal(err)
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
