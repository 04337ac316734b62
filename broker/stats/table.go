// Package stats counts what a broker does by topic, by group and in all, and keeps the changes of the last minute, hour and day: what
// VIEW_BROKER_STATS_DATA, topicStatus, consumerProgress and the dashboard show. Names, keys and sampling are those of the original
// (BrokerStatsManager, StatsItem).
//
// Counting takes no lock and allocates nothing once a topic or group has been seen. Run samples, until its context ends.
package stats

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/broker/snapshot"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/message"
)

// Names of statistics as clients ask for them. What the original counts besides is left out, see docs/consuming.md.
const (
	TopicPutNums = "TOPIC_PUT_NUMS" // key: topic
	TopicPutSize = "TOPIC_PUT_SIZE"

	GroupGetNums = "GROUP_GET_NUMS" // key: topic@group
	GroupGetSize = "GROUP_GET_SIZE"
	GroupAckNums = "GROUP_ACK_NUMS"
	GroupCkNums  = "GROUP_CK_NUMS"
	SndbckPut    = "SNDBCK_PUT_NUMS"
	DLQPutNums   = "DLQ_PUT_NUMS"

	BrokerPutNums              = "BROKER_PUT_NUMS" // key: cluster name
	BrokerGetNums              = "BROKER_GET_NUMS"
	BrokerAckNums              = "BROKER_ACK_NUMS"
	BrokerCkNums               = "BROKER_CK_NUMS"
	BrokerPutNumsWithoutSystem = "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC"
	BrokerGetNumsWithoutSystem = "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC"
)

// maxRows bounds topics and topic@group pairs. What is not counted apart any more is counted in all.
const maxRows = 200_000

// Under a memory limit they may take one part in so many of it, when each has been counted in by every kind of request.
const (
	rowBytes    = 2048
	rowsOfLimit = 8
)

// Options of a Table. All are needed.
type Options struct {
	Clock   clock.Clock
	Cluster string
	// IsSystem says of a topic that its messages do not count as users' own.
	IsSystem func(topic string) bool
	// FoldLight says whether the groups and topics of light queues are counted as one;
	// nil: never.
	FoldLight func() bool
	// MemoryLimit is what the process may have, 0 without a limit.
	MemoryLimit int64
}

// Table is all counters of a broker.
type Table struct {
	opt    Options
	most   int // rows of each kind
	topics *snapshot.Map[*topicRow]
	groups *snapshot.Map[*groupRow] // by topic@group

	brokerItems [6]Item
	days        days
}

type topicRow struct {
	system    bool
	nums, put Item
}

type groupRow struct {
	system                                   bool
	getNums, getSize, ack, ck, sendBack, dlq Item
}

var brokerNames = [6]string{
	BrokerPutNums, BrokerGetNums, BrokerAckNums, BrokerCkNums, BrokerPutNumsWithoutSystem, BrokerGetNumsWithoutSystem,
}

const (
	brokerPut = iota
	brokerGet
	brokerAck
	brokerCk
	brokerPutUser
	brokerGetUser
)

// New makes an empty table.
func New(opt Options) *Table {
	t := &Table{opt: opt, most: maxRows, topics: snapshot.New[*topicRow](), groups: snapshot.New[*groupRow]()}
	if opt.MemoryLimit > 0 {
		t.most = int(min(int64(t.most), opt.MemoryLimit/rowsOfLimit/rowBytes))
	}
	return t
}

// Put counts stored messages of a topic.
func (t *Table) Put(topic []byte, messages, size int) {
	t.brokerItems[brokerPut].Add(int64(messages), 1)
	row := t.topic(topic)
	if row == nil {
		t.brokerItems[brokerPutUser].Add(int64(messages), 1)
		return
	}
	row.nums.Add(int64(messages), 1)
	row.put.Add(int64(size), 1)
	if !row.system {
		t.brokerItems[brokerPutUser].Add(int64(messages), 1)
	}
}

