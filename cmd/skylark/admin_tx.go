package main

import (
	"flag"
	"fmt"
	"math"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const txUsage = `usage: skylark admin tx list     [-b HOST:PORT] [-json] [-group G] [-topic T] [-age 10m] [-checks N] [-discarded] [-max N]
       skylark admin tx show     [-b HOST:PORT] [-json] OFFSET
       skylark admin tx commit   [-b HOST:PORT] OFFSET…
       skylark admin tx rollback [-b HOST:PORT] OFFSET…
       skylark admin tx resume   [-b HOST:PORT] OFFSET-MSG-ID…

OFFSET is the first column of list; resume takes the message id that list -discarded shows. Offsets are those of one broker:
each broker counts its own, and a decision is final.
`

// txTool is one run of `skylark admin tx`.
type txTool struct{ *operator }

func runAdminTx(c *call) error {
	op, flags := newOperator(c, txUsage)
	defer op.client.Close()
	t := &txTool{op}
	switch verb, args := c.args[0], c.args[1:]; verb {
	case "list":
		return t.runList(flags, args)
	case "show":
		return t.runShow(flags, args)
	case "commit":
		return t.settle(flags, args, true)
	case "rollback":
		return t.settle(flags, args, false)
	case "resume":
		return t.resume(flags, args)
	default:
		return exit{exitFailed, "no such command: " + verb + "\n\n" + txUsage}
	}
}

func (t *txTool) runList(flags *flag.FlagSet, args []string) error {
	var q header.TxList
	var age time.Duration
	var checks, most int
	flags.StringVar(&q.Group, "group", "", "producer group")
	flags.StringVar(&q.Topic, "topic", "", "topic the messages are meant for")
	flags.DurationVar(&age, "age", 0, "at least so old")
	flags.IntVar(&checks, "checks", 0, "at least so often checked")
	flags.IntVar(&most, "max", 100, "at most so many")
	flags.BoolVar(&q.Discarded, "discarded", false, "those that were checked too often, or grew too old")
	if _, err := arguments(flags, args, txUsage, 0, 0); err != nil {
		return err
	}
	q.MinAgeMs, q.MinChecks, q.Max = age.Milliseconds(), int32(checks), int32(most)
	return t.list(q)
}

func (t *txTool) runShow(flags *flag.FlagSet, args []string) error {
	offsets, err := halfOffsets(flags, args, 1)
	if err != nil {
		return err
	}
	return t.show(offsets[0])
}

// settle decides about each of the half messages. All arguments are read before the
// first is decided: there is no way back, and what is wrong with the last of them may
// mean that another broker was meant.
func (t *txTool) settle(flags *flag.FlagSet, args []string, commit bool) error {
	offsets, err := halfOffsets(flags, args, math.MaxInt)
	if err != nil {
		return err
	}
	verb, done := "rollback", "rolled back"
	if commit {
		verb, done = "commit", "committed"
	}
	for _, at := range offsets {
		if _, err := t.call(code.SkylarkTxSettle, &header.TxSettle{Offset: at, Commit: commit}); err != nil {
			return exit{exitFailed, fmt.Sprintf("%s %d: %v", verb, at, err)}
		}
		fmt.Fprintf(t.out, "%s %d\n", done, at)
	}
	return nil
}

func (t *txTool) resume(flags *flag.FlagSet, args []string) error {
	ids, err := arguments(flags, args, txUsage, 1, math.MaxInt)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := t.call(code.ResumeCheckHalfMessage, &header.ResumeCheckHalfMessage{MsgId: id}); err != nil {
			return exit{exitFailed, fmt.Sprintf("resume %s: %v", id, err)}
		}
		fmt.Fprintf(t.out, "resumed %s\n", id)
	}
	return nil
}

// halfOffsets are the arguments, one at least.
func halfOffsets(flags *flag.FlagSet, args []string, most int) ([]int64, error) {
	args, err := arguments(flags, args, txUsage, 1, most)
	if err != nil {
		return nil, err
	}
	offsets := make([]int64, len(args))
	for i, a := range args {
		if offsets[i], err = strconv.ParseInt(a, 10, 64); err != nil {
			return nil, exit{exitFailed, "not an offset: " + a}
		}
	}
	return offsets, nil
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
	var h body.TxHalf
	printed, err := t.ask(code.SkylarkTxShow, &header.TxShow{Offset: offset}, &h)
	if printed || err != nil {
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
