package main

import (
	"flag"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const dlqUsage = `usage: skylark admin dlq list   [-b HOST:PORT] [-json]                                   groups with dead letters
       skylark admin dlq list   [-b HOST:PORT] [-json] [FILTER] [-queue N] [-from OFFSET] [-max N] [-sent] GROUP   dead letters of a group
       skylark admin dlq show   [-b HOST:PORT] [-json] [-queue N] GROUP OFFSET
       skylark admin dlq resend [-b HOST:PORT] [-json] [FILTER] [-max N] [-to retry|origin] [-rate N] [-write] GROUP
       skylark admin dlq purge  [-b HOST:PORT] [-json] [-before TIME] [-write] GROUP

FILTER: -key K, -tag T, -origin TOPIC, -id MESSAGE-ID, -begin TIME, -end TIME (when they became dead letters).
TIME is 2026-11-29T10:00:00Z, or how long ago: 72h.

resend and purge say what they would do; with -write they do it. resend sends to the group's retry topic, so that only this
group gets them, or to the topic they were first sent to. What was sent once is not sent again: a run that broke off goes on
when the command is repeated. It sends at most -rate messages a second, 100 unless it says otherwise.
`

// dlqTool is one run of `skylark admin dlq`.
type dlqTool struct {
	*operator
	q     header.DeadLetters
	max   int
	queue int
	rate  int
	write bool
}

func runAdminDLQ(c *call) error {
	op, flags := newOperator(c, dlqUsage)
	defer op.client.Close()
	t := &dlqTool{operator: op}
	switch verb, args := c.args[0], c.args[1:]; verb {
	case "list":
		return t.runList(flags, args)
	case "show":
		return t.runShow(flags, args)
	case "resend":
		return t.runResend(flags, args)
	case "purge":
		return t.runPurge(flags, args)
	default:
		return exit{exitFailed, "no such command: " + verb + "\n\n" + dlqUsage}
	}
}

func (t *dlqTool) filterFlags(flags *flag.FlagSet, most int) {
	flags.StringVar(&t.q.Key, "key", "", "with this key")
	flags.StringVar(&t.q.Tag, "tag", "", "with this tag")
	flags.StringVar(&t.q.Origin, "origin", "", "first sent to this topic")
	flags.StringVar(&t.q.MsgId, "id", "", "with this message id")
	flags.Var((*timeFlag)(&t.q.Begin), "begin", "dead since")
	flags.Var((*timeFlag)(&t.q.End), "end", "dead before")
	flags.IntVar(&t.max, "max", most, "at most so many")
}

func (t *dlqTool) runList(flags *flag.FlagSet, args []string) error {
	t.filterFlags(flags, 100)
	flags.BoolVar(&t.q.Sent, "sent", false, "also those that were sent again")
	flags.IntVar(&t.queue, "queue", 0, "from this `queue` on")
	flags.Int64Var(&t.q.From, "from", 0, "from this `offset` of that queue on")
	args, err := arguments(flags, args, dlqUsage, 0, 1)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return t.groups()
	}
	if t.queue < 0 || t.queue > math.MaxInt32 || t.q.From < 0 {
		return exit{exitFailed, "-queue and -from are 0 or more"}
	}
	t.q.Group, t.q.QueueId = args[0], int32(t.queue)
	return t.list("shown", func(p *body.DeadLetterPage) string {
		return fmt.Sprintf("-queue %d -from %d goes on there", p.NextQueue, p.NextOffset)
	})
}

func (t *dlqTool) groups() error {
	var list body.DeadLetterGroups
	shown, err := t.ask(code.SkylarkDeadLetterGroups, nil, &list)
	if shown || err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "GROUP\tDEAD LETTERS\tOLDEST\tSENT AGAIN\n")
	for _, g := range list.Groups {
		oldest := "-"
		if g.Oldest > 0 {
			oldest = ageOf(g.Oldest).String()
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\n", g.Group, g.Depth, oldest, g.Sent)
	}
	return w.Flush()
}

// list prints pages until there are no more letters, or -max are shown: then rest says how to see what follows.
func (t *dlqTool) list(what string, rest func(*body.DeadLetterPage) string) error {
	all, err := t.collect()
	if err != nil {
		return err
	}
	if t.json {
		return t.print(all)
	}
	if err := t.table(all.Letters); err != nil {
		return err
	}
	end := ""
	if all.NextOffset >= 0 {
		end = "; there are more, " + rest(&all)
	}
	fmt.Fprintf(t.out, "%d %s%s\n", len(all.Letters), what, end)
	return nil
}

// collect is one page of all that is asked for.
func (t *dlqTool) collect() (all body.DeadLetterPage, err error) {
	all.Letters = []body.DeadLetter{}
	q := t.q
	for {
		q.Max = int32(min(t.max-len(all.Letters), 1000))
		var page body.DeadLetterPage
		if err := t.page(code.SkylarkDeadLetters, &q, &page); err != nil {
			return all, err
		}
		all.Letters = append(all.Letters, page.Letters...)
		all.NextQueue, all.NextOffset = page.NextQueue, page.NextOffset
		if q.QueueId, q.From = page.NextQueue, page.NextOffset; q.From < 0 || len(all.Letters) >= t.max {
			return all, nil
		}
	}
}

