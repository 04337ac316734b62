package churn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Intervals of the Java client are 30 s, 20 s, 5 s and 20 s.
const (
	heartbeatEvery = time.Second
	rebalanceEvery = 500 * time.Millisecond
	persistEvery   = 200 * time.Millisecond
	relockEvery    = 5 * time.Second
	holdPulls      = 2 * time.Second
	afterError     = 50 * time.Millisecond
	leaveTime      = 20 * time.Second // what is lost then rests until its lock expires
	inHandTime     = 10 * time.Second
)

// delivery is one message that reached a member.
type delivery struct {
	queue  int32
	offset int64
	seq    uint64 // the body
	taken  uint64 // which take-over of a queue: the same number is the same owner
}

// member is one push consumer of a group.
type member struct {
	*client
	id, group string
	orderly   bool
	// deliver consumes; when it returns the messages count as consumed. Orderly
	// members get one at a time.
	deliver func([]delivery)

	notice chan struct{}
	mine   map[int32]*worker // belongs to run
	wg     sync.WaitGroup
}

// takeOvers numbers them over all members of the process.
var takeOvers atomic.Uint64

// worker consumes one queue, as a Java process queue with its pull loop.
type worker struct {
	m      *member
	queue  int32
	taken  uint64
	cancel context.CancelFunc

	hand    chan struct{} // Java's consume lock: has one element while a message is in hand
	dropped atomic.Bool
	next    atomic.Int64 // all before is consumed
}

func newMember(addr, group, id string, orderly bool, deliver func([]delivery)) *member {
	m := &member{
		client: newClient(addr), id: id, group: group, orderly: orderly, deliver: deliver,
		notice: make(chan struct{}, 1), mine: map[int32]*worker{},
	}
	remoting.MountClient(m.Client, m, []remoting.Route[*member]{
		remoting.Handle(code.NotifyConsumerIDsChanged, remoting.Inline, (*member).noticed),
	})
	return m
}

func (m *member) noticed(*remoting.Request, *header.NotifyConsumerIdsChanged) (*protocol.Command, error) {
	select {
	case m.notice <- struct{}{}:
	default:
	}
	return nil, nil
}

// run consumes until ctx ends; then it leaves as a Java client does: offsets are
// saved, locks given back, the group told.
func (m *member) run(ctx context.Context) {
	defer m.Close()
	beat, share := time.NewTicker(heartbeatEvery), time.NewTicker(rebalanceEvery)
	save, relock := time.NewTicker(persistEvery), time.NewTicker(relockEvery)
	for _, t := range []*time.Ticker{beat, share, save, relock} {
		defer t.Stop()
	}
	known := m.heartbeat(ctx) == nil
	for {
		if known {
			known = m.rebalance(ctx) == nil
		}
		select {
		case <-ctx.Done():
			m.leave()
			return
		case <-beat.C:
			known = m.heartbeat(ctx) == nil
		case <-m.notice:
		case <-share.C: // a broker that came back knows nobody
			if !known {
				known = m.heartbeat(ctx) == nil
			}
		case <-save.C:
			for _, w := range m.mine {
				w.persist(ctx)
			}
		case <-relock.C:
			m.relock(ctx)
		}
	}
}

func (m *member) heartbeat(ctx context.Context) error {
	data, err := body.Encode(body.HeartbeatData{ClientID: m.id, ProducerDataSet: []body.ProducerData{}, ConsumerDataSet: []body.ConsumerData{{
		GroupName: m.group, ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", ConsumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
		SubscriptionDataSet: []body.SubscriptionData{
			{Topic: topic, SubString: "*", ExpressionType: "TAG", SubVersion: 1, TagsSet: []string{}, CodeSet: []int32{}},
		},
	}}})
	if err != nil {
		return err
	}
	_, err = m.call(ctx, code.HeartBeat, data)
	return err
}

// rebalance is AllocateMessageQueueAveragely over the members that the broker names.
func (m *member) rebalance(ctx context.Context) error {
	answer, err := m.call(ctx, code.GetConsumerListByGroup, nil, "consumerGroup", m.group)
	if err != nil {
		return err
	}
	list, err := body.Decode[body.GetConsumerListByGroupResponseBody](answer.Body)
	if err != nil {
		return err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(list.ConsumerIdList)))
	wanted := averagely(ids, m.id)
	for q, w := range m.mine {
		if !slices.Contains(wanted, q) && w.drop(ctx, m.orderly) {
			delete(m.mine, q)
		}
	}
	var fresh []int32
	for _, q := range wanted {
		if m.mine[q] == nil {
			fresh = append(fresh, q)
		}
	}
	if m.orderly && len(fresh) > 0 {
		if fresh, err = m.lock(ctx, fresh); err != nil {
			return err
		}
	}
	for _, q := range fresh {
		at, err := m.committed(ctx, m.group, q)
		if err != nil {
			return err
		}
		m.take(ctx, q, at)
	}
	return nil
}

// averagely gives each member a run of neighbouring queues.
func averagely(ids []string, id string) (list []int32) {
	i, found := slices.BinarySearch(ids, id)
	if !found {
		return nil
	}
	size, more := queues/len(ids), queues%len(ids)
	from := i*size + min(i, more)
	if i < more {
		size++
	}
	for q := from; q < from+size; q++ {
		list = append(list, int32(q))
	}
	return list
}

func (m *member) queueSet(list []int32) []byte {
	set := make([]body.MessageQueue, len(list))
	for i, q := range list {
		set[i] = body.MessageQueue{Topic: topic, BrokerName: brokerName, QueueId: q}
	}
	data, err := body.Encode(body.LockBatchRequestBody{ClientId: m.id, ConsumerGroup: m.group, MqSet: set})
	if err != nil {
		panic(err) // it has no fields that could fail
	}
	return data
}

