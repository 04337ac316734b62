// Package record keeps what a benchmark measured, a JSON line each, written when it is known: a run that is cut short loses nothing, and
// tables and plots are made from the file, at any time.
package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// One is one measurement: a row on a server in a round.
type One struct {
	At     time.Time          `json:"at"`
	Row    string             `json:"row"`
	Server string             `json:"server"`
	Round  int                `json:"round"`
	Values map[string]float64 `json:"values"`
	Errors map[string]int64   `json:"errors,omitempty"`
}

// Run describes the run that the following lines belong to.
type Run struct {
	At      time.Time     `json:"run"`
	Machine string        `json:"machine"`
	Version string        `json:"version"` // of ours
	Command string        `json:"command"`
	Heap    string        `json:"heap"`
	Jit     time.Duration `json:"jit"`
	Seconds float64       `json:"seconds"`
}

// File appends to a file of records.
type File struct{ f *os.File }

// Create opens the file for appending; keep says whether what is in it stays.
func Create(path string, keep bool) (*File, error) {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if !keep {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

// Add appends a One or a Run in one write.
func (f *File) Add(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = f.f.Write(append(line, '\n'))
	return err
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Read gives the runs and the measurements of a file; a file that does not exist has none.
func Read(path string) (runs []Run, all []One, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	return read(f)
}

func read(r io.Reader) (runs []Run, all []One, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var run Run
		var one One
		if err := json.Unmarshal(lines.Bytes(), &run); err != nil {
			return runs, all, fmt.Errorf("line %d: %w", n, err)
		}
		if !run.At.IsZero() {
			runs = append(runs, run)
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return runs, all, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, one)
	}
	return runs, all, lines.Err()
}
