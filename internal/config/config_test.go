package config

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type flushMode int

const (
	async flushMode = iota
	sync2
)

func (m flushMode) MarshalText() ([]byte, error) {
	return []byte([]string{"ASYNC_FLUSH", "SYNC_FLUSH"}[m]), nil
}

func (m *flushMode) UnmarshalText(b []byte) error {
	*m = sync2 // written before it is checked, as careless types do
	switch string(b) {
	case "ASYNC_FLUSH":
		*m = async
	case "SYNC_FLUSH":
	default:
		return fmt.Errorf("no flush mode: %s", b)
	}
	return nil
}

type identity struct {
	BrokerName string `conf:"brokerName"`
	BrokerID   int64  `conf:"brokerId"`
}

type brokerConfig struct {
	identity           // its fields count as written here; unexported embedding is allowed
	Queues   int       `conf:"defaultTopicQueueNums,hot"`
	Reserved int64     `conf:"fileReservedTime,hot"`
	Ratio    float64   `conf:"ratio,hot"`
	Auto     bool      `conf:"autoCreateTopicEnable,hot"`
	Flush    flushMode `conf:"flushDiskType"`
	Port     int       `conf:"listenPort"`
	Secret   string    `conf:"password,secret"`
	private  int
}

type serverConfig struct {
	Port int `conf:"listenPort"`
}

func fresh() (*Section[brokerConfig], *Section[serverConfig], *Set) {
	b := NewSection(brokerConfig{identity: identity{BrokerName: "DEFAULT_BROKER"}, Queues: 8, Reserved: 72, Ratio: 0.5, Auto: true, Port: 6888, private: 1})
	s := NewSection(serverConfig{Port: 10911})
	return b, s, NewSet(b, s)
}

// The binding rules of MixAll.properties2Object, one a row: what the file says, what the bean holds afterwards.
func TestBindingAsJavaDoes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, key, value, want string }{
		{"int", "defaultTopicQueueNums", "16", "16"},
		{"int with a plus", "defaultTopicQueueNums", "+16", "16"},
		{"negative", "brokerId", "-1", "-1"},
		{"int with a blank is ignored", "defaultTopicQueueNums", "16 ", "8"},
		{"int beyond 32 bits is ignored", "defaultTopicQueueNums", "4294967296", "8"},
		{"long beyond 32 bits", "fileReservedTime", "4294967296", "4294967296"},
		{"a fraction is no int", "defaultTopicQueueNums", "16.0", "8"},
		{"hexadecimal is no int", "defaultTopicQueueNums", "0x10", "8"},
		{"underscores are Go's", "defaultTopicQueueNums", "1_6", "8"},
		{"empty is no int", "defaultTopicQueueNums", "", "8"},
		{"double", "ratio", "2", "2.0"},
		{"double with a suffix and blanks", "ratio", " 0.25d ", "0.25"},
		{"no double", "ratio", "half", "0.5"},
		{"NaN", "ratio", "NaN", "0.5"},
		{"true in any case", "autoCreateTopicEnable", "TrUe", "true"},
		{"yes is false", "autoCreateTopicEnable", "yes", "false"},
		{"a blank behind true is false", "autoCreateTopicEnable", "true ", "false"},
		{"strings are trimmed", "brokerName", " broker-a\t", "broker-a"},
		{"enum", "flushDiskType", "SYNC_FLUSH", "SYNC_FLUSH"},
		{"unknown enum value is ignored", "flushDiskType", "MAYBE_FLUSH", "ASYNC_FLUSH"},
		{"secrets are not shown", "password", "x", "******"},
		{"unknown names are kept", "someFutureSetting", " v ", " v "},
		{"names are exact", "BrokerName", "x", "x"},
	} {
		_, _, set := fresh()
		if _, err := set.Apply(map[string]string{row.key: row.value}, false); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if got := flat(set)[row.key]; got != row.want {
			t.Errorf("%s: %s=%q reads as %q, want %q", row.name, row.key, row.value, got, row.want)
		}
	}
}

