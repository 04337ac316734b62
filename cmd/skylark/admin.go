package main

import (
	"fmt"
	"slices"
)

// An adminCommand is one word after `skylark admin`.
type adminCommand struct {
	name, summary string
	run           func(c *call) error
}

func adminCommands() []adminCommand {
	return []adminCommand{
		{"dlq", "list, show, send again and purge dead letters", runAdminDLQ},
		{"group", "conflicting subscriptions of consumer groups; skip to the end", runAdminGroup},
		{"topic", "purge what is stored in a topic", runAdminTopic},
		{"tx", "list, show, commit, roll back and resume half messages of a broker", runAdminTx},
	}
}

// runAdmin is `skylark admin COMMAND …`. For what it lacks, mqadmin of the original
// works as before.
func runAdmin(c *call) error {
	all := adminCommands()
	if len(c.args) > 0 {
		i := slices.IndexFunc(all, func(a adminCommand) bool { return a.name == c.args[0] })
		if i >= 0 {
			c.program, c.args = c.program+" "+c.args[0], c.args[1:]
			return all[i].run(c)
		}
	}
	fmt.Fprintf(c.stderr, "usage: %s COMMAND\n\n", c.program)
	for _, a := range all {
		fmt.Fprintf(c.stderr, "  %-6s %s\n", a.name, a.summary)
	}
	if len(c.args) > 0 && (c.args[0] == "-h" || c.args[0] == "help") {
		return nil
	}
	return exit{exitFailed, "\nno such command"}
}
