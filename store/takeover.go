package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/index"
)

// ErrTakeover: the directory holds data that this store would not see, or the
// settings ask for such; it is refused before anything in it is touched.
var ErrTakeover = errors.New("store: this directory cannot be taken over")

// Obstacle is something that a broker left in a store directory, or a setting it
// had, that this store does not serve as that broker did.
type Obstacle struct {
	// Stops: Open refuses. Otherwise it goes on, and What says what is different.
	Stops   bool   `json:"stops"`
	Setting string `json:"setting,omitempty"`
	File    string `json:"file,omitempty"`
	What    string `json:"what"`
	WayOut  string `json:"wayOut"`
}

func (o Obstacle) String() string {
	s := o.What
	if o.File != "" {
		s = o.File + ": " + s
	}
	if o.Setting != "" {
		s += " (setting " + o.Setting + ")"
	}
	return s + "; way out: " + o.WayOut
}

// Takeover lists the obstacles in a store directory. It reads names, sizes and a
// few heads of files, and changes nothing.
func Takeover(disk vfs.FS, c *Config) ([]Obstacle, error) {
	l := look{disk: disk, root: c.StorePathRootDir, cfg: c}
	for _, part := range []func() error{
		l.settings, l.rocksQueues, l.rocksConfig, l.rocksOther, l.dledger, l.compaction, l.logPlace, l.sizes, l.lightQueues, l.timers, l.controller, l.staticTopics, l.orderInfo, l.tiered,
	} {
		if err := part(); err != nil {
			return nil, fmt.Errorf("store: looking at %s: %w", l.root, err)
		}
	}
	return l.found, nil
}

// SettingObstacles are those of Takeover that no file is needed for.
func SettingObstacles(c *Config) []Obstacle {
	l := look{cfg: c}
	_ = l.settings() // it reads nothing that can fail
	return l.found
}

// mayOpen refuses a directory with obstacles that stop, and logs the others.
func mayOpen(disk vfs.FS, c *Config, log zerolog.Logger) error {
	found, err := Takeover(disk, c)
	if err != nil {
		return err
	}
	for _, o := range found {
		if o.Stops {
			err = errors.Join(err, fmt.Errorf("%w: %s", ErrTakeover, o))
		} else {
			log.Warn().Str("file", o.File).Str("setting", o.Setting).Str("wayOut", o.WayOut).Msg("store: " + o.What)
		}
	}
	return err
}

// look collects obstacles.
type look struct {
	disk  vfs.FS
	root  string
	cfg   *Config
	found []Obstacle
}

func (l *look) add(o Obstacle) { l.found = append(l.found, o) }

