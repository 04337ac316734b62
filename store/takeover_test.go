package store

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// What cannot be taken over is named with its setting, its file and the way out;
// and the directory stays as it was.
func TestTakeoverObstacles(t *testing.T) {
	t.Parallel()
	rocks := func(path ...string) func(t *testing.T, root string) {
		return func(t *testing.T, root string) {
			write(t, filepath.Join(root, filepath.Join(path...), "CURRENT"), "MANIFEST-000005\n")
		}
	}
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, root string)
		change  func(c *Config)
		stops   bool
		says    []string
	}{
		{"queues in RocksDB", rocks("consumequeue"), nil, true, []string{"consumequeue", "storeType", "RocksDB", "way out"}},
		{"queues in RocksDB beside", rocks("consumequeue_rocksdb"), nil, true, []string{"consumequeue_rocksdb"}},
		{"storeType", nil, func(c *Config) { c.StoreType = "defaultRocksDB" }, true, []string{"storeType=defaultRocksDB", "storeType=default;"}},
		{"topics in RocksDB", rocks("config", "topics"), nil, true, []string{"config/topics", "rocksDBConfigToJson"}},
		{"configuration v2", rocks("config", "rdb"), nil, true, []string{"config/rdb", "configManagerVersion=v2"}},
		{"DLedger log", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "dledger-n0", "data", "00000000000000000000"), "x")
		}, nil, true, []string{"dledger-n0", "enableDLegerCommitLog"}},
		{"DLedger setting", nil, func(c *Config) { c.EnableDLegerCommitLog = true }, true, []string{"enableDLegerCommitLog"}},
		{"compaction log", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "compaction", "compactionLog", "T", "0", "00000000000000000000"), "x")
		}, nil, true, []string{"compactionLog/T", "cleanup.policy=COMPACTION"}},
		{"log elsewhere", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "commitlog", "00000000000000000000"), strings.Repeat("x", 1<<13))
		}, func(c *Config) { c.StorePathCommitLog = filepath.Join(c.StorePathRootDir, "other") }, true, []string{"storePathCommitLog=", "readOnlyCommitLogStorePaths"}},
		{"log files of another size", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "commitlog", "00000000000000000000"), "12345")
		}, nil, true, []string{"mappedFileSizeCommitLog=5"}},
		{"queue files of another size", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "consumequeue", "T", "0", "00000000000000000000"), strings.Repeat("x", 60))
		}, nil, true, []string{"mappedFileSizeConsumeQueue=60"}},
		{"index of another size", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "index", "20261122202307190"), "12345")
		}, nil, false, []string{"maxHashSlotNum"}},
		{"pending timers", func(t *testing.T, root string) {
			slot := make([]byte, 64)
			binary.BigEndian.PutUint64(slot[32:], 5000)
			binary.BigEndian.PutUint32(slot[32+24:], 3)
			write(t, filepath.Join(root, "timerwheel"), string(slot))
		}, nil, false, []string{"3 timer messages", "timerWheelEnable"}},
		{"pop in RocksDB", rocks("kvStore"), nil, false, []string{"popConsumerKVServiceEnable"}},
		{"access rules", rocks("config", "acls"), nil, false, []string{"config/acls"}},
		{"controller", func(t *testing.T, root string) { write(t, filepath.Join(root, "epochFileCheckpoint"), "1\n0\n1-0\n") }, nil, false, []string{"enableControllerMode"}},
		{"identity in a controller's group", func(t *testing.T, root string) { write(t, filepath.Join(root, "brokerIdentity"), "C#b#2") }, nil, false, []string{"brokerIdentity"}},
		{"static topics", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "config", "topicQueueMapping.json"), `{"topicQueueMappingInfoMap":{"S":{"hostedQueues":{0:[]}}}}`)
		}, nil, true, []string{"topicQueueMapping.json", "updateStaticTopic", ": S"}},
		{"static topics in a .bak", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "config", "topicQueueMapping.json.bak"), `{"topicQueueMappingInfoMap":{"S":{}}}`)
		}, nil, true, []string{"topicQueueMapping.json"}},
		{"tiered store", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "config", "tieredStoreMetadata.json"), `{"topicSerialNumber":1,"topicMetadataTable":{"T":{}},"commitLogFileSegmentTable":{"c/b/T/0":{0:{"baseOffset":0}},"c/b/T/1":{}}}`)
		}, nil, true, []string{"tieredStoreMetadata.json", "messageStorePlugIn", "1 queues"}},
		{"static topics in a file that is no JSON", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "config", "topicQueueMapping.json"), `{"topicQueueMappingInfoMap":{"S`)
		}, nil, true, []string{"topicQueueMapping.json", "cannot be told"}},
		{"orderly pop", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "config", "consumerOrderInfo.json"), `{"table":{"T@g":{0:{"popTime":1}}}}`)
		}, nil, false, []string{"consumerOrderInfo.json", "1 topics"}},
		{"transient pool", nil, func(c *Config) { c.TransientStorePoolEnable = true }, false, []string{"transientStorePoolEnable"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if row.prepare != nil {
				row.prepare(t, root)
			}
			cfg := small(root)
			if row.change != nil {
				cfg.Change(row.change)
			}
			before := listing(t, root)
			found, err := Takeover(vfs.ReadOnly, cfg.Get())
			if err != nil || len(found) != 1 || found[0].Stops != row.stops {
				t.Fatalf("%v %+v", err, found)
			}
			for _, want := range row.says {
				if !strings.Contains(found[0].String(), want) {
					t.Errorf("%q does not name %q", found[0], want)
				}
			}
			refused(t, cfg, row.stops)
			if after := listing(t, root); row.stops && after != before {
				t.Errorf("a refused start changed the directory from\n%s to\n%s", before, after)
			}
		})
	}
}

// A file with static topics that cannot be read now refuses a start as one that can.
func TestStaticTopicsUnread(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMemory(nil)
	const path = "/store/config/topicQueueMapping.json"
	if err := errors.Join(memory.MkdirAll(filepath.Dir(path)), vfs.WriteFile(memory, path, []byte(`{"topicQueueMappingInfoMap":{"S":{}}}`))); err != nil {
		t.Fatal(err)
	}
	disk := vfs.NewFaulty(memory)
	inject(t, disk, "open config/topicQueueMapping.json err=EACCES")
	if found, err := Takeover(disk, small("/store").Get()); err != nil || len(found) != 1 || !found[0].Stops || found[0].File != path {
		t.Errorf("%v, %+v", err, found)
	}
}

// refused opens the store, which must refuse exactly what stops.
func refused(t *testing.T, cfg *config.Section[Config], stops bool) {
	t.Helper()
	s, err := Open(cfg, Options{Log: zerolog.Nop()})
	if err == nil {
		err = s.Close()
	}
	if errors.Is(err, ErrTakeover) != stops || err != nil && !stops {
		t.Errorf("open: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func listing(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			out.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A tiered store from which everything has expired holds nothing up.
func TestEmptyTieredStore(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "config", "tieredStoreMetadata.json"), `{"topicMetadataTable":{"T":{}},"commitLogFileSegmentTable":{"c/b/T/0":{}}}`)
	if found, err := Takeover(vfs.ReadOnly, small(root).Get()); err != nil || len(found) != 0 {
		t.Errorf("%v %+v", err, found)
	}
}
