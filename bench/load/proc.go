package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
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
