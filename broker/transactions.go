package broker

import (
	"fmt"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/offset"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/transaction"
)

// newTransactions makes the coordinator of half messages over the broker's parts,
// and mounts what operators ask of it.
func (b *Broker) newTransactions() *transaction.Coordinator {
	remoting.Mount(b.server, b, txRoutes)
	return transaction.New(transaction.Options{
		Store: newTxStore(b.Store), Offsets: txOffsets{b.Offsets}, Settings: b.txSettings, Check: b.checkTransactionState,
		PrepareDiscard: b.prepareDiscard, Host: b.addr, Clock: b.clock, Log: b.log, Disk: b.disk,
		MetricsFile: b.inConfig("transactionMetrics"),
	})
}

// transactionsReadable opens the queues of half messages, and of what became of them: if
// they could not be opened now, all transactions would be taken for settled.
func (b *Broker) transactionsReadable() error {
	for _, name := range []string{message.TopicHalf, message.TopicOpHalf} {
		if _, _, err := b.Store.Bounds(name, 0); err != nil {
			return fmt.Errorf("broker: the transactions of %s cannot be read: %w", name, err)
		}
	}
	return nil
}

func (b *Broker) txSettings() transaction.Settings {
	cfg, st := b.cfg.Get(), b.storeCfg.Get()
	return transaction.Settings{
		CheckInterval: time.Duration(cfg.TransactionCheckInterval) * time.Millisecond,
		TimeoutMs:     cfg.TransactionTimeOut,
		CheckMax:      int32(cfg.TransactionCheckMax),
		OpMaxSize:     cfg.TransactionOpMsgMaxSize,
		OpInterval:    time.Duration(cfg.TransactionOpBatchInterval) * time.Millisecond,
		MetricsEvery:  time.Duration(cfg.TransactionMetricFlushInterval) * time.Millisecond,
		ReservedMs:    int64(st.FileReservedTime) * 3600_000,
		Passive:       st.BrokerRole == store.Slave,
	}
}

// prepareDiscard makes the topic of discarded half messages, as Java does when the
// first one needs it.
func (b *Broker) prepareDiscard() {
	if b.Topics.Get(message.TopicMaxCheckTimes) != nil {
		return
	}
	c := &topic.Config{
		TopicName: message.TopicMaxCheckTimes, ReadQueueNums: 1, WriteQueueNums: 1, Perm: topic.PermRead | topic.PermWrite,
		TopicFilterType: topic.SingleTag,
	}
	if err := b.Topics.Put(c); err != nil {
		b.log.Warn().Err(err).Str("topic", c.TopicName).Msg("topic of discarded half messages not made, or not saved yet")
	}
	b.AnnounceTopic(c) // nothing, when it was not made
}

// txStore is the store as the coordinator wants it.
type txStore struct {
	store   *store.Store
	batches sync.Pool // *store.Batch
}

func newTxStore(s *store.Store) *txStore {
	return &txStore{store: s, batches: sync.Pool{New: func() any { return store.NewBatch() }}}
}

// Append waits for the disk with SYNC_FLUSH. What comes here is the broker's own, or was
// taken before: a limit that was lowered since does not stop it.
func (t *txStore) Append(list []message.Message) []transaction.Stored {
	batch := t.batches.Get().(*store.Batch)
	defer t.batches.Put(batch)
	batch.Reset()
	out := make([]transaction.Stored, len(list))
	n := t.stage(batch, list, out)
	if batch.Len() == 0 {
		return out
	}
	t.store.Append(batch)
	status := t.store.WaitFlush(batch.End())
	staged := 0
	for i := range out[:n] {
		if out[i].Refused {
			continue
		}
		r := batch.Result(staged)
		staged++
		out[i] = transaction.Stored{
			OK: r.Status == store.PutOK && status.Stored(), QueueOffset: r.QueueOffset, PhyOffset: r.PhyOffset,
			StoreTimestamp: r.StoreTimestamp, Size: r.Size,
		}
	}
	return out
}

// stage puts into the batch what the store takes, and says how many it has looked at: a
// refusal that may pass ends it.
func (t *txStore) stage(batch *store.Batch, list []message.Message, out []transaction.Stored) int {
	for i := range list {
		switch _, st := t.store.StageAsIs(batch, &list[i]); st {
		case store.PutOK:
		case store.MessageIllegal, store.PropertiesSizeExceeded:
			out[i].Refused = true
		default:
			return i
		}
	}
	return len(list)
}

func (t *txStore) Sound(v *message.View) error { return t.store.Sound(v) }

func (t *txStore) Record(phy int64, size int32, dst []byte) ([]byte, error) {
	return t.store.Record(phy, size, dst, false)
}

func (t *txStore) Get(topic string, queue int32, offset int64, n int, dst []byte) ([]byte, int64) {
	res, dst := t.store.Get(&store.GetRequest{Topic: topic, QueueID: queue, Offset: offset, MaxCount: n}, dst)
	return dst, res.NextBegin
}

func (t *txStore) Bounds(topic string, queue int32) (low, high int64) {
	return t.store.MinOffset(topic, queue), t.store.MaxOffset(topic, queue)
}

func (t *txStore) Walk(from int64, visit func(*message.View) error) error {
	return t.store.Walk(from, visit)
}

func (t *txStore) Oldest() int64  { return t.store.MinPhyOffset() }
func (t *txStore) End() int64     { return t.store.MaxPhyOffset() }
func (t *txStore) Flushed() int64 { return t.store.FlushedPhyOffset() }

// txOffsets is consumerOffset.json as the coordinator wants it.
type txOffsets struct{ table *offset.Table }

func (t txOffsets) Query(group, topic string, queue int32) int64 {
	return t.table.Query(group, topic, queue)
}

func (t txOffsets) Commit(group, topic string, queue int32, o int64) {
	_, _ = t.table.Commit(group, topic, queue, o) // a full table costs a longer start, nothing else
}
