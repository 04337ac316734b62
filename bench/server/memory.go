package server

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe" //nolint:depguard // process_madvise(2) has no wrapper in x/sys/unix

	"golang.org/x/sys/unix"
)

// warmPiece is read at a time: pages that come in small reads lie in small folios, as those do that a broker wrote itself.
const warmPiece = 16 << 10

// CommitLog is the directory of the log's files.
func (s *Server) CommitLog() string { return filepath.Join(s.Dir, "store", "commitlog") }

// LogFiles are the files of the commit log, in their order.
func (s *Server) LogFiles() ([]string, error) {
	return filepath.Glob(filepath.Join(s.CommitLog(), "[0-9]*"))
}

// LogBytes is the size of the commit log's files; what is prepared and not written yet counts too.
func (s *Server) LogBytes() (n int64, err error) {
	files, err := s.LogFiles()
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, err
}

// Warm brings the pages of the commit log from an offset on into the page cache, as far as files exist: reading changes nothing in
// them, and what the server writes next then lands on memory that is there already. On a virtual machine whose host takes freed memory
// back, a page that was never used costs microseconds, whoever writes it.
func (s *Server) Warm(from, bytes int64) error {
	files, err := s.LogFiles()
	if err != nil {
		return err
	}
	for _, name := range files {
		start, err := strconv.ParseInt(filepath.Base(name), 10, 64)
		if err != nil {
			return err
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		begin, end := max(from-start, 0), min(from+bytes-start, info.Size())
		if begin < end {
			if err := readPages(name, begin, end); err != nil {
				return err
			}
		}
	}
	return nil
}

func readPages(name string, begin, end int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM); err != nil {
		return fmt.Errorf("advise %s: %w", name, err)
	}
	piece := make([]byte, warmPiece)
	for at := begin &^ (warmPiece - 1); at < end; at += warmPiece {
		if _, err := f.ReadAt(piece, at); err != nil {
			return err
		}
	}
	return nil
}

// Evict takes the commit log's pages out of the page cache, also those that the server has mapped, and tells which part is left.
// The kernel lets root do that to another process.
func (s *Server) Evict() (left float64, err error) {
	files, err := s.LogFiles()
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		if err := syncFile(name); err != nil {
			return 0, err
		}
	}
	if err := pageOut(s.PID(), s.CommitLog()); err != nil {
		return 0, err
	}
	var pages, resident int
	for _, name := range files {
		p, r, err := dropPages(name)
		if err != nil {
			return 0, err
		}
		pages, resident = pages+p, resident+r
	}
	return float64(resident) / float64(max(pages, 1)), nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// pageOut has the kernel reclaim the pages of a process's mappings of files in dir.
func pageOut(pid int, dir string) error {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	defer maps.Close()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd of %d: %w", pid, err)
	}
	defer unix.Close(fd)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || !strings.HasPrefix(f[5], dir) {
			continue
		}
		low, high, _ := strings.Cut(f[0], "-")
		begin, err1 := strconv.ParseUint(low, 16, 64)
		end, err2 := strconv.ParseUint(high, 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if err := adviseOther(fd, uintptr(begin), end-begin); err != nil {
			return fmt.Errorf("page out %s of process %d: %w", f[5], pid, err)
		}
	}
	return nil
}

// adviseOther is process_madvise(2) with MADV_PAGEOUT; it may do a part only, so it goes on from there.
func adviseOther(pidfd int, begin uintptr, length uint64) error {
	const step = 64 << 20
	for done := uint64(0); done < length; done += step {
		piece := [2]uint64{uint64(begin) + done, min(step, length-done)} // struct iovec of the other process
		_, _, errno := syscall.Syscall6(unix.SYS_PROCESS_MADVISE, uintptr(pidfd), uintptr(unsafe.Pointer(&piece)), 1, unix.MADV_PAGEOUT, 0, 0)
		if errno != 0 {
			return errno
		}
	}
	return nil
}

func dropPages(name string) (pages, resident int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return 0, 0, err
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return 0, 0, err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Munmap(m) //nolint:errcheck // of a range that was just mapped
	seen := make([]byte, (len(m)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := syscall.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&seen[0]))); errno != 0 {
		return 0, 0, errno
	}
	for _, v := range seen {
		resident += int(v & 1)
	}
	return len(seen), resident, nil
}
