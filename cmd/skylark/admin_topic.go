package main

import (
	"fmt"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const topicUsage = `usage: skylark admin topic purge [-b HOST:PORT] [-json] [-before TIME] [-queue N [-offset N]] [-write] TOPIC

purge hides what is stored in a topic from every consumer, old and new: all of it, what was stored before a time, or what is before
an offset of a queue. Groups that are behind are moved. Without -write it only says what would be purged. There is no way back.
TIME is 2026-11-29T10:00:00Z, or how long ago: 72h.
`

func runAdminTopic(c *call) error {
	if c.args[0] != "purge" {
		return exit{exitFailed, "no such command: " + c.args[0] + "\n\n" + topicUsage}
	}
	op, flags := newOperator(c, topicUsage)
	defer op.client.Close()
	var h header.PurgeTopic
	queue := -1
	flags.Var((*timeFlag)(&h.Before), "before", "what was stored before")
	flags.IntVar(&queue, "queue", -1, "this queue only")
	flags.Int64Var(&h.Offset, "offset", -1, "what is before this offset of the queue")
	flags.BoolVar(&h.Write, "write", false, "do it")
	args, err := arguments(flags, c.args[1:], topicUsage, 1, 1)
	if err != nil {
		return err
	}
	h.Topic, h.QueueId = args[0], int32(queue)
	return op.purge(&h)
}

func (o *operator) purge(h *header.PurgeTopic) error {
	var answer body.Skipped
	shown, err := o.ask(code.SkylarkPurgeTopic, h, &answer)
	if shown || err != nil {
		return err
	}
	return o.skipped(&answer, "purged")
}

// timeFlag is a time in ms, given as such or as how long ago.
type timeFlag int64

func (t *timeFlag) String() string {
	if *t == 0 {
		return ""
	}
	return time.UnixMilli(int64(*t)).Format(time.RFC3339)
}

func (t *timeFlag) Set(text string) error {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		*t = timeFlag(time.Now().Add(-ago).UnixMilli())
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			*t = timeFlag(at.UnixMilli())
			return nil
		}
	}
	return fmt.Errorf("neither a time like 2026-11-29T10:00:00Z nor one ago like 72h")
}
