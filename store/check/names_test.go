package check

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// ownStore is a small store of this broker, stopped cleanly, with messages in one queue.
func ownStore(t *testing.T, messages int) *store.Config {
	t.Helper()
	cfg := settings(t.TempDir())
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue, cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1<<16, 2000, 64, 512
	fill(t, cfg, messages, "KEYS\x01k\x02")
	return cfg
}

func fill(t *testing.T, cfg *store.Config, messages int, properties string) {
	t.Helper()
	s, err := store.Open(config.NewSection(*cfg), store.Options{Log: zerolog.Nop(), StoreHost: netip.MustParseAddrPort("127.0.0.1:10911")})
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		m := message.Message{Topic: "T", Body: []byte("0123456789"), Properties: []byte(properties)}
		if res := s.Put(&m); res.Status != store.PutOK {
			t.Fatal(res)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// refusals say which brokers would not start, by the check's word.
func refusals(t *testing.T, cfg *store.Config) (ours, java bool) {
	t.Helper()
	starts, err := Takeover(t.Context(), Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	return starts[0].Refuses, starts[1].Refuses
}

// The file that was being made when the broker died is no damage to this broker,
// which removes it.
func TestUnmadeLastFile(t *testing.T) {
	t.Parallel()
	cfg := ownStore(t, 20)
	h := hurt{t, cfg.StorePathRootDir}
	const next = "commitlog/00000000000000065536"
	h.write(next, 0, make([]byte, 8192))
	if r := run2(t, cfg); !r.Clean() || r.Counts[BadSize] != 1 || r.Log.Records != 20 {
		t.Errorf("%+v", r.Problems)
	}
	if ours, java := refusals(t, cfg); ours || !java {
		t.Errorf("ours refuses: %t, Java refuses: %t", ours, java)
	}
	fill(t, cfg, 1, "")
	h.write(next, 0, make([]byte, 8192))
	h.write(next, 5000, []byte{1})
	if r := run2(t, cfg); r.Clean() {
		t.Error("a short file with content passes")
	}
}

func TestNamesOfTheLog(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name       string
		ours, java bool // refuses
	}{
		{name: "00000000000000065537"}, {name: "65536"}, {name: "+5"}, {name: "core", ours: true, java: true}, {name: "-1", ours: true, java: true},
	} {
		cfg := ownStore(t, 20)
		h := hurt{t, cfg.StorePathRootDir}
		h.write("commitlog/"+row.name, 0, nil)
		h.truncate("commitlog/"+row.name, 1<<16)
		r := run2(t, cfg)
		if r.Counts[BadName] != 1 || r.Errors != 1 || r.Log.Records != 20 {
			t.Errorf("%s: %+v", row.name, r.Problems)
		}
		if ours, java := refusals(t, cfg); ours != row.ours || java != row.java {
			t.Errorf("%s: ours refuses: %t, Java refuses: %t", row.name, ours, java)
		}
		repair(t, r, cfg)
	}
}

// A wrong setting is no reason to move the files away for which it is wrong.
func TestWrongSizeIsNoWrongName(t *testing.T) {
	t.Parallel()
	cfg := ownStore(t, 1000)
	cfg.MappedFileSizeCommitLog = 1 << 20
	if r := run2(t, cfg); r.Counts[BadName] != 0 || r.Counts[BadSize] < 2 {
		t.Errorf("%+v", r.Counts)
	}
}

// otherDisks is a disk on which a directory is a mount.
type otherDisks struct {
	vfs.FS
	mount string
}

func (d otherDisks) Rename(from, to string) error {
	if strings.HasPrefix(from, d.mount) != strings.HasPrefix(to, d.mount) {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EXDEV}
	}
	return d.FS.Rename(from, to)
}

// Two logs elsewhere, on another disk: a file that both have, and strangers of one name.
func TestLogsElsewhere(t *testing.T) {
	t.Parallel()
	cfg := ownStore(t, 20)
	other := t.TempDir()
	first, second := filepath.Join(other, "a"), filepath.Join(other, "b")
	if err := os.Rename(filepath.Join(cfg.StorePathRootDir, "commitlog"), first); err != nil {
		t.Fatal(err)
	}
	cfg.StorePathCommitLog = first + "," + second
	h := hurt{t, other}
	if err := os.Mkdir(second, 0o755); err != nil {
		t.Fatal(err)
	}
	const double = "00000000000000000000"
	h.write("b/"+double, 0, make([]byte, 1<<16))
	h.write("a/core", 0, []byte("of a"))
	h.write("b/core", 0, []byte("of b"))
	r := run2(t, cfg)
	if r.Counts[BadName] != 3 || r.Log.Records != 20 {
		t.Fatalf("%+v", r.Problems)
	}
	kept, err := Plan(r, cfg).Write(t.Context(), otherDisks{vfs.Disk, other}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if again := run2(t, cfg); !again.Clean() || again.Log.Records != 20 {
		t.Errorf("after the repair: %+v", again.Problems)
	}
	for _, dir := range []string{"a", "b"} {
		data, err := os.ReadFile(filepath.Join(kept, "commitlog", other, dir, "core"))
		if err != nil || string(data) != "of "+dir {
			t.Errorf("%q of %s: %v", data, dir, err)
		}
	}
	if info, err := os.Stat(filepath.Join(kept, "commitlog", second, double)); err != nil || info.Size() != 1<<16 {
		t.Errorf("the second file of one name: %v", err)
	}
}

// A directory that is named twice has each file once: none is moved away. By the same name twice it is one, which is not written.
func TestLogNamedTwice(t *testing.T) {
	t.Parallel()
	cfg := ownStore(t, 20)
	log := filepath.Join(cfg.StorePathRootDir, "commitlog")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(log, link); err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next")
	for other, errors := range map[string]int64{log: 0, log + "/": 0, link: 1} {
		cfg.StorePathCommitLog, cfg.ReadOnlyCommitLogStorePaths = log+","+next, other
		r := run2(t, cfg)
		if r.Errors != errors || r.Log.Records != 20 || len(Plan(r, cfg).Steps) != 0 {
			t.Errorf("%s: %+v", other, r.Problems)
		}
		if ours, java := refusals(t, cfg); ours != (errors > 0) || java {
			t.Errorf("%s: ours refuses: %t, Java refuses: %t", other, ours, java)
		}
	}
}

// A blank may be part of a directory's name, for the check as for a broker.
func TestLogNamedWithABlank(t *testing.T) {
	t.Parallel()
	cfg := ownStore(t, 20)
	root := cfg.StorePathRootDir
	cfg.StorePathCommitLog = filepath.Join(root, "my log")
	if err := os.Rename(filepath.Join(root, "commitlog"), cfg.StorePathCommitLog); err != nil {
		t.Fatal(err)
	}
	if r := run2(t, cfg); !r.Clean() || r.Log.Records != 20 {
		t.Errorf("%d records, %+v", r.Log.Records, r.Problems)
	}
}

// Where no message has a key there is no index, and nothing wrong.
func TestNoKeysNoIndex(t *testing.T) {
	t.Parallel()
	cfg := settings(t.TempDir())
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue, cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1<<16, 2000, 64, 512
	fill(t, cfg, 20, "")
	hurt{t, cfg.StorePathRootDir}.remove("index")
	if r := run2(t, cfg); !r.Clean() {
		t.Errorf("%+v", r.Problems)
	}
}

// A queue that Java built from a log with a hole ends where its units end, not where
// the offsets of its records do.
func TestBeyondAShiftedQueue(t *testing.T) {
	t.Parallel()
	cfg := ownStore(t, 20)
	h := hurt{t, cfg.StorePathRootDir}
	for n := 10; n < 20; n++ {
		at, v := h.nth(n)
		h.write(firstLog, at+20, binary.BigEndian.AppendUint64(nil, uint64(v.QueueOffset+5)))
	}
	const name = "config/consumerOffset.json"
	for at, want := range map[int]int64{20: 0, 23: 1} {
		if err := os.MkdirAll(h.path("config"), 0o755); err != nil {
			t.Fatal(err)
		}
		h.write(name, 0, fmt.Appendf(nil, `{"offsetTable":{"T@g":{0:%d}}}`, at))
		if r := run2(t, cfg); r.Counts[OffsetBeyond] != want {
			t.Errorf("a position of %d: %+v", at, r.Problems)
		}
	}
}
