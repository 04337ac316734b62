// Package goldenstore unpacks, for tests, the stores that Java brokers left (store/testdata/golden; provenance there).
package goldenstore

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Unpack gives a store, such as java-5.4.0-clean, in a temporary directory of its own.
func Unpack(t testing.TB, name string) string {
	t.Helper()
	root := t.TempDir()
	Into(t, name, root)
	return root
}

// Into unpacks a store into a directory.
func Into(t testing.TB, name, root string) {
	t.Helper()
	dir, err := golden()
	if err == nil {
		err = unpack(filepath.Join(dir, name+".tar.gz"), root)
	}
	if err != nil {
		t.Fatalf("golden store %s: %v", name, err)
	}
}

// golden finds the stores from wherever in the module the test runs.
func golden() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		dir := filepath.Join(at, "store", "testdata", "golden")
		if _, err := os.Stat(dir); err == nil {
			return dir, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", errors.New("no store/testdata/golden above the working directory")
		}
		at = up
	}
}

func unpack(path, root string) error {
	raw, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }()
	z, err := gzip.NewReader(raw)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			err = write(filepath.Join(root, filepath.FromSlash(h.Name)), r, h.Size)
		}
		if err != nil {
			return err
		}
	}
}

// write leaves zeros out: the timer wheel has 38 MB of them.
func write(path string, r io.Reader, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(writeSparse(f, r, size), f.Truncate(size), f.Close())
}

func writeSparse(f *os.File, r io.Reader, size int64) error {
	buf, zeros := make([]byte, 4096), make([]byte, 4096)
	for at := int64(0); at < size; at += int64(len(buf)) {
		n, err := io.ReadFull(r, buf[:min(int64(len(buf)), size-at)])
		if err != nil {
			return err
		}
		if bytes.Equal(buf[:n], zeros[:n]) {
			continue
		}
		if _, err := f.WriteAt(buf[:n], at); err != nil {
			return err
		}
	}
	return nil
}
