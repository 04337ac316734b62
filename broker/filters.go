package broker

import (
	"strings"
	"time"

	"github.com/skylarkmq/skylark/broker/filterdata"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// SQL92 filters. A heartbeat's expression is compiled once and kept with its group
// (broker/filterdata), one that comes with a pull with what is known of the pulling
// group. Tags are decided by the unit of the queue, expressions by the record.

const (
	// inlineExpression is the longest expression that a pull's subscription is
	// compiled from on the loop.
	inlineExpression = 2 << 10
	// inlineNodes is how large an expression may be that is evaluated on the loop,
	// inlineRecords over how many records; a pull may look at 800, half a microsecond each.
	inlineNodes   = 32
	inlineRecords = 64
	// inlineUnits is how many units of a queue a pull by tags may have looked at on the
	// loop: the largest pullBatchSize of clients. One that asks for more may mean all that a
	// store scans in one go.
	inlineUnits = 1024

	filtersEvery = 10 * time.Second
)

func (b *Broker) newFilters(memoryLimit int64) error {
	cfg := b.cfg.Get()
	bloom, err := filter.NewBloom(cfg.MaxErrorRateOfBloomFilter, cfg.ExpectConsumerNumUseFilter)
	if err != nil {
		return err
	}
	if cfg.EnableCalcFilterBitMap && !b.storeCfg.Get().EnableConsumeQueueExt {
		b.log.Warn().Msg("enableCalcFilterBitMap without enableConsumeQueueExt: there is no place for bit maps; filters read the messages")
	}
	// The original sets and shows what its bloom filter needs, whatever the file says (ConsumerFilterManager).
	b.storeCfg.Change(func(c *store.Config) { c.BitMapLengthConsumeQueueExt = bloom.Bits })
	b.Filters = filterdata.New(filterdata.Options{
		NowMs: b.filterTime, Bloom: bloom, MemoryLimit: memoryLimit,
		CleanMs: func() int64 { return b.cfg.Get().FilterDataCleanTimeSpan },
		Refused: func(group, topic string, err error) {
			b.log.Warn().Err(err).Str("group", group).Str("topic", topic).Msg("filter expression refused: its consumers get nothing")
		},
	})
	return nil
}

// filterTime is never before the time of a message that is stored: the store's time
// stands still when the clock is set back a little.
func (b *Broker) filterTime() int64 {
	now := b.clock.NowMs()
	if b.Store != nil {
		now = max(now, b.Store.LastStoreTime())
	}
	return now
}

// bitMaps is the store's view of what groups filter by; enableCalcFilterBitMap may
// change while the broker runs.
type bitMaps struct{ b *Broker }

func (m bitMaps) Generation() uint64 { return m.b.Filters.Generation() }

func (m bitMaps) BitMap(topic string, properties []byte) []byte {
	if !m.b.cfg.Get().EnableCalcFilterBitMap {
		return nil
	}
	return m.b.Filters.BitMap(topic, properties)
}

// filterBy finds the compiled expression of a group's subscription.
func (b *Broker) filterBy(p *pull) pullRefusal {
	if p.data = nil; filter.IsTag(p.sub.ExpressionType) {
		return pullAdmitted
	}
	data := b.Filters.Get(p.topic.TopicName, p.group.GroupName)
	switch {
	case data == nil:
		return pullRefused(code.FilterDataNotExist, remarkNoFilterData)
	case data.ClientVersion < p.subVersion:
		return pullRefused(code.FilterDataNotLatest, remarkOldFilterData)
	}
	p.data = data
	return pullAdmitted
}

// slow says whether a pull's filter has too much work for the loop.
func (b *Broker) slow(p *pull) bool {
	nodes := p.sub.Nodes()
	if p.data != nil {
		nodes = p.data.Compiled().Nodes()
	}
	if p.maxMsgs > inlineUnits && !p.sub.All() && b.Store.MaxOffset(p.topic.TopicName, p.queue)-p.offset > inlineUnits {
		return true
	}
	return nodes > inlineNodes || nodes > 0 && b.Store.MaxOffset(p.topic.TopicName, p.queue)-p.offset > inlineRecords
}

// messageFilter is what a pull wants; nil for everything.
func (b *Broker) messageFilter(p *pull) store.Filter {
	switch {
	case p.sub == nil || p.sub.All():
		return nil
	case filter.IsTag(p.sub.ExpressionType):
		return p.sub
	case topic.IsRetry(p.topic.TopicName) && b.cfg.Get().FilterSupportRetry:
		return retryFilter{b.Filters, strings.TrimPrefix(p.topic.TopicName, topic.RetryPrefix)}
	case p.data != nil:
		return p.data
	}
	return p.sub
}

// retryFilter lets the messages of a retry topic pass by what their group filters
// their original topic by (filterSupportRetry).
type retryFilter struct {
	table *filterdata.Table
	group string
}

func (f retryFilter) MatchQueue(int64, []byte) bool { return true }

func (f retryFilter) MatchRecord(rec []byte) bool {
	var v message.View
	if message.Decode(rec, &v) != nil {
		return false
	}
	origin, ok := message.Property(v.Properties, message.PropertyRetryTopic)
	if !ok {
		return true // Java gives up on the whole pull here
	}
	data := f.table.Get(string(origin), f.group)
	return data == nil || data.Compiled().Match(v.Properties)
}

// holdOn goes on holding a pull that was woken for messages of which it wants none,
// behind them; false when it has to be answered. Java asks the filter before it
// wakes a pull, so its consumers do not hear of such messages either.
func (b *Broker) holdOn(h *heldPull, a *answer) bool {
	res := &a.result
	if res.Status != store.GetNoMatchedMessage || res.NextBegin < res.Max || b.clock.MonoMs() >= h.Deadline || b.stopped.Load() {
		return false
	}
	h.pull.offset, h.passed, h.From = res.NextBegin, true, res.NextBegin
	return b.park(h)
}

// filterSaver keeps consumerFilter.json.
type filterSaver struct {
	file    *stateFile
	table   *filterdata.Table
	saved   int64
	written bool
}

// save cleans, and writes the file when anything changed.
func (s *filterSaver) save() {
	s.table.Clean()
	changes := s.table.Changes()
	if s.written && changes == s.saved {
		return
	}
	if s.file.persist() == nil {
		s.saved, s.written = changes, true
	}
}
