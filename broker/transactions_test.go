package broker

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/message"
)

// TestNoTopicForDiscarded: where maxTopicNums leaves no room for it, the log says so.
func TestNoTopicForDiscarded(t *testing.T) {
	t.Parallel()
	b, log := logging(t, zerolog.WarnLevel, "maxTopicNums=1")
	log.Reset()
	b.prepareDiscard()
	if got := log.String(); b.Topics.Get(message.TopicMaxCheckTimes) != nil || !strings.Contains(got, "maxTopicNums") || !strings.Contains(got, message.TopicMaxCheckTimes) {
		t.Errorf("logged %q", got)
	}
}
