// Package loglimit bounds what a log may become: clients cause lines, as many as they send requests, and with names as
// long as a frame. Its Writer stands between zerolog and the file.
package loglimit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/internal/clock"
)

const (
	// lineMost is the longest line; of a longer one the beginning is kept, as text. Stacks of panics are long, and rare.
	lineMost  = 4 << 10
	stackMost = 64 << 10
	// kindMost is how many lines of one kind, those with the same message, a minute may have.
	kindMost = 500
	periodMs = 60_000
	// kindsMost bounds the kinds that are counted; all others are one.
	kindsMost = 1000
)

// Writer passes lines of JSON on. Lines for debugging and audit lines are not counted: who asks for the former wants all,
// and the latter are kept whatever happens.
type Writer struct {
	out   io.Writer
	clock clock.Clock

	mu    sync.Mutex
	kinds map[string]*kind
}

// kind is what became of the lines of one kind in the minute that began last.
type kind struct {
	beganMs     int64
	lines, left int
}

// New makes a Writer.
func New(out io.Writer, clk clock.Clock) *Writer {
	return &Writer{out: out, clock: clk, kinds: map[string]*kind{}}
}

// Write takes one line, as zerolog gives it.
func (w *Writer) Write(line []byte) (int, error) {
	n := len(line)
	text := message(line)
	keep, note := true, ""
	if !bytes.HasPrefix(line, []byte(`{"level":"debug"`)) && !bytes.HasPrefix(line, []byte(`{"level":"trace"`)) && !bytes.Contains(line, []byte(`,"audit":"`)) {
		keep, note = w.count(text)
	}
	if note != "" {
		if _, err := w.out.Write(said(`"warn"`, note, text, nil)); err != nil {
			return 0, err
		}
	}
	if !keep {
		return n, nil
	}
	if most := lineMost; n > most {
		if bytes.Contains(line, []byte(`,"stack":"`)) {
			most = stackMost
		}
		if n > most {
			line = said(level(line), "", text, line[:most])
		}
	}
	if _, err := w.out.Write(line); err != nil {
		return 0, err
	}
	return n, nil
}

// count says whether one more line of a kind is written, and what is to be said of those that are not.
func (w *Writer) count(text []byte) (keep bool, note string) {
	now := w.clock.NowMs()
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.kinds[string(text)]
	if k == nil {
		name := string(text)
		if len(w.kinds) >= kindsMost {
			name = ""
		}
		if k = w.kinds[name]; k == nil {
			k = &kind{beganMs: now}
			w.kinds[name] = k
		}
	}
	if now-k.beganMs >= periodMs || now < k.beganMs {
		if k.left > 0 {
			note = fmt.Sprintf("%d lines were left out: ", k.left)
		}
		*k = kind{beganMs: now}
	}
	if k.lines < kindMost {
		k.lines++
		return true, note
	}
	if k.left++; k.left == 1 {
		note = "more lines like these are left out for the rest of a minute: "
	}
	return false, note
}

// textMost is how much of a message is shown and compared.
const textMost = 256

// message is the line's message, as it is written there: zerolog writes it last.
func message(line []byte) []byte {
	at := bytes.LastIndex(line, []byte(`"message":"`))
	if at < 0 {
		return nil
	}
	text := bytes.TrimSuffix(bytes.TrimSpace(line[at+len(`"message":"`):]), []byte(`"}`))
	return text[:min(len(text), textMost)]
}

// level is the line's level with its quotes: zerolog writes it first.
func level(line []byte) string {
	rest, ok := bytes.CutPrefix(line, []byte(`{"level":`))
	if end := bytes.IndexByte(rest, ','); ok && end > 0 && end < 10 {
		return string(rest[:end])
	}
	return `"warn"`
}

// said makes a line of our own: of the beginning of one that is too long, or about lines of a kind.
func said(level, note string, text, begin []byte) []byte {
	quoted := func(s string) []byte {
		b, _ := json.Marshal(strings.ToValidUTF8(s, "\uFFFD")) // a string always has a form
		return b
	}
	out := append([]byte(`{"level":`), level...)
	if begin != nil {
		out = append(append(out, `,"cut":`...), quoted(string(begin))...)
	}
	out = append(append(out, `,"message":`...), quoted(note+string(text))...)
	return append(out, '}', '\n')
}