// lock returns which of the queues it got.
func (m *member) lock(ctx context.Context, list []int32) (held []int32, err error) {
	answer, err := m.call(ctx, code.LockBatchMQ, m.queueSet(list))
	if err != nil {
		return nil, err
	}
	got, err := body.Decode[body.LockBatchResponseBody](answer.Body)
	if err != nil {
		return nil, err
	}
	for _, q := range got.LockOKMQSet {
		held = append(held, q.QueueId)
	}
	return held, nil
}

// relock renews what is held; a queue that another has got meanwhile is dropped.
func (m *member) relock(ctx context.Context) {
	if !m.orderly || len(m.mine) == 0 {
		return
	}
	list := make([]int32, 0, len(m.mine))
	for q := range m.mine {
		list = append(list, q)
	}
	held, err := m.lock(ctx, list)
	if err != nil {
		return // the broker is away; the next one says
	}
	for q, w := range m.mine {
		if !slices.Contains(held, q) && w.drop(ctx, false) {
			delete(m.mine, q)
		}
	}
}

func (m *member) take(ctx context.Context, q int32, at int64) {
	w := &worker{m: m, queue: q, taken: takeOvers.Add(1), hand: make(chan struct{}, 1)}
	w.next.Store(at)
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.mine[q] = w
	m.wg.Go(func() { w.run(ctx) })
}

// leave runs after the member's own context has ended.
func (m *member) leave() {
	var late []*worker
	for _, w := range m.mine {
		if !w.drop(context.Background(), m.orderly) {
			late = append(late, w)
		}
	}
	m.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	for _, w := range late {
		w.persist(ctx)
	}
	// What fails here a broker that is away has forgotten by itself.
	if m.orderly {
		// All queues: the broker may have given a lock whose answer this member did not wait for.
		all := make([]int32, queues)
		for q := range all {
			all[q] = int32(q)
		}
		_, _ = m.call(ctx, code.UnlockBatchMQ, m.queueSet(all))
	}
	_, _ = m.call(ctx, code.UnregisterClient, nil, "clientID", m.id, "consumerGroup", m.group)
}

// drop ends the worker; with unlock it first waits, for inHandTime, until nothing
// is in hand, and says false when that was too short. A member that is told to leave
// meanwhile still saves and gives back: else the queue rests until its lock expires.
func (w *worker) drop(ctx context.Context, unlock bool) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	w.dropped.Store(true)
	w.cancel()
	if unlock {
		select {
		case w.hand <- struct{}{}:
			defer func() { <-w.hand }()
		case <-time.After(inHandTime):
			return false
		}
	}
	w.persist(ctx)
	if unlock {
		_, _ = w.m.call(ctx, code.UnlockBatchMQ, w.m.queueSet([]int32{w.queue})) // else it expires
	}
	return true
}

func (w *worker) persist(ctx context.Context) {
	_ = w.m.commit(ctx, w.m.group, w.queue, w.next.Load()) // what fails is saved the next time, or consumed twice
}

// run pulls and consumes.
func (w *worker) run(ctx context.Context) {
	at := w.next.Load()
	for ctx.Err() == nil {
		answer, err := w.pull(ctx, at)
		var r *refused
		switch {
		case err == nil:
			list, err := views(answer.Body)
			if err != nil || !w.consume(list) {
				return
			}
			at = number(answer, "nextBeginOffset")
		case asRefused(err, &r) && (r.code == code.PullNotFound || r.code == code.PullRetryImmediately):
			at = number(answer, "nextBeginOffset")
		case asRefused(err, &r) && r.code == code.PullOffsetMoved:
			panic(fmt.Sprintf("queue %d: offset %d is said to be wrong, go to %d", w.queue, at, number(answer, "nextBeginOffset")))
		default:
			select {
			case <-ctx.Done():
			case <-time.After(afterError):
			}
		}
	}
}

func (w *worker) pull(ctx context.Context, at int64) (*protocol.Command, error) {
	ctx, cancel := context.WithTimeout(ctx, holdPulls+5*time.Second)
	defer cancel()
	return w.m.call(ctx, code.PullMessage, nil, "consumerGroup", w.m.group, "topic", topic, "queueId", fmt.Sprint(w.queue),
		"queueOffset", fmt.Sprint(at), "maxMsgNums", "32", "sysFlag", fmt.Sprint(header.PullCommitOffset|header.PullSuspend),
		"commitOffset", fmt.Sprint(w.next.Load()), "suspendTimeoutMillis", fmt.Sprint(holdPulls.Milliseconds()), "subVersion", "1")
}

// consume hands the messages out: together, or one by one with the lock that drop
// waits for. What was in hand when the queue was taken away is not committed.
func (w *worker) consume(list []message.View) bool {
	step := len(list)
	if w.m.orderly {
		step = 1
	}
	for chunk := range slices.Chunk(list, max(step, 1)) {
		if !w.hold(chunk) {
			return false
		}
	}
	return true
}

func (w *worker) hold(list []message.View) bool {
	w.hand <- struct{}{}
	defer func() { <-w.hand }()
	if w.dropped.Load() {
		return false
	}
	out := make([]delivery, len(list))
	for i := range list {
		out[i] = delivery{w.queue, list[i].QueueOffset, binary.BigEndian.Uint64(list[i].Body), w.taken}
	}
	w.m.deliver(out)
	if w.dropped.Load() {
		return false
	}
	w.next.Store(out[len(out)-1].offset + 1)
	return true
}

func asRefused(err error, r **refused) bool { return errors.As(err, r) }
