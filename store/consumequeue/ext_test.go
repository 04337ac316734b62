package consumequeue

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// extended puts n units with bit maps of changing lengths.
func extended(t testing.TB, q *Queue, from, n int64) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := q.PutBitMap(i, 100*i, 100, 7*i, 1000+i, bitsOf(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func bitsOf(i int64) []byte {
	n := []int64{0, 14, 14, 1, 300, 14}[i%6]
	return bytes.Repeat([]byte{byte(i)}, int(n))
}

// checkExtended reads units in an order that no reader has and checks them.
func checkExtended(t testing.TB, q *Queue, from, to int64) {
	t.Helper()
	var r ExtReader
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2 * (to - from) {
		i := from + rng.Int64N(to-from)
		for _, at := range []int64{i, min(i+1, to-1)} {
			checkOneExtended(t, q, &r, at)
		}
	}
	for i := from; i < to; i++ {
		checkOneExtended(t, q, &r, i)
	}
}

func checkOneExtended(t testing.TB, q *Queue, r *ExtReader, i int64) {
	t.Helper()
	units, status, _ := q.Units(i, 1, nil, false)
	if status != Found || !IsExtAddress(units[0].TagsCode) {
		t.Fatalf("offset %d: %+v, status %d", i, units, status)
	}
	u, status := q.Ext(units[0].TagsCode, r, i%2 == 0)
	if status != Found || u.TagsCode != 7*i || u.StoreTimestamp != 1000+i || !bytes.Equal(u.BitMap, bitsOf(i)) {
		t.Fatalf("offset %d: %+v, status %d", i, u, status)
	}
}

func extOptions(dir string) Options {
	opt := testOptions(dir)
	opt.ExtWrite = true
	return opt
}

func TestExtension(t *testing.T) {
	t.Parallel()
	opt := extOptions(t.TempDir())
	for round := range int64(5) { // some 4 files a round
		table, _ := openTable(t, opt, round%2 == 1)
		q := table.Queue("T", 0)
		if q.MaxOffset() != round*200 {
			t.Fatalf("round %d begins at %d", round, q.MaxOffset())
		}
		extended(t, q, round*200, 200)
		checkExtended(t, q, max(0, round-1)*200, (round+1)*200)
		if err := table.Close(true); err != nil {
			t.Fatal(err)
		}
	}
	table, _ := openTable(t, opt, false)
	q, _ := table.Lookup("T", 0)
	checkExtended(t, q, 0, 1000)
	files, err := os.ReadDir(q.extDir())
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, f := range files {
		if f.Name() != fileName(int64(i)*4096) {
			t.Errorf("file %d is %s", i, f.Name())
		}
	}
	if err := table.DeleteTopic("T"); err != nil {
		t.Fatal(err)
	}
	extended(t, q, 0, 20)
	checkExtended(t, q, 0, 20)
}

// TestExtensionExpires: files that no unit points into go with the messages.
func TestExtensionExpires(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, extOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	extended(t, q, 0, 400)
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadDir(q.extDir())
	if _, err := table.DeleteExpired(100*350, nil, 0); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadDir(q.extDir())
	if len(after) == 0 || len(after) >= len(before) {
		t.Fatalf("%d files before, %d after", len(before), len(after))
	}
	checkExtended(t, q, q.MinOffset(), 400)
	extended(t, q, 400, 10)
	checkExtended(t, q, 400, 410)
}

// TestExtensionAfterAPowerCut: units were kept whose extension was not. Their places
// are not used again, because they would be read as theirs.
func TestExtensionAfterAPowerCut(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(path string) error{
		"the newest page": func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			clear(data[100:])
			return os.WriteFile(path, data, 0o600)
		},
		"the newest file": os.Remove,
		"its size":        func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := extOptions(t.TempDir())
			table, _ := openTable(t, opt, false)
			q := table.Queue("T", 0)
			extended(t, q, 0, 200)
			if err := table.Close(false); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(q.extDir(), "*"))
			if err != nil || len(files) < 2 {
				t.Fatal(files, err)
			}
			if err := lose(files[len(files)-1]); err != nil {
				t.Fatal(err)
			}
			table, _ = openTable(t, opt, true)
			q, _ = table.Lookup("T", 0)
			extended(t, q, 200, 100)
			checkExtended(t, q, 200, 300)
			var r ExtReader
			for i := range int64(200) {
				units, _, _ := q.Units(i, 1, nil, false)
				if u, status := q.Ext(units[0].TagsCode, &r, false); status == Found && (u.TagsCode != 7*i || u.StoreTimestamp != 1000+i) {
					t.Fatalf("offset %d reads the extension of another: %+v", i, u)
				}
			}
		})
	}
}

// TestExtensionThatCannotBeWritten: the unit keeps its tags code, as it does in light queues.
func TestExtensionThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, extOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	for i, bits := range [][]byte{make([]byte, 40_000), make([]byte, 4096)} { // too long for a unit, and for a file
		if err := q.PutBitMap(int64(i), int64(100*i), 100, 42, 1, bits); err != nil {
			t.Fatal(err)
		}
		if units, _, _ := q.Units(int64(i), 1, nil, false); units[0].TagsCode != 42 {
			t.Errorf("%d bytes: tags code %d", len(bits), units[0].TagsCode)
		}
	}
	extended(t, q, 2, 4)
	checkExtended(t, q, 2, 6)
	light := table.Queue("%LMQ%l", 0)
	extended(t, light, 0, 1)
	if units, _, _ := light.Units(0, 1, nil, false); len(units) != 1 || IsExtAddress(units[0].TagsCode) {
		t.Errorf("a light queue has an extension: %+v", units)
	}
}
