package assignment

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shares shows what each client gets, as queue ids.
func shares(t *testing.T, strategy string, queues, clients int) string {
	t.Helper()
	var all []Queue
	var ids []string
	for i := queues - 1; i >= 0; i-- { // any order
		all = append(all, Queue{Topic: "T", BrokerName: fmt.Sprint("b", i/4), ID: int32(i % 4)})
	}
	for i := clients - 1; i >= 0; i-- {
		ids = append(ids, fmt.Sprint("c", i))
	}
	var out []string
	for i := range clients {
		share, err := Share(strategy, fmt.Sprint("c", i), all, ids)
		if err != nil {
			t.Fatal(err)
		}
		var part []string
		for _, q := range share {
			part = append(part, fmt.Sprintf("%s.%d", q.BrokerName[1:], q.ID))
		}
		out = append(out, strings.Join(part, " "))
	}
	return strings.Join(out, " | ")
}

// TestShare has what AllocateMessageQueueAveragely and …AveragelyByCircle of 5.5.0 give.
func TestShare(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		strategy        string
		queues, clients int
		want            string
	}{
		{Averagely, 8, 3, "0.0 0.1 0.2 | 0.3 1.0 1.1 | 1.2 1.3"},
		{Averagely, 8, 4, "0.0 0.1 | 0.2 0.3 | 1.0 1.1 | 1.2 1.3"},
		{Averagely, 4, 6, "0.0 | 0.1 | 0.2 | 0.3 |  | "},
		{Averagely, 1, 1, "0.0"},
		{AveragelyByCircle, 8, 3, "0.0 0.3 1.2 | 0.1 1.0 1.3 | 0.2 1.1"},
		{AveragelyByCircle, 4, 6, "0.0 | 0.1 | 0.2 | 0.3 |  | "},
	} {
		if got := shares(t, row.strategy, row.queues, row.clients); got != row.want {
			t.Errorf("%s of %d queues among %d: %s, want %s", row.strategy, row.queues, row.clients, got, row.want)
		}
	}
}

// TestShareIsAPartition: whatever the numbers, every queue has exactly one client.
func TestShareIsAPartition(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{Averagely, AveragelyByCircle} {
		for queues := 1; queues < 20; queues++ {
			for clients := 1; clients < 20; clients++ {
				got := strings.Fields(strings.ReplaceAll(shares(t, strategy, queues, clients), "|", " "))
				seen := map[string]bool{}
				for _, q := range got {
					seen[q] = true
				}
				if len(got) != queues || len(seen) != queues {
					t.Fatalf("%s of %d queues among %d: %v", strategy, queues, clients, got)
				}
			}
		}
	}
}

func TestShareRefusals(t *testing.T) {
	t.Parallel()
	q := []Queue{{Topic: "T", BrokerName: "b"}}
	if _, err := Share("CONSISTENT_HASH", "c", q, []string{"c"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown strategy: %v", err)
	}
	if share, err := Share(Averagely, "stranger", q, []string{"c"}); err != nil || share == nil || len(share) != 0 {
		t.Errorf("a stranger: %v, %v; want an empty share", share, err)
	}
	for name, try := range map[string]func() ([]Queue, error){
		"no client": func() ([]Queue, error) { return Share(Averagely, " ", q, []string{"c"}) },
		"no queues": func() ([]Queue, error) { return Share(Averagely, "c", nil, []string{"c"}) },
		"no member": func() ([]Queue, error) { return Share(Averagely, "c", q, nil) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	m := NewModes()
	if data, err := m.EncodeCompact(); err != nil || string(data) != `{"messageRequestModeMap":{}}` {
		t.Fatalf("empty: %s, %v", data, err)
	}
	m.Set(Mode{Topic: "T", ConsumerGroup: "G", Mode: Pull})
	m.Set(Mode{Topic: "T", ConsumerGroup: "G", Mode: Pop, PopShareQueueNum: 3})
	const want = `{"messageRequestModeMap":{"T":{"G":{"consumerGroup":"G","mode":"POP","popShareQueueNum":3,"topic":"T"}}}}`
	if data, err := m.EncodeCompact(); err != nil || string(data) != want {
		t.Fatalf("%s, %v", data, err)
	}
	pretty, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again := NewModes()
	again.Set(Mode{Topic: "gone", ConsumerGroup: "G"})
	if err := again.Decode(pretty); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.file(), again.file()); diff != "" || again.Count(Pop) != 1 || again.Count(Pull) != 0 {
		t.Errorf("%s; %d POP", diff, again.Count(Pop))
	}
	if err := again.Decode([]byte(`{"messageRequestModeMap":{"A":{"B":{}}}}`)); err != nil {
		t.Fatal(err)
	}
	if mode, ok := again.Get("A", "B"); !ok || mode.Mode != Pull || mode.Topic != "A" || mode.ConsumerGroup != "B" {
		t.Errorf("an entry without fields: %+v, %v", mode, ok)
	}
	if again.Decode([]byte("{")) == nil {
		t.Error("a torn file was read")
	}
}