// page is ask for what is shown when all of it is there.
func (t *dlqTool) page(c code.Request, q *header.DeadLetters, page *body.DeadLetterPage) error {
	reply, err := t.call(c, q)
	if err != nil {
		return exit{exitFailed, err.Error()}
	}
	return javajson.Unmarshal(reply.Body, page)
}

func (t *dlqTool) print(all body.DeadLetterPage) error {
	data, err := javajson.Marshal(all)
	if err == nil {
		_, err = fmt.Fprintf(t.out, "%s\n", data)
	}
	return err
}

func (t *dlqTool) table(all []body.DeadLetter) error {
	if len(all) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "QUEUE\tOFFSET\tORIGIN\tKEYS\tTAGS\tDEAD FOR\tTRIED\tSENT\tREASON\n")
	for i := range all {
		l := &all[i]
		sent, reason := "-", dash(l.Reason)
		if l.Sent {
			sent = "yes"
		}
		if l.Problem != "" {
			sent, reason = "refused", l.Problem
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", l.QueueID, l.Offset, dash(l.Origin), dash(l.Keys), dash(l.Tags), ageOf(l.Stored),
			l.ReconsumeTimes, sent, reason)
	}
	return w.Flush()
}

func (t *dlqTool) runShow(flags *flag.FlagSet, args []string) error {
	flags.IntVar(&t.queue, "queue", 0, "queue of the dead letter topic")
	args, err := arguments(flags, args, dlqUsage, 2, 2)
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return exit{exitFailed, "not an offset: " + args[1]}
	}
	var l body.DeadLetter
	shown, err := t.ask(code.SkylarkDeadLetterShow, &header.DeadLetter{Group: args[0], QueueId: int32(t.queue), Offset: offset}, &l)
	if shown || err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	row("offset", fmt.Sprintf("%d of queue %d", l.Offset, l.QueueID))
	row("offset message id", l.OffsetMsgID)
	row("message id", dash(l.MsgID))
	row("origin", dash(l.Origin))
	row("first message id", dash(l.OriginMsgID))
	row("keys", dash(l.Keys))
	row("tags", dash(l.Tags))
	row("tried", fmt.Sprintf("%d times", l.ReconsumeTimes))
	row("reason", dash(l.Reason))
	row("born", fmt.Sprintf("%s, at %s", when(l.Born), l.BornHost))
	row("dead", fmt.Sprintf("%s, %s ago", when(l.Stored), ageOf(l.Stored)))
	row("sent again", l.Sent)
	row("properties", strconv.Quote(l.Properties))
	row("body", strconv.Quote(string(l.Body)))
	return w.Flush()
}

func (t *dlqTool) runResend(flags *flag.FlagSet, args []string) error {
	t.filterFlags(flags, 1<<30)
	flags.StringVar(&t.q.To, "to", "retry", "retry or origin")
	flags.IntVar(&t.rate, "rate", 100, "messages a second")
	flags.BoolVar(&t.write, "write", false, "do it")
	args, err := arguments(flags, args, dlqUsage, 1, 1)
	if err != nil {
		return err
	}
	if t.q.To != "retry" && t.q.To != "origin" || t.rate < 1 || t.max < 1 {
		return exit{exitFailed, "-to is retry or origin; -rate and -max are above 0"}
	}
	if t.q.Group = args[0]; !t.write {
		return t.list("would be sent again, to "+t.q.To+"; -write does it", func(*body.DeadLetterPage) string { return "-max shows them" })
	}
	return t.resend()
}

// resend sends batch after batch, each when its time has come.
func (t *dlqTool) resend() error {
	const batchesASecond = 4
	var refused, all []body.DeadLetter
	sent, q := 0, t.q
	began := time.Now()
	for q.From >= 0 && sent+len(refused) < t.max {
		q.Max = int32(min(max(t.rate/batchesASecond, 1), 256, t.max-sent-len(refused)))
		var page body.DeadLetterPage
		if err := t.page(code.SkylarkDeadLetterResend, &q, &page); err != nil {
			return exit{exitFailed, fmt.Sprintf("%d sent again, then: %v\nthe same command goes on", sent, err)}
		}
		for _, l := range page.Letters {
			if l.Sent {
				sent++
			} else {
				refused = append(refused, l)
			}
			if t.json {
				all = append(all, l)
			}
		}
		q.QueueId, q.From = page.NextQueue, page.NextOffset
		if q.From >= 0 {
			<-time.After(time.Until(began.Add(time.Duration(sent) * time.Second / time.Duration(t.rate)))) // the rate
		}
	}
	if t.json {
		return t.print(body.DeadLetterPage{Letters: all, NextOffset: -1})
	}
	if err := t.table(refused); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d sent again, to %s; %d refused\n", sent, t.q.To, len(refused))
	return nil
}

func (t *dlqTool) runPurge(flags *flag.FlagSet, args []string) error {
	var h header.PurgeTopic
	flags.Var((*timeFlag)(&h.Before), "before", "what was dead before")
	flags.BoolVar(&h.Write, "write", false, "do it")
	args, err := arguments(flags, args, dlqUsage, 1, 1)
	if err != nil {
		return err
	}
	h.Topic, h.QueueId, h.Offset = "%DLQ%"+strings.TrimPrefix(args[0], "%DLQ%"), -1, -1
	return t.purge(&h)
}
