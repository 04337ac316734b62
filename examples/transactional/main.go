// Command transactional sends messages that are seen only when their transaction is committed: it commits every other one, rolls back
// the rest, and of the last it does not know; the broker asks for that one later, and it is committed then. The program ends with an
// error when one is missing, or one that was rolled back is seen.
//
//	go run ./transactional -n 127.0.0.1:9876 -count 10
//
// The broker asks every 30 s (transactionCheckInterval) about what is older than 6 s (transactionTimeOut). One that asks sooner:
// make run ARGS="-c examples/broker.conf".
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	namesrv := flag.String("n", "127.0.0.1:9876", "name server")
	topic := flag.String("topic", "ExampleTransactional", "topic")
	count := flag.Int("count", 10, "messages to send")
	patience := flag.Duration("patience", 2*time.Minute, "give up after so long")
	flag.Parse()
	rlog.SetLogLevel("fatal") // to the client whatever is not committed is an error
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()

	l := &ledger{run: time.Now().UnixNano(), count: *count, seen: make(map[int]bool)}
	p := send(ctx, *namesrv, *topic, l)
	receive(ctx, *namesrv, *topic, l)
	if err := p.Shutdown(); err != nil { // not before: it is asked
		log.Fatal(err)
	}
	l.verify()
}

// ledger is the database that such a program has: it knows what became of each transaction.
type ledger struct {
	run   int64 // messages of an earlier run of this program are not ours
	count int
	mu    sync.Mutex // the client calls from several goroutines at once
	seen  map[int]bool
}

// number reads which message of this run a body is.
func (l *ledger) number(body []byte) (i int, ours bool) {
	var run int64
	n, _ := fmt.Sscan(string(body), &run, &i)
	return i, n == 2 && run == l.run
}

func (l *ledger) last(i int) bool      { return i == l.count-1 }
func (l *ledger) committed(i int) bool { return l.last(i) || i%2 == 0 }

func (l *ledger) state(i int) primitive.LocalTransactionState {
	if l.committed(i) {
		return primitive.CommitMessageState
	}
	return primitive.RollbackMessageState
}

// ExecuteLocalTransaction is called when the broker has the message, and shows it to nobody yet.
func (l *ledger) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	i, _ := l.number(m.Body)
	switch {
	case l.last(i):
		fmt.Printf("sent %d: not known yet\n", i)
		return primitive.UnknowState
	case l.committed(i):
		fmt.Printf("sent %d: committed\n", i)
	default:
		fmt.Printf("sent %d: rolled back\n", i)
	}
	return l.state(i)
}

// CheckLocalTransaction is called when the broker has heard of no end. It may ask for any message of the group, whichever process
// sent it, and has to get the same answer each time.
func (l *ledger) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	i, ours := l.number(m.Body)
	if !ours {
		return primitive.RollbackMessageState // that run is over
	}
	fmt.Printf("asked for %d\n", i)
	return l.state(i)
}

func send(ctx context.Context, namesrv, topic string, l *ledger) rocketmq.TransactionProducer {
	p, err := rocketmq.NewTransactionProducer(l,
		producer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		producer.WithGroupName("example-transactional-producer"),
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Start(); err != nil {
		log.Fatal(err)
	}
	for i := range l.count {
		m := primitive.NewMessage(topic, fmt.Appendf(nil, "%d %d", l.run, i))
		if _, err := p.SendMessageInTransaction(ctx, m); err != nil {
			log.Fatalf("message %d: %v", i, err)
		}
	}
	return p
}

func receive(ctx context.Context, namesrv, topic string, l *ledger) {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		consumer.WithGroupName("example-transactional"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		log.Fatal(err)
	}
	done, finish := context.WithCancel(ctx)
	defer finish()
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, m := range messages {
			if i, ours := l.number(m.Body); ours {
				l.seen[i] = true
				fmt.Printf("received %d\n", i)
			}
		}
		if l.complete() {
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
}

// complete: whatever is to be seen was.
func (l *ledger) complete() bool {
	for i := range l.count {
		if l.committed(i) && !l.seen[i] {
			return false
		}
	}
	return true
}

func (l *ledger) verify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.count {
		if l.seen[i] != l.committed(i) {
			log.Fatalf("message %d: committed %v, received %v", i, l.committed(i), l.seen[i])
		}
	}
	fmt.Println("what was committed came, and nothing else")
}
