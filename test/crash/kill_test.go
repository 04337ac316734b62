package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	senders  = 16 // at a time, over four connections
	shortest = 20 * time.Millisecond
	longest  = 400 * time.Millisecond

	least = 50 // messages acknowledged in a round on average, or it was no load

	cleanEvery    = 6  // before one round in so many there is a clean stop: clean and unclean starts follow each other
	recoveryEvery = 3  // after one round in so many the next start is killed too, before it is done
	livesPerStore = 12 // then a new one, or reading all of it would take longer than filling it
)

// killSettings make what a kill may interrupt happen all the time: files of the log are full after a thousand messages and may be
// deleted as soon as they are, queues and checkpoint are flushed every few milliseconds.
const killSettings = "fileReservedTime=0\ndeleteCommitLogFilesInterval=1\ndeleteConsumeQueueFilesInterval=1\n" +
	"mappedFileSizeCommitLog=1048576\nmappedFileSizeConsumeQueue=20000\nflushIntervalConsumeQueue=7\nflushConsumeQueueThoroughInterval=20\nflushIntervalCommitLog=20\n"

// TestKill runs SKYLARK_CRASH_ROUNDS rounds of the binary SKYLARK_BIN, half of them with each flush mode. A round ends with kill -9.
func TestKill(t *testing.T) {
	bin := testbroker.Binary(t, "crash")
	rounds := (testbroker.Rounds("SKYLARK_CRASH_ROUNDS", 4) + 1) / 2
	for _, flush := range []string{"ASYNC_FLUSH", "SYNC_FLUSH"} {
		t.Run(flush, func(t *testing.T) {
			r := testbroker.Rand(t, "SKYLARK_CRASH_SEED")
			var sum tally
			for done := 0; done < rounds; done += livesPerStore {
				b := &testbroker.Broker{Bin: bin, Dir: t.TempDir(), Port: testport.Broker(t), Flush: flush, Settings: killSettings}
				lives(t, b, r, min(livesPerStore, rounds-done), &sum)
				if err := os.RemoveAll(b.Dir); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%v", sum)
			if sum.acked < least*rounds {
				t.Errorf("only %d messages in %d rounds: this was no load", sum.acked, rounds)
			}
		})
	}
}

// tally adds up what happened to the stores of a test.
type tally struct {
	rounds, starts, clean int
	acked, expired, lost  int
	oldest                time.Duration
}

func (t *tally) add(l *ledger) {
	t.acked += l.total
	t.expired += l.expired
	t.lost += l.lost
	t.oldest = max(t.oldest, l.oldest)
}

func (t tally) String() string {
	return fmt.Sprintf("%d rounds, %d starts ended before they were up, %d clean stops: %d messages acknowledged, %d expired with their files, %d lost",
		t.rounds, t.starts, t.clean, t.acked, t.expired, t.lost)
}

// lives kills, restarts and audits one store again and again.
func lives(t *testing.T, b *testbroker.Broker, r *rand.Rand, rounds int, sum *tally) {
	l := newLedger()
	for round := range rounds {
		s := b.Start(t)
		audit(t, s, l, r)
		if r.IntN(cleanEvery) == 0 {
			s.End(t, syscall.SIGTERM)
			s = b.Start(t)
			audit(t, s, l, r)
			sum.clean++
		}
		underLoad(t, s, l, round, lifetime(r), least*(round+1), r.IntN(2) == 0, func() { s.End(t, syscall.SIGKILL) })
		if r.IntN(recoveryEvery) == 0 {
			for range 1 + r.IntN(3) {
				killEarly(t, b, time.Duration(r.Int64N(int64(150*time.Millisecond))))
				sum.starts++
			}
		}
		sum.rounds++
	}
	s := b.Start(t)
	audit(t, s, l, r)
	s.End(t, syscall.SIGTERM)
	sum.add(l)
}

// killEarly begins a start and kills it after a while, whether it is up or not.
func killEarly(t *testing.T, b *testbroker.Broker, after time.Duration) {
	t.Helper()
	s := b.Launch(t)
	select {
	case <-time.After(after): // the random moment is the point of it
	case <-s.Done:
		t.Fatalf("the broker ended by itself: %v\n%s", s.State(), s.Tail())
	}
	s.End(t, syscall.SIGKILL)
}

// audit compares what the store has with what producers were told.
func audit(t *testing.T, s *testbroker.Server, l *ledger, r *rand.Rand) {
	t.Helper()
	for i, wrong := range l.audit(readAll(t, s, l)) {
		if i == 10 {
			t.Error("and more")
			break
		}
		t.Error(wrong)
	}
	checkIndex(t, s, l, r)
	if t.Failed() {
		t.Fatalf("the broker's log ends:\n%s", s.Tail())
	}
}

// lifetime is how long a broker is under load.
func lifetime(r *rand.Rand) time.Duration {
	return shortest + time.Duration(r.Int64N(int64(longest-shortest)))
}

// underLoad sends from many goroutines until the end, and from some of them past it. That comes after life; on a slow machine not before
// the store has seen least messages in all its rounds. expiring: files of the log are deleted meanwhile.
func underLoad(t *testing.T, s *testbroker.Server, l *ledger, round int, life time.Duration, least int, expiring bool, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	clients := make([]*client, 4)
	for i := range clients {
		clients[i] = newClient(s.Addr)
		defer clients[i].close()
	}
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			if err := send(ctx, clients[i%len(clients)], l, fmt.Sprintf("%d-%d", round, i)); err != nil {
				t.Error(err)
			}
		})
	}
	if expiring {
		sending.Go(func() {
			for clients[0].deleteExpired(ctx) == nil {
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond): // a pace, not a wait
				}
			}
		})
	}
	for over, began := false, time.Now(); !over; {
		select {
		case <-time.After(life): // the random moment is the point of it
		case <-s.Done:
			t.Fatalf("the broker ended by itself: %v\n%s", s.State(), s.Tail())
		}
		acked, _ := l.count()
		over = acked >= least || time.Since(began) > time.Minute
	}
	end()
	cancel()
	sending.Wait()
}

