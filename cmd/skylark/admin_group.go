package main

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const groupUsage = `usage: skylark admin group conflicts   [-b HOST:PORT] [-json] [GROUP]
       skylark admin group skip-to-end [-b HOST:PORT] [-json] [-topic T] [-write] GROUP

conflicts shows consumer groups whose members subscribe differently.
skip-to-end moves a group behind everything that is stored now, in one topic or in all of its topics. Without -write it only
says what would be skipped.
`

// groupTool is one run of `skylark admin group`.
type groupTool struct{ *operator }

func runAdminGroup(c *call) error {
	op, flags := newOperator(c, groupUsage)
	defer op.client.Close()
	g := &groupTool{op}
	switch verb, args := c.args[0], c.args[1:]; verb {
	case "conflicts":
		return g.conflicts(flags, args)
	case "skip-to-end":
		return g.skip(flags, args)
	default:
		return exit{exitFailed, "no such command: " + verb + "\n\n" + groupUsage}
	}
}

func (g *groupTool) conflicts(flags *flag.FlagSet, args []string) error {
	args, err := arguments(flags, args, groupUsage, 0, 1)
	if err != nil {
		return err
	}
	var list body.ConflictList
	shown, err := g.ask(code.SkylarkConflicts, &header.Conflicts{Group: strings.Join(args, "")}, &list)
	if shown || err != nil {
		return err
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	if len(list.Groups) > 0 {
		fmt.Fprintf(w, "GROUP\tFOR\tTOPIC\tEXPRESSION\tTYPE\tCLIENTS\n")
	}
	for _, group := range list.Groups {
		for _, topic := range group.Topics {
			for _, v := range topic.Variants {
				expression, kind := v.Expression, v.Type
				if !v.Subscribed {
					expression, kind = "(not subscribed)", "-"
				}
				clients := strings.Join(v.Clients, " ")
				if v.More > 0 {
					clients += fmt.Sprintf(" and %d more", v.More)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", group.Group, ageOf(group.Since), topic.Topic, expression, kind, clients)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(g.out, "%d groups whose members subscribe differently; %d heartbeats refused since the broker began\n", len(list.Groups), list.Rejected)
	return nil
}

func (g *groupTool) skip(flags *flag.FlagSet, args []string) error {
	var h header.SkipToEnd
	flags.StringVar(&h.Topic, "topic", "", "this topic only")
	flags.BoolVar(&h.Write, "write", false, "do it")
	args, err := arguments(flags, args, groupUsage, 1, 1)
	if err != nil {
		return err
	}
	h.Group = args[0]
	var answer body.Skipped
	shown, err := g.ask(code.SkylarkSkipToEnd, &h, &answer)
	if shown || err != nil {
		return err
	}
	return g.skipped(&answer, "skipped")
}

// skipped prints what group skip-to-end and topic purge did, or would do.
func (o *operator) skipped(answer *body.Skipped, done string) error {
	w := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	if len(answer.Queues) > 0 {
		fmt.Fprintf(w, "TOPIC\tQUEUE\tFROM\tTO\tMESSAGES\n")
	}
	for _, q := range answer.Queues {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", q.Topic, q.QueueID, q.From, q.To, q.To-q.From)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !answer.Done {
		done = "would be " + done + "; -write does it"
	}
	groups := strings.Join(answer.Groups, " ")
	if groups != "" {
		groups = ", groups moved: " + groups
	}
	fmt.Fprintf(o.out, "%d messages in %d queues%s: %s\n", answer.Messages, len(answer.Queues), groups, done)
	return nil
}
