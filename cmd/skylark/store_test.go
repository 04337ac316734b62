package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// smallStore is a store of a hundred messages, stopped cleanly.
func smallStore(t *testing.T) string {
	t.Helper()
	cfg := store.Defaults()
	cfg.StorePathRootDir = t.TempDir()
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue, cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1<<16, 2000, 64, 512
	s, err := store.Open(config.NewSection(cfg), store.Options{Log: zerolog.Nop(), StoreHost: netip.MustParseAddrPort("127.0.0.1:10911")})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		m := message.Message{Topic: "T", Body: []byte("0123456789"), Properties: []byte("KEYS\x01k\x02")}
		if res := s.Put(&m); res.Status != store.PutOK {
			t.Fatal(res)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg.StorePathRootDir
}

func storeCommand(line ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{"skylark", "store"}, line...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestStoreCommands(t *testing.T) {
	t.Parallel()
	dir := smallStore(t)
	for _, row := range []struct {
		line string
		code int
		says string
	}{
		{"check DIR", storeClean, "100 units agree"},
		{"check DIR --json", storeClean, `"records": 100`},
		{"check --json DIR", storeClean, `"mappedFileSizeCommitLog": 65536`},
		{"dump records DIR --limit 3 --topic T", storeClean, `"topic":"T"`},
		{"dump units DIR --from 98", storeClean, `"offset":99`},
		{"dump index DIR --topic T --key k --limit 1", storeClean, `"entry":1`},
		{"dump state DIR", storeClean, "physicMsgTimestamp"},
		{"dump records DIR --begin 2999-01-01T00:00:00Z", storeClean, ""},
		{"dump records DIR --begin soon", storeFailed, ""},
		{"dump everything DIR", storeFailed, ""},
		{"repair DIR", storeClean, "nothing to repair"},
		{"takeover --check DIR", storeClean, "java starts here"},
		{"takeover DIR", storeFailed, ""},
		{"check DIR/none", storeFailed, ""},
		{"check DIR/commitlog", storeFailed, ""},
		{"dump DIR", storeFailed, ""},
		{"dump -h", storeClean, "dump records|units|index|state [flags] DIR"},
		{"check", storeFailed, ""},
		{"check DIR DIR", storeFailed, ""},
		{"mend DIR", storeFailed, ""},
		{"check -h", storeClean, "usage: skylark store check"},
		{"-h", storeClean, "takeover"},
	} {
		code, out, errs := storeCommand(strings.Fields(strings.ReplaceAll(row.line, "DIR", dir))...)
		if code != row.code || !strings.Contains(out, row.says) || code == storeFailed && errs == "" {
			t.Errorf("store %s: code %d, want %d\n%s%s", row.line, code, row.code, out, errs)
		}
	}
}

// smallLog is smallStore with its log, to be damaged.
func smallLog(t *testing.T) (dir, log string, data []byte) {
	t.Helper()
	dir = smallStore(t)
	log = filepath.Join(dir, "commitlog", "00000000000000000000")
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return dir, log, data
}

// A damaged store is found, left alone without --write, and clean after it.
func TestStoreRepairCommand(t *testing.T) {
	t.Parallel()
	dir, log, data := smallLog(t)
	at := bytes.Index(data, []byte("0123456789"))
	data[at+3] = 'x'
	if err := os.WriteFile(log, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := storeCommand("check", dir, "--json"); code != storeErrors || !json.Valid([]byte(out)) || !strings.Contains(out, "log-damage") {
		t.Errorf("check: %d %s", code, out)
	}
	if code, out, _ := storeCommand("repair", dir); code != storeWarnings || !strings.Contains(out, "quarantine") {
		t.Errorf("repair without --write: %d %s", code, out)
	}
	if now, err := os.ReadFile(log); err != nil || !bytes.Equal(now, data) {
		t.Error("a repair without --write wrote", err)
	}
	if code, out, errs := storeCommand("repair", "--write", dir); code != storeClean || !strings.Contains(out, "clean") || !strings.Contains(errs, "repaired-") {
		t.Errorf("repair: %d %s%s", code, out, errs)
	}
	if code, out, errs := storeCommand("check", dir); code != storeClean {
		t.Errorf("check after the repair: %d %s%s", code, out, errs)
	}
	if err := os.MkdirAll(filepath.Join(dir, "compaction", "compactionLog", "T", "0"), 0o755); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := storeCommand("takeover", "--check", dir); code != storeErrors || !strings.Contains(out, "skylark does not start here") {
		t.Errorf("takeover: %d %s", code, out)
	}
}

// A repair that has no room for what stands for the lost says so, with --write and
// without, and is no repair that waits.
func TestStoreRepairRefused(t *testing.T) {
	t.Parallel()
	dir, log, data := smallLog(t)
	units, err := os.ReadFile(filepath.Join(dir, "consumequeue", "T", "0", "00000000000000000000"))
	if err != nil {
		t.Fatal(err)
	}
	const lost = 5
	data[binary.BigEndian.Uint64(units[lost*20:])+2] ^= 0x10
	if err := os.WriteFile(log, data, 0o600); err != nil {
		t.Fatal(err)
	}
	clear(units[copy(units, units[lost*20:][:20]):])
	for n := range 4 { // other queues that say that the record is theirs
		name := filepath.Join(dir, "consumequeue", "U", strconv.Itoa(n), "00000000000000000000")
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, units, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range [][]string{{"repair", dir}, {"repair", "--write", dir}, {"repair", "--json", dir}} {
		code, out, errs := storeCommand(line...)
		if code != storeErrors || !strings.Contains(errs, "Nothing was changed") || strings.Contains(errs, "--write does it") {
			t.Errorf("%v: %d %s%s", line, code, out, errs)
		}
	}
	if now, err := os.ReadFile(log); err != nil || !bytes.Equal(now, data) {
		t.Error("a refused repair wrote", err)
	}
}

// A size of the settings that no file has is an error of the command.
func TestStoreUnusableSizes(t *testing.T) {
	t.Parallel()
	dir, conf := smallStore(t), filepath.Join(t.TempDir(), "broker.conf")
	if err := os.WriteFile(conf, []byte("mappedFileSizeCommitLog=0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"check"}, {"repair"}, {"takeover", "--check"}, {"dump", "records"}} {
		code, out, errs := storeCommand(append(line, "-c", conf, dir)...)
		if code != storeFailed || !strings.Contains(errs, "mappedFileSizeCommitLog") {
			t.Errorf("%v: %d %s%s", line, code, out, errs)
		}
	}
}

// takeover --check asks what a start asks: of the settings too, and not of the files alone.
func TestTakeoverCheckReadsSettings(t *testing.T) {
	t.Parallel()
	const sizes = "mappedFileSizeCommitLog=65536\nmappedFileSizeConsumeQueue=2000\nmaxHashSlotNum=64\nmaxIndexNum=512\nbrokerIP1=127.0.0.1\n"
	dir, conf := smallStore(t), filepath.Join(t.TempDir(), "broker.conf")
	for settings, says := range map[string]string{
		"": "", "namesrvAddr=a:1;\nbrokerId=1\n": "",
		"aclEnable=true\n": "STOPS access rules", "brokerRole=SYNC_MASTER\ninSyncReplicas=2\n": "STOPS replication", "namesrvAddr=a\n": "STOPS The Name Server Address[a] illegal",
		"tls.server.mode=strict\n": "STOPS remoting: tls.server.mode", "memoryLimit=1\n": "STOPS memoryLimit",
		"disableConsumeIfConsumerReadSlowly=true\n": "note  consumer groups that fall behind",
	} {
		if err := os.WriteFile(conf, []byte(sizes+settings), 0o600); err != nil {
			t.Fatal(err)
		}
		want := storeClean
		if strings.Contains(says, "STOPS") {
			want = storeErrors
		}
		code, out, errs := storeCommand("takeover", "--check", "-c", conf, dir)
		if code != want || !strings.Contains(out, says) || says == "" && strings.Contains(out, "setting:") {
			t.Errorf("%q: code %d, want %d with %q\n%s%s", settings, code, want, says, out, errs)
		}
	}
}