// send sends until it cannot any more. The broker's refusal because it is stopping, or its disappearance, is the end, but not that the
// disk is slow; an acknowledgement that contradicts another is an error.
func send(ctx context.Context, c *client, l *ledger, name string) error {
	for seq := 0; ; seq++ {
		key := fmt.Sprintf("%s-%d", name, seq)
		body := key + ":" + strings.Repeat("x", seq%700)
		l.sending(body)
		p, phy, err := c.send(ctx, int32(seq%queues), key, body)
		if slow(err) {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond): // a pace, not a wait
			}
			continue
		}
		if err != nil {
			return nil
		}
		if err := l.ack(p, phy, body); err != nil {
			return err
		}
	}
}

// slow says whether a send failed only because the disk takes its time.
func slow(err error) bool {
	var r *refusal
	return asRefusal(err, &r) && (r.code == code.SystemBusy || r.code == code.FlushDiskTimeout)
}

// readAll pulls every queue from its beginning, and checks that offsets are dense and places are what they should be.
func readAll(t *testing.T, s *testbroker.Server, l *ledger) stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := newClient(s.Addr)
	defer c.close()
	found := stored{bodies: make(map[place]string), min: make(map[int32]int64)}
	for queue := range int32(queues) {
		if err := readQueue(ctx, c, queue, &found); err != nil {
			if acked, _ := l.count(); acked == 0 { // killed before the topic was made
				continue
			}
			t.Fatalf("%v\n%s", err, s.Tail())
		}
	}
	var err error
	if found.minPhy, err = c.minPhy(ctx); err != nil {
		t.Fatal(err)
	}
	return found
}

func readQueue(ctx context.Context, c *client, queue int32, found *stored) error {
	end, err := c.maxOffset(ctx, queue)
	if err != nil {
		return err
	}
	offset, err := c.minOffset(ctx, queue)
	if err != nil {
		return err
	}
	found.min[queue] = offset
	for offset < end {
		records, err := c.pull(ctx, queue, offset)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return fmt.Errorf("queue %d: nothing at %d, though it ends at %d", queue, offset, end)
		}
		for i := range records {
			v := &records[i]
			if v.QueueOffset != offset || v.QueueID != queue || string(v.Topic) != topic {
				return fmt.Errorf("queue %d offset %d holds a record of %s queue %d offset %d", queue, offset, v.Topic, v.QueueID, v.QueueOffset)
			}
			if err := v.CheckBody(); err != nil {
				return fmt.Errorf("queue %d offset %d: %w", queue, offset, err)
			}
			found.bodies[place{queue, offset}] = string(v.Body)
			offset++
		}
	}
	return nil
}

// checkIndex looks some acknowledged messages up by their key.
func checkIndex(t *testing.T, s *testbroker.Server, l *ledger, r *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := newClient(s.Addr)
	defer c.close()
	for p, body := range l.sample(r, 50) {
		key, _, _ := strings.Cut(body, ":")
		found, err := c.byKey(ctx, key)
		if err != nil {
			t.Errorf("queue %d offset %d: %v", p.queue, p.offset, err)
			continue
		}
		hits := 0
		for i := range found {
			if string(found[i].Body) == body && found[i].QueueID == p.queue && found[i].QueueOffset == p.offset {
				hits++
			}
		}
		if hits != 1 {
			t.Errorf("the index leads %d times from %s to queue %d offset %d, want once", hits, key, p.queue, p.offset)
		}
	}
}
