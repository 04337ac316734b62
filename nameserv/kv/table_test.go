package kv

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/vfs"
)

func open(t *testing.T, path string, limits Limits) *Table {
	t.Helper()
	table, err := Open(vfs.Disk, path, limits)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestPutIsOnDiskInTheOriginalsShape(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "namesrv", "kvConfig.json")
	table := open(t, path, DefaultLimits)
	for _, e := range [][3]string{{"NS", "K", "V"}, {NamespaceOrderTopic, "T", "brokerA:4;brokerB:4"}, {"NS", "K2", "ü"}} {
		if err := table.Put(e[0], e[1], e[2]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"configTable":{"NS":{"K":"V","K2":"ü"},"ORDER_TOPIC_CONFIG":{"T":"brokerA:4;brokerB:4"}}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}

	again := open(t, path, DefaultLimits)
	if v, ok := again.Get("NS", "K2"); !ok || v != "ü" {
		t.Errorf("after reopening: Get = %q, %v", v, ok)
	}
}

func TestDeleteKeepsTheNamespace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kvConfig.json")
	table := open(t, path, DefaultLimits)
	if _, ok := table.List("NS"); ok {
		t.Error("a namespace nobody put to is listed")
	}
	if err := table.Put("NS", "K", "V"); err != nil {
		t.Fatal(err)
	}
	if err := table.Delete("NS", "K"); err != nil {
		t.Fatal(err)
	}
	if err := table.Delete("other", "K"); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	list, ok := open(t, path, DefaultLimits).List("NS")
	if !ok || len(list) != 0 {
		t.Errorf("List = %v, %v; want an empty namespace", list, ok)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := Limits{Name: 8, Value: 16, Total: 40}
	tests := []struct {
		name                  string
		namespace, key, value string
	}{
		{"long namespace", strings.Repeat("n", 9), "k", "v"},
		{"long key", "ns", strings.Repeat("k", 9), "v"},
		{"long value", "ns", "k", strings.Repeat("v", 17)},
		{"all together", "ns3", "k", strings.Repeat("v", 14)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := open(t, filepath.Join(t.TempDir(), "kv.json"), limits)
			for _, ns := range []string{"ns1", "ns2"} { // 2 × 12 bytes
				if err := table.Put(ns, "k", "12345678"); err != nil {
					t.Fatal(err)
				}
			}
			if err := table.Put(tt.namespace, tt.key, tt.value); !errors.Is(err, ErrLimit) {
				t.Fatalf("Put = %v, want ErrLimit", err)
			}
			if _, ok := table.List(tt.namespace); ok {
				t.Error("a refused put left its namespace behind")
			}
		})
	}
}

// A put that cannot be saved must not be answered with success, nor be visible.
func TestDiskFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := open(t, filepath.Join(dir, "kv.json"), DefaultLimits)
	table.path = filepath.Join(dir, "file", "kv.json") // a directory that cannot be made
	if err := table.Put("NS", "K", "V"); err == nil {
		t.Fatal("Put succeeded without a disk")
	}
	if v, ok := table.Get("NS", "K"); ok {
		t.Errorf("the failed put is visible: %q", v)
	}
}

func TestUnreadableFileIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kv.json")
	if err := os.WriteFile(path, []byte(`{"configTable":{"NS":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(vfs.Disk, path, DefaultLimits); err == nil {
		t.Error("a torn file without a backup was taken for an empty one")
	}
}

// A torn file does not cost the good one beside it, whatever comes next.
func TestDamagedFileIsSetAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kvConfig.json")
	table := open(t, path, DefaultLimits)
	for _, value := range []string{"first", "second"} {
		if err := table.Put("NS", "K", value); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(path, 20); err != nil {
		t.Fatal(err)
	}
	table = open(t, path, DefaultLimits)
	if v, _ := table.Get("NS", "K"); v != "first" || table.Damaged() == nil {
		t.Fatalf("found %q, damage %v; expected the .bak's", v, table.Damaged())
	}
	if err := table.Put("NS", "K", "third"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path + ".bak": `"first"`, path: `"third"`, path + ".damaged": `"configTable`} {
		if got, err := os.ReadFile(name); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s holds %q %v, expected %s in it", filepath.Base(name), got, err, want)
		}
	}
	if table.Damaged() != nil {
		t.Error("still said to be damaged")
	}
}
