package deadletter

import "slices"

// spans are offsets: pairs of a first one and the one behind the last, in order and
// apart from each other.
type spans []int64

// search returns the index of the pair that holds an offset, or that would stand
// before it.
func (s spans) search(offset int64) (pair int, held bool) {
	i, found := slices.BinarySearch(s, offset)
	if found {
		i++ // a first one belongs to its pair; one behind the last does not
		return (i - 1) / 2, i%2 == 1
	}
	return (i - 1) / 2, i%2 == 1
}

func (s spans) has(offset int64) bool { _, held := s.search(offset); return held }

// add puts one offset in.
func (s spans) add(offset int64) spans {
	if s.has(offset) {
		return s
	}
	i, _ := slices.BinarySearch(s, offset) // even: between pairs, or at the end of one
	joinsLeft := i < len(s) && i%2 == 1 && s[i] == offset
	if joinsLeft {
		if s[i]++; i+1 < len(s) && s[i+1] == s[i] {
			return slices.Delete(s, i, i+2)
		}
		return s
	}
	if i < len(s) && s[i] == offset+1 {
		s[i]--
		return s
	}
	return slices.Insert(s, i, offset, offset+1)
}

// cut drops what is before an offset.
func (s spans) cut(low int64) spans {
	for len(s) > 0 && s[1] <= low {
		s = s[2:]
	}
	if len(s) > 0 && s[0] < low {
		s[0] = low
	}
	return s
}

// count is how many offsets from low on are in.
func (s spans) count(low int64) (n int64) {
	for i := 0; i < len(s); i += 2 {
		n += max(0, s[i+1]-max(s[i], low))
	}
	return n
}

// firstOut is the first offset from low on that is not in.
func (s spans) firstOut(low int64) int64 {
	if pair, held := s.search(low); held {
		return s[2*pair+1]
	}
	return low
}

// sound says whether what a file held is in order.
func (s spans) sound() bool {
	for i := range s {
		if s[i] < 0 || i > 0 && s[i] <= s[i-1] {
			return false
		}
	}
	return len(s)%2 == 0
}
