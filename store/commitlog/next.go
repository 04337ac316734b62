package commitlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store/mapped"
)

const (
	// rollWait is how long an append waits for the next file, as Java does.
	rollWait = 5 * time.Second
	// retryEvery is how often a file that could not be made is tried again.
	retryEvery = 500 * time.Millisecond
	// zeroPiece is how much is zeroed at once: who takes the file waits for one piece.
	zeroPiece = 256 << 10
	// zeroSync is after how much the zeros are flushed.
	zeroSync = 16 << 20
	// zeroAhead is how far the zeros are written at once; the rest follows the log,
	// see pace.
	zeroAhead = 64 << 20
	paceEvery = 20 * time.Millisecond
)

// nextFile is the file after the current one, made when the current one is half
// full: first its blocks are reserved and its name made durable, then it may be
// used; meanwhile, with Options.ZeroAhead, it is filled with zeros and flushed,
// because a flush of bytes on written blocks costs less than one that converts
// reserved blocks. The zeros go past the page cache: they would take as much memory as
// the log, and on a virtual machine a new page costs more than all else of a message.
// Whoever writes to the file first ends the zeroing. Where nobody waits for flushes
// the zeros would only double what goes to the disk.
type nextFile struct {
	mu      sync.Mutex
	wanted  int64 // start of the file that is asked for; -1 none
	file    *mapped.File
	err     error // why the wanted file is not there
	running bool
	kick    chan struct{} // wakes Run
	changed chan struct{} // closed when file or err changed

	zeroing sync.Mutex                  // held for one piece
	blank   atomic.Pointer[mapped.File] // being zeroed; changes under zeroing
}

func (n *nextFile) init() {
	n.wanted = -1
	n.kick = make(chan struct{}, 1)
	n.changed = make(chan struct{})
}

// want asks for the file that starts at an offset. Cheap when it is there.
func (n *nextFile) want(start int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ask(start)
}

