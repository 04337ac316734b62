package loglimit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
)

func lines(t *testing.T, b *bytes.Buffer) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %.200q", err, line)
		}
		list = append(list, m)
	}
	b.Reset()
	return list
}

func TestFloods(t *testing.T) {
	t.Parallel()
	now, out := clock.NewFake(time.UnixMilli(1_700_000_000_000)), new(bytes.Buffer)
	log := zerolog.New(New(out, now)).Level(zerolog.DebugLevel).With().Timestamp().Logger()
	for range 3 * kindMost {
		log.Warn().Str("client", "c").Msg("refused")
	}
	log.Warn().Msg("another")
	got := lines(t, out)
	if len(got) != kindMost+2 || got[kindMost]["message"] != "more lines like these are left out for the rest of a minute: refused" || got[kindMost+1]["message"] != "another" {
		t.Errorf("%d lines, the last %v", len(got), got[len(got)-1])
	}
	for range kindMost + 1 {
		log.Debug().Msg("refused")
		log.Warn().Str("audit", "purge").Msg("refused")
	}
	if n := len(lines(t, out)); n != 2*kindMost+2 {
		t.Errorf("%d lines of those that are not counted", n)
	}
	now.Advance(time.Minute)
	log.Warn().Str("client", "c").Msg("refused")
	if got = lines(t, out); len(got) != 2 || got[0]["message"] != "1000 lines were left out: refused" || got[1]["client"] != "c" {
		t.Errorf("a minute later %v", got)
	}
}

// However a name looks, a long line stays one, and of JSON.
func TestLongLines(t *testing.T) {
	t.Parallel()
	out := new(bytes.Buffer)
	log := zerolog.New(New(out, clock.Real))
	for _, unit := range []string{"a", `"`, "\n", "\xff", "ü", `","audit":"`, `","message":"`} {
		log.Info().Str("remote", "1.2.3.4:5").Str("topic", strings.Repeat(unit, 1<<16)).Msg("topic deleted")
		size := out.Len()
		got := lines(t, out)
		if size > 8*lineMost || len(got) != 1 || got[0]["message"] != "topic deleted" || got[0]["level"] != "info" || !strings.Contains(got[0]["cut"].(string), "1.2.3.4:5") {
			t.Errorf("%q: %d bytes, %d lines", unit, size, len(got))
		}
	}
	log.Error().Str("stack", strings.Repeat("x", 20_000)).Msg("handler panicked")
	if got := lines(t, out); len(got) != 1 || len(got[0]["stack"].(string)) != 20_000 {
		t.Error("a stack was cut")
	}
}

func TestManyKinds(t *testing.T) {
	t.Parallel()
	w := New(new(bytes.Buffer), clock.Real)
	log := zerolog.New(w)
	for i := range 3 * kindsMost {
		log.Info().Msg(strings.Repeat("k", 1+i%200) + string(rune('a'+i/200)))
	}
	if n := len(w.kinds); n > kindsMost+1 {
		t.Errorf("%d kinds", n)
	}
}
