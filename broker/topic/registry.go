// Package topic holds the topics of a broker: names and their rules, the table
// that every message looks into, automatic creation, and topics.json.
//
// Its main type is Registry. It starts no goroutine; who makes it says in Options
// how a change gets to the disk.
package topic

import (
	"errors"
	"maps"
	"sort"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/broker/snapshot"
	"github.com/skylarkmq/skylark/message"
)

// ErrFull refuses one topic more than Options.Max.
var ErrFull = errors.New("topic: the broker has as many topics as maxTopicNums allows")

// Options of a Registry; NowMs is needed, the rest may be left out.
type Options struct {
	NowMs func() int64
	// Persist brings the table to the disk and returns when it is there. It is
	// called after each change, without a lock.
	Persist func() error
	// Max bounds the number of topics; 0 means no bound.
	Max    int
	System System
	// Light: every name that begins with %LMQ% is a topic with one queue, which is
	// neither kept nor registered (enableLmq).
	Light bool
}

// Registry is the table of topics. Look-ups take no lock and allocate nothing;
// changes are serialised, so the table and its version always fit together.
type Registry struct {
	opt    Options
	system map[string]bool // written by New only
	table  *snapshot.Map[*Config]

	mu      sync.Mutex // changes of the fields below and of table
	version dataversion.Version
	// pending are changes on their way to the disk. Nobody but Snapshot sees them: a
	// message that was acknowledged must not be in a topic, or a queue of it, that a
	// crash makes unknown.
	pending   map[string]*Config
	published sync.Cond // some of pending have arrived, or of leaving are gone
	// leaving are topics that are deleted, but not yet all that is theirs: nobody makes
	// them again before, or the deletion would take what is sent to them then.
	leaving map[string]bool

	// failed counts the saves that failed; those up to mended are covered by one that
	// began later and went well.
	failed, mended int
}

// New returns a registry that holds the system topics.
func New(opt Options) *Registry {
	r := &Registry{opt: opt, system: map[string]bool{}, table: snapshot.New[*Config](), pending: map[string]*Config{}, leaving: map[string]bool{}}
	r.published.L = &r.mu
	r.version.Timestamp = opt.NowMs()
	for _, name := range fixedSystem {
		r.system[name] = true
	}
	for _, c := range opt.System.configs() {
		if c.TopicName == "" {
			continue
		}
		r.system[c.TopicName] = true
		r.table.Set(c.TopicName, c)
	}
	return r
}

// Lookup finds a topic by borrowed bytes; nil when there is none.
func (r *Registry) Lookup(name []byte) *Config {
	c, known := r.table.Lookup(name)
	if !known && r.opt.Light && message.IsLight(name) {
		return lightConfig(string(name))
	}
	return c
}

// Get finds a topic by name; nil when there is none.
func (r *Registry) Get(name string) *Config {
	c, known := r.table.Get(name)
	if !known && r.opt.Light && message.IsLight(name) {
		return lightConfig(name)
	}
	return c
}

// lightConfig is Java's LmqTopicConfigManager.
func lightConfig(name string) *Config { return newConfig(name, 1, PermRead|PermWrite) }

// Len is the number of topics.
func (r *Registry) Len() int { return r.table.Len() }

// Version is the present DataVersion.
func (r *Registry) Version() dataversion.Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// Bump moves the version without changing a topic: brokerPermission changed, say.
func (r *Registry) Bump() dataversion.Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version = r.version.Next(r.opt.NowMs())
	return r.version
}

// All is every topic, sorted by name.
func (r *Registry) All() []*Config {
	list := make([]*Config, 0, r.table.Len())
	r.table.Range(func(_ string, c *Config) bool { list = append(list, c); return true })
	sort.Slice(list, func(i, j int) bool { return list[i].TopicName < list[j].TopicName })
	return list
}

// Snapshot is the table, with what is on its way to the disk, and the version that
// belongs to it.
func (r *Registry) Snapshot() (map[string]*Config, dataversion.Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := make(map[string]*Config, r.table.Len())
	r.table.Range(func(name string, c *Config) bool { table[name] = c; return true })
	maps.Copy(table, r.pending)
	return table, r.version
}

