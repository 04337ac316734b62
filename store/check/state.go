package check

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// positions are the consumer offsets of one state file.
type positions struct {
	file string
	list []position
}

// stateNames are the files under config/ that are JSON without saying so.
var stateNames = map[string]bool{"timermetrics": true, "transactionMetrics": true}

// readStates reads config/ before the log, so that positions of a running broker
// are not ahead of what the walk will see.
func (c *checker) readStates() error {
	dir := filepath.Join(c.root, "config")
	entries, err := c.fs.ReadDir(dir)
	if notThere(err) {
		return nil
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range entries {
		name := strings.TrimSuffix(strings.TrimSuffix(e.Name, ".bak"), ".tmp")
		if e.Dir || seen[name] || !strings.HasSuffix(name, ".json") && !stateNames[name] || strings.HasSuffix(e.Name, ".tmp") {
			continue
		}
		seen[name] = true
		c.readState(filepath.Join(dir, name), name)
	}
	return nil
}

func (c *checker) readState(path, name string) {
	c.report.StateFiles++
	data, err := c.parsed(path, name)
	if failed := new(fs.PathError); errors.As(err, &failed) && !notThere(err) {
		c.unread(path, -1, err)
		return
	}
	if err != nil {
		if data, _ = c.parsed(path+".bak", name); data == nil {
			s := Error
			if c.report.InUse {
				s = Note // caught between two renames
			}
			c.report.add(s, StateDamage, path, -1, "%v, and no .bak that can be read", err)
			return
		}
		if !c.report.InUse { // else caught between two renames
			c.report.add(Warning, StateDamage, path, -1, "%v; its .bak is used", err)
			c.report.damage.states = append(c.report.damage.states, path)
		}
	}
	p := positions{file: path}
	switch name {
	case "consumerOffset.json":
		p.groups(data)
	case "delayOffset.json":
		var f struct{ OffsetTable map[int32]int64 }
		_ = javajson.Unmarshal(data, &f)
		for level, at := range f.OffsetTable {
			p.list = append(p.list, position{file: path, key: message.TopicSchedule, queue: level - 1, has: at})
		}
	case "lmqConsumerOffset.json":
		var f struct{ LmqOffsetTable map[string]int64 }
		_ = javajson.Unmarshal(data, &f)
		for key, at := range f.LmqOffsetTable {
			p.list = append(p.list, position{file: path, key: key, has: at, light: true})
		}
		p.groups(data) // with enableLmq both brokers keep all groups there
	}
	c.offsets = append(c.offsets, p)
}

// groups takes the positions of ordinary groups.
func (p *positions) groups(data []byte) {
	var f struct{ OffsetTable map[string]map[int32]int64 }
	_ = javajson.Unmarshal(data, &f)
	for key, queues := range f.OffsetTable {
		for id, at := range queues {
			p.list = append(p.list, position{file: p.file, key: key, queue: id, has: at})
		}
	}
}

// parsed returns the content of a file that is JSON of the Java broker.
func (c *checker) parsed(path, name string) ([]byte, error) {
	data, err := vfs.ReadFile(c.fs, path)
	if err != nil {
		return nil, err
	}
	if err := store.WholeState(name, data); err != nil {
		return nil, err
	}
	return data, nil
}

// checkOffsets: a consumer that is ahead of its queue skips the messages that come next.
func (c *checker) checkOffsets() error {
	for _, f := range c.offsets {
		for _, p := range f.list {
			c.report.Offsets++
			topic, _, _ := strings.Cut(p.key, "@")
			key := queueKey{topic, p.queue}
			if q := c.queues[key]; q != nil {
				p.max = q.max
			}
			if b := c.batches[key]; b != nil {
				p.max = max(p.max, b.max)
			}
			if p.has <= p.max {
				continue
			}
			s := c.beyond(Error)
			c.report.add(s, OffsetBeyond, f.file, p.has, "%s queue %d: the position is %d, the queue ends at %d: messages to come would be skipped", p.key, p.queue, p.has, p.max)
			if s != Note {
				c.report.damage.beyond = append(c.report.damage.beyond, p)
			}
		}
	}
	return nil
}

// wheelSize is the length of the timer wheel: two weeks of seconds, 32 bytes each.
const wheelSize = 7 * 86400 * 2 * 32

func (c *checker) checkTimers() error {
	wheel := filepath.Join(c.root, "timerwheel")
	info, err := c.fs.Stat(wheel)
	if notThere(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size != wheelSize {
		c.report.add(Warning, TimerOff, wheel, -1, "%d bytes, expected %d", info.Size, wheelSize)
	}
	c.report.Timers, err = store.PendingTimers(c.fs, c.root, int64(max(c.cfg.TimerPrecisionMs, 1)))
	if err != nil {
		return err
	}
	dir := filepath.Join(c.root, "timerlog")
	entries, err := c.fs.ReadDir(dir)
	if err != nil && !notThere(err) {
		return err
	}
	for i, e := range entries {
		info, err := c.fs.Stat(filepath.Join(dir, e.Name))
		if _, ok := startOf(e.Name); err == nil && (!ok || info.Size != int64(c.cfg.MappedFileSizeTimerLog) && (info.Size > 0 || i < len(entries)-1)) {
			c.report.add(Warning, TimerOff, filepath.Join(dir, e.Name), -1, "%d bytes, expected files of %d", info.Size, c.cfg.MappedFileSizeTimerLog)
		}
	}
	return nil
}
