package offset

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// Lists of topics and groups. Each walks all rows, under the lock of one shard at a time.

// named says whether the row has committed offsets of a group that Java would name:
// the common offsets of broadcasting groups, whose keys have three parts, are none.
func (r *row) named() bool { return r.committed != nil && !strings.Contains(r.group, "@") }

// Topics are the topics a group has committed offsets for, sorted.
func (t *Table) Topics(group string) (list []string) {
	t.each(func(r *row) bool {
		if r.group == group && r.named() {
			list = append(list, r.topic)
		}
		return true
	})
	sort.Strings(list)
	return list
}

// TopicsByGroup is Topics of every group, for whom a walk over all rows a group would be too much.
func (t *Table) TopicsByGroup() map[string][]string {
	all := map[string][]string{}
	t.each(func(r *row) bool {
		if r.named() {
			all[r.group] = append(all[r.group], r.topic)
		}
		return true
	})
	for _, list := range all {
		sort.Strings(list)
	}
	return all
}

// AllTopics are the topics that anybody has an offset of, sorted.
func (t *Table) AllTopics() []string {
	seen := map[string]bool{}
	t.each(func(r *row) bool {
		seen[r.topic] = true
		return true
	})
	return slices.Sorted(maps.Keys(seen))
}

// Groups are the groups that have committed offsets for a topic, sorted.
func (t *Table) Groups(topic string) (list []string) {
	t.each(func(r *row) bool {
		if r.topic == topic && r.named() {
			list = append(list, r.group)
		}
		return true
	})
	sort.Strings(list)
	return list
}

// All is a copy of the committed offsets, by topic@group.
func (t *Table) All() map[string]map[int32]int64 {
	all := map[string]map[int32]int64{}
	t.each(func(r *row) bool {
		if r.committed != nil {
			all[r.topic+"@"+r.group] = maps.Clone(r.committed)
		}
		return true
	})
	return all
}
