package broker

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// TestGoldenSendBacks: of the message that was given back first we make the record
// that the Java broker made of it, in the level's queue or the dead letter topic.
func TestGoldenSendBacks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"java-5.4.0-clean", "java-4.9.4-clean"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := store.Defaults()
			c.StorePathRootDir, c.MappedFileSizeCommitLog, c.MappedFileSizeConsumeQueue = t.TempDir(), 1<<20, 20000
			c.MaxHashSlotNum, c.MaxIndexNum = 1000, 4000
			goldenstore.Into(t, name, c.StorePathRootDir)
			s, err := store.Open(config.NewSection(c), store.Options{Log: zerolog.Nop()})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			compared, dead := 0, 0
			last := map[string]message.View{} // by origin, the record that was given back next
			if err := s.Walk(0, func(v *message.View) error {
				origin := property(v, message.PropertyOriginMessageID)
				isDead := string(v.Topic) == "%DLQ%CG_retry"
				if origin == "" || string(v.Topic) != message.TopicSchedule && !isDead {
					keep := *v
					keep.Properties = append([]byte(nil), v.Properties...)
					keep.Topic = append([]byte(nil), v.Topic...)
					if origin == "" {
						origin = string(message.AppendOffsetMsgID(nil, v.StoreHost, v.PhyOffset))
					}
					last[origin] = keep
					return nil
				}
				before, ok := last[origin]
				if !ok {
					t.Fatalf("%s %d was given back and is not in the store", v.Topic, v.QueueOffset)
				}
				level, err := strconv.ParseInt(property(v, message.PropertyDelay), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				props, back := backProperties(nil, &before, level)
				ours := message.View{Properties: props}
				want, got := properties(v), properties(&ours)
				if !isDead { // the level's queue is the hook's affair
					got["REAL_TOPIC"], got["REAL_QID"] = want["REAL_TOPIC"], want["REAL_QID"]
				}
				if diff := cmp.Diff(want, got); diff != "" || v.ReconsumeTimes != before.ReconsumeTimes+1 || string(back) != want["RETRY_TOPIC"] {
					t.Errorf("%s %d, reconsumed %d after %d: %s", v.Topic, v.QueueOffset, v.ReconsumeTimes, before.ReconsumeTimes, diff)
				}
				if compared++; isDead {
					dead++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d send-backs compared, %d of them dead letters", compared, dead)
			if dead == 0 || compared <= dead {
				t.Error("the store holds fewer than it should")
			}
		})
	}
}
