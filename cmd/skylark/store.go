package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/check"
)

// Exit codes of `skylark store`, for scripts. They do not change.
const (
	storeClean    = 0 // nothing to repair; both brokers start
	storeWarnings = 1 // check: warnings only; repair without --write: there is something to do
	storeErrors   = 2 // check: errors; repair: refused, or not clean afterwards; takeover: this broker would not start
	storeFailed   = 3 // the command itself failed: bad arguments, no such directory, the lock is held
)

const storeUsage = `usage: skylark store COMMAND [flags] DIR

  check     compare every file of a store with every other. Only reads, takes no lock: also while a broker runs
  dump      print records, units, index or state, one JSON object a line
  repair    say what would make the store clean; with --write do it. What is replaced is kept in DIR/repaired-DATE
  takeover  with --check: say what would happen if this broker, or the Java broker, started in DIR

File sizes are found out from the files; -c broker.conf names them, and the place of the log. With both -c and DIR,
a copy of that store is looked at: paths in its root are taken as paths in DIR, and one elsewhere is refused.
Exit codes: 0 clean; 1 warnings, or a repair that waits for --write; 2 errors, or a repair that is refused; 3 the command failed.
`

// A storeCall is one of the commands with what all of them have.
type storeCall struct {
	*call
	ctx     context.Context
	flags   *flag.FlagSet
	asJSON  bool
	conf    string
	options check.Options
}

func runStore(c *call) error {
	commands := map[string]func(*storeCall) error{"check": storeCheck, "dump": storeDump, "repair": storeRepair, "takeover": storeTakeover}
	name := ""
	if len(c.args) > 0 {
		name = c.args[0]
	}
	run, ok := commands[name]
	if !ok {
		if isHelp(name) {
			fmt.Fprint(c.stdout, storeUsage)
			return nil
		}
		return exit{storeFailed, storeUsage}
	}
	c.program += " " + name
	c.args = c.args[1:]
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s := &storeCall{call: c, ctx: ctx, flags: c.flags()}
	s.flags.Usage = func() {
		what := ""
		if name == "dump" {
			what = "records|units|index|state "
		}
		fmt.Fprintf(s.flags.Output(), "usage: %s %s[flags] DIR\n", c.program, what)
		s.flags.PrintDefaults()
	}
	s.flags.BoolVar(&s.asJSON, "json", false, "print JSON")
	s.flags.StringVar(&s.conf, "c", "", "`file` of settings: a broker.conf")
	err := run(s)
	var e exit
	if err == nil || errors.Is(err, flag.ErrHelp) || errors.As(err, &e) {
		return err
	}
	return exit{storeFailed, c.program + ": " + err.Error()}
}

// parse reads flags and the directory, in any order.
func (s *storeCall) parse(words ...*string) error {
	if asksHelp(s.args) {
		s.flags.SetOutput(s.stdout)
	}
	var dir string
	words = append(words, &dir)
	for args := s.args; ; {
		if err := s.flags.Parse(args); err != nil {
			if s.flags.Output() == s.stdout {
				return flag.ErrHelp
			}
			return exit{storeFailed, err.Error()}
		}
		if args = s.flags.Args(); len(args) == 0 {
			break
		}
		if len(words) == 0 {
			return exit{storeFailed, fmt.Sprintf("unexpected argument %q", args[0])}
		}
		*words[0], words, args = args[0], words[1:], args[1:]
	}
	return s.settings(dir)
}

// settings are those of the file, or what the directory's files tell.
func (s *storeCall) settings(dir string) error {
	all := newBrokerSettings()
	if err := load(s.conf, all.all); err != nil {
		return exit{storeFailed, err.Error()}
	}
	cfg := *all.store.Get()
	switch dir = strings.TrimSuffix(dir, "/"); {
	case dir == "" && s.conf == "":
		s.flags.Usage()
		return exit{storeFailed, "name the store directory"}
	case dir != "":
		if err := moveRoot(&cfg, dir); err != nil {
			return exit{storeFailed, s.program + ": " + err.Error()}
		}
	}
	if err := s.holds(&cfg); err != nil {
		return err
	}
	if s.conf == "" {
		check.Guess(vfs.ReadOnly, cfg.StorePathRootDir, &cfg)
	}
	s.options = check.Options{Config: &cfg, Guessed: s.conf == ""}
	if s.conf != "" {
		s.options.Settings = all.obstacles()
	}
	return nil
}

// holds refuses a directory that is no store, for a check of the wrong one would find
// nothing wrong. A broker may start in an empty one.
func (s *storeCall) holds(cfg *store.Config) error {
	root := cfg.StorePathRootDir
	if _, err := os.Stat(root); err != nil || cfg.StorePathCommitLog != "" || strings.HasSuffix(s.program, " takeover") {
		return nil //nolint:nilerr // what is not there, the command itself says
	}
	for _, part := range []string{"commitlog", "consumequeue", "config"} {
		if _, err := os.Stat(filepath.Join(root, part)); err == nil {
			return nil
		}
	}
	return exit{storeFailed, fmt.Sprintf("%s: %s is no store: it has neither commitlog/ nor consumequeue/ nor config/; name the storePathRootDir of the broker", s.program, root)}
}

