package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestEachLightQueue(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, topic, names, offsets string
		sysFlag                     int32
		want                        string
	}{
		{"two", "T", "%LMQ%a,%LMQ%b", "3,0", 0, "%LMQ%a=3 %LMQ%b=0 "},
		{"others have an empty place", "T", "x,%LMQ%a", ",7", 0, "%LMQ%a=7 "},
		{"another number of places", "T", "%LMQ%a,%LMQ%b", "3", 0, ""},
		{"twice", "T", "%LMQ%a,%LMQ%a", "3,3", 0, "%LMQ%a=3 "},
		{"no numbers", "T", "%LMQ%a,%LMQ%b", "x,-1", 0, ""},
		{"a path", "T", "%LMQ%../../x,%LMQ%b", "1,2", 0, "%LMQ%b=2 "},
		{"a name too long", "T", "%LMQ%" + strings.Repeat("n", 300), "1", 0, ""},
		{"not a number of 64 bits", "T", "%LMQ%a", "99999999999999999999", 0, ""},
		{"no offsets", "T", "%LMQ%a", "", 0, ""},
		{"a retry", "%RETRY%g", "%LMQ%a", "1", 0, ""},
		{"a dead letter", "%DLQ%g", "%LMQ%a", "1", 0, ""},
		{"one that waits", TopicSchedule, "%LMQ%a", "1", 0, ""},
		{"a timer", TopicTimer, "%LMQ%a", "1", 0, ""},
		{"its own topic", "%LMQ%a", "%LMQ%a,%LMQ%b", "1,2", 0, "%LMQ%b=2 "},
		{"prepared", "T", "%LMQ%a", "1", FlagTransactionPrepared, ""},
		{"committed", "T", "%LMQ%a", "1", FlagTransactionCommit, "%LMQ%a=1 "},
	} {
		props := AppendProperty(AppendProperty(nil, PropertyInnerMultiDispatch, row.names), PropertyInnerMultiQueueOffset, row.offsets)
		got := ""
		EachLightQueue(&View{Topic: []byte(row.topic), SysFlag: row.sysFlag, Properties: props}, func(name string, offset int64) {
			got += fmt.Sprintf("%s=%d ", name, offset)
		})
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestInnerBatch(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		base, num string
		sysFlag   int32
		ok        bool
	}{
		{"5", "3", FlagInnerBatch, true},
		{"5", "3", 0, false},
		{"", "3", FlagInnerBatch, false},
		{"5", "", FlagInnerBatch, false},
		{"-1", "3", FlagInnerBatch, false},
		{"5", "0", FlagInnerBatch, false},
		{"5", "40000", FlagInnerBatch, false},
		{"5", "3", FlagInnerBatch | FlagTransactionPrepared, false},
	} {
		v := View{SysFlag: row.sysFlag, Properties: AppendProperty(AppendProperty(nil, PropertyInnerBase, row.base), PropertyInnerNum, row.num)}
		base, count, ok := v.InnerBatch()
		if ok != row.ok || ok && (base != 5 || count != 3) {
			t.Errorf("%+v: %d, %d, %v", row, base, count, ok)
		}
	}
}

// TestLate writes values into records of every shape and reads them back.
func TestLate(t *testing.T) {
	t.Parallel()
	for _, e := range []Encoding{{}, {PropertyCRC: true}, {LongTopics: true, PropertyCRC: true}} {
		for _, topic := range []string{"T", strings.Repeat("t", 127), strings.Repeat("t", 200)} {
			for _, value := range []string{"", "0", "12,3", "123456789"} {
				m := &Message{Topic: topic, Body: []byte("body"), Properties: AppendLate([]byte("a\x01b"), "LATE", 9)}
				rec, err := e.AppendRecord([]byte("before"), m)
				if err != nil {
					if len(topic) > 127 && !e.LongTopics {
						continue
					}
					t.Fatal(err)
				}
				rec = rec[len("before"):]
				rec = e.LateOf(rec, 9).Put(rec, []byte(value))
				Patch(rec, StoreTimestampAt(rec), 1, 2, 3)
				if e.PropertyCRC {
					SealCRC(rec)
					if err := CheckPropertyCRC(rec); err != nil {
						t.Errorf("%q: %v", value, err)
					}
				}
				var v View
				if err := Decode(rec, &v); err != nil || int(v.Size) != len(rec) {
					t.Fatalf("%q: %v", value, err)
				}
				want := "a\x01b\x02LATE\x01" + value + "\x02"
				if got := string(v.Properties); !strings.HasPrefix(got, want) || !e.PropertyCRC && got != want || string(v.Body) != "body" {
					t.Errorf("%q: properties %q", value, got)
				}
			}
		}
	}
}
