package statefile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Replace is Save for a file that people write and that is read by its name alone, a broker.conf: it is there at any moment,
//
//	copy F to F.bak · write F.tmp · rename F.tmp to F
//
// keeps its mode and owner, as it may hold passwords, and stays behind its name when that is a symbolic link.
func Replace(disk vfs.FS, path string, data []byte) error {
	path, err := vfs.Resolve(disk, path)
	if err != nil {
		return fmt.Errorf("saving %w", err)
	}
	old, err := vfs.ReadFile(disk, path)
	there := !errors.Is(err, fs.ErrNotExist)
	if there && err != nil {
		return fmt.Errorf("saving %s: keeping the old content: %w", path, err)
	}
	if err := disk.MkdirAll(filepath.Dir(path)); err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	if len(old) > 0 { // an empty F must not push a good F.bak away
		if err := put(disk, path+backupSuffix, path, old); err != nil {
			return fmt.Errorf("saving %s: keeping the old content: %w", path, err)
		}
	}
	like := path
	if !there {
		like = ""
	}
	if err := put(disk, path, like, data); err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	if err := disk.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("saving %s: syncing the directory: %w", path, err)
	}
	return nil
}

// put writes a file beside its place and moves it there; nobody can read it who may not read like.
func put(disk vfs.FS, path, like string, data []byte) error {
	temp := path + tempSuffix
	if like != "" {
		if err := vfs.WriteFile(disk, temp, nil); err != nil {
			return err
		}
		if err := vfs.Alike(disk, temp, like); err != nil {
			return err
		}
	}
	if err := vfs.WriteFile(disk, temp, data); err != nil {
		return err
	}
	return disk.Rename(temp, path)
}