func flat(s *Set) map[string]string {
	m := make(map[string]string)
	for _, kv := range s.Flat() {
		m[kv[0]] = kv[1]
	}
	return m
}

func TestApplyReachesEverySection(t *testing.T) {
	t.Parallel()
	b, s, set := fresh()
	changed, err := set.Apply(map[string]string{"listenPort": "20911", "brokerName": "a", "fileReservedTime": "72", "x": "1"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"brokerName", "listenPort", "x"}, changed); diff != "" {
		t.Error(diff)
	}
	if b.Get().Port != 20911 || s.Get().Port != 20911 || b.Get().BrokerName != "a" || b.Get().private != 1 {
		t.Errorf("sections: %+v %+v", b.Get(), s.Get())
	}
	if diff := cmp.Diff([]string{"x"}, set.Unknown()); diff != "" {
		t.Error(diff)
	}
	if again, _ := set.Apply(map[string]string{"listenPort": "20911", "x": "1"}, false); len(again) != 0 {
		t.Errorf("nothing changed, yet: %v", again)
	}
}

func TestFlatIsSortedAndWhole(t *testing.T) {
	t.Parallel()
	_, _, set := fresh()
	if _, err := set.Apply(map[string]string{"zz": "1"}, false); err != nil {
		t.Fatal(err)
	}
	want := [][2]string{
		{"autoCreateTopicEnable", "true"},
		{"brokerId", "0"},
		{"brokerName", "DEFAULT_BROKER"},
		{"defaultTopicQueueNums", "8"},
		{"fileReservedTime", "72"},
		{"flushDiskType", "ASYNC_FLUSH"},
		{"listenPort", "10911"},
		{"password", ""},
		{"ratio", "0.5"},
		{"zz", "1"},
	}
	if diff := cmp.Diff(want, set.Flat()); diff != "" {
		t.Error(diff)
	}
}

