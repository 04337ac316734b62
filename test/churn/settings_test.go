package churn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// settings is what both tests begin with: the binary SKYLARK_BIN, SKYLARK_CHURN_ROUNDS,
// SKYLARK_CHURN_EVERY, SKYLARK_CHURN_SEED.
type settings struct {
	broker *testbroker.Broker
	rounds int
	every  time.Duration // rounds are at least so long
	rand   *rand.Rand
}

func newSettings(t *testing.T, short int) *settings {
	t.Helper()
	bin := testbroker.Binary(t, "churn")
	s := &settings{rounds: testbroker.Rounds("SKYLARK_CHURN_ROUNDS", short)}
	if d, err := time.ParseDuration(os.Getenv("SKYLARK_CHURN_EVERY")); err == nil {
		s.every = d
	}
	s.rand = testbroker.Rand(t, "SKYLARK_CHURN_SEED")
	// Clients that are paused are forgotten while they sleep.
	s.broker = &testbroker.Broker{
		Bin: bin, Dir: t.TempDir(), Port: testport.Broker(t), Flush: "ASYNC_FLUSH",
		Settings: "channelExpiredTimeout=3000\nwaitTimeMillsInSendQueue=10000\n",
	}
	return s
}

// patience is for a broker or members whom a busy machine lets wait.
const patience = time.Minute

// wait waits until rounds have lasted as long as they should.
func (s *settings) wait(t *testing.T, began time.Time, rounds int) {
	select {
	case <-time.After(time.Until(began.Add(time.Duration(rounds) * s.every))):
	case <-t.Context().Done():
	}
}

// makeTopic creates the topic and knows that it is there.
func (s *settings) makeTopic(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := newClient(addr)
	defer c.Close()
	if _, err := c.call(ctx, code.UpdateAndCreateTopic, nil, "topic", topic, "defaultTopic", "TBW102",
		"readQueueNums", strconv.Itoa(queues), "writeQueueNums", strconv.Itoa(queues), "perm", "6", "topicFilterType", "SINGLE_TAG",
		"topicSysFlag", "0", "order", "false"); err != nil {
		t.Fatal(err)
	}
}

// ends are the maximum offsets of all queues.
func (s *settings) ends(t *testing.T, addr string) (end [queues]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := newClient(addr)
	defer c.Close()
	for q := range end {
		at, err := c.maxOffset(ctx, int32(q))
		if err != nil {
			t.Fatal(err)
		}
		end[q] = at
	}
	return end
}

// awaitCommitted waits until the group is where the queues end.
func (s *settings) awaitCommitted(t *testing.T, addr, group string, want [queues]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := newClient(addr)
	defer c.Close()
	look := time.NewTicker(persistEvery / 4)
	defer look.Stop()
	there := func() bool {
		for q := range want {
			if at, err := c.committed(ctx, group, int32(q)); err != nil || at != want[q] {
				return false
			}
		}
		return true
	}
	for !there() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Errorf("committed offsets do not come to the ends of the queues in %v", patience)
			return
		}
	}
}

// setBack takes the last message of every queue from the group, as an operator could: where it is at the end afterwards, somebody has
// said so since.
func (s *settings) setBack(t *testing.T, addr, group string, end [queues]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := newClient(addr)
	defer c.Close()
	for q := range end {
		if end[q] == 0 {
			continue
		}
		if err := c.commit(ctx, group, int32(q), end[q]-1); err != nil {
			t.Fatal(err)
		}
	}
}

// checkCommitted compares what a group that has consumed everything left behind.
func (s *settings) checkCommitted(t *testing.T, addr, group string, want [queues]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := newClient(addr)
	defer c.Close()
	for q := range want {
		at, err := c.committed(ctx, group, int32(q))
		if err != nil || at != want[q] {
			t.Error(fmt.Errorf("queue %d ends at %d, committed is %d (%w)", q, want[q], at, err))
		}
	}
}
