package store

import "syscall"

// Parts of the memory that the process may have, when it has a limit.
const (
	tailsOfMemory = 8  // the newest units of all queues
	indexOfMemory = 16 // entries of the index that are not in its file
)

// memoryOf is the machine's memory, or the limit below it: accessMessageInMemoryMaxRatio percent of it count as page cache of the
// newest messages. Java asks the machine, not the container; page cache of a container is charged to it, and taken from it.
func memoryOf(limit int64) int64 {
	all := int64(8 << 30)
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err == nil {
		all = int64(info.Totalram) * int64(info.Unit)
	}
	if limit > 0 {
		return min(all, limit)
	}
	return all
}

// share is a part of the memory limit, 0 when there is none: then the packages below have bounds of their own.
func (s *Store) share(part int64) int64 { return s.memoryLimit / part }
