package store

import "syscall"

// totalMemory is the machine's memory, of which accessMessageInMemoryMaxRatio
// percent count as page cache of the newest messages. Java asks the machine too,
// not the container.
var totalMemory = physicalMemory()

func physicalMemory() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 8 << 30
	}
	return int64(info.Totalram) * int64(info.Unit) //nolint:unconvert // 32-bit systems
}
