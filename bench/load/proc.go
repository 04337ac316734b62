package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ticksPerSecond is USER_HZ, which Linux fixes at 100 for every value it shows in /proc.
const ticksPerSecond = 100

// CPUSeconds is the user and system time that process pid has used so far, or 0 when it has gone.
func CPUSeconds(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The command name, in brackets, may hold blanks: count fields from behind it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksPerSecond
}

// ownCPUSeconds is the user and system time of this process.
func ownCPUSeconds() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// machineCPUSeconds is the time that all cores were busy, stolen time included.
func machineCPUSeconds() float64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var busy float64
	for i, f := range strings.Fields(line) { // cpu user nice system idle iowait irq softirq steal …
		if i == 4 || i == 5 || i == 0 || i > 8 {
			continue
		}
		ticks, _ := strconv.ParseFloat(f, 64)
		busy += ticks
	}
	return busy / ticksPerSecond
}

// Memory is what a process holds, in MiB. File pages of mappings are not counted as the process's own:
// the kernel takes them back when anyone needs memory.
type Memory struct{ Anonymous, File float64 }

// MemoryOf reads the resident memory of process pid.
func MemoryOf(pid int) Memory {
	var m Memory
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "RssAnon:":
			m.Anonymous = kib / 1024
		case "RssFile:":
			m.File = kib / 1024
		}
	}
	return m
}
