package vfs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Anonymous is memory outside of the heap: zeros, present where it is first touched,
// and nothing that the collector counts. Release gives it back.
func Anonymous(size int64) ([]byte, error) {
	m, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of memory: %w", size, err)
	}
	return m, nil
}

// Release gives back what Anonymous gave; nobody may touch it any more.
func Release(m []byte) error { return unix.Munmap(m) }
