package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

// stats counts what goes in and out, and samples the counts once a second for
// rates over 10 seconds, one minute and ten.
type stats struct {
	puts, putBytes, putFailed        atomic.Int64
	getsFound, getsMiss, transferred atomic.Int64
	putMaxMs, getMaxMs               atomic.Int64
	distribution                     [len(distributionSteps) + 1]atomic.Int64

	mu      sync.Mutex
	minute  [2]putClasses // distribution at the last two full minutes
	samples [601]sample   // a ring, the newest at next-1
	next    int
	count   int
}

type sample struct {
	at                             int64
	puts, found, miss, transferred int64
}

// putClasses counts puts by the time they took.
type putClasses [len(distributionSteps) + 1]int64

// distributionSteps are upper ends in ms of Java's put time classes.
var distributionSteps = [...]int64{0, 10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10000}

var distributionNames = [...]string{
	"<=0ms", "0~10ms", "10~50ms", "50~100ms", "100~200ms", "200~500ms", "500ms~1s", "1~2s", "2~3s", "3~4s", "4~5s", "5~10s", "10s~",
}

func (s *stats) put(b *Batch, appended int, tookMs int64) {
	s.puts.Add(int64(appended))
	if failed := len(b.items) - appended; failed > 0 {
		s.putFailed.Add(int64(failed))
	}
	s.putBytes.Add(int64(len(b.stage)))
	class := 0
	for class < len(distributionSteps) && tookMs > distributionSteps[class] {
		class++
	}
	s.distribution[class].Add(int64(appended))
	raise(&s.putMaxMs, tookMs)
}

// get counts one read: how many messages went out, 0 for a miss.
func (s *stats) get(messages int, tookMs int64) {
	if messages > 0 {
		s.getsFound.Add(1)
		s.transferred.Add(int64(messages))
	} else {
		s.getsMiss.Add(1)
	}
	raise(&s.getMaxMs, tookMs)
}

// sample is a goroutine of Run.
func (s *stats) sample(ctx context.Context, clk clock.Clock, also func()) {
	ticker := clk.NewTicker(time.Second)
	defer ticker.Stop()
	s.take(clk.NowMs())
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			s.take(clk.NowMs())
			also()
		}
	}
}

func (s *stats) now(at int64) sample {
	return sample{at, s.puts.Load(), s.getsFound.Load(), s.getsMiss.Load(), s.transferred.Load()}
}

func (s *stats) take(at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples[s.next] = s.now(at)
	s.next = (s.next + 1) % len(s.samples)
	s.count = min(s.count+1, len(s.samples))
	if s.next%60 == 0 {
		s.minute[0] = s.minute[1]
		for i := range s.distribution {
			s.minute[1][i] = s.distribution[i].Load()
		}
	}
}

// putLatency is the time in ms that a part of the puts of the last full minute did
// not exceed, taken as spread evenly within a class, with two digits.
func (s *stats) putLatency(part float64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total, passed int64
	for i := range s.minute[1] {
		total += s.minute[1][i] - s.minute[0][i]
	}
	rank := int64(float64(total) * part)
	low := int64(0)
	for i := range s.minute[1] {
		n := s.minute[1][i] - s.minute[0][i]
		high := low
		if i < len(distributionSteps) {
			high = distributionSteps[i]
		}
		if n > 0 && rank <= passed+n {
			return fmt.Sprintf("%.2f", float64(low)+float64(high-low)*float64(rank-passed)/float64(n))
		}
		passed, low = passed+n, high
	}
	return "0.00"
}

// rate is one number a second over the last 10, 60 and 600 seconds (or as far as
// there are samples), as mqadmin wants it: three numbers with spaces between.
func (s *stats) rate(of func(sample) int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, span := range [...]int{10, 60, 600} {
		rate := 0.0
		if s.count > 1 {
			n := len(s.samples)
			newest := s.samples[(s.next-1+n)%n]
			oldest := s.samples[(s.next-1-min(span, s.count-1)+n)%n]
			if ms := newest.at - oldest.at; ms > 0 {
				rate = float64(of(newest)-of(oldest)) * 1000 / float64(ms)
			}
		}
		out = append(out, fmt.Sprintf("%.4f", rate))
	}
	return strings.Join(out, " ")
}

func (s *stats) putDistribution() string {
	var b strings.Builder
	for i, name := range distributionNames {
		fmt.Fprintf(&b, "[%s]:%d ", name, s.distribution[i].Load())
	}
	return b.String()
}
