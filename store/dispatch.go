package store

import "github.com/skylarkmq/skylark/store/consumequeue"

// Arrival says that a queue has new messages that consumers may see. Several
// messages of one append are one arrival.
type Arrival struct {
	Topic          string
	QueueID        int32
	NextOffset     int64 // the queue's max offset now
	TagsCode       int64 // of the newest one: a tag filter may only skip the arrival when Count is 1
	StoreTimestamp int64
	Count          int

	queue *consumequeue.Queue
}

// OnArrival sets who is told. It is called after the messages are visible, from the
// goroutine that appended, without a lock, or from the group commit, under that of its
// round: it must not wait for a flush, nor append what has to be flushed.
func (s *Store) OnArrival(tell func(Arrival)) { s.arrival.Store(&tell) }

func (s *Store) tellArrivals(list []Arrival) {
	tell := s.arrival.Load()
	if tell == nil {
		return
	}
	for i := range list {
		(*tell)(list[i])
	}
}

// dispatch gives records their units and index entries, in log order: from
// appends, from the group commit, and from recovery. What cannot be written stays
// in the backlog, and nothing more is accepted until that is empty again: the
// records are in the log and must appear in order.
func (s *Store) dispatch(items []item, hashes []int32, touched []Arrival) []Arrival {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	done, err := 0, error(nil)
	if len(s.backlog) == 0 {
		done, err = s.fill(items, hashes)
		touched = touch(touched, items[:done])
	}
	if done < len(items) {
		s.keepForLater(items[done:], hashes, err)
		return touched
	}
	s.reached(&items[len(items)-1].entry)
	return touched
}

// reached notes the newest record that queues and index know; under dispatching.
func (s *Store) reached(e *entry) {
	s.newest.PhyOffset, s.newest.StoreTime, s.newest.Size = e.phy, e.storeTime, e.size
	s.dispatched.Store(e.phy + int64(e.size))
}

// fill returns how many items are done.
func (s *Store) fill(items []item, hashes []int32) (done int, err error) {
	s.index.Warm(hashes)
	for i := range items {
		e := &items[i].entry
		if e.queue != nil {
			var bits []byte
			if e.bits != nil {
				bits = e.bits.bits
			}
			if err := e.queue.PutBitMap(e.offset, e.phy, e.size, e.tagsCode, e.storeTime, bits); err != nil {
				return i, err
			}
		}
		if e.more != nil {
			if err := e.more.put(e); err != nil {
				return i, err
			}
		}
		s.fillIndex(e, hashes)
		done = i + 1
	}
	return done, nil
}

// keepForLater is the rare part of dispatch.
func (s *Store) keepForLater(items []item, hashes []int32, err error) {
	if err != nil {
		s.flags.set(flagQueueError, s.trouble(err))
		s.logger.Error().Err(err).Int("records", len(items)).Msg("store: consume queue cannot be written; refusing messages until it can")
	}
	for _, it := range items {
		from := int32(len(s.backlogHashes))
		s.backlogHashes = append(s.backlogHashes, hashes[it.keys[0]:it.keys[1]]...)
		it.keys = [2]int32{from, int32(len(s.backlogHashes))}
		s.backlog = append(s.backlog, it)
	}
}

// retryBacklog tries again what a full disk kept from the queues.
func (s *Store) retryBacklog() error {
	s.dispatching.Lock()
	var touched []Arrival
	done, err := s.fill(s.backlog, s.backlogHashes)
	if done > 0 {
		touched = touch(nil, s.backlog[:done])
		s.reached(&s.backlog[done-1].entry)
		s.backlog = append(s.backlog[:0:0], s.backlog[done:]...)
	}
	if len(s.backlog) == 0 {
		s.backlog, s.backlogHashes = nil, nil
		s.flags.clear(flagQueueError)
	}
	s.dispatching.Unlock()
	s.tellArrivals(touched)
	return err
}

// touch notes which queues got messages, the newest of each. Only the last few
// are compared: to be told twice does no harm.
func touch(list []Arrival, items []item) []Arrival {
	const compared = 16
	for i := range items {
		e := &items[i].entry
		if e.more != nil {
			list = e.more.touched(list, e)
		}
		if e.queue == nil {
			continue
		}
		at := len(list) - 1
		for oldest := max(0, len(list)-compared); at >= oldest && list[at].queue != e.queue; at-- {
		}
		if at < max(0, len(list)-compared) {
			at = len(list)
			list = append(list, Arrival{Topic: e.queue.Topic, QueueID: e.queue.ID, queue: e.queue})
		}
		a := &list[at]
		a.NextOffset, a.TagsCode, a.StoreTimestamp = e.offset+1, e.tagsCode, e.storeTime
		a.Count++
	}
	return list
}
