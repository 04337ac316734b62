// Command sqlfilter sends messages with a price and a region, and has the broker choose by an SQL92 expression which ones to deliver.
// It ends with an error when another one comes, or one is missing.
//
//	go run ./sqlfilter -n 127.0.0.1:9876 -count 10
//
// The broker has to be run with enablePropertyFilter=true, which is not the default: make run ARGS="-c examples/broker.conf", or
// make up. One that runs takes it by mqadmin updateBrokerConfig -b ADDRESS -k enablePropertyFilter -v true.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const expression = "price >= 30 AND region IN ('east', 'north')"

var regions = []string{"east", "west", "north"}

func price(i int) int     { return 10 * i }
func region(i int) string { return regions[i%len(regions)] }

// wanted is the expression in Go.
func wanted(i int) bool { return price(i) >= 30 && region(i) != "west" }

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "ExampleSQLFilter", "topic")
	count := flag.Int("count", 10, "messages to send, 4 at least")
	patience := flag.Duration("patience", time.Minute, "give up after so long")
	flag.Parse()
	rlog.SetLogger(warnings{})
	if *count < 4 {
		log.Fatal("none of so few would be wanted")
	}
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()

	run := time.Now().UnixNano() // messages of an earlier run of this program are not ours
	send(ctx, *namesrv, *topic, run, *count)
	receive(ctx, *namesrv, *topic, run, *count)
}

func send(ctx context.Context, namesrv, topic string, run int64, count int) {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		producer.WithGroupName("example-sqlfilter-producer"),
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Start(); err != nil {
		log.Fatal(err)
	}
	for i := range count {
		m := primitive.NewMessage(topic, fmt.Appendf(nil, "%d %d", run, i))
		m.WithProperty("price", strconv.Itoa(price(i)))
		m.WithProperty("region", region(i))
		if _, err := p.SendSync(ctx, m); err != nil {
			log.Fatalf("message %d: %v", i, err)
		}
	}
	if err := p.Shutdown(); err != nil {
		log.Fatal(err)
	}
}

func receive(ctx context.Context, namesrv, topic string, run int64, count int) {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		consumer.WithGroupName("example-sqlfilter"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		log.Fatal(err)
	}
	missing := make(map[int]bool)
	for i := range count {
		if wanted(i) {
			missing[i] = true
		}
	}
	var mu sync.Mutex // the client calls from several goroutines at once
	done, finish := context.WithCancel(ctx)
	defer finish()
	selector := consumer.MessageSelector{Type: consumer.SQL92, Expression: expression}
	err = c.Subscribe(topic, selector, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			var of int64
			var i int
			if n, _ := fmt.Sscan(string(m.Body), &of, &i); n != 2 || of != run {
				continue
			}
			if !wanted(i) {
				log.Fatalf("message %d came: price %s, region %s", i, m.GetProperty("price"), m.GetProperty("region"))
			}
			delete(missing, i)
			fmt.Printf("received %d: price %s, region %s\n", i, m.GetProperty("price"), m.GetProperty("region"))
		}
		if len(missing) == 0 {
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
	if len(missing) > 0 {
		log.Fatalf("%d messages did not come", len(missing))
	}
	fmt.Printf("what came is what the broker chose: %s\n", expression)
}

// warnings is where the client logs: a push consumer whose pulls the broker refuses is told so nowhere else, and tries again for ever.
type warnings struct{}

func (warnings) Warning(_ string, fields map[string]any) {
	if reason := fmt.Sprint(fields[rlog.LogKeyUnderlayError]); strings.Contains(reason, "does not support consumer to filter message") {
		log.Fatalf("%s\nrun the broker with enablePropertyFilter=true: make run ARGS=\"-c examples/broker.conf\"", reason)
	}
}

func (warnings) Error(message string, fields map[string]any) { log.Print(message, " ", fields) }
func (warnings) Fatal(message string, fields map[string]any) { log.Fatal(message, " ", fields) }
func (warnings) Debug(string, map[string]any)                {}
func (warnings) Info(string, map[string]any)                 {}
func (warnings) Level(string)                                {}
func (warnings) OutputPath(string) error                     { return nil }
