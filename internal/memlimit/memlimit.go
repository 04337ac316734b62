// Package memlimit tells how much memory a process may have: what a setting says, or what its control groups allow.
package memlimit

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// unlimited: a version 1 group without a limit says a number near the largest.
const unlimited = 1 << 60

var units = []struct {
	name  string
	bytes float64
}{
	{"gib", 1 << 30}, {"mib", 1 << 20}, {"kib", 1 << 10}, {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"b", 1}, {"", 1},
}

// Parse reads 256MiB, 2g, 1073741824: units are powers of 1024, in either case.
func Parse(s string) (int64, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(n > 0) || n*u.bytes > math.MaxInt64/2 {
			break
		}
		return int64(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is no amount of memory: want a number and KiB, MiB or GiB, such as 512MiB", s)
}

// Group is the smallest limit of the control groups that this process is in, 0 when there is none. Where it cannot be read there is
// none either: most systems have no control groups, and nothing is lost.
func Group() int64 { return group(os.DirFS("/")) }

// group reads a file system that has proc and sys at its root.
func group(root fs.FS) int64 {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(membership)) { // number:controllers:path, version 2 has 0::path
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		mount, file := "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		if f[1] == "" {
			mount, file = "sys/fs/cgroup", "memory.max"
		} else if f[1] != "memory" {
			continue
		}
		// The path is as the host sees it; in a container the group may be mounted as the root. Its parents' limits hold as well.
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			if limit, err := read(root, filepath.Join(mount, dir, file)); err == nil {
				least = min(least, limit)
			}
			if dir == "/" {
				break
			}
		}
	}
	if least >= unlimited {
		return 0
	}
	return least
}

func read(root fs.FS, name string) (int64, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, err
	}
	word := strings.TrimSpace(string(text))
	if word == "max" {
		return math.MaxInt64, nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if err == nil && n <= 0 {
		err = errors.New("no limit")
	}
	return n, err
}
