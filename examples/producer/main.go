// Command producer sends a few messages, one at a time, and prints where each was stored.
//
//	go run ./producer -n 127.0.0.1:9876 -topic Example -count 10
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "Example", "topic; made by the first send to it")
	count := flag.Int("count", 10, "messages to send")
	flag.Parse()
	rlog.SetLogLevel("error")

	p, err := rocketmq.NewProducer(
		producer.WithNameServer(primitive.NamesrvAddr{*namesrv}),
		producer.WithGroupName("example-producer"),
		producer.WithRetry(2),
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Start(); err != nil {
		log.Fatal(err)
	}
	for i := range *count {
		m := primitive.NewMessage(*topic, fmt.Appendf(nil, "hello %d", i))
		m.WithTag("greeting").WithKeys([]string{fmt.Sprintf("key-%d", i)})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		result, err := p.SendSync(ctx, m)
		cancel()
		if err != nil {
			log.Fatalf("message %d: %v", i, err)
		}
		fmt.Printf("sent %d: queue %d of %s, offset %d, id %s\n",
			i, result.MessageQueue.QueueId, result.MessageQueue.BrokerName, result.QueueOffset, result.MsgID)
	}
	if err := p.Shutdown(); err != nil {
		log.Fatal(err)
	}
}
