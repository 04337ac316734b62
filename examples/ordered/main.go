// Command ordered sends the steps of a few orders, all steps of one order to one queue, and receives them one queue at a time: the
// steps of an order arrive in the order in which they were sent. It ends with an error when they do not.
//
//	go run ./ordered -n 127.0.0.1:9876
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

var steps = []string{"created", "paid", "shipped", "delivered"}

const orders = 5

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "ExampleOrdered", "topic")
	patience := flag.Duration("patience", time.Minute, "give up after so long")
	flag.Parse()
	rlog.SetLogLevel("error")
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()

	run := time.Now().UnixNano() // orders of an earlier run of this program are not ours
	send(ctx, *namesrv, *topic, run)
	receive(ctx, *namesrv, *topic, run)
}

func send(ctx context.Context, namesrv, topic string, run int64) {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		producer.WithGroupName("example-ordered-producer"),
		producer.WithQueueSelector(producer.NewHashQueueSelector()), // the same sharding key, the same queue
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Start(); err != nil {
		log.Fatal(err)
	}
	for _, step := range steps {
		for order := range orders {
			m := primitive.NewMessage(topic, fmt.Appendf(nil, "%d %d %s", run, order, step))
			m.WithShardingKey(fmt.Sprint(order))
			if _, err := p.SendSync(ctx, m); err != nil {
				log.Fatalf("order %d, %s: %v", order, step, err)
			}
		}
	}
	if err := p.Shutdown(); err != nil {
		log.Fatal(err)
	}
}

func receive(ctx context.Context, namesrv, topic string, run int64) {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		consumer.WithGroupName("example-ordered"),
		consumer.WithConsumerOrder(true),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		log.Fatal(err)
	}
	var mu sync.Mutex
	seen := make(map[int][]string)
	done, finish := context.WithCancel(ctx)
	defer finish()
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			var of int64
			var order int
			var step string
			if n, _ := fmt.Sscan(string(m.Body), &of, &order, &step); n != 3 || of != run {
				continue
			}
			seen[order] = append(seen[order], step)
			fmt.Printf("order %d: %s (queue %d)\n", order, step, m.Queue.QueueId)
		}
		if complete(seen) {
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
	for order := range orders {
		if got := strings.Join(seen[order], " "); got != strings.Join(steps, " ") {
			log.Fatalf("order %d arrived as %q", order, got)
		}
	}
	fmt.Println("every order arrived in order")
}

func complete(seen map[int][]string) bool {
	n := 0
	for _, s := range seen {
		n += len(s)
	}
	return n >= orders*len(steps)
}
