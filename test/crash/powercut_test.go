//go:build linux

package crash

import (
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
)

// flushWindow is what ASYNC_FLUSH may lose: its settings below, and what a slow disk adds.
const (
	asyncSettings = "flushCommitLogThoroughInterval=100\n"
	flushWindow   = 3 * time.Second

	leastCut = 10 // as least, and the disk is slower
)

// TestPowerCut cuts the power of the disk under the broker SKYLARK_CUT_ROUNDS times with each file system, flush mode and kind of disk. With SYNC_FLUSH nothing
// acknowledged may be missing, with ASYNC_FLUSH only the newest; whatever is there is whole, dense and in order.
func TestPowerCut(t *testing.T) {
	bin := testbroker.Binary(t, "crash")
	rounds := testbroker.Rounds("SKYLARK_CUT_ROUNDS", 2)
	for _, on := range []struct {
		fs    fileSystem
		flush string
		cache bool
	}{
		{ext4, "SYNC_FLUSH", false},
		{xfs, "SYNC_FLUSH", false},
		{ext4, "ASYNC_FLUSH", false},
		{xfs, "ASYNC_FLUSH", false},
		{ext4, "SYNC_FLUSH", true},
		{xfs, "SYNC_FLUSH", true},
		{ext4, "ASYNC_FLUSH", true},
	} {
		name := on.flush + "/" + on.fs.name
		if on.cache {
			name += " on a disk with a cache"
		}
		t.Run(name, func(t *testing.T) {
			r := testbroker.Rand(t, "SKYLARK_CRASH_SEED")
			var sum tally
			for done := 0; done < rounds; done += livesPerStore {
				var disk *loopDisk
				if on.cache {
					disk = newLoopDiskWithCache(t, on.fs, 128)
				} else {
					disk = newLoopDiskIn(t, t.TempDir(), on.fs, 128, "")
				}
				b := &testbroker.Broker{Bin: bin, Dir: t.TempDir(), Port: testport.Broker(t), Flush: on.flush, Settings: killSettings + asyncSettings}
				b.Root = filepath.Join(disk.dir, "store")
				cuts(t, b, disk, r, min(livesPerStore, rounds-done), &sum)
			}
			t.Logf("%v; the oldest of them %v before the cut", sum, sum.oldest.Round(time.Millisecond))
			if on.flush == "SYNC_FLUSH" && sum.lost > 0 {
				t.Errorf("%d lost", sum.lost)
			}
			if sum.acked < leastCut*rounds {
				t.Errorf("only %d messages in %d rounds: this was no load", sum.acked, rounds)
			}
		})
	}
}

// cuts lets one store live through power cuts.
func cuts(t *testing.T, b *testbroker.Broker, disk *loopDisk, r *rand.Rand, rounds int, sum *tally) {
	l := newLedger()
	cut := func(s *testbroker.Server) {
		disk.lose(t, r)
		l.cut = time.Now()
		if l.mayLose = (time.Time{}); b.Flush != "SYNC_FLUSH" {
			l.mayLose = l.cut.Add(-flushWindow)
		}
		s.End(t, syscall.SIGKILL) // it must have survived that, refusing
	}
	for round := range rounds {
		s := b.Start(t)
		audit(t, s, l, r)
		underLoad(t, s, l, round, lifetime(r), leastCut*(round+1), r.IntN(2) == 0, func() { cut(s) })
		disk.again(t)
		if r.IntN(recoveryEvery) == 0 { // the next start loses power too
			early := b.Launch(t)
			time.Sleep(time.Duration(r.Int64N(int64(150 * time.Millisecond)))) // the random moment is the point of it
			disk.lose(t, r)
			early.Kill()
			disk.again(t)
			sum.starts++
		}
		sum.rounds++
	}
	s := b.Start(t)
	audit(t, s, l, r)
	s.End(t, syscall.SIGTERM)
	disk.unmount(t)
	if disk.cache != nil {
		disk.cache.remove(t)
	}
	sum.add(l)
}
