package main

import (
	"fmt"
	"io"
	"slices"
)

// An adminCommand is one word after `skylark admin`. It is run with a word at least.
type adminCommand struct {
	name, summary string
	usage         string
	run           func(c *call) error
}

func adminCommands() []adminCommand {
	return []adminCommand{
		{"dlq", "list, show, send again and purge dead letters", dlqUsage, runAdminDLQ},
		{"group", "conflicting subscriptions of consumer groups; skip to the end", groupUsage, runAdminGroup},
		{"topic", "purge what is stored in a topic", topicUsage, runAdminTopic},
		{"tx", "list, show, commit, roll back and resume half messages of a broker", txUsage, runAdminTx},
	}
}

// runAdmin is `skylark admin COMMAND …`. For what it lacks, mqadmin of the original
// works as before.
func runAdmin(c *call) error {
	all := adminCommands()
	if len(c.args) == 0 || isHelp(c.args[0]) {
		listAdmin(c.stdout, c.program, all)
		return nil
	}
	i := slices.IndexFunc(all, func(a adminCommand) bool { return a.name == c.args[0] })
	if i < 0 {
		listAdmin(c.stderr, c.program, all)
		return exit{exitFailed, "\nno such command: " + c.args[0]}
	}
	c.program, c.args = c.program+" "+c.args[0], c.args[1:]
	switch {
	case len(c.args) == 0:
		return exit{exitFailed, all[i].usage}
	case isHelp(c.args[0]) || asksHelp(c.args):
		fmt.Fprint(c.stdout, all[i].usage)
		return nil
	}
	return all[i].run(c)
}

func listAdmin(w io.Writer, program string, all []adminCommand) {
	fmt.Fprintf(w, "usage: %s COMMAND\n\n", program)
	for _, a := range all {
		fmt.Fprintf(w, "  %-6s %s\n", a.name, a.summary)
	}
	fmt.Fprintf(w, "\n%s COMMAND -h says more; for the rest, mqadmin\n", program)
}
