package config

import (
	"maps"
	"slices"
)

// Stored lists what Flat lists, with secrets readable: for the configuration file only, which would lose them otherwise.
func (s *Set) Stored() [][2]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.unknown)
	for _, section := range s.sections {
		section.known(func(st *setting, value string) { all[st.name] = value })
	}
	list := make([][2]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, [2]string{name, all[name]})
	}
	return list
}

// Hot says whether a name may change while the process runs, and whether any section knows it. Where several know it, one that may
// not change decides.
func (s *Set) Hot(name string) (hot, known bool) {
	hot = true
	for _, section := range s.sections {
		section.known(func(st *setting, _ string) {
			if st.name == name {
				known = true
				hot = hot && st.hot
			}
		})
	}
	return hot && known, known
}
