package schedule

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/message"
)

func TestDelivery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000, 5000, 7_200_000)
		defer w.run()()
		start := time.Now()
		w.put("A", "two hours", "3")
		w.put("A", "five seconds", "2")
		w.put("B", "one second", "1")
		time.Sleep(500 * time.Millisecond)
		w.put("B", "one second, later", "1")
		w.put("B", "the highest level there is", "99")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		var got []string
		for _, d := range w.delivered {
			got = append(got, fmt.Sprintf("%s/%d %s after %v", d.topic, d.queue, d.body, d.at.Sub(start)))
		}
		if diff := cmp.Diff([]string{
			"B/3 one second after 1s",
			"B/3 one second, later after 1.5s",
			"A/3 five seconds after 5s",
			"A/3 two hours after 2h0m0s",
			"B/3 the highest level there is after 2h0m0.5s",
		}, got); diff != "" {
			t.Error(diff)
		}
		if want := "DELAY\x011\x02REAL_TOPIC\x01B\x02REAL_QID\x013\x02"; w.delivered[0].props != want {
			t.Errorf("properties %q, want %q", w.delivered[0].props, want)
		}
	})
}

// TestIdleLevelsDoNothing: without messages nothing looks at the queues.
func TestIdleLevelsDoNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000, 5000)
		defer w.run()()
		w.put("A", "x", "1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := w.looks
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if w.looks != before || len(w.delivered) != 1 {
			t.Errorf("%d looks at empty queues in a day, %d delivered", w.looks-before, len(w.delivered))
		}
		w.put("A", "y", "1")
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"x", "y"}, w.bodies()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestManyAtOnce: what is due together is stored together, and in order.
func TestManyAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		defer w.run()()
		var want []string
		for i := range 10_000 {
			want = append(want, fmt.Sprint(i))
			w.put("A", want[i], "1")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff(want, w.bodies()); diff != "" {
			t.Error(diff)
		}
		if most := 10_000/batchMessages + 1; w.batches > most {
			t.Errorf("%d batches, want at most %d", w.batches, most)
		}
	})
}

// TestSteadyLoadIsOnTime: 10,000 messages a second, and a store that takes 20 ms for whatever it gets at once. The time is the
// bubble's, so what is late here is late on any machine.
func TestSteadyLoadIsOnTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const turn, every, turns = 100, 10 * time.Millisecond, 300
		const delay, bound = time.Second, 100 * time.Millisecond
		w := newWorld(t, delay.Milliseconds())
		w.takes = 20 * time.Millisecond
		defer w.run()()
		start := time.Now()
		for range turns {
			for range turn {
				w.put("A", "x", "1")
			}
			time.Sleep(every)
		}
		time.Sleep(delay + bound)
		synctest.Wait()
		if len(w.delivered) != turns*turn {
			t.Fatalf("%d delivered of %d", len(w.delivered), turns*turn)
		}
		for i, d := range w.delivered {
			due := start.Add(time.Duration(i/turn)*every + delay)
			if late := d.at.Sub(due); late < 0 || late > bound {
				t.Fatalf("message %d came %v late, want at most %v", i, late, bound)
			}
		}
	})
}

func TestRefusedDeliveryIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		w.refuse, w.refuseAll = fmt.Errorf("OS_PAGE_CACHE_BUSY"), true
		defer w.run()()
		w.put("A", "a", "1")
		w.put("illegal", "never taken", "1")
		w.put("A", "b", "1")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(w.delivered) != 0 || w.batches > 50 {
			t.Errorf("%d delivered in %d tries", len(w.delivered), w.batches)
		}
		w.mu.Lock()
		w.refuseAll = false
		w.mu.Unlock()
		time.Sleep(again)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a", "b"}, w.bodies()); diff != "" {
			t.Error(diff)
		}
		if got := w.s.offset(1); got != 3 {
			t.Errorf("progress %d, want 3", got)
		}
	})
}

// TestProgressSurvives: a stop loses and repeats nothing, a crash repeats what was
// delivered since the last save.
func TestProgressSurvives(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000, 60_000)
		stop := w.run()
		w.put("A", "a", "1")
		w.put("A", "later", "2")
		time.Sleep(15 * time.Second) // saved at 10 s
		synctest.Wait()
		saved := w.saved
		w.put("A", "b", "1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		stop()
		clean := w.saved
		w.saved = saved // the crash
		w.restart()
		stop = w.run()
		synctest.Wait()
		if diff := cmp.Diff([]string{"a", "b", "b"}, w.bodies()); diff != "" {
			t.Errorf("after a crash: %s", diff)
		}
		stop()
		w.saved = clean
		w.restart()
		stop = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a", "b", "b", "later"}, w.bodies()); diff != "" {
			t.Errorf("after a clean stop: %s", diff)
		}
		stop()
		if w.syncs == 0 {
			t.Error("progress was saved without the messages it speaks of")
		}
		if syncs := w.syncs; syncs > 8 {
			t.Errorf("%d saves of an unchanged progress", syncs)
		}
	})
}

