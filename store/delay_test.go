package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

func TestParseDelayLevels(t *testing.T) {
	t.Parallel()
	for levels, want := range map[string][]int64{
		"1s 5m 2h 1d": {1000, 300_000, 7_200_000, 86_400_000}, " 0s  1s ": {0, 1000},
		"": nil, "1": nil, "s": nil, "1w": nil, "-1s": nil, "1s 2": nil, "9223372036854775807d": nil, "1s\x00": nil,
		strings.Repeat("1s ", maxDelayLevels+1): nil,
	} {
		got, err := ParseDelayLevels(levels)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%.40q: %v %s", levels, err, diff)
		}
	}
}

// TestPrePut: every message with a level is shown to the hook, whoever stages it;
// what is due is not.
func TestPrePut(t *testing.T) {
	t.Parallel()
	var seen []string
	cfg := small("/store", func(c *Config) { c.MaxMessageSize = 100 })
	s, err := Open(cfg, Options{FS: vfs.NewMemory(time.Now), StoreHost: stood, PrePut: func(m *message.Message, buf []byte) ([]byte, PutStatus) {
		seen = append(seen, m.Topic)
		if m.Topic == "Refused" {
			return buf, ServiceNotAvailable
		}
		buf = append(append(buf, m.Properties...), "REAL_TOPIC\x01"+m.Topic+"\x02"...)
		m.Topic, m.QueueID, m.Properties = message.TopicSchedule, 2, buf
		return buf, PutOK
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	put := func(topic, props string) Result {
		return s.Put(&message.Message{Topic: topic, Body: []byte("b"), Properties: []byte(props), BornHost: born})
	}
	late := put("A", "DELAY\x013\x02")
	put("A", "X\x01y\x02")
	put("A", "DELAY\x010\x02")
	if r := put("Refused", "DELAY\x011\x02"); r.Status != ServiceNotAvailable {
		t.Errorf("refused message: %v", r.Status)
	}
	if r := s.Put(&message.Message{Topic: "A", Body: make([]byte, 101), BornHost: born}); r.Status != MessageIllegal {
		t.Errorf("long message: %v", r.Status)
	}
	if diff := cmp.Diff([]string{"A", "Refused"}, seen); diff != "" {
		t.Error(diff)
	}
	units, _, high, _ := s.Units(message.TopicSchedule, 2, 0, 10)
	if high != 1 || units[0].TagsCode != late.StoreTimestamp+10_000 {
		t.Errorf("units %+v, want one due %d", units, late.StoreTimestamp+10_000)
	}

	b := NewBatch()
	i, st := s.StageAsIs(b, &message.Message{Topic: "A", QueueID: 7, Body: make([]byte, 101), Properties: []byte("DELAY\x013\x02"), BornHost: born})
	if st != PutOK {
		t.Fatalf("delivery refused: %v", st)
	}
	s.Append(b)
	if r := b.Result(i); r.Status != PutOK || s.MaxOffset("A", 7) != 1 || len(seen) != 2 {
		t.Errorf("delivery %v, %d in the queue, hook saw %v", r.Status, s.MaxOffset("A", 7), seen)
	}
	if err := s.Sync(); err != nil || s.FlushedPhyOffset() != s.MaxPhyOffset() {
		t.Errorf("sync %v: %d of %d", err, s.FlushedPhyOffset(), s.MaxPhyOffset())
	}
}
