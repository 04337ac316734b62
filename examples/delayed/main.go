// Command delayed sends messages that are delivered after a while, and shows how late each came. It ends with an error when one comes
// too early, or not at all. A delay is one of the levels of the broker (messageDelayLevel): 1 is a second, 3 ten seconds, 18 two hours.
//
//	go run ./delayed -n 127.0.0.1:9876 -level 2 -count 10
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// levels are those of a broker whose messageDelayLevel says nothing else.
var levels = strings.Fields("1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h")

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "ExampleDelayed", "topic")
	level := flag.Int("level", 2, "delay level, 1 to 18")
	count := flag.Int("count", 10, "messages to send")
	patience := flag.Duration("patience", time.Minute, "give up so long after the delay")
	flag.Parse()
	rlog.SetLogLevel("error")
	if *level < 1 || *level > len(levels) {
		log.Fatalf("there are levels 1 to %d", len(levels))
	}
	delay, err := time.ParseDuration(levels[*level-1])
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), delay+*patience)
	defer cancel()

	run := time.Now().UnixNano() // messages of an earlier run of this program are not ours
	send(ctx, *namesrv, *topic, run, *count, *level)
	receive(ctx, *namesrv, *topic, run, *count, delay)
}

func send(ctx context.Context, namesrv, topic string, run int64, count, level int) {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		producer.WithGroupName("example-delayed-producer"),
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Start(); err != nil {
		log.Fatal(err)
	}
	for i := range count {
		m := primitive.NewMessage(topic, fmt.Appendf(nil, "%d %d", run, i))
		m.WithDelayTimeLevel(level)
		if _, err := p.SendSync(ctx, m); err != nil {
			log.Fatalf("message %d: %v", i, err)
		}
	}
	if err := p.Shutdown(); err != nil {
		log.Fatal(err)
	}
}

func receive(ctx context.Context, namesrv, topic string, run int64, count int, delay time.Duration) {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		consumer.WithGroupName("example-delayed"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		log.Fatal(err)
	}
	var mu sync.Mutex // the client calls from several goroutines at once
	seen := make(map[int]bool)
	done, finish := context.WithCancel(ctx)
	defer finish()
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			var of int64
			var i int
			if n, _ := fmt.Sscan(string(m.Body), &of, &i); n != 2 || of != run {
				continue
			}
			late := time.Since(time.UnixMilli(m.BornTimestamp)) - delay
			if late < 0 {
				log.Fatalf("message %d came %v too early", i, -late)
			}
			seen[i] = true
			fmt.Printf("message %d: due after %v, came %v late\n", i, delay, late.Round(time.Millisecond))
		}
		if len(seen) == count {
			finish()
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Start(); err != nil {
		log.Fatal(err)
	}
	<-done.Done()
	if err := c.Shutdown(); err != nil {
		log.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) < count {
		log.Fatalf("%d of %d messages came", len(seen), count)
	}
	fmt.Println("none came too early")
}
