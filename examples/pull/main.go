// Command pull asks for messages when it wants some, and says when it is done with them.
//
//	go run ./pull -n 127.0.0.1:9876 -topic Example -count 10
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "Example", "topic")
	group := flag.String("group", "example-pull", "consumer group")
	count := flag.Int("count", 10, "stop after so many messages")
	patience := flag.Duration("patience", time.Minute, "give up when nothing has come for so long")
	flag.Parse()
	rlog.SetLogLevel("error")

	c, err := rocketmq.NewPullConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{*namesrv}),
		consumer.WithGroupName(*group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Subscribe(*topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}); err != nil {
		log.Fatal(err)
	}
	if err := c.Start(); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	received, last := 0, time.Now()
	for received < *count {
		batch, err := c.Poll(ctx, time.Second)
		if consumer.IsNoNewMsgError(err) {
			if time.Since(last) > *patience {
				log.Fatalf("%d of %d messages, then nothing for %v", received, *count, *patience)
			}
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		last = time.Now()
		for _, m := range batch.GetMsgList() {
			received++
			fmt.Printf("pulled %s: queue %d, offset %d\n", m.Body, batch.GetMQ().QueueId, m.QueueOffset)
		}
		c.ACK(ctx, batch, consumer.ConsumeSuccess)
	}
	if err := c.Shutdown(); err != nil {
		log.Fatal(err)
	}
}