// A running broker takes every name, as upstream does, but only hot settings change what it does.
func TestRuntimeChanges(t *testing.T) {
	t.Parallel()
	b, s, set := fresh()
	before := b.Get()
	changed, err := set.Apply(map[string]string{"listenPort": "1", "fileReservedTime": "48", "brokerName": "other"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"brokerName", "fileReservedTime", "listenPort"}, changed); diff != "" {
		t.Error(diff)
	}
	if got := b.Get(); got.Reserved != 48 || got.Port != 6888 || got.BrokerName != "DEFAULT_BROKER" || s.Get().Port != 10911 {
		t.Errorf("in effect: %+v, %+v", got, s.Get())
	}
	if before.Reserved != 72 {
		t.Error("a snapshot changed under its reader")
	}
	if got := flat(set); got["listenPort"] != "1" || got["brokerName"] != "other" {
		t.Errorf("the new values are not listed: %v", got)
	}
	// A later change of something hot must not let the others in.
	if _, err := set.Apply(map[string]string{"fileReservedTime": "24"}, true); err != nil || b.Get().Port != 6888 || b.Get().Reserved != 24 {
		t.Errorf("%+v %v", b.Get(), err)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	b, _, set := fresh()
	b.Change(func(c *brokerConfig) { c.BrokerID = 3 })
	if b.Get().BrokerID != 3 || flat(set)["brokerId"] != "3" {
		t.Errorf("%+v %v", b.Get(), set.Flat())
	}
	// A start with more memory finds what was set, not what this one made of it.
	b.Limit(func(c *brokerConfig) { c.BrokerID = 2 })
	if b.Get().BrokerID != 2 || flat(set)["brokerId"] != "3" {
		t.Errorf("limited: %+v %v", b.Get(), set.Flat())
	}
}

// Java counts times as longs of milliseconds and has room for any: "for ever" must not become "at once" here.
func TestTimesAreHeld(t *testing.T) {
	t.Parallel()
	type times struct {
		Ms    int64 `conf:"ms,hot,ms"`
		S     int64 `conf:"s,s"`
		Hours int   `conf:"h,hot,h,min=0"`
	}
	for _, row := range []struct{ ms, s, h, wantMs, wantS, wantH string }{
		{"1000", "1", "72", "1s", "1s", "72h0m0s"},
		{"9223372036854775807", "9223372036854775807", "9999999", "2562047h47m16.854s", "2562047h47m16s", "2562047h0m0s"},
		{"-9223372036854775808", "-9223372036854775808", "0", "-2562047h47m16.854s", "-2562047h47m16s", "0s"},
	} {
		section := NewSection(times{})
		set := NewSet(section)
		if _, err := set.Apply(map[string]string{"ms": row.ms, "s": row.s}, false); err != nil {
			t.Fatal(err)
		}
		if _, err := set.Apply(map[string]string{"h": row.h}, true); err != nil {
			t.Fatal(err)
		}
		got := section.Get()
		for i, d := range []time.Duration{time.Duration(got.Ms) * time.Millisecond, time.Duration(got.S) * time.Second, time.Duration(got.Hours) * time.Hour} {
			if want := []string{row.wantMs, row.wantS, row.wantH}[i]; d.String() != want {
				t.Errorf("%+v: %v, want %s", row, d, want)
			}
		}
		if all := flat(set); all["ms"] != row.ms || all["s"] != row.s || all["h"] != row.h {
			t.Errorf("%+v: shown as %v", row, all)
		}
	}
	held := NewSection(times{Ms: math.MaxInt64})
	held.Limit(func(c *times) { c.S = math.MaxInt64 })
	if got := held.Get(); got.Ms != math.MaxInt64/int64(time.Millisecond) || got.S != math.MaxInt64/int64(time.Second) {
		t.Errorf("set by the program: %+v", got)
	}
	if _, err := NewSet(held).Apply(map[string]string{"ms": "1", "h": "-1"}, true); !errors.Is(err, ErrTooSmall) || held.Get().Ms == 1 {
		t.Errorf("below the least: %v, %+v", err, held.Get())
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	_, _, set := fresh()
	many := make(map[string]string)
	for i := range maxUnknown + 1 {
		many[fmt.Sprintf("k%d", i)] = "v"
	}
	many["brokerName"] = "changed"
	for name, kv := range map[string]map[string]string{
		"too many names": many, "a long name": {strings.Repeat("k", maxNameLength+1): ""}, "a long value": {"brokerName": strings.Repeat("v", maxValueLength+1)},
	} {
		if _, err := set.Apply(kv, true); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if flat(set)["brokerName"] != "DEFAULT_BROKER" || len(set.Unknown()) != 0 {
		t.Error("a refused change was applied in part")
	}
}

func TestMistakesShowAtOnce(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"no struct": func() { NewSection(1) },
		"a slice": func() {
			NewSection(struct {
				A []string `conf:"a"`
			}{})
		},
		"int32": func() {
			NewSection(struct {
				A int32 `conf:"a"`
			}{})
		},
		"unknown option": func() {
			NewSection(struct {
				A int `conf:"a,cold"`
			}{})
		},
		"a time that is text": func() {
			NewSection(struct {
				A string `conf:"a,ms"`
			}{})
		},
		"a least that is no number": func() {
			NewSection(struct {
				A int `conf:"a,min=x"`
			}{})
		},
		"no name": func() {
			NewSection(struct {
				A int `conf:",hot"`
			}{})
		},
		"unexported": func() {
			NewSection(struct {
				a int `conf:"a"`
			}{})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			f()
		}()
	}
}

func TestReadersAndWritersTogether(t *testing.T) {
	t.Parallel()
	b, _, set := fresh()
	var done sync.WaitGroup
	for w := range 2 {
		done.Go(func() {
			for i := range 200 {
				if _, err := set.Apply(map[string]string{"fileReservedTime": fmt.Sprint(i + w), "u": fmt.Sprint(i)}, true); err != nil {
					t.Error(err)
				}
			}
		})
		done.Go(func() {
			for range 200 {
				if got := b.Get(); got.Port != 6888 {
					t.Errorf("port %d", got.Port)
				}
				set.Flat()
			}
		})
	}
	done.Wait()
}
