// Package statefile keeps small files that must survive a crash at any moment: topics.json, consumerOffset.json, kvConfig.json and
// their kind.
//
// Save leaves either the old content or the new one, never a part of one:
//
//	write F.tmp · sync it · rename F to F.bak · rename F.tmp to F · sync the directory
//
//	crash after …           the disk has              Load finds
//	writing F.tmp           F, perhaps part of .tmp   old F
//	the first rename        F.bak, .tmp               old content in F.bak
//	the second rename       F, F.bak                  new F
//
// The Java broker (5.x) also renames F to F.bak and then writes F in place: what it leaves after a crash is an empty or torn F beside
// a good F.bak, which Load and Read take too.
package statefile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/skylarkmq/skylark/internal/vfs"
)

const (
	backupSuffix = ".bak"
	tempSuffix   = ".tmp"

	damagedSuffix = ".damaged"
)

// Save replaces the content of a file. Its directory is made when it is not there. When Save returns nil, the content is durable.
// Two calls for one path must not overlap.
func Save(disk vfs.FS, path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := disk.MkdirAll(dir); err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	temp := path + tempSuffix
	if err := vfs.WriteFile(disk, temp, data); err != nil {
		return fmt.Errorf("saving %s: writing the new content beside it: %w", path, err)
	}
	// An empty F holds nothing worth keeping, and must not push a good F.bak away.
	if info, err := disk.Stat(path); err == nil && info.Size > 0 {
		if err := disk.Rename(path, path+backupSuffix); err != nil {
			return fmt.Errorf("saving %s: keeping the old content: %w", path, err)
		}
	}
	if err := disk.Rename(temp, path); err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	if err := disk.SyncDir(dir); err != nil {
		return fmt.Errorf("saving %s: syncing the directory: %w", path, err)
	}
	return nil
}

// SetAside keeps a damaged file, for which its .bak stood in, as F.damaged: the next Save would put it in the place of that .bak.
func SetAside(disk vfs.FS, path string) error {
	if err := disk.Rename(path, path+damagedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping the damaged %s: %w", path, err)
	}
	return nil
}

// Load returns the content of a file, or of its .bak when it is missing or empty. When there is neither, the error is fs.ErrNotExist.
func Load(disk vfs.FS, path string) ([]byte, error) {
	for _, name := range []string{path, path + backupSuffix} {
		data, err := vfs.ReadFile(disk, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("loading %s: %w", name, err)
		case len(data) > 0:
			return data, nil
		}
	}
	return nil, fmt.Errorf("loading %s: no content there nor in its %s: %w", path, backupSuffix, fs.ErrNotExist)
}

// Read loads a file and lets parse take it; when parse cannot, it gets the .bak. found is false when there is nothing to read. A file
// that parse refuses and that has no backup is an error, where Java starts with empty state: a broker that has forgotten its topics is
// worse than one that asks. So is a file that the disk does not give: it may be whole, and newer than its .bak.
func Read(disk vfs.FS, path string, parse func(data []byte) error) (found bool, err error) {
	found, _, err = ReadOr(disk, path, parse)
	return found, err
}

// ReadOr is Read that tells, in damaged, why the .bak stood in for a file that is there.
func ReadOr(disk vfs.FS, path string, parse func(data []byte) error) (found bool, damaged, err error) {
	var refused error
	for _, name := range []string{path, path + backupSuffix} {
		data, err := vfs.ReadFile(disk, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
			continue
		}
		if err != nil {
			return false, nil, errors.Join(refused, unread(name, err))
		}
		if err = parse(data); err == nil {
			return true, refused, nil
		}
		refused = errors.Join(refused, fmt.Errorf("%s: %w", name, err))
	}
	if refused != nil {
		return false, nil, fmt.Errorf("loading state: %w", refused)
	}
	return false, nil, nil
}

// unread says what to do about a file that is there and that the disk does not give.
func unread(name string, err error) error {
	return fmt.Errorf("loading state: %w. That does not say that %s is damaged: start again when it can be read; if it never will, move it away, "+
		"and the state before the last change, in its %s, is taken", err, filepath.Base(name), backupSuffix)
}
