package harness

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the recorded transcripts anew; only with SKYLARK_TARGET=java")

// Section is a block of a transcript: a line "== name", then what was observed.
type Section struct {
	Name  string
	Lines []string
}

// Sections cuts a transcript; lines before the first block and lines starting with # are the recording's own remarks.
func Sections(text string) []Section {
	var all []Section
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch name, isHead := strings.CutPrefix(line, "== "); {
		case isHead:
			all = append(all, Section{Name: name})
		case len(all) > 0 && !strings.HasPrefix(line, "#"):
			last := &all[len(all)-1]
			last.Lines = append(last.Lines, line)
		}
	}
	return all
}

// CompareGolden compares every block of a transcript with the block of that name in testdata/name.golden, which was
// recorded from the Java original. A run of some of the scenarios is compared with those; a run that should have been
// complete must have every block.
// Blocks named in except are recorded, but compared by the caller.
func CompareGolden(t *testing.T, name, transcript string, complete bool, except ...string) {
	t.Helper()
	path := goldenPath(name)
	if *update && complete {
		record(t, path, transcript)
		return
	}
	want := readGolden(t, name)
	got := Sections(transcript)
	if len(got) == 0 {
		t.Fatal("the transcript is empty")
	}
	for _, g := range got {
		i := slices.IndexFunc(want, func(s Section) bool { return s.Name == g.Name })
		if i < 0 {
			t.Errorf("%s is not in %s: record it from the original", g.Name, path)
			continue
		}
		switch d := diff(want[i].Lines, g.Lines); {
		case slices.Contains(except, g.Name):
		case len(g.Lines) > 0 && strings.HasPrefix(g.Lines[len(g.Lines)-1], "FAIL "):
			// What it did not come to observe is no news.
			t.Errorf("%s after %d lines: %s", g.Name, len(g.Lines)-1, g.Lines[len(g.Lines)-1])
		case d != "":
			t.Errorf("%s differs from the original (- original, + this server):\n%s", g.Name, d)
		}
		want = slices.Delete(want, i, i+1)
	}
	if complete {
		for _, w := range want {
			t.Errorf("%s is missing in the transcript", w.Name)
		}
	}
}

// GoldenSection returns one block of a recorded transcript.
func GoldenSection(t *testing.T, golden, section string) []string {
	t.Helper()
	return find(t, readGolden(t, golden), section)
}

// FindSection returns one block of a transcript.
func FindSection(t *testing.T, transcript, section string) []string {
	t.Helper()
	return find(t, Sections(transcript), section)
}

func find(t *testing.T, all []Section, name string) []string {
	t.Helper()
	i := slices.IndexFunc(all, func(s Section) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no block %q", name)
	}
	return all[i].Lines
}

func goldenPath(name string) string {
	return filepath.Join("testdata", name+".golden")
}

func readGolden(t *testing.T, name string) []Section {
	t.Helper()
	text, err := os.ReadFile(goldenPath(name))
	if err != nil {
		t.Fatal(err)
	}
	return Sections(string(text))
}

func record(t *testing.T, path, transcript string) {
	t.Helper()
	if TargetOfEnv(t) != Java {
		t.Fatal("-update records from the original: set SKYLARK_TARGET=java")
	}
	if strings.Contains(transcript, "\nFAIL ") {
		t.Fatalf("not recorded, a scenario failed:\n%s", transcript)
	}
	head := fmt.Sprintf("# Recorded from the Apache RocketMQ 5.5.0 name server and broker by:\n"+
		"# SKYLARK_TARGET=java go test -run '%s' -update .\n", t.Name())
	if err := os.WriteFile(path, []byte(head+transcript), 0o644); err != nil {
		t.Fatal(err)
	}
}

// diff lists the lines that differ, or is empty. The blocks are short: a table of the longest
// common subsequences is affordable and finds the smallest difference.
func diff(want, got []string) string {
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out strings.Builder
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			i++
			j++
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			fmt.Fprintf(&out, "  - %s\n", want[i])
			i++
		default:
			fmt.Fprintf(&out, "  + %s\n", got[j])
			j++
		}
	}
	return out.String()
}
