// Command push receives messages as they come; the broker holds its pulls until there is something to give.
//
//	go run ./push -n 127.0.0.1:9876 -topic Example            until interrupted
//	go run ./push -count 10                                   until ten messages have come
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "Example", "topic")
	group := flag.String("group", "example-push", "consumer group: its members share the messages, and it goes on where it was")
	tag := flag.String("tag", "*", "tags, `a || b`, or * for all")
	count := flag.Int("count", 0, "stop after so many messages; 0: when interrupted")
	flag.Parse()
	rlog.SetLogLevel("error")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{*namesrv}),
		consumer.WithGroupName(*group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		log.Fatal(err)
	}
	var mu sync.Mutex // the client calls from several goroutines at once
	received := 0
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: *tag}
	err = c.Subscribe(*topic, selector, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			received++
			fmt.Printf("received %s: queue %d, offset %d, tag %s\n", m.Body, m.Queue.QueueId, m.QueueOffset, m.GetTags())
		}
		if *count > 0 && received >= *count {
			stop()
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Start(); err != nil {
		log.Fatal(err)
	}
	<-ctx.Done()
	if err := c.Shutdown(); err != nil { // commits the offsets
		log.Fatal(err)
	}
}