func (n *nextFile) ask(start int64) {
	if n.wanted == start {
		return
	}
	n.wanted, n.err = start, nil
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// Run prepares files until the context ends: one goroutine makes them, a second
// one, which may wait for the disk, fills them with zeros.
func (l *Log) Run(ctx context.Context) {
	n := &l.next
	n.mu.Lock()
	n.running = true
	n.mu.Unlock()
	made := make(chan *mapped.File, 1)
	var zeroing sync.WaitGroup
	zeroing.Go(func() {
		for f := range made {
			l.zero(ctx, f)
		}
	})
	defer func() {
		n.mu.Lock()
		n.running = false
		n.signal()
		n.mu.Unlock()
		close(made)
		zeroing.Wait()
	}()
	for {
		var again <-chan time.Time
		if err := l.prepare(made); err != nil {
			l.opt.Log.Error().Err(err).Msg("commit log: the next file cannot be made")
			again = l.opt.Clock.After(retryEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-n.kick:
		case <-again:
		}
	}
}

// prepare makes the wanted file, hands it over, and lets it be zeroed when nothing
// else is.
func (l *Log) prepare(made chan<- *mapped.File) error {
	n := &l.next
	n.mu.Lock()
	start, have := n.wanted, n.file
	n.mu.Unlock()
	if start < 0 || have != nil || l.dir.Find(start) != nil {
		return nil
	}
	f, err := l.make(start)
	if err == nil && l.opt.ZeroAhead {
		n.zeroing.Lock() // whatever was zeroed until now is not any more
		n.blank.Store(f)
		n.zeroing.Unlock()
	}
	n.mu.Lock()
	if n.err = err; err == nil {
		n.file = f
	}
	n.signal()
	n.mu.Unlock()
	if err == nil && l.opt.ZeroAhead {
		select {
		case made <- f:
		default:
			n.stopZeroing(f)
		}
	}
	return err
}

func (n *nextFile) signal() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// make reserves the blocks of a file and makes its name durable.
func (l *Log) make(start int64) (*mapped.File, error) {
	f, err := l.dir.Make(start, func(f vfs.File) error {
		if err := f.Allocate(l.opt.FileSize); err != nil {
			return err
		}
		return f.Sync() // its length before its name: another length ends the next start
	})
	if err != nil {
		return nil, fmt.Errorf("commitlog: file at %d: %w", start, err)
	}
	if err := l.dir.Sync(); err != nil {
		return nil, fmt.Errorf("commitlog: file at %d: %w", start, err)
	}
	return f, nil
}

// zero fills a file piece by piece until it is full, someone writes to it, or the
// context ends. It waits for the disk now and then, so that pages, where the zeros take
// some, do not hold up those of the log. That zeros cannot be written is no harm, as the blocks are reserved,
// unless it is the disk's fault: then nobody knows what of them it will still write, over which records.
func (l *Log) zero(ctx context.Context, f *mapped.File) {
	defer l.next.stopZeroing(f)
	for at := int64(0); at < f.Size; {
		l.pace(ctx, f, at)
		n := min(zeroPiece, f.Size-at)
		more, err := l.zeroPiece(ctx, f, at, n)
		switch {
		case errors.Is(err, syscall.EIO):
			l.diskFailed(err)
		case err != nil:
			l.opt.Log.Warn().Err(err).Msg("commit log: zeroing the next file")
		}
		if !more {
			return
		}
		if at += n; (at%zeroSync == 0 || at == f.Size) && !l.syncZeros(f) {
			return
		}
	}
}

// pace waits until the log has come far enough for zeros at a place of the next
// file: what is left of the current file is half a file when the next one is made,
// so zeros at twice the pace of the log, from zeroAhead on, are there in time. All
// at once they would take a second of the processor from whoever sends just then.
func (l *Log) pace(ctx context.Context, f *mapped.File, at int64) {
	for ctx.Err() == nil && l.next.blank.Load() == f {
		half := f.Start - f.Size/2
		if at < zeroAhead+2*(l.written.Load()-half) {
			return
		}
		select {
		case <-ctx.Done():
		case <-l.opt.Clock.After(paceEvery):
		}
	}
}

func (l *Log) zeroPiece(ctx context.Context, f *mapped.File, at, size int64) (more bool, err error) {
	n := &l.next
	n.zeroing.Lock()
	defer n.zeroing.Unlock()
	if ctx.Err() != nil || n.blank.Load() != f {
		return false, nil
	}
	err = f.WriteZeros(at, size)
	return err == nil, err
}

func (l *Log) syncZeros(f *mapped.File) bool {
	err := f.Datasync()
	if err == nil || errors.Is(err, mapped.ErrGone) {
		return err == nil
	}
	l.diskFailed(err) // the kernel says it once; a flush of this file would not hear of it again
	return false
}

// diskFailed ends acknowledging for an error at the zeros of a file that is not in use yet.
func (l *Log) diskFailed(err error) {
	err = fmt.Errorf("commitlog: zeros of the next file: %w", err)
	l.failed.CompareAndSwap(nil, &err)
	l.opt.Log.Error().Err(err).Msg("commit log: the disk failed")
}

// stopZeroing returns when nothing is zeroed in a file any more.
func (n *nextFile) stopZeroing(f *mapped.File) {
	if n.blank.Load() != f {
		return
	}
	n.zeroing.Lock()
	n.blank.CompareAndSwap(f, nil)
	n.zeroing.Unlock()
}

// nextFile takes the file that starts at an offset: prepared, or after a bounded
// wait, or, when nobody prepares, made here.
func (l *Log) nextFile(start int64) (*mapped.File, error) {
	n := &l.next
	var limit <-chan time.Time
	for {
		n.mu.Lock()
		n.ask(start)
		if f := n.file; f != nil && f.Start == start {
			n.file = nil
			n.mu.Unlock()
			return f, nil
		}
		err, running, changed := n.err, n.running, n.changed
		if err == nil && !running {
			// Run may begin while the file is made here: it must not make it again,
			// and zero what has been written to it.
			n.wanted = -1
		}
		n.mu.Unlock()
		switch {
		case err != nil:
			return nil, err // Run tries again; appends do not wait for that
		case !running:
			return l.make(start)
		}
		if limit == nil {
			limit = l.opt.Clock.After(rollWait)
		}
		select {
		case <-changed:
		case <-limit:
			return nil, fmt.Errorf("commitlog: file at %d was not ready within %s", start, rollWait)
		}
	}
}

// ready says whether the file behind the current one can be had at once, if only by
// an error. What is not asked for yet is asked for.
func (n *nextFile) ready(position int64, current *mapped.File) bool {
	if current != nil {
		position = current.End()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.running {
		return true
	}
	n.ask(position)
	return n.err != nil || n.file != nil && n.file.Start == position
}

// drop removes the prepared file that nobody took.
func (n *nextFile) drop() error {
	n.mu.Lock()
	f := n.file
	n.file, n.wanted = nil, -1
	n.mu.Unlock()
	if f == nil {
		return nil
	}
	n.stopZeroing(f)
	return f.Discard()
}
