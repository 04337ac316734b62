package broker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/schedule"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/commitlog"
)

// newSchedule makes the delay levels over the broker's store, which is opened later.
func (b *Broker) newSchedule() error {
	levels, err := store.ParseDelayLevels(b.storeCfg.Get().MessageDelayLevel)
	if err != nil {
		return err
	}
	b.delayFile = b.stateFile("delayOffset.json", nil, nil)
	b.Schedule = schedule.New(schedule.Options{
		Store: newScheduleStore(b), Levels: levels, Clock: b.clock, Log: b.log,
		Persist: b.delayFile.persist,
		PersistEvery: func() time.Duration {
			return time.Duration(b.storeCfg.Get().FlushDelayOffsetInterval) * time.Millisecond
		},
		VersionStep: func() int64 { return b.cfg.Get().DelayOffsetUpdateVersionStep },
	})
	b.delayFile.encode, b.delayFile.decode = b.Schedule.Encode, b.Schedule.Decode
	b.delayLevels = len(levels)
	return nil
}

// prePut sends a message with a delay level to that level's queue, whoever puts it:
// a producer, a consumer that failed, or the commit of a transaction.
func (b *Broker) prePut(m *message.Message, buf []byte) ([]byte, store.PutStatus) {
	return schedule.Rewrite(m, b.delayLevels, buf), store.PutOK
}

// scheduleStore is the store as the delay levels want it.
type scheduleStore struct {
	b       *Broker
	batches sync.Pool // *store.Batch
}

func newScheduleStore(b *Broker) *scheduleStore {
	return &scheduleStore{b: b, batches: sync.Pool{New: func() any { return store.NewBatch() }}}
}

func (s *scheduleStore) Units(queue int32, offset int64, n int, dst []schedule.Unit) (_ []schedule.Unit, low, high int64, err error) {
	if _, _, err := s.b.Store.Bounds(message.TopicSchedule, queue); err != nil {
		return dst, 0, 0, err
	}
	units, low, high, _ := s.b.Store.Units(message.TopicSchedule, queue, offset, n)
	for _, u := range units {
		dst = append(dst, schedule.Unit{Phy: u.PhyOffset, Size: u.Size, Due: u.TagsCode})
	}
	return dst, low, high, nil
}

func (s *scheduleStore) Record(phy int64, size int32, dst []byte) ([]byte, error) {
	rec, err := s.b.Store.Record(phy, size, dst, false)
	switch {
	case errors.Is(err, commitlog.ErrRange):
		err = schedule.ErrGone
	case err != nil && store.FaultOf(err) == store.FaultFiles:
		err = fmt.Errorf("%w: %w", schedule.ErrNotNow, err)
	}
	return rec, err
}

// scheduleGroup is the consumer group that statistics give deliveries to.
const scheduleGroup = "SCHEDULE_CONSUMER"

// Deliver does not wait for the disk, as the messages of Java's delivery do not
// (WAIT=false): the progress does.
func (s *scheduleStore) Deliver(list []message.Message) (stored int, refused error) {
	batch := s.batches.Get().(*store.Batch)
	defer s.batches.Put(batch)
	batch.Reset()
	status := store.PutOK
	for i := range list {
		if _, status = s.b.Store.StageAsIs(batch, &list[i]); status != store.PutOK {
			break
		}
	}
	s.b.Store.Append(batch)
	for stored < batch.Len() && batch.Result(stored).Status == store.PutOK {
		stored++
	}
	if stored < batch.Len() {
		status = batch.Result(stored).Status
	}
	if s.b.storeCfg.Get().EnableScheduleMessageStats {
		s.count(list, batch, stored)
	}
	switch status {
	case store.PutOK:
		return stored, nil
	case store.MessageIllegal, store.PropertiesSizeExceeded:
		return stored, schedule.ErrIllegal
	case store.ServiceNotAvailable:
		if _, _, err := s.b.Store.Bounds(list[stored].Topic, list[stored].QueueID); err != nil {
			return stored, fmt.Errorf("%w: %w", schedule.ErrQueue, err)
		}
	}
	return stored, errors.New(status.String())
}

// count does the statistics of a delivery.
func (s *scheduleStore) count(list []message.Message, batch *store.Batch, stored int) {
	var sum putSum
	bytes := 0
	for i := range stored {
		res := batch.Result(i)
		sum.add(s.b.Stats, list[i].Topic, &res)
		bytes += int(res.Size)
	}
	sum.flush(s.b.Stats)
	if stored > 0 {
		s.b.Stats.Scheduled([]byte(scheduleGroup), []byte(message.TopicSchedule), stored, bytes)
	}
}

func (s *scheduleStore) Sync() error { return s.b.Store.Sync() }

// getAllDelayOffset answers GET_ALL_DELAY_OFFSET (45), which slaves ask.
func (b *Broker) getAllDelayOffset(*remoting.Request) (*protocol.Command, error) {
	data, err := b.Schedule.Wire()
	if err != nil {
		return nil, err
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Body = data
	return answer, nil
}
