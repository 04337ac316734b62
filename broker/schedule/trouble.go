package schedule

import (
	"errors"
	"time"

	"github.com/skylarkmq/skylark/internal/loglimit"
	"github.com/skylarkmq/skylark/message"
)

// A message that cannot be read is not given up for a moment's trouble: its level waits.
// Nor does the level wait for ever for a place of the disk that is lost: when it has been
// waiting for long, and a message close behind can be read, it is the message that is
// lost, and it is skipped, as the Java broker skips at once what it cannot look up. The newest
// message of the level would prove nothing: it is in memory, whatever became of the disk.
// Where nothing can be read, or the process lacks what reading takes (ErrNotNow), nothing
// is lost by waiting.

const (
	// readTries is how often a record is tried, at least, every again.
	readTries = 6
	// waitLongest is how long a level waits for a record that others are readable beside.
	waitLongest = time.Minute
	// neighbours are how many of them are tried, 1, 2, 4, … behind the record: about as old
	// as it is. A place of the disk that is lost may hold the nearest of them, too.
	neighbours = 6
	// saidFor is how long a line in the log stands for those that would repeat it.
	saidFor = time.Minute
)

// trouble is a level's.
type trouble struct {
	tries int   // of the first record, that failed
	since int64 // MonoMs of the first of them; 0: none
	said  loglimit.Every
}

// over ends trouble with reading: the record was read, or is given up. The next one has a
// minute of its own: the disk may have failed since.
func (t *trouble) over() { t.tries, t.since = 0, 0 }

// patience is when to try a record again.
func (t *trouble) patience() time.Duration {
	if t.tries < readTries {
		return again
	}
	return longest
}

// say tells whether the log shall hear of trouble now, by MonoMs.
func (t *trouble) say(now int64) bool {
	_, ok := t.said.Turn(now, saidFor)
	return ok
}

// queueUnreadable says that a level waits for its queue; err is nil when a file of it is missing.
func (l *level) queueUnreadable(offset int64, err error) {
	if l.say(l.s.opt.Clock.MonoMs()) {
		l.s.opt.Log.Error().Err(err).Int32("level", l.n).Int64("offset", offset).
			Msg("schedule: the queue of the level cannot be read; its messages wait, and it is tried again every second; if it stays so, stop the broker and run skylark store check")
	}
}

// givenUp decides whether a message that cannot be read is skipped: at once when the
// record is gone or damaged, else when it alone is lost.
func (l *level) givenUp(offset int64, u *Unit, err error) bool {
	lasting := errors.Is(err, ErrGone) || errors.Is(err, message.ErrCorrupt) || errors.Is(err, errNoPlace)
	if !lasting && !l.alone(offset, err) {
		if l.say(l.s.opt.Clock.MonoMs()) {
			l.s.opt.Log.Warn().Err(err).Int32("level", l.n).Int64("offset", offset).Int64("phy", u.Phy).Int32("size", u.Size).
				Msg("schedule: a message cannot be read now; the level waits for it")
		}
		return false
	}
	l.over()
	l.s.opt.Log.Error().Err(err).Int32("level", l.n).Int64("offset", offset).Int64("phy", u.Phy).Int32("size", u.Size).
		Msg("schedule: a message cannot be read and is skipped")
	return true
}

// alone says whether trouble with reading is the record's own, and has lasted.
func (l *level) alone(offset int64, err error) bool {
	now := l.s.opt.Clock.MonoMs()
	if l.since == 0 {
		l.since = now
	}
	if l.tries++; l.tries < readTries || errors.Is(err, ErrNotNow) || now-l.since < waitLongest.Milliseconds() {
		return false
	}
	return l.readsAt(offset + 1<<(l.tries%neighbours)) // one a try: a read that fails may take the disk half a minute
}

// readsAt says whether the level has a record at an offset, and it can be read.
func (l *level) readsAt(offset int64) bool {
	units, _, _, err := l.s.opt.Store.Units(l.queue(), offset, 1, nil)
	if err != nil || len(units) == 0 {
		return false
	}
	_, err = l.s.opt.Store.Record(units[0].Phy, units[0].Size, nil)
	return err == nil
}
