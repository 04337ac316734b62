package check

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sort"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// keptPrefix begins the name of the folder to which a repair moves what it replaces.
const keptPrefix = "repaired-"

// Step is one thing a repair does.
type Step struct {
	Action string `json:"action"`
	File   string `json:"file"`
	What   string `json:"what"`
}

// Repair is a plan: what would be done to make a store clean. Steps are for
// people; Write does it.
type Repair struct {
	Steps []Step `json:"steps"`
	// Lost are messages that no repair brings back: their places are taken by
	// records that say so.
	Lost int `json:"lostMessages"`
	// Refused is why Write does nothing at all, and what to do instead.
	Refused string `json:"refused,omitempty"`

	cfg     *store.Config
	report  *Report
	regions []region
	lost    map[int][]identity // by region
	styles  []style            // of the stand-ins, by region
	queues  []queueKey
	batches []queueKey
	sealed  bool
}

// Plan makes the plan from a report.
func Plan(r *Report, cfg *store.Config) *Repair {
	p := &Repair{Steps: []Step{}, cfg: cfg, report: r, lost: map[int][]identity{}, sealed: r.Log.Sealed > 0}
	d := &r.damage
	if d.unread != "" {
		p.Refused = fmt.Sprintf("%s cannot be read, which does not say that it is damaged. Check again; if the disk keeps failing, copy that file to a good one as far as it can be read "+
			"(ddrescue), with zeros for the rest, put the copy in its place, and check again", d.unread)
	}
	p.planLog()
	p.planQueues()
	for _, g := range p.regions {
		// Keys of what was before the new end of a file would lead to no record at all.
		d.index = d.index || g.from/int64(cfg.MappedFileSizeCommitLog) != g.to/int64(cfg.MappedFileSizeCommitLog)
	}
	if d.index {
		p.step("rebuild", filepath.Join(r.Root, "index"), "all keys, from the log")
	}
	if p.checkpoint() {
		p.step("rewrite", filepath.Join(r.Root, "checkpoint"), "it vouches for what is there then, and no more")
	}
	for _, name := range d.states {
		p.step("replace", name, "by its .bak")
	}
	for _, o := range d.beyond {
		p.step("set back", o.file, "%s queue %d from %d to %d", o.key, o.queue, o.has, o.max)
	}
	return p
}

func (p *Repair) step(action, file, format string, args ...any) {
	p.Steps = append(p.Steps, Step{action, file, fmt.Sprintf(format, args...)})
}

// checkpoint says whether that file is written anew.
func (p *Repair) checkpoint() bool {
	d := &p.report.damage
	return d.checkpoint || len(p.regions) > 0 || len(p.queues) > 0 || d.index
}

// planLog sorts out which records were where the log is damaged.
func (p *Repair) planLog() {
	d := &p.report.damage
	for _, name := range d.strangers {
		p.step("move away", name, "no file of the log")
	}
	for _, f := range d.logFiles {
		p.step("resize", f.path, "from %d to %d bytes", f.has, p.cfg.MappedFileSizeCommitLog)
	}
	for _, g := range d.regions {
		if n := len(p.regions); n > 0 && g.from <= p.regions[n-1].to {
			p.regions[n-1].to = max(p.regions[n-1].to, g.to)
			continue
		}
		if g.storeTime == 0 {
			g.storeTime = d.firstTime
		}
		p.regions = append(p.regions, g)
	}
	p.planLost()
	for i, g := range p.regions {
		p.planRegion(i)
		p.Lost += len(p.lost[i])
		p.step("quarantine", "commitlog", "[%d, %d): %d bytes are replaced by %d records that stand for lost messages, and filler", g.from, g.to, g.to-g.from, len(p.lost[i]))
	}
}

// noPhy is the place of a message that only a hole in its queue tells of.
const noPhy = -1

// planLost says which messages were in which region: those that a unit leads to, and
// those whose places in a queue no record has.
func (p *Repair) planLost() {
	d := &p.report.damage
	seen := map[queueKey]map[int64]bool{}
	lose := func(id identity, at int) {
		if seen[id.key] == nil {
			seen[id.key] = map[int64]bool{}
		}
		if at >= 0 && !seen[id.key][id.offset] {
			seen[id.key][id.offset] = true
			p.lost[at] = append(p.lost[at], id)
		}
	}
	for _, id := range d.lost {
		lose(id, regionOf(p.regions, id.phy))
	}
	for _, h := range d.holes {
		at := sort.Search(len(p.regions), func(i int) bool { return p.regions[i].from > h.after })
		if at == len(p.regions) || p.regions[at].to > h.before {
			continue
		}
		g := p.regions[at]
		for offset := h.from; offset < h.to && h.to-h.from <= (g.to-g.from)/recordRoom; offset++ {
			lose(identity{h.key, offset, noPhy}, at)
		}
	}
}

// planRegion decides what the stand-ins of a region look like. When there is no room
// for all, two kinds go without. Places that only a hole in a queue tells of: the queue
// gets units for them when it is built anew. Light queues, which share one record: they
// keep their units, which lead into what covers it.
func (p *Repair) planRegion(i int) {
	g, ids := p.regions[i], p.lost[i]
	guessed := slices.ContainsFunc(ids, func(id identity) bool { return id.phy == noPhy })
	slices.SortFunc(ids, func(a, b identity) int {
		order := cmp.Compare(a.phy, b.phy)
		if guessed {
			order = 0 // one without a place may be between two that have one
		}
		return cmp.Or(order, cmp.Compare(a.key.topic, b.key.topic), cmp.Compare(a.key.id, b.key.id), cmp.Compare(a.offset, b.offset))
	})
	known := slices.DeleteFunc(slices.Clone(ids), func(id identity) bool { return id.phy == noPhy })
	heavy := slices.DeleteFunc(slices.Clone(known), func(id identity) bool { return message.IsLight(id.key.topic) })
	var err error
	for _, list := range [][]identity{ids, known, heavy} {
		for _, s := range styles(p.sealed) {
			if err = fits(g, int64(p.cfg.MappedFileSizeCommitLog), s, list); err == nil {
				p.lost[i], p.styles = list, append(p.styles, s)
				return
			}
		}
	}
	p.styles = append(p.styles, style{})
	if p.Refused == "" {
		p.Refused = fmt.Sprintf("%v. Nothing was changed. After a clean stop the broker starts here: it leaves that part of the log out and serves what is behind it", err)
	}
}

// planQueues lists the queues to be built anew: the damaged, and those that get
// units of stand-ins.
func (p *Repair) planQueues() {
	d := &p.report.damage
	set := map[queueKey]bool{}
	for key := range d.queues {
		set[key] = true
	}
	for _, ids := range p.lost {
		for _, id := range ids {
			set[id.key] = true
		}
	}
	p.queues, p.batches = sortedKeys(set), sortedKeys(d.batches)
	for _, key := range p.queues {
		if d.dead[key] {
			p.step("trim", queueDir(p.report.Root, "consumequeue", key), "to the units that lead to expired records: the log has no other record of it")
			continue
		}
		p.step("rebuild", queueDir(p.report.Root, "consumequeue", key), "from the log")
	}
	for _, key := range p.batches {
		p.step("rebuild", queueDir(p.report.Root, "batchconsumequeue", key), "from the log")
	}
}

func sortedKeys(set map[queueKey]bool) []queueKey {
	list := make([]queueKey, 0, len(set))
	for key := range set {
		list = append(list, key)
	}
	slices.SortFunc(list, func(a, b queueKey) int { return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id)) })
	return list
}