func (s *storeCall) print(v any, text func(io.Writer)) error {
	if !s.asJSON {
		text(s.stdout)
		return nil
	}
	out := json.NewEncoder(s.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// ended is the exit with a code and nothing more to say.
func ended(code int, format string, args ...any) error {
	if code == storeClean {
		return nil
	}
	return exit{code, fmt.Sprintf(format, args...)}
}

func codeOf(r *check.Report) int {
	switch {
	case r.Errors > 0:
		return storeErrors
	case r.Warnings > 0:
		return storeWarnings
	}
	return storeClean
}

func storeCheck(s *storeCall) error {
	if err := s.parse(); err != nil {
		return err
	}
	r, err := check.Run(s.ctx, s.options)
	if err != nil {
		return err
	}
	if err := s.print(r, r.Text); err != nil {
		return err
	}
	return ended(codeOf(r), "%s: %d errors, %d warnings", r.Root, r.Errors, r.Warnings)
}

func storeDump(s *storeCall) error {
	var f check.Filter
	var what, begin, end string
	queue := s.flags.Int("queue", -1, "only this queue")
	s.flags.StringVar(&f.Topic, "topic", "", "only this topic")
	s.flags.StringVar(&f.Key, "key", "", "only records with this key or unique key; of the index, entries with the hash of topic and key")
	s.flags.Int64Var(&f.From, "from", 0, "only from this `offset` on: of the log; of the queue when units are dumped")
	s.flags.Int64Var(&f.To, "to", 0, "only before this `offset`")
	s.flags.StringVar(&begin, "begin", "", "only stored at this `time` or later: RFC 3339, or milliseconds")
	s.flags.StringVar(&end, "end", "", "only stored at this `time` or earlier")
	s.flags.IntVar(&f.Limit, "limit", 0, "at most so many lines")
	s.flags.BoolVar(&f.Body, "body", false, "with the bodies, in base64")
	if err := s.parse(&what); err != nil {
		return err
	}
	if what == "" {
		return errors.New("say what: records, units, index or state; then the directory")
	}
	f.Queue = int32(*queue)
	var err error
	if f.Begin, err = moment(begin); err != nil {
		return err
	}
	if f.End, err = moment(end); err != nil {
		return err
	}
	d, err := check.NewDumper(s.ctx, s.options, f, s.stdout)
	if err != nil {
		return err
	}
	return d.Dump(what)
}

// moment reads a time in one of two forms; 0 for none.
func moment(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	var ms int64
	if n, err := fmt.Sscanf(text, "%d", &ms); n == 1 && err == nil && !strings.ContainsAny(text, "-:T") {
		return ms, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a time like 2026-11-22T20:00:00Z nor milliseconds", text)
	}
	return t.UnixMilli(), nil
}

func storeRepair(s *storeCall) error {
	write := s.flags.Bool("write", false, "do it; without this flag only say what would be done")
	if err := s.parse(); err != nil {
		return err
	}
	if *write { // no broker may come between the look and the repair
		lock, err := check.Hold(vfs.Disk, &s.options)
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }() // nothing was written through it
	}
	r, err := check.Run(s.ctx, s.options)
	if err != nil {
		return err
	}
	p := check.Plan(r, s.options.Config)
	if err := s.print(p, p.Text); err != nil {
		return err
	}
	if len(p.Steps) == 0 {
		return ended(codeOf(r), "%s: %d errors, %d warnings that no repair takes away", r.Root, r.Errors, r.Warnings)
	}
	if p.Refused != "" {
		return ended(storeErrors, "%s: %s", r.Root, p.Refused)
	}
	if !*write {
		return ended(storeWarnings, "nothing was changed; --write does it")
	}
	kept, err := p.Write(s.ctx, vfs.Disk, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "what was replaced is in %s\n", kept)
	if r, err = check.Run(s.ctx, s.options); err != nil {
		return err
	}
	if !s.asJSON {
		r.Text(s.stdout)
	}
	if !r.Clean() {
		return ended(storeErrors, "%s: still %d errors, %d warnings", r.Root, r.Errors, r.Warnings)
	}
	return nil
}

func storeTakeover(s *storeCall) error {
	look := s.flags.Bool("check", false, "look, and change nothing")
	if err := s.parse(); err != nil {
		return err
	}
	if !*look {
		return fmt.Errorf("there is only `%s --check`: a takeover itself is a start of the broker in the directory", s.program)
	}
	starts, err := check.Takeover(s.ctx, s.options)
	if err != nil {
		return err
	}
	if err := s.print(starts, func(w io.Writer) {
		for _, start := range starts {
			start.Text(w)
		}
	}); err != nil {
		return err
	}
	if starts[0].Refuses {
		return ended(storeErrors, "%s would not start here", starts[0].Broker)
	}
	return nil
}
