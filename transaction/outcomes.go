package transaction

// latencyBounds are the Java broker's, in seconds.
var latencyBounds = [...]int64{5, 60, 600, 3600, 43200, 86400}

// decided counts a decision; the index's lock is held. Java counts the time from the
// birth of a message to its commit in whole seconds, and that of rollbacks not at all.
func (t *topicCount) decided(commit bool, tookMs int64) {
	if !commit {
		t.rollbacks++
		return
	}
	t.commits++
	took := max(0, tookMs) / 1000
	t.latencySum += took
	i := 0
	for i < len(latencyBounds) && took > latencyBounds[i] {
		i++
	}
	t.latency[i]++
}

// Outcome is what became of the transactions of a topic since the start.
type Outcome struct {
	Topic                    string
	Open, Commits, Rollbacks int64
	Latency                  [len(latencyBounds) + 1]uint64 // commits by seconds since birth: up to 5, 60, 600, 3600, 43200, 86400, more
	LatencySum               int64                          // s
}

// Outcomes lists all topics that have ever had half messages.
func (c *Coordinator) Outcomes() []Outcome {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	all := make([]Outcome, 0, len(c.index.topics))
	for name, t := range c.index.topics {
		all = append(all, Outcome{name, t.count, t.commits, t.rollbacks, t.latency, t.latencySum})
	}
	return all
}
