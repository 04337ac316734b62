package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
)

const (
	senders    = 16 // at a time, over four connections
	shortest   = 50 * time.Millisecond
	longest    = 600 * time.Millisecond
	cleanEvery = 5 // one life in five ends by SIGTERM: clean and unclean starts follow each other
)

// TestKill runs SKYLARK_CRASH_ROUNDS lives of the binary SKYLARK_BIN, half of them with each flush mode.
func TestKill(t *testing.T) {
	bin := os.Getenv("SKYLARK_BIN")
	if bin == "" {
		t.Skip("SKYLARK_BIN does not name a server; make crash builds one and sets it")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("SKYLARK_CRASH_ROUNDS")); err == nil {
		rounds = max(2, n)
	}
	for _, flush := range []string{"ASYNC_FLUSH", "SYNC_FLUSH"} {
		t.Run(flush, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			if n, err := strconv.ParseUint(os.Getenv("SKYLARK_CRASH_SEED"), 10, 64); err == nil {
				seed = n
			}
			t.Logf("SKYLARK_CRASH_SEED=%d", seed)
			b := &testbroker.Broker{Bin: bin, Dir: t.TempDir(), Port: testport.Broker(t), Flush: flush}
			lives(t, b, rand.New(rand.NewPCG(seed, 0)), (rounds+1)/2)
		})
	}
}

// lives kills, restarts and audits one store again and again.
func lives(t *testing.T, b *testbroker.Broker, r *rand.Rand, rounds int) {
	l := newLedger()
	for round := range rounds {
		s := b.Start(t)
		how := syscall.SIGKILL
		if round%cleanEvery == cleanEvery-1 {
			how = syscall.SIGTERM
		}
		underLoad(t, s, l, round, shortest+time.Duration(r.Int64N(int64(longest-shortest))), how)

		began := time.Now()
		s = b.Start(t)
		up := time.Since(began)
		stored := readAll(t, s, l)
		for i, wrong := range l.audit(stored) {
			if i == 10 {
				t.Error("and more")
				break
			}
			t.Error(wrong)
		}
		checkIndex(t, s, l, r)
		s.End(t, syscall.SIGKILL) // right after a recovery: the next one meets its traces
		acked, sent := l.count()
		t.Logf("round %d (%v): %d of %d messages acknowledged, %d stored, up again in %v", round+1, how, acked, sent, len(stored), up.Round(time.Millisecond))
		if t.Failed() {
			t.Fatalf("the broker's log ends:\n%s", s.Tail())
		}
	}
	if acked, _ := l.count(); acked < 100*rounds {
		t.Errorf("only %d messages in %d rounds: this was no load", acked, rounds)
	}
}

// underLoad sends from many goroutines until the signal, and from some of them past it.
func underLoad(t *testing.T, s *testbroker.Server, l *ledger, round int, life time.Duration, how syscall.Signal) {
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
	select {
	case <-time.After(life): // the random moment is the point of it
	case <-s.Done:
		t.Fatalf("the broker ended by itself: %v\n%s", s.State(), s.Tail())
	}
	s.End(t, how)
	cancel()
	sending.Wait()
}

// send sends until it cannot any more. The broker's refusal because it is stopping, or its disappearance, is the end; an
// acknowledgement that contradicts another is an error.
func send(ctx context.Context, c *client, l *ledger, name string) error {
	for seq := 0; ; seq++ {
		key := fmt.Sprintf("%s-%d", name, seq)
		body := key + ":" + strings.Repeat("x", seq%700)
		l.sending(body)
		p, err := c.send(ctx, int32(seq%queues), key, body)
		if err != nil {
			return nil
		}
		if err := l.ack(p, body); err != nil {
			return err
		}
	}
}

// readAll pulls every queue from its beginning, and checks that offsets are dense and places are what they should be.
func readAll(t *testing.T, s *testbroker.Server, l *ledger) map[place]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := newClient(s.Addr)
	defer c.close()
	stored := make(map[place]string)
	for queue := range int32(queues) {
		end, err := c.maxOffset(ctx, queue)
		if err != nil {
			if acked, _ := l.count(); acked == 0 { // killed before the topic was made
				continue
			}
			t.Fatal(err)
		}
		for offset := int64(0); offset < end; {
			records, err := c.pull(ctx, queue, offset)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				t.Fatalf("queue %d: nothing at %d, though it ends at %d", queue, offset, end)
			}
			for i := range records {
				v := &records[i]
				if v.QueueOffset != offset || v.QueueID != queue || string(v.Topic) != topic {
					t.Fatalf("queue %d offset %d holds a record of %s queue %d offset %d", queue, offset, v.Topic, v.QueueID, v.QueueOffset)
				}
				stored[place{queue, offset}] = string(v.Body)
				offset++
			}
		}
	}
	return stored
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
			t.Error(errors.Join(fmt.Errorf("queue %d offset %d", p.queue, p.offset), err))
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