// Get counts messages given to a group.
func (t *Table) Get(group, topic []byte, messages, size int) {
	t.brokerItems[brokerGet].Add(int64(messages), 1)
	row := t.group(group, topic)
	if row == nil {
		t.brokerItems[brokerGetUser].Add(int64(messages), 1)
		return
	}
	row.getNums.Add(int64(messages), 1)
	row.getSize.Add(int64(size), 1)
	if !row.system {
		t.brokerItems[brokerGetUser].Add(int64(messages), 1)
	}
}

// SendBack counts messages a group gave back.
func (t *Table) SendBack(group, topic []byte, messages int) {
	if row := t.group(group, topic); row != nil {
		row.sendBack.Add(int64(messages), 1)
	}
}

// DLQ counts messages of a group that went to its dead letter topic.
func (t *Table) DLQ(group, topic []byte, messages int) {
	if row := t.group(group, topic); row != nil {
		row.dlq.Add(int64(messages), 1)
	}
}

// Ack counts acknowledged POP messages.
func (t *Table) Ack(group, topic []byte, messages int) {
	t.brokerItems[brokerAck].Add(int64(messages), 1)
	if row := t.group(group, topic); row != nil {
		row.ack.Add(int64(messages), 1)
	}
}

// Checkpoint counts POP check points.
func (t *Table) Checkpoint(group, topic []byte, messages int) {
	t.brokerItems[brokerCk].Add(int64(messages), 1)
	if row := t.group(group, topic); row != nil {
		row.ck.Add(int64(messages), 1)
	}
}

func (t *Table) topic(topic []byte) *topicRow {
	if row, ok := t.topics.Lookup(topic); ok {
		return row
	}
	if t.topics.Len() >= t.most {
		return nil
	}
	var row *topicRow
	name := string(topic)
	t.topics.Update(name, func(old *topicRow, found bool) (*topicRow, bool) {
		if row = old; !found {
			row = &topicRow{system: t.opt.IsSystem(name)}
		}
		return row, true
	})
	return row
}

func (t *Table) group(group, topic []byte) *groupRow {
	if t.opt.FoldLight != nil && (message.IsLight(topic) || message.IsLight(group)) && t.opt.FoldLight() {
		group, topic = folded(group), folded(topic)
	}
	var buf [512]byte
	key := append(append(append(buf[:0], topic...), '@'), group...)
	if row, ok := t.groups.Lookup(key); ok {
		return row
	}
	if t.groups.Len() >= t.most {
		return nil
	}
	var row *groupRow
	t.groups.Update(string(key), func(old *groupRow, found bool) (*groupRow, bool) {
		if row = old; !found {
			row = &groupRow{system: t.opt.IsSystem(string(topic))}
		}
		return row, true
	})
	return row
}

func folded(name []byte) []byte {
	if message.IsLight(name) {
		return name[:len(message.LMQPrefix)]
	}
	return name
}

// View is the answer to VIEW_BROKER_STATS_DATA.
type View struct{ Minute, Hour, Day Snapshot }

// View returns one statistic; false when nothing was counted under that name and key.
func (t *Table) View(name, key string) (View, bool) {
	item := t.item(name, key)
	if item == nil || !item.touched() {
		return View{}, false
	}
	return View{Minute: item.snapshot(&item.minute), Hour: item.snapshot(&item.hour), Day: item.snapshot(&item.day)}, true
}

func (t *Table) item(name, key string) *Item {
	for i := range brokerNames {
		if brokerNames[i] == name {
			if key != t.opt.Cluster {
				return nil
			}
			return &t.brokerItems[i]
		}
	}
	switch name {
	case TopicPutNums, TopicPutSize:
		if row, ok := t.topics.Get(key); ok {
			return row.item(name)
		}
		return nil
	}
	if row, ok := t.groups.Get(key); ok {
		return row.item(name)
	}
	return nil
}

func (r *topicRow) item(name string) *Item {
	if name == TopicPutNums {
		return &r.nums
	}
	return &r.put
}

func (r *groupRow) item(name string) *Item {
	switch name {
	case GroupGetNums:
		return &r.getNums
	case GroupGetSize:
		return &r.getSize
	case GroupAckNums:
		return &r.ack
	case GroupCkNums:
		return &r.ck
	case SndbckPut:
		return &r.sendBack
	case DLQPutNums:
		return &r.dlq
	}
	return nil
}

