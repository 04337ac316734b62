// Package clean decides what the store may delete, and when: by age at certain
// hours, by the disk's use at any. It touches nothing itself.
package clean

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Policy is the settings, in percent as they are configured.
type Policy struct {
	WarningLevelRatio   int // diskSpaceWarningLevelRatio
	CleanForciblyRatio  int // diskSpaceCleanForciblyRatio
	MaxUsedRatio        int // diskMaxUsedSpaceRatio
	CleanForciblyEnable bool
	DeleteWhen          string        // hours, separated by semicolons
	Reserved            time.Duration // fileReservedTime
	BatchMax            int           // deleteFileBatchMax; one at least, as in Java
	// FreeWarning and FreeForcibly decide in the place of the first two ratios where
	// they are not 0: bytes that are left.
	FreeWarning, FreeForcibly int64
}

// Use is the state of a disk: the used part, 0 to 1, and the bytes that are left;
// a part below 0 when it cannot be measured.
type Use struct {
	Part float64
	Free int64
}

// Space is what the use of a disk asks for.
type Space struct {
	// Full: no more messages. Room: messages again. Neither: as it was.
	Full, Room bool
	// Delete files; Now: also those that are not old enough.
	Delete, Now bool
}

// Disk judges a disk.
func (p Policy) Disk(u Use) Space {
	switch {
	case over(u, p.warning(), p.FreeWarning):
		return Space{Full: true, Delete: true, Now: true}
	case over(u, p.forcibly(), p.FreeForcibly):
		return Space{Delete: true, Now: true}
	}
	return Space{Room: true, Delete: u.Part < 0 || u.Part > p.maxUsed()}
}

func over(u Use, part float64, free int64) bool {
	if free > 0 {
		return u.Part >= 0 && u.Free < free
	}
	return u.Part > part
}

// The bounds within which the original takes the ratios.
func (p Policy) warning() float64  { return clamp(p.WarningLevelRatio, 35, 90) }
func (p Policy) forcibly() float64 { return clamp(p.CleanForciblyRatio, 30, 85) }
func (p Policy) maxUsed() float64  { return clamp(p.MaxUsedRatio, 10, 95) }

func clamp(percent, low, high int) float64 { return float64(min(max(percent, low), high)) / 100 }

// Hour says whether deleteWhen names the local hour.
func (p Policy) Hour(now time.Time) bool {
	for when := range strings.SplitSeq(p.DeleteWhen, ";") {
		if hour, err := strconv.Atoi(strings.TrimSpace(when)); err == nil && hour == now.Hour() {
			return true
		}
	}
	return false
}

// Expired is how many of the oldest files go: those that are old enough, or any
// with now; at most BatchMax, never the last one, and none behind one that stays.
// ages are for how long the files, oldest first, have not been written.
func (p Policy) Expired(ages []time.Duration, now bool) int {
	now = now && p.CleanForciblyEnable
	n := 0
	for n < len(ages)-1 && n < max(p.BatchMax, 1) && (now || ages[n] >= p.Reserved) {
		n++
	}
	return n
}

// Why is the reason that producers are told.
func (p Policy) Why(path string, u Use) string {
	if p.FreeWarning > 0 {
		return fmt.Sprintf("the disk of %s has %d MiB left, diskFreeWarningBytes asks for %d", path, u.Free>>20, p.FreeWarning>>20)
	}
	return fmt.Sprintf("the disk of %s is %.0f %% full, diskSpaceWarningLevelRatio is %.0f", path, u.Part*100, p.warning()*100)
}
