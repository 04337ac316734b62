package schedule

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// openGolden opens a copy of a store that the Java broker wrote (store/testdata/golden).
func openGolden(t *testing.T, name string) (_ *store.Store, root string) {
	t.Helper()
	root = goldenstore.Unpack(t, name)
	c := store.Defaults()
	c.StorePathRootDir, c.MappedFileSizeCommitLog, c.MappedFileSizeConsumeQueue = root, 1<<20, 20000
	c.MaxHashSlotNum, c.MaxIndexNum = 1000, 4000
	s, err := store.Open(config.NewSection(c), store.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, root
}

// stored is one record, its properties as a map: Java writes them in the order of a
// hash table.
type stored struct {
	Topic                string
	Queue, Flag, SysFlag int32
	Born                 int64
	BornHost, StoreHost  string
	Reconsumed           int32
	Prepared             int64
	Body                 string
	Properties           map[string]string
}

func storedOf(m *message.Message) stored {
	s := stored{
		m.Topic, m.QueueID, m.Flag, m.SysFlag, m.BornTimestamp, m.BornHost.String(), m.StoreHost.String(),
		m.ReconsumeTimes, m.PreparedTransactionOffset, string(m.Body),
		map[string]string{},
	}
	message.EachProperty(m.Properties, func(name, value []byte) bool {
		s.Properties[string(name)] = string(value)
		return true
	})
	return s
}

// TestGoldenDeliveries: what the Java broker delivered is what we deliver of the
// records that it held back, and what it held back is what we hold back.
func TestGoldenDeliveries(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"java-5.4.0-clean", "java-4.9.4-clean"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, root := openGolden(t, name)
			w := newWorld(t, make([]int64, 18)...)
			file, err := os.ReadFile(filepath.Join(root, "config", "delayOffset.json"))
			if err == nil {
				err = w.s.Decode(file)
			}
			if err != nil {
				t.Fatal(err)
			}
			delivered := map[string]stored{} // by place, reconsume times and id
			s.Queues(func(q store.QueueBounds) bool {
				if q.Topic != message.TopicSchedule {
					each(t, s, q, func(v *message.View, _ []byte) { delivered[placeOf(string(v.Topic), v)] = storedOf(messageOf(v)) })
				}
				return true
			})
			compared, waiting := 0, 0
			s.Queues(func(q store.QueueBounds) bool {
				if q.Topic != message.TopicSchedule {
					return true
				}
				next := w.s.offset(q.QueueID + 1)
				each(t, s, q, func(v *message.View, rec []byte) {
					held := storedOf(messageOf(v))
					if again := rewritten(v, held); !cmp.Equal(held, again) {
						t.Errorf("held back: %s", cmp.Diff(held, again))
					}
					var m message.Message
					if err := due(rec, &m); err != nil {
						t.Fatal(err)
					}
					java, found := delivered[placeOf(m.Topic, v)]
					if found != (v.QueueOffset < next) {
						t.Errorf("level %d, offset %d of %d: delivered by Java %v", q.QueueID+1, v.QueueOffset, next, found)
					}
					if !found {
						waiting++
						return
					}
					compared++
					if ours := storedOf(&m); !cmp.Equal(java, ours) {
						t.Errorf("delivered: %s", cmp.Diff(java, ours))
					}
				})
				return true
			})
			t.Logf("%d deliveries compared, %d wait", compared, waiting)
			if compared < 60 || waiting == 0 {
				t.Error("the store holds fewer than it should")
			}
		})
	}
}

func messageOf(v *message.View) *message.Message {
	return &message.Message{
		Topic: string(v.Topic), QueueID: v.QueueID, Flag: v.Flag, SysFlag: v.SysFlag, BornTimestamp: v.BornTimestamp,
		BornHost: v.BornHost, StoreHost: v.StoreHost, ReconsumeTimes: v.ReconsumeTimes,
		PreparedTransactionOffset: v.PreparedTransactionOffset, Body: v.Body, Properties: v.Properties,
	}
}

func placeOf(topic string, v *message.View) string {
	id, _ := message.Property(v.Properties, message.PropertyUniqKey)
	return topic + " " + strconv.Itoa(int(v.ReconsumeTimes)) + " " + string(id)
}

// rewritten is a held back record made again from the message it was.
func rewritten(v *message.View, held stored) stored {
	m := messageOf(v)
	m.Topic = held.Properties[message.PropertyRealTopic]
	queue, _ := strconv.Atoi(held.Properties[message.PropertyRealQueueID])
	m.QueueID = int32(queue)
	m.Properties = message.DeleteProperty(message.DeleteProperty(m.Properties, message.PropertyRealTopic), message.PropertyRealQueueID)
	Rewrite(m, 18, nil)
	return storedOf(m)
}

func each(t *testing.T, s *store.Store, q store.QueueBounds, visit func(v *message.View, rec []byte)) {
	t.Helper()
	units, _, _, _ := s.Units(q.Topic, q.QueueID, q.Min, int(q.Max-q.Min))
	for _, u := range units {
		rec, err := s.Record(u.PhyOffset, u.Size, nil, false)
		var v message.View
		if err == nil {
			err = message.Decode(rec, &v)
		}
		if err != nil {
			t.Fatal(err)
		}
		visit(&v, rec)
	}
}
