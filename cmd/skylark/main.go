// Command skylark is the whole of Skylark in one binary; the first argument, or the name of a link to it, chooses the role.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/internal/vfs"
)

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

// A role is one thing the binary can be.
type role struct {
	name    string
	link    string // a link of this name is this role: start scripts written for the Java distribution keep working
	summary string
	run     func(c *call) error
}

func roles() []role {
	return []role{
		{"standalone", "", "name server and broker in one process (the default)", runStandalone},
		{"broker", "mqbroker", "a broker", runBroker},
		{"namesrv", "mqnamesrv", "a name server", runNamesrv},
		{"admin", "", "the operator's tool: half messages, dead letters, groups, topics; for the rest, mqadmin", runAdmin},
		{"store", "", "look into a store directory: check, dump, repair, takeover", runStore},
		{"version", "", "print the version", runVersion},
	}
}

// A call is one start of a role.
type call struct {
	program string // as the user called it, for the usage text
	args    []string
	stdout  io.Writer
	stderr  io.Writer
}

// An exit ends the process with a code of the Java start-up classes and a message for the user.
type exit struct {
	code    int
	message string
}

func (e exit) Error() string { return e.message }

// The codes of BrokerStartup and NamesrvStartup, as a shell sees them.
const (
	exitFailed     = 255 // -1: an exception, or bad arguments
	exitBadAddress = 253 // -3: an illegal name server address, a configuration or a store that cannot run
)

func run(argv []string, stdout, stderr io.Writer) int {
	program := "skylark"
	if len(argv) > 0 {
		program = filepath.Base(argv[0])
	}
	c := &call{program: program, stdout: stdout, stderr: stderr}
	if len(argv) > 1 {
		c.args = argv[1:]
	}
	r, ok := choose(c)
	if !ok {
		usage(stderr)
		return exitFailed
	}
	if r == nil {
		usage(stdout)
		return 0
	}
	err := r.run(c)
	var e exit
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &e):
		fmt.Fprintln(stderr, e.message)
		return e.code
	default:
		fmt.Fprintf(stderr, "%s: %v\n", c.program, err)
		return exitFailed
	}
}

// notInitialized is the end of a role that could not be made ready: the original ends with -3 when a store or a state file does not load,
// and with -1 when a port or the store is taken, which it finds out later.
func (c *call) notInitialized(err error) error {
	var known exit
	var port *net.OpError
	if errors.As(err, &known) || errors.As(err, &port) || errors.Is(err, vfs.ErrLocked) {
		return err
	}
	return exit{exitBadAddress, fmt.Sprintf("%s: %v", c.program, err)}
}

// choose finds the role and leaves its own arguments in c. A nil role means that help was asked for; no role, that what was asked for
// does not exist.
func choose(c *call) (*role, bool) {
	all := roles()
	byName := func(name string) int { return slices.IndexFunc(all, func(r role) bool { return r.name == name }) }
	if i := slices.IndexFunc(all, func(r role) bool { return r.link != "" && r.link == c.program }); i >= 0 {
		return &all[i], true
	}
	if strings.HasPrefix(c.program, "mq") {
		return nil, false // a link to a role that this version does not have
	}
	if len(c.args) == 0 {
		return &all[byName("standalone")], true
	}
	first := c.args[0]
	if isHelp(first) {
		return nil, true
	}
	if first == "-v" || first == "--version" {
		first = "version"
	} else if strings.HasPrefix(first, "-") {
		return &all[byName("standalone")], true
	}
	i := byName(first)
	if i < 0 {
		return nil, false
	}
	c.args = c.args[1:]
	c.program += " " + first
	return &all[i], true
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: skylark [role] [flags]")
	fmt.Fprintln(w)
	for _, r := range roles() {
		link := ""
		if r.link != "" {
			link = "; also a link named " + r.link
		}
		fmt.Fprintf(w, "  %-11s %s%s\n", r.name, r.summary, link)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "skylark ROLE -h lists the flags of a role.")
}