// Put stores topics as they are, moves the version once a topic, and persists
// once. The registry owns the configs from here on.
func (r *Registry) Put(list ...*Config) error {
	r.mu.Lock()
	for i, c := range list {
		r.awaitGone(c.TopicName)
		if err := r.set(c); err != nil {
			r.mu.Unlock()
			return errors.Join(err, r.arrive(list[:i]))
		}
	}
	r.mu.Unlock()
	return r.arrive(list)
}

// Resave persists again when a save failed and none went well since: who repeats a
// change, which changes nothing any more, must not hear that all is well.
func (r *Registry) Resave() error {
	r.mu.Lock()
	saved := r.failed == r.mended
	r.mu.Unlock()
	if saved {
		return nil
	}
	return r.persist()
}

// current is a topic as the last change left it, seen by others or not; it needs mu.
func (r *Registry) current(name string) *Config {
	if c := r.pending[name]; c != nil {
		return c
	}
	return r.Get(name)
}

// set begins a change, which arrive ends; it needs mu.
func (r *Registry) set(c *Config) error {
	if r.opt.Light && message.IsLight(c.TopicName) {
		return nil // as Java: accepted, and never kept
	}
	if r.opt.Max > 0 && r.table.Len()+len(r.pending) >= r.opt.Max && r.current(c.TopicName) == nil {
		return ErrFull
	}
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	r.pending[c.TopicName] = c
	r.version = r.version.Next(r.opt.NowMs())
	return nil
}

// arrive brings changes to the disk and then to those who look topics up. A disk
// that fails does not hold them back: they hold until the next start.
func (r *Registry) arrive(list []*Config) error {
	if len(list) == 0 {
		return nil
	}
	err := r.persist()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range list {
		last := r.pending[c.TopicName]
		if last == nil {
			continue // a later change was faster, or the topic was deleted
		}
		r.table.Set(c.TopicName, c)
		if last == c {
			delete(r.pending, c.TopicName)
		}
	}
	r.published.Broadcast()
	return err
}

// Delete removes a topic, which need not be there, and then, by rest, what else is of
// the name. Whoever makes the topic anew waits until that is done.
func (r *Registry) Delete(name string, rest func() error) error {
	r.mu.Lock()
	r.awaitGone(name)
	r.leaving[name] = true
	_, found := r.pending[name]
	delete(r.pending, name)
	if r.table.Delete(name) || found {
		found = true
		r.version = r.version.Next(r.opt.NowMs())
	}
	r.mu.Unlock()
	defer r.gone(name)
	save := r.persist
	if !found {
		save = r.Resave
	}
	return errors.Join(save(), rest())
}

// gone gives a name free that Delete has taken.
func (r *Registry) gone(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, name)
	r.published.Broadcast()
}

// SetOrder marks the known ones of these topics as ordered: the name server's
// ORDER_TOPIC_CONFIG answer. It never takes the mark away.
func (r *Registry) SetOrder(names []string) error {
	var changed []*Config
	r.mu.Lock()
	for _, name := range names {
		if c := r.current(name); c != nil && !c.Order {
			d := c.Clone()
			d.Order = true
			r.pending[name] = d
			changed = append(changed, d)
		}
	}
	if len(changed) > 0 {
		r.version = r.version.Next(r.opt.NowMs())
	}
	r.mu.Unlock()
	return r.arrive(changed)
}

func (r *Registry) persist() error {
	if r.opt.Persist == nil {
		return nil
	}
	r.mu.Lock()
	before := r.failed
	r.mu.Unlock()
	err := r.opt.Persist()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed++
	} else {
		r.mended = max(r.mended, before)
	}
	return err
}

func sortedKeys(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for k := range set {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}

// IsRetry and IsDLQ say which kind of a consumer group's topic a name is.
func IsRetry(name string) bool { return strings.HasPrefix(name, RetryPrefix) }
func IsDLQ(name string) bool   { return strings.HasPrefix(name, DLQPrefix) }
