package transaction

import (
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/statefile"
)

// metricsFile is config/transactionMetrics: how many half messages of each topic
// are open, on one line. The original counts up and down and never looks again; here
// the counts come from the index, and the file is for who reads it from outside.
type metricsFile struct {
	version metricsVersion
	saved   map[string]metric
}

type metricsVersion struct {
	Counter      int64 `json:"counter"`
	StateVersion int64 `json:"stateVersion"`
	Timestamp    int64 `json:"timestamp"`
}

type metric struct {
	Count     int64 `json:"count"`
	TimeStamp int64 `json:"timeStamp"`
}

type metricsBody struct {
	DataVersion      metricsVersion    `json:"dataVersion"`
	TransactionCount map[string]metric `json:"transactionCount"`
}

// loadMetrics takes over the version and the topics of the file; a file that cannot
// be read is replaced.
func (c *Coordinator) loadMetrics() {
	if c.opt.MetricsFile == "" {
		return
	}
	var b metricsBody
	_, err := statefile.Read(c.opt.Disk, c.opt.MetricsFile, func(data []byte) error { return javajson.Unmarshal(data, &b) })
	if err != nil {
		c.log.Warn().Err(err).Msg("transaction metrics not read")
		return
	}
	c.metrics.version, c.metrics.saved = b.DataVersion, b.TransactionCount
	for name, m := range b.TransactionCount {
		c.index.topicOf(name).at = m.TimeStamp
	}
}

// Topics are the open half messages by topic.
func (c *Coordinator) Topics() map[string]int64 {
	all := map[string]int64{}
	for name, m := range c.counts() {
		all[name] = m.Count
	}
	return all
}

func (c *Coordinator) counts() map[string]metric {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	all := make(map[string]metric, len(c.index.topics))
	for name, t := range c.index.topics {
		all[name] = metric{t.count, t.at}
	}
	return all
}

// saveMetrics writes the file when anything in it has changed.
func (c *Coordinator) saveMetrics() {
	now := c.counts()
	if c.opt.MetricsFile == "" || sameCounts(now, c.metrics.saved) {
		return
	}
	v := c.metrics.version
	v.Counter, v.Timestamp = v.Counter+1, c.clk.NowMs()
	data, err := javajson.Marshal(metricsBody{v, now})
	if err == nil {
		err = statefile.Save(c.opt.Disk, c.opt.MetricsFile, data)
	}
	if err != nil {
		c.log.Error().Err(err).Msg("transaction metrics not saved")
		return
	}
	c.metrics.version, c.metrics.saved = v, now
}

func sameCounts(a, b map[string]metric) bool {
	if len(a) != len(b) {
		return false
	}
	for name, m := range a {
		if b[name] != m {
			return false
		}
	}
	return true
}