// TopicPutTps is the rate of the last minute.
func (t *Table) TopicPutTps(topic string) float64 {
	v, _ := t.View(TopicPutNums, topic)
	return v.Minute.Tps
}

// GroupGetTps is the rate of the last minute.
func (t *Table) GroupGetTps(group, topic string) float64 {
	v, _ := t.View(GroupGetNums, topic+"@"+group)
	return v.Minute.Tps
}

// TopicDeleted forgets a topic and what groups did with it.
func (t *Table) TopicDeleted(topic string) {
	t.topics.Delete(topic)
	t.dropGroups(func(key string) bool { return strings.HasPrefix(key, topic+"@") })
}

// GroupDeleted forgets a group.
func (t *Table) GroupDeleted(group string) {
	t.dropGroups(func(key string) bool { return strings.HasSuffix(key, "@"+group) })
}

func (t *Table) dropGroups(match func(string) bool) {
	var gone []string
	t.groups.Range(func(key string, _ *groupRow) bool {
		if match(key) {
			gone = append(gone, key)
		}
		return true
	})
	for _, key := range gone {
		t.groups.Delete(key)
	}
}

// Run samples every 10 seconds, 10 minutes and hour, and keeps the totals of the days, until ctx ends.
func (t *Table) Run(ctx context.Context) {
	t.Sample()
	tick := t.opt.Clock.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C():
			t.Sample()
		}
	}
}

const (
	sampleEvery = 10 * time.Second
	perHourList = int64(10 * time.Minute / sampleEvery)
	perDayList  = int64(time.Hour / sampleEvery)
)

// Sample is one step of Run.
func (t *Table) Sample() {
	now := t.opt.Clock.Now()
	n := t.days.samplings.Add(1) - 1
	t.each(func(i *Item) {
		nowMs := now.UnixMilli()
		i.sample(&i.minute, minuteSlots, nowMs, sampleEvery.Milliseconds())
		if n%perHourList == 0 {
			i.sample(&i.hour, hourSlots, nowMs, (10 * time.Minute).Milliseconds())
		}
		if n%perDayList == 0 {
			i.sample(&i.day, daySlots, nowMs, time.Hour.Milliseconds())
		}
	})
	t.days.record(now, t.brokerItems[brokerPutUser].Value(), t.brokerItems[brokerGetUser].Value())
}

func (t *Table) each(fn func(*Item)) {
	for i := range t.brokerItems {
		fn(&t.brokerItems[i])
	}
	touched := func(items ...*Item) {
		for _, i := range items {
			if i.touched() {
				fn(i)
			}
		}
	}
	t.topics.Range(func(_ string, r *topicRow) bool { touched(&r.nums, &r.put); return true })
	t.groups.Range(func(_ string, r *groupRow) bool {
		touched(&r.getNums, &r.getSize, &r.ack, &r.ck, &r.sendBack, &r.dlq)
		return true
	})
}

// Days are the running totals of users' messages, and what they were at the last two midnights.
type Days struct {
	PutYesterdayMorning, PutTodayMorning, PutNow int64
	GetYesterdayMorning, GetTodayMorning, GetNow int64
}

type days struct {
	samplings atomic.Int64

	mu   sync.Mutex
	date int // year×1000 + day, of the last sampling
	at   Days
}

func (d *days) record(now time.Time, put, get int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	today := now.Year()*1000 + now.YearDay()
	if d.date != 0 && d.date != today {
		d.at.PutYesterdayMorning, d.at.PutTodayMorning = d.at.PutTodayMorning, put
		d.at.GetYesterdayMorning, d.at.GetTodayMorning = d.at.GetTodayMorning, get
	}
	d.date = today
}

// Days returns the totals that runtime info shows.
func (t *Table) Days() Days {
	t.days.mu.Lock()
	at := t.days.at
	t.days.mu.Unlock()
	at.PutNow = t.brokerItems[brokerPutUser].Value()
	at.GetNow = t.brokerItems[brokerGetUser].Value()
	return at
}
