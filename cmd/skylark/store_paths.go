package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/skylarkmq/skylark/store"
)

// moveRoot makes settings of one store speak of a directory that was named beside
// them: a copy of it. Paths in the root of the settings become those in the
// directory; one elsewhere is part of the other store, and a repair would write there.
func moveRoot(cfg *store.Config, dir string) error {
	from := cfg.StorePathRootDir
	cfg.StorePathRootDir = dir
	if sameDir(from, dir) {
		return nil
	}
	for _, s := range []struct {
		name  string
		value *string
	}{
		{"storePathCommitLog", &cfg.StorePathCommitLog},
		{"readOnlyCommitLogStorePaths", &cfg.ReadOnlyCommitLogStorePaths},
		{"storePathDLedgerCommitLog", &cfg.StorePathDLedgerCommitLog},
		{"storePathEpochFile", &cfg.StorePathEpochFile},
		{"storePathBrokerIdentity", &cfg.StorePathBrokerIdentity},
	} {
		paths := store.Paths(*s.value)
		for i, path := range paths {
			moved, ok := movePath(path, from, dir)
			if !ok {
				return fmt.Errorf("the settings are of the store in %s: their %s=%s is neither in it nor in %s; name the settings of that store, or leave -c out", from, s.name, path, dir)
			}
			paths[i] = moved
		}
		*s.value = strings.Join(paths, ",")
	}
	return nil
}

// movePath moves a path from one root to another. One root may lie in the other:
// the one nearer to the path is meant.
func movePath(path, from, to string) (string, bool) {
	old, inFrom := within(path, from)
	there, inTo := within(path, to)
	switch {
	case inTo && (!inFrom || len(there) <= len(old)):
		return path, true
	case inFrom:
		return filepath.Join(to, old), true
	}
	return "", false
}

// within is a path as seen from a directory that it lies in.
func within(path, dir string) (string, bool) {
	path, errPath := filepath.Abs(path)
	dir, errDir := filepath.Abs(dir)
	rel, err := filepath.Rel(dir, path)
	return rel, errPath == nil && errDir == nil && err == nil && filepath.IsLocal(rel)
}

func sameDir(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return filepath.Clean(a) == filepath.Clean(b) || errX == nil && errY == nil && os.SameFile(x, y)
}
