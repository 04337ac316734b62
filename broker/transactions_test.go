package broker

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// TestNoTopicForDiscarded: where maxTopicNums leaves no room for it, the log says so.
func TestNoTopicForDiscarded(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerIP1, cfg.NamesrvAddr, cfg.MaxTopicNums = "127.0.0.1", "", 1
	small(&st)
	st.StorePathRootDir = t.TempDir()
	b, err := New(Options{Config: config.NewSection(cfg), Store: config.NewSection(st), Addr: "127.0.0.1:0", Log: zerolog.New(&log).Level(zerolog.WarnLevel)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	log.Reset()
	b.prepareDiscard()
	if got := log.String(); b.Topics.Get(message.TopicMaxCheckTimes) != nil || !strings.Contains(got, "maxTopicNums") || !strings.Contains(got, message.TopicMaxCheckTimes) {
		t.Errorf("logged %q", got)
	}
}
