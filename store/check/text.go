package check

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Text writes a report for people.
func (r *Report) Text(w io.Writer) {
	fmt.Fprintf(w, "store      %s", r.Root)
	if r.InUse {
		fmt.Fprint(w, "   in use")
	}
	if r.Unclean && !r.InUse {
		fmt.Fprint(w, "   not stopped cleanly")
	}
	fmt.Fprint(w, "\nsizes     ")
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		fmt.Fprintf(w, " %s=%d", name, r.Settings[name])
	}
	fmt.Fprintf(w, "\nlog        %d files, [%d, %d), %d records, newest of %s\n", r.Log.Files, r.Log.Min, r.Log.End, r.Log.Records, at(r.Log.LastTime))
	if r.Log.Quarantined > 0 {
		fmt.Fprintf(w, "           %d records stand for lost messages\n", r.Log.Quarantined)
	}
	fmt.Fprintf(w, "queues     %d, %d units agree with their records, %d of expired ones", r.Queues.Queues, r.Queues.Units+r.Queues.Batch, r.Queues.Expired)
	if r.Queues.Ext > 0 {
		fmt.Fprintf(w, ", %d extended", r.Queues.Ext)
	}
	fmt.Fprintf(w, "\nindex      %d files, %d keys agree with their records, %d of expired ones\n", r.Index.Files, r.Index.Keys, r.Index.Expired)
	fmt.Fprintf(w, "state      %d files, %d consumer positions, %d timers pending\n", r.StateFiles, r.Offsets, r.Timers)
	for _, s := range []Severity{Error, Warning, Note} {
		for _, p := range r.Problems {
			if p.Severity != s {
				continue
			}
			place := strings.TrimPrefix(strings.TrimPrefix(p.File, r.Root), "/")
			if p.At >= 0 {
				place += fmt.Sprintf(" at %d", p.At)
			}
			fmt.Fprintf(w, "%-8s %-15s %s: %s\n", s, p.Kind, place, p.What)
		}
	}
	for _, k := range r.kinds() {
		if n := r.Counts[k] - maxProblems; n > 0 {
			fmt.Fprintf(w, "         %-15s and %d more\n", k, n)
		}
	}
	if r.Clean() {
		fmt.Fprintln(w, "clean")
		return
	}
	fmt.Fprintf(w, "%d errors, %d warnings\n", r.Errors, r.Warnings)
}

func (r *Report) kinds() []Kind {
	list := make([]Kind, 0, len(r.Counts))
	for k := range r.Counts {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func at(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000")
}

// Text writes a plan for people.
func (p *Repair) Text(w io.Writer) {
	for _, s := range p.Steps {
		fmt.Fprintf(w, "%-11s %s: %s\n", s.Action, s.File, s.What)
	}
	if p.Lost > 0 {
		fmt.Fprintf(w, "%d messages are lost; others stand for them\n", p.Lost)
	}
	if p.Refused != "" {
		fmt.Fprintf(w, "none of it will be done: %s\n", p.Refused)
	}
	if len(p.Steps) == 0 {
		fmt.Fprintln(w, "nothing to repair")
	}
}

// Text writes what a start would meet.
func (s Start) Text(w io.Writer) {
	verdict := "starts"
	if s.Refuses {
		verdict = "does not start"
	}
	fmt.Fprintf(w, "%s %s here\n", s.Broker, verdict)
	for _, o := range s.Obstacles {
		mark := "  note  "
		if o.Stops {
			mark = "  STOPS "
		}
		if o.File != "" {
			fmt.Fprintf(w, "%s%s\n", mark, o.File)
			mark = "        "
		}
		fmt.Fprintf(w, "%s%s\n", mark, o.What)
		if o.Setting != "" {
			fmt.Fprintf(w, "        setting: %s\n", o.Setting)
		}
		fmt.Fprintf(w, "        way out: %s\n", o.WayOut)
	}
}
