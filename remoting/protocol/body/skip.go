package body

// Skipped answers SkylarkSkipToEnd and SkylarkPurgeTopic.
type Skipped struct {
	Queues   []SkippedQueue `json:"queues"` // those with anything to skip
	Messages int64          `json:"messages"`
	// Groups were moved, because they were behind what is purged.
	Groups []string `json:"groups"`
	Done   bool     `json:"done"` // false: it was only asked what would be done
}

// SkippedQueue is one queue: messages from From to before To are skipped.
type SkippedQueue struct {
	Topic   string `json:"topic"`
	QueueID int32  `json:"queueId"`
	From    int64  `json:"from"`
	To      int64  `json:"to"`
}

// Add notes a queue, unless there is nothing in it to skip.
func (s *Skipped) Add(topic string, queue int32, from, to int64) {
	if to > from {
		s.Queues = append(s.Queues, SkippedQueue{topic, queue, from, to})
		s.Messages += to - from
	}
}