func (l *look) names(dir string) ([]vfs.Entry, error) {
	entries, err := l.disk.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// rocks says whether a directory is a RocksDB database.
func (l *look) rocks(dir string) (bool, error) {
	return vfs.Exists(l.disk, filepath.Join(dir, "CURRENT"))
}

func (l *look) settings() error {
	c := l.cfg
	if c.StoreType != "" && c.StoreType != "default" {
		l.add(Obstacle{
			Stops: true, Setting: "storeType=" + c.StoreType, What: "consume queues in RocksDB are not supported",
			WayOut: "set storeType=default; queues that the log still covers are built anew from it at the next start",
		})
	}
	for _, s := range []struct {
		on           bool
		name, wayOut string
	}{
		{c.RocksdbCQDoubleWriteEnable, "rocksdbCQDoubleWriteEnable", "take the setting away; the queue files are complete without the second copy"},
		{c.TransRocksDBEnable, "transRocksDBEnable", "let the Java broker settle its open transactions, then take the setting away"},
		{c.TimerRocksDBEnable, "timerRocksDBEnable", "let the Java broker deliver its timers, then take the setting away"},
		{c.IndexRocksDBEnable, "indexRocksDBEnable", "take the setting away; keys are in the index files when indexFileWriteEnable was on"},
		{c.EnableDLegerCommitLog, "enableDLegerCommitLog", "let consumers read everything from the DLedger group, then start with an empty storePathRootDir"},
		{c.DuplicationEnable, "duplicationEnable", "take the setting away"},
	} {
		if s.on {
			l.add(Obstacle{Stops: true, Setting: s.name + "=true", What: "this mode is not supported", WayOut: s.wayOut})
		}
	}
	if len(writable(c, l.root)) == 0 {
		l.add(Obstacle{
			Stops: true, Setting: "readOnlyCommitLogStorePaths=" + c.ReadOnlyCommitLogStorePaths, What: "every directory of storePathCommitLog is one of them, and the log cannot be written",
			WayOut: "add a directory to storePathCommitLog",
		})
	}
	if c.TransientStorePoolEnable {
		l.add(Obstacle{
			Setting: "transientStorePoolEnable=true", What: "there is no transient pool: messages are written to the page cache at once, and a killed process loses none",
			WayOut: "nothing to do",
		})
	}
	if c.EnableLmq != c.EnableMultiDispatch {
		l.add(Obstacle{
			Setting: "enableLmq, enableMultiDispatch", What: "only one of the two is true: messages are not dispatched to light queues",
			WayOut: "set both, or none",
		})
	}
	return nil
}

// lightQueues: what is left of them is served, and filled only when the settings say so.
func (l *look) lightQueues() error {
	if lightSettings(l.cfg) {
		return nil
	}
	dir := filepath.Join(l.root, "consumequeue")
	topics, err := l.names(dir)
	if err != nil {
		return err
	}
	for _, t := range topics {
		if message.IsLight(t.Name) {
			l.add(Obstacle{
				Setting: "enableLmq, enableMultiDispatch", File: filepath.Join(dir, t.Name),
				What: "there are light queues, and new messages are not dispatched to them", WayOut: "set enableLmq=true and enableMultiDispatch=true, as the Java broker had",
			})
			return nil
		}
	}
	return nil
}

func (l *look) rocksQueues() error {
	for _, name := range []string{"consumequeue", "consumequeue_rocksdb"} {
		dir := filepath.Join(l.root, name)
		is, err := l.rocks(dir)
		if err != nil {
			return err
		}
		if is {
			l.add(Obstacle{
				Stops: true, Setting: "storeType=defaultRocksDB", File: dir, What: "the consume queues are in RocksDB",
				WayOut: "stop the Java broker, move this directory away and set storeType=default: queues are built anew from the log; " +
					"a queue whose messages have all expired begins at 0 again",
			})
		}
	}
	return nil
}

func (l *look) rocksConfig() error {
	for _, d := range []struct{ name, json string }{
		{"topics", "topics"},
		{"subscriptionGroups", "subscriptionGroups"},
		{"consumerOffsets", "consumerOffsets"},
		{"metadata", "topics, subscriptionGroups and consumerOffsets"},
		{"rdb", ""},
	} {
		dir := filepath.Join(l.root, "config", d.name)
		is, err := l.rocks(dir)
		if err != nil {
			return err
		}
		if !is {
			continue
		}
		o := Obstacle{
			Stops: true, Setting: "storeType=defaultRocksDB with configManagerVersion=v1", File: dir, What: "topics, groups or offsets are in RocksDB",
			WayOut: "mqadmin rocksDBConfigToJson exports " + d.json + " as json: put that into config/, then move this directory away",
		}
		if d.json == "" {
			o.Setting = "storeType=defaultRocksDB with configManagerVersion=v2"
			o.WayOut = "start the Java broker with configManagerVersion=v1 on a copy, or create topics and groups anew, then move this directory away"
		}
		l.add(o)
	}
	return nil
}

// rocksOther are databases beside the queues. rocksdbstore is made by every Java
// broker since 5.4.0, used or not: the settings tell.
func (l *look) rocksOther() error {
	if is, err := l.rocks(filepath.Join(l.root, "kvStore")); err != nil {
		return err
	} else if is {
		l.add(Obstacle{
			Setting: "popConsumerKVServiceEnable=true", File: filepath.Join(l.root, "kvStore"),
			What:   "messages that POP consumers hold without having acknowledged them are noted in RocksDB, and would not come again",
			WayOut: "stop the POP consumers and wait for the longest invisible time before the Java broker stops",
		})
	}
	for _, d := range []string{"users", "acls"} {
		dir := filepath.Join(l.root, "config", d)
		if is, err := l.rocks(dir); err != nil {
			return err
		} else if is {
			l.add(Obstacle{
				Setting: "authenticationEnabled, authorizationEnabled", File: dir, What: "users and access rules are in RocksDB, and are not enforced",
				WayOut: "keep the ports in a trusted network",
			})
		}
	}
	half := filepath.Join(l.root, "consumequeue", "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC")
	if entries, err := l.names(half); err != nil {
		return err
	} else if len(entries) > 0 {
		l.add(Obstacle{
			Setting: "transRocksDBEnable=true", File: half, What: "half messages of transactions in RocksDB are not checked back",
			WayOut: "let the Java broker settle its open transactions before it stops",
		})
	}
	return nil
}

func (l *look) dledger() error {
	entries, err := l.names(l.root)
	if err != nil {
		return err
	}
	var dirs []string
	for _, e := range entries {
		if e.Dir && strings.HasPrefix(e.Name, "dledger-") {
			dirs = append(dirs, filepath.Join(l.root, e.Name))
		}
	}
	if p := l.cfg.StorePathDLedgerCommitLog; p != "" && !slices.Contains(dirs, p) {
		dirs = append(dirs, p)
	}
	for _, dir := range dirs {
		data, err := l.names(filepath.Join(dir, "data"))
		if err != nil {
			return err
		}
		if len(data) > 0 {
			l.add(Obstacle{
				Stops: true, Setting: "enableDLegerCommitLog=true", File: dir, What: "messages are in a DLedger log, which is not supported",
				WayOut: "let consumers read everything from the DLedger group, then start with an empty storePathRootDir",
			})
		}
	}
	return nil
}

func (l *look) compaction() error {
	dir := filepath.Join(l.root, "compaction", "compactionLog")
	topics, err := l.names(dir)
	if err != nil {
		return err
	}
	for _, t := range topics {
		queues, err := l.names(filepath.Join(dir, t.Name))
		if err != nil {
			return err
		}
		if len(queues) > 0 {
			l.add(Obstacle{
				Stops: true, Setting: "enableCompaction, attribute cleanup.policy=COMPACTION", File: filepath.Join(dir, t.Name),
				What:   "the topic has a compaction log: what its newest messages by key are would be lost with the commit log's expiry",
				WayOut: "copy the topic to one without cleanup.policy=COMPACTION, delete it on the Java broker, then move this directory away",
			})
		}
	}
	return nil
}

// logPlace: without a log every queue is cleared, as in Java, which must not
// happen because a setting points elsewhere.
func (l *look) logPlace() error {
	dirs := append(Paths(l.cfg.ReadOnlyCommitLogStorePaths), Paths(l.cfg.StorePathCommitLog)...)
	usual := filepath.Join(l.root, "commitlog")
	if len(dirs) == 0 || names(dirs, usual) {
		return nil
	}
	for _, d := range dirs {
		if entries, err := l.names(d); err != nil || len(entries) > 0 {
			return err
		}
	}
	entries, err := l.names(usual)
	if err == nil && len(entries) > 0 {
		l.add(Obstacle{
			Stops: true, Setting: "storePathCommitLog=" + l.cfg.StorePathCommitLog, File: usual,
			What:   "the log is here, and the setting names directories that have none",
			WayOut: "add this directory to storePathCommitLog or to readOnlyCommitLogStorePaths",
		})
	}
	return err
}

// sampled is how many topics are looked into for the size of queue files: they
// all have one size, and there may be a hundred thousand.
const sampled = 16

// sizes: the settings of the broker that wrote the files must be those of the one
// that reads them.
func (l *look) sizes() error {
	c := l.cfg
	for _, d := range logPaths(c, l.root) {
		if err := l.size(d, "mappedFileSizeCommitLog", int64(c.MappedFileSizeCommitLog), true); err != nil {
			return err
		}
	}
	for _, q := range []struct {
		dir, setting string
		want         int64
	}{
		{"consumequeue", "mappedFileSizeConsumeQueue", consumequeue.RoundFileSize(int64(c.MappedFileSizeConsumeQueue))},
		{"batchconsumequeue", "mapperFileSizeBatchConsumeQueue", consumequeue.RoundBatchFileSize(int64(c.MapperFileSizeBatchConsumeQueue))},
	} {
		topics, err := l.names(filepath.Join(l.root, q.dir))
		if err != nil {
			return err
		}
		for _, t := range topics[:min(len(topics), sampled)] {
			queues, err := l.names(filepath.Join(l.root, q.dir, t.Name))
			if err != nil && t.Dir {
				return err
			}
			for _, id := range queues[:min(len(queues), 1)] {
				if err := l.size(filepath.Join(l.root, q.dir, t.Name, id.Name), q.setting, q.want, true); err != nil {
					return err
				}
			}
		}
	}
	shape := index.Shape{Slots: int32(c.MaxHashSlotNum), Entries: int32(c.MaxIndexNum)}
	return l.size(filepath.Join(l.root, "index"), "maxHashSlotNum, maxIndexNum", shape.Size(), false)
}

// size compares the first file of a directory that has any length.
func (l *look) size(dir, setting string, want int64, stops bool) error {
	entries, err := l.disk.ReadDir(dir)
	if err != nil {
		return nil //nolint:nilerr // no directory: nothing of another size
	}
	for i, e := range entries {
		if _, err := strconv.ParseInt(e.Name, 10, 64); err != nil || e.Dir {
			continue
		}
		info, err := l.disk.Stat(filepath.Join(dir, e.Name))
		if err != nil {
			return err
		}
		if info.Size == 0 {
			continue
		}
		if info.Size < want && i == len(entries)-1 { // a crash leaves the file that was being made
			if blank, err := vfs.Blank(l.disk, filepath.Join(dir, e.Name)); err != nil {
				return err
			} else if blank {
				continue
			}
		}
		if info.Size != want {
			o := Obstacle{
				Stops: stops, Setting: setting, File: filepath.Join(dir, e.Name),
				What: fmt.Sprintf("the file has %d bytes, the settings say %d", info.Size, want), WayOut: fmt.Sprintf("set %s=%d", setting, info.Size),
			}
			if !stops {
				o.What += "; such index files are not used"
				o.WayOut = "set " + setting + " to what the Java broker had (skylark store check finds the values)"
			}
			l.add(o)
		}
		return nil
	}
	return nil
}

func (l *look) controller() error {
	name := filepath.Join(l.root, "epochFileCheckpoint")
	if l.cfg.StorePathEpochFile != "" {
		name = l.cfg.StorePathEpochFile
	}
	there, err := vfs.Exists(l.disk, name)
	if err == nil && !there {
		name = filepath.Join(l.root, "brokerIdentity")
		if l.cfg.StorePathBrokerIdentity != "" {
			name = l.cfg.StorePathBrokerIdentity
		}
		there, err = vfs.Exists(l.disk, name)
	}
	if err != nil || !there {
		return err
	}
	l.add(Obstacle{
		Setting: "enableControllerMode=true", File: name,
		What:   "the store was one of a replicated group; here it runs alone, and what it writes belongs to no epoch of the group",
		WayOut: "take over the master, and let its replicas begin anew from an empty directory",
	})
	return nil
}

func (l *look) timers() error {
	wheel := filepath.Join(l.root, "timerwheel")
	there, err := vfs.Exists(l.disk, wheel)
	if err != nil || !there {
		return err
	}
	n, err := PendingTimers(l.disk, l.root, int64(max(l.cfg.TimerPrecisionMs, 1)))
	if err != nil || n == 0 {
		return err
	}
	l.add(Obstacle{
		Setting: "timerWheelEnable=true", File: wheel,
		What:   fmt.Sprintf("%d timer messages are still to be delivered; they stay in the log, and this version does not deliver them", n),
		WayOut: "let the Java broker run until they are delivered, or give the directory back to it: it delivers late what it finds",
	})
	return nil
}

// A slot of the timer wheel is 32 bytes: i64 time in units of the precision, i64
// first and last position in the timer log, i32 number of messages, i32 magic.
const timerSlot = 32

// PendingTimers counts the messages of slots that the wheel has not passed yet.
func PendingTimers(disk vfs.FS, root string, precision int64) (int64, error) {
	read := int64(0) // until when the wheel has delivered
	if data, err := vfs.ReadFile(disk, filepath.Join(root, "config", "timercheck")); err == nil && len(data) >= 8 {
		read = int64(binary.BigEndian.Uint64(data))
	}
	f, err := disk.Open(filepath.Join(root, "timerwheel"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	pending, buf := int64(0), make([]byte, 64<<10)
	for at := int64(0); ; {
		if at, err = f.NextData(at); errors.Is(err, io.EOF) {
			return pending, nil
		} else if err != nil {
			return 0, err
		}
		at = at / timerSlot * timerSlot
		n, err := f.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n < timerSlot {
			return pending, nil
		}
		for i := 0; i+timerSlot <= n; i += timerSlot {
			due := int64(binary.BigEndian.Uint64(buf[i:]))
			if num := int32(binary.BigEndian.Uint32(buf[i+24:])); num > 0 && due > read/precision {
				pending += int64(num)
			}
		}
		at += int64(n / timerSlot * timerSlot)
	}
}
