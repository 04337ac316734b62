package main

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const txUsage = `usage: skylark admin tx list     [-b HOST:PORT] [-group G] [-topic T] [-age 10m] [-checks N] [-discarded] [-max N] [-json]
       skylark admin tx show     [-b HOST:PORT] OFFSET
       skylark admin tx commit   [-b HOST:PORT] OFFSET…
       skylark admin tx rollback [-b HOST:PORT] OFFSET…
       skylark admin tx resume   [-b HOST:PORT] OFFSET-MSG-ID…

OFFSET is the first column of list; resume takes the message id that list -discarded shows.
`

// txTool is one run of `skylark admin tx`.
type txTool struct{ *operator }

func runAdminTx(c *call) error {
	if len(c.args) == 0 {
		fmt.Fprint(c.stderr, txUsage)
		return exit{exitFailed, ""}
	}
	verb := c.args[0]
	op, flags := newOperator(c, txUsage)
	t := &txTool{op}
	var q header.TxList
	var age time.Duration
	var checks, most int
	flags.StringVar(&q.Group, "group", "", "producer group")
	flags.StringVar(&q.Topic, "topic", "", "topic the messages are meant for")
	flags.DurationVar(&age, "age", 0, "at least so old")
	flags.IntVar(&checks, "checks", 0, "at least so often checked")
	flags.IntVar(&most, "max", 100, "at most so many")
	flags.BoolVar(&q.Discarded, "discarded", false, "those that were checked too often, or grew too old")
	if err := flags.Parse(c.args[1:]); err != nil {
		return exit{exitFailed, ""}
	}
	q.MinAgeMs, q.MinChecks, q.Max = age.Milliseconds(), int32(checks), int32(most)
	defer t.client.Close()
	return t.run(verb, q, flags.Args())
}

func (t *txTool) run(verb string, q header.TxList, args []string) error {
	switch verb {
	case "list":
		return t.list(q)
	case "show", "commit", "rollback", "resume":
	default:
		return exit{exitFailed, "no such command: " + verb + "\n\n" + txUsage}
	}
	if len(args) == 0 {
		return exit{exitFailed, txUsage}
	}
	for _, a := range args {
		if err := t.each(verb, a); err != nil {
			return exit{exitFailed, fmt.Sprintf("%s %s: %v", verb, a, err)}
		}
	}
	return nil
}

// each does one verb to one half message.
func (t *txTool) each(verb, arg string) error {
	if verb == "resume" {
		_, err := t.call(code.ResumeCheckHalfMessage, &header.ResumeCheckHalfMessage{MsgId: arg})
		return t.done(err, "resumed", arg)
	}
	offset, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return fmt.Errorf("not an offset")
	}
	if verb == "show" {
		return t.show(offset)
	}
	_, err = t.call(code.SkylarkTxSettle, &header.TxSettle{Offset: offset, Commit: verb == "commit"})
	return t.done(err, map[string]string{"commit": "committed", "rollback": "rolled back"}[verb], arg)
}

func (t *txTool) done(err error, what, arg string) error {
	if err == nil {
		fmt.Fprintf(t.out, "%s %s\n", what, arg)
	}
	return err
}

func (t *txTool) list(q header.TxList) error {
	var page body.TxPage
	printed, err := t.ask(code.SkylarkTxList, &q, &page)
	if printed || err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	last := "LAST CHECK"
	if q.Discarded {
		last = "OFFSET MSG ID"
	}
	fmt.Fprintf(w, "OFFSET\tGROUP\tTOPIC\tKEYS\tAGE\tCHECKS\tPRODUCERS\t%s\n", last)
	for i := range page.Halves {
		h := &page.Halves[i]
		shown := when(h.LastCheck)
		if q.Discarded {
			shown = h.OffsetMsgID
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", h.Offset, h.Group, h.Topic, dash(h.Keys), ageOf(h.Born), h.Checks, h.Producers, shown)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	more := ""
	if page.Next >= 0 {
		more = "; there are more, -max shows them"
	}
	fmt.Fprintf(t.out, "%d shown, %d open on the broker%s\n", len(page.Halves), page.Open, more)
	return nil
}

func (t *txTool) show(offset int64) error {
	reply, err := t.call(code.SkylarkTxShow, &header.TxShow{Offset: offset})
	if err != nil {
		return err
	}
	if t.json {
		fmt.Fprintf(t.out, "%s\n", reply.Body)
		return nil
	}
	var h body.TxHalf
	if err := javajson.Unmarshal(reply.Body, &h); err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	row("offset", h.Offset)
	row("offset message id", h.OffsetMsgID)
	row("group", fmt.Sprintf("%s (%d producers connected, %d checks found none)", h.Group, h.Producers, h.Unheard))
	row("topic", fmt.Sprintf("%s queue %d", h.Topic, h.QueueID))
	row("unique key", h.UniqKey)
	row("keys", dash(h.Keys))
	row("born", fmt.Sprintf("%s ago, at %s", ageOf(h.Born), h.BornHost))
	row("checks", h.Checks)
	row("last check", when(h.LastCheck))
	row("immunity", time.Duration(h.ImmunityMs)*time.Millisecond)
	row("properties", strconv.Quote(h.Properties))
	row("body", strconv.Quote(string(h.Body)))
	return w.Flush()
}