func TestOffsetsOutsideTheQueue(t *testing.T) {
	for name, row := range map[string]struct {
		file string
		low  int64
		want []string
	}{
		"before the first":      {"{\"offsetTable\":{1:0}}", 2, []string{"2", "3"}},
		"behind the last":       {"{\"offsetTable\":{1:9}}", 0, nil},
		"negative":              {"{\"offsetTable\":{1:-7}}", 0, []string{"0", "1", "2", "3"}},
		"no file of that level": {"{\"offsetTable\":{2:1}}", 0, []string{"0", "1", "2", "3"}},
		"half delivered":        {"{\n\t\"offsetTable\":{1:3,2:10\n\t}\n}", 0, []string{"3"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, 1000)
				for i := range 4 {
					w.put("A", fmt.Sprint(i), "1")
				}
				w.low[0] = row.low
				w.saved = []byte(row.file)
				w.restart()
				defer w.run()()
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if diff := cmp.Diff(row.want, w.bodies()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestTimesOfAnotherClock: a time of delivery further away than the level waits is
// due; one hidden in an extension is found in the record.
func TestTimesOfAnotherClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 60_000)
		w.put("A", "ahead", "1")
		w.queues[0][0].Due++
		w.put("A", "hidden", "1")
		w.queues[0][1].Due = -1 << 62
		start := time.Now()
		defer w.run()()
		synctest.Wait()
		if diff := cmp.Diff([]string{"ahead"}, w.bodies()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if len(w.delivered) != 2 || w.delivered[1].at.Sub(start) != time.Minute {
			t.Errorf("%v", w.delivered)
		}
	})
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	prop := func(pairs ...string) (s []byte) {
		for i := 0; i < len(pairs); i += 2 {
			s = message.AppendProperty(s, pairs[i], pairs[i+1])
		}
		return s
	}
	for _, row := range []struct {
		name      string
		m         message.Message
		topic     string
		queue     int32
		props     []byte
		untouched bool
	}{
		{
			name: "level", m: message.Message{Topic: "T", QueueID: 2, Properties: prop("A", "b", "DELAY", "3")},
			topic: message.TopicSchedule, queue: 2, props: prop("A", "b", "DELAY", "3", "REAL_TOPIC", "T", "REAL_QID", "2"),
		},
		{
			name: "above the highest", m: message.Message{Topic: "T", Properties: prop("DELAY", "2147483647")},
			topic: message.TopicSchedule, queue: 17, props: prop("DELAY", "18", "REAL_TOPIC", "T", "REAL_QID", "0"),
		},
		{
			name: "timers lose", m: message.Message{Topic: "T", Properties: prop("TIMER_DELAY_SEC", "5", "DELAY", "1", "TIMER_DELAY_MS", "1", "TIMER_DELIVER_MS", "9")},
			topic: message.TopicSchedule, queue: 0, props: prop("DELAY", "1", "REAL_TOPIC", "T", "REAL_QID", "0"),
		},
		{
			name: "delayed once more", m: message.Message{Topic: "%RETRY%g", Properties: prop("DELAY", "4", "REAL_TOPIC", "x", "REAL_QID", "9", "Z", "z")},
			topic: message.TopicSchedule, queue: 3, props: prop("DELAY", "4", "Z", "z", "REAL_TOPIC", "%RETRY%g", "REAL_QID", "0"),
		},
		{
			name: "commit", m: message.Message{Topic: "T", SysFlag: message.FlagTransactionCommit, Properties: prop("DELAY", "1")},
			topic: message.TopicSchedule, queue: 0, props: prop("DELAY", "1", "REAL_TOPIC", "T", "REAL_QID", "0"),
		},
		{
			name: "the last of two", m: message.Message{Topic: "T", Properties: prop("DELAY", "1", "DELAY", "2")},
			topic: message.TopicSchedule, queue: 1, props: prop("DELAY", "2", "DELAY", "2", "REAL_TOPIC", "T", "REAL_QID", "0"),
		},
		{name: "level 0", m: message.Message{Topic: "T", Properties: prop("DELAY", "0")}, untouched: true},
		{name: "negative", m: message.Message{Topic: "T", Properties: prop("DELAY", "-1")}, untouched: true},
		{name: "no number", m: message.Message{Topic: "T", Properties: prop("DELAY", "soon")}, untouched: true},
		{name: "too large a number", m: message.Message{Topic: "T", Properties: prop("DELAY", "99999999999")}, untouched: true},
		{name: "half", m: message.Message{Topic: message.TopicHalf, Properties: prop("DELAY", "1")}, untouched: true},
		{name: "rollback", m: message.Message{Topic: "T", SysFlag: message.FlagTransactionRollback, Properties: prop("DELAY", "1")}, untouched: true},
	} {
		m := row.m
		buf := Rewrite(&m, 18, []byte("before"))
		if row.untouched {
			row.topic, row.queue, row.props = row.m.Topic, row.m.QueueID, row.m.Properties
		}
		if m.Topic != row.topic || m.QueueID != row.queue || string(m.Properties) != string(row.props) || !strings.HasPrefix(string(buf), "before") {
			t.Errorf("%s: %s/%d %q, want %s/%d %q", row.name, m.Topic, m.QueueID, m.Properties, row.topic, row.queue, row.props)
		}
	}
}

func TestRecordsThatBelongNowhere(t *testing.T) {
	t.Parallel()
	for _, props := range []string{
		"", "REAL_TOPIC\x01T\x02", "REAL_QID\x011\x02", "REAL_TOPIC\x01T\x02REAL_QID\x01x\x02", "REAL_TOPIC\x01T\x02REAL_QID\x01-1\x02",
		"REAL_TOPIC\x01RMQ_SYS_TRANS_HALF_TOPIC\x02REAL_QID\x010\x02", "REAL_TOPIC\x01SCHEDULE_TOPIC_XXXX\x02REAL_QID\x010\x02",
	} {
		rec, err := (message.Encoding{}).AppendRecord(nil, &message.Message{
			Topic: message.TopicSchedule, Body: []byte("b"), BornHost: host, StoreHost: host, Properties: []byte(props),
		})
		if err != nil {
			t.Fatal(err)
		}
		var m message.Message
		if err := due(rec, &m); err == nil {
			t.Errorf("%q is delivered to %s", props, m.Topic)
		}
	}
}
