package main

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/skylarkmq/skylark/remoting"
)

const (
	diskSize  = 256 << 20
	diskPiece = 64 << 10 // as the broker fills its files: larger writes make larger folios, and small writes into those dearer
	// recordMore is what a record has beside its body, about.
	recordMore = 200
)

// disk is a file whose blocks are written before, so that a flush is the cheapest there is. It is written round and round.
type disk struct {
	mu    sync.Mutex
	file  *os.File
	at    int64
	bytes []byte
}

func openDisk(path string) (*disk, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	d := &disk{file: f, bytes: make([]byte, diskPiece)}
	for at := int64(0); at < diskSize; at += diskPiece {
		if _, err := f.WriteAt(d.bytes, at); err != nil {
			return nil, err
		}
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	for i := range d.bytes {
		d.bytes[i] = byte(i)
	}
	return d, nil
}

// commit writes as much as the records of the requests would be, with one call, and one flush.
func (d *disk) commit(requests []*remoting.Request) error {
	size := 0
	for _, r := range requests {
		size += len(r.Body) + recordMore
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.bytes) < size {
		d.bytes = append(d.bytes, d.bytes...)
	}
	if d.at+int64(size) > diskSize {
		d.at = 0
	}
	if _, err := d.file.WriteAt(d.bytes[:size], d.at); err != nil {
		return err
	}
	d.at += int64(size)
	if err := unix.Fdatasync(int(d.file.Fd())); err != nil {
		return fmt.Errorf("flush %s: %w", d.file.Name(), err)
	}
	return nil
}
