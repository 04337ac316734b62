package server

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pin puts the server on core 0 and this process on core 1; the other processes of the machine stay where they like.
func (s *Server) Pin() error {
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("pinned rows need two cores")
	}
	if err := affinity(s.PID(), 0); err != nil {
		return err
	}
	return affinity(os.Getpid(), 1)
}

// Unpin allows both all cores again.
func (s *Server) Unpin() {
	all := make([]int, runtime.NumCPU())
	for i := range all {
		all[i] = i
	}
	_ = affinity(s.PID(), all...)     // they could be pinned, so they can be unpinned;
	_ = affinity(os.Getpid(), all...) // a process that has gone needs nothing
}

// affinity sets the cores of every thread that a process has; new threads inherit them.
func affinity(pid int, cores ...int) error {
	var set unix.CPUSet
	for _, c := range cores {
		set.Set(c)
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
			return fmt.Errorf("cores of thread %d: %w", tid, err)
		}
	}
	return nil
}
