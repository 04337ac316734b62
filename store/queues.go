package store

import (
	"errors"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/message"
)

// QueueBounds is one queue and the offsets it has: [Min, Max).
type QueueBounds struct {
	Topic    string
	QueueID  int32
	Min, Max int64
}

// Queues calls visit for every queue that holds or held messages, topics in order
// of their names, until it answers false.
func (s *Store) Queues(visit func(QueueBounds) bool) {
	for _, topic := range s.queues.Topics() {
		for _, q := range s.queues.TopicQueues(topic) {
			if q.Exists() && !visit(QueueBounds{q.Topic, q.ID, q.MinOffset(), q.MaxOffset()}) {
				return
			}
		}
	}
	for _, q := range s.queues.Batches() {
		if low, high := q.Bounds(); high > 0 && !visit(QueueBounds{q.Topic, q.ID, low, high}) {
			return
		}
	}
}

// TopicsWithQueues lists the topics that have a queue in the store.
func (s *Store) TopicsWithQueues() []string {
	names := s.queues.Topics()
	kept := names[:0]
	for _, topic := range names {
		for _, q := range s.queues.TopicQueues(topic) {
			if q.Exists() {
				kept = append(kept, topic)
				break
			}
		}
	}
	last := ""
	for _, q := range s.queues.Batches() {
		if _, high := q.Bounds(); high > 0 && q.Topic != last {
			kept = append(kept, q.Topic)
			last = q.Topic
		}
	}
	return kept
}

// writersOut keeps the writers of the consume queues out until the returned
// function is called.
func (s *Store) writersOut() (in func()) {
	s.mu.Lock()
	s.lockedAt.Store(s.clk.MonoMs()) // loops do not wait for it one turn after the other
	s.dispatching.Lock()
	return func() {
		s.dispatching.Unlock()
		s.lockedAt.Store(0)
		s.mu.Unlock()
	}
}

// DeleteTopics removes the consume queues of topics; their records stay in the log
// until it expires. A topic that is used again begins at offset 0.
func (s *Store) DeleteTopics(topics []string) error {
	var failed error
	for _, topic := range topics {
		_, err := s.deleteUnless(topic, func(string) bool { return false })
		failed = errors.Join(failed, err)
	}
	return failed
}

// deleteUnless removes the queues of a topic that is not to be kept, which is asked while
// nothing can be appended.
func (s *Store) deleteUnless(topic string, keep func(topic string) bool) (gone bool, err error) {
	in := s.writersOut()
	if gone = !keep(topic); gone {
		err = s.queues.DeleteTopic(topic)
	}
	in()
	if gone {
		s.logger.Info().Str("topic", topic).Msg("store: consume queues of a topic deleted")
	}
	return gone, err
}

// CleanUnusedQueues removes the queues of topics that the broker no longer knows,
// except system topics. It returns how many topics went. keep takes no lock: it is
// asked again right before each deletion, under the append lock, because seconds may
// have passed, and nobody sends to a topic before it can be seen.
func (s *Store) CleanUnusedQueues(keep func(topic string) bool) (int, error) {
	removed := 0
	var failed error
	for _, topic := range s.TopicsWithQueues() {
		if keep(topic) || isSystemTopic(topic) || message.IsLight(topic) {
			continue
		}
		gone, err := s.deleteUnless(topic, keep)
		if gone {
			removed++
		}
		failed = errors.Join(failed, err)
	}
	return removed, failed
}

// isSystemTopic names the topics whose queues live without clients.
func isSystemTopic(topic string) bool {
	switch topic {
	case "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC",
		"RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC", "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
		"TBW102", "BenchmarkTest", "OFFSET_MOVED_EVENT", "SELF_TEST_TOPIC":
		return true
	}
	return strings.HasPrefix(topic, "rmq_sys_")
}

// CleanExpired removes what the log no longer has: files of queues and index, and
// whole light queues. It returns how many of those went. Other queues keep their last
// file, and with it their offsets: begun anew, as in Java, they would give new messages
// offsets that the groups have behind them, and those would be skipped.
func (s *Store) CleanExpired() (int, error) {
	minPhy := s.commitLog.Min()
	_, err := s.queues.DeleteExpired(minPhy, func(time.Duration) {}, 0)
	err = errors.Join(err, s.index.DeleteBefore(minPhy))
	removed := 0
	for _, topic := range s.queues.Topics() {
		if !message.IsLight(topic) {
			continue
		}
		for _, q := range s.queues.TopicQueues(topic) {
			if !q.Unused(minPhy) {
				continue
			}
			in := s.writersOut()
			if q.Unused(minPhy) {
				err = errors.Join(err, q.Destroy())
				removed++
			}
			in()
		}
	}
	return removed, err
}
