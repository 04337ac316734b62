//go:build linux

package vfs

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// residentPages is how many pages Resident looks at with one call.
const residentPages = 512

// Resident says whether all pages of a part of a mapping are in the page cache:
// to load from them does not wait for the disk. A part that is too long to ask
// about is not.
func Resident(part []byte) bool {
	if len(part) == 0 {
		return true
	}
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(&part[0]))
	slack := start % page
	pages := (uintptr(len(part)) + slack + page - 1) / page
	if pages > residentPages {
		return false
	}
	var state [residentPages]byte
	if _, _, errno := unix.RawSyscall(unix.SYS_MINCORE, start-slack, pages*page, uintptr(unsafe.Pointer(&state[0]))); errno != 0 {
		return false
	}
	for _, s := range state[:pages] {
		if s&1 == 0 {
			return false
		}
	}
	return true
}
