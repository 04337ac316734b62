package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// operator is what the commands of `skylark admin` have in common: a broker to ask,
// and a way to show the answer.
type operator struct {
	out    io.Writer
	client *remoting.Client
	addr   string
	json   bool
}

// newOperator has the flags -b and -json; the caller adds its own, parses and closes
// the client.
func newOperator(c *call, usage string) (*operator, *flag.FlagSet) {
	o := &operator{out: c.stdout, client: remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())}
	flags := flag.NewFlagSet(c.program, flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	flags.Usage = func() { fmt.Fprint(c.stderr, usage) }
	flags.StringVar(&o.addr, "b", "127.0.0.1:10911", "broker")
	flags.BoolVar(&o.json, "json", false, "as JSON")
	return o, flags
}

func (o *operator) call(c code.Request, head any) (*protocol.Command, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	reply, err := o.client.Call(ctx, o.addr, protocol.NewRequest(c, head, nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.addr, err)
	}
	switch reply.Response() {
	case code.Success:
		return reply, nil
	case code.RequestCodeNotSupported:
		return nil, fmt.Errorf("%s does not know this request: it is no Skylark broker, or an older one", o.addr)
	}
	return nil, fmt.Errorf("%s (%s)", reply.Remark, reply.Response())
}

// ask calls and reads the JSON of the answer into v. shown: it was asked for as JSON
// and is printed as it came.
func (o *operator) ask(c code.Request, head, v any) (shown bool, err error) {
	reply, err := o.call(c, head)
	if err != nil {
		return false, exit{exitFailed, err.Error()}
	}
	if o.json {
		fmt.Fprintf(o.out, "%s\n", reply.Body)
		return true, nil
	}
	return false, javajson.Unmarshal(reply.Body, v)
}

// flagsAnywhere parses flags before, between and behind the other arguments.
func flagsAnywhere(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, exit{exitFailed, ""}
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}

// arguments parses flags anywhere and checks the number of what is left.
func arguments(flags *flag.FlagSet, args []string, usage string, least, most int) ([]string, error) {
	args, err := flagsAnywhere(flags, args)
	if err == nil && (len(args) < least || len(args) > most) {
		err = exit{exitFailed, usage}
	}
	return args, err
}

func ageOf(born int64) time.Duration { return time.Since(time.UnixMilli(born)).Round(time.Second) }

func when(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).Format(time.DateTime)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
