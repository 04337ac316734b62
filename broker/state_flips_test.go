package broker

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/assignment"
	"github.com/skylarkmq/skylark/broker/deadletter"
	"github.com/skylarkmq/skylark/broker/purged"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/check"
)

const flipNames = 12 // topics, groups and offsets in the files

// stateImage is a stopped broker's directory and the content of its state files.
type stateImage struct {
	root  string
	files map[string][]byte // by name, .bak too
	names []string
}

// makeStateImage lets a broker write all its state files, and puts a .bak beside each.
func makeStateImage(t *testing.T) *stateImage {
	t.Helper()
	image := &stateImage{root: t.TempDir(), files: map[string][]byte{}}
	f := start(t, func(c *Config, s *store.Config) {
		s.StorePathRootDir = image.root
		c.EnablePropertyFilter = true
	})
	for n := range flipNames {
		name := fmt.Sprintf("Topic%02d", n)
		f.sendTo(name, "body")
		if err := f.Groups.Put(subscription.NewGroup(fmt.Sprintf("Group%02d", n))); err != nil {
			t.Fatal(err)
		}
		f.Offsets.Commit(fmt.Sprintf("Group%02d", n), name, 0, 1)
	}
	f.beat("Group00", "CLUSTERING", body.SubscriptionData{Topic: "Topic00", SubString: "a > 5", ExpressionType: "SQL92", SubVersion: 7})
	f.sendTo("Topic00", "later", "i", "DELAY\x015\x02")
	half := f.sendHalf("Topic00", "U")
	want(t, f.call(code.EndTransaction, nil, half.endFields(8)...), code.Success, "")
	f.Modes.Set(assignment.Mode{ConsumerGroup: "Group01", Topic: "Topic01", Mode: "PULL"})
	if err := f.purges.table.Set([]purged.Mark{{Topic: "Topic02", QueueID: 0, Offset: 1}}); err != nil {
		t.Fatal(err)
	}
	f.letters.table.Same(deadletter.Queue{Topic: "%DLQ%Group00"}, func(int64) (int64, bool) { return 0, true })
	for _, s := range []*stateFile{f.saver.modes, f.saver.filters.file, f.purges.file, f.letters.file, f.delayFile} {
		if err := s.persist(); err != nil {
			t.Fatal(err)
		}
	}
	f.stop()
	dir := filepath.Join(image.root, "config")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if name := strings.TrimSuffix(e.Name(), ".bak"); err == nil && name == e.Name() && len(data) > 0 {
			image.files[name], image.files[name+".bak"] = data, data
			image.names = append(image.names, name, name+".bak")
		}
	}
	return image
}

// restore writes all files but for one, whose content is given.
func (i *stateImage) restore(t *testing.T, name string, data []byte) {
	t.Helper()
	for file, content := range i.files {
		if file == name {
			content = data
		}
		if err := os.WriteFile(filepath.Join(i.root, "config", file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// One bit of a state file or of its .bak flips: the broker starts, nearly all that it knew is known, what it did not take is said and
// found by a check, and the .bak that stood in outlives the next save. SKYLARK_FLIPS and SKYLARK_FLIP_SEED as for the store.
func TestStateFlips(t *testing.T) {
	t.Parallel()
	flips, first := uint64(120), uint64(0)
	if n, err := strconv.ParseUint(os.Getenv("SKYLARK_FLIPS"), 10, 64); err == nil {
		flips = n
	}
	if n, err := strconv.ParseUint(os.Getenv("SKYLARK_FLIP_SEED"), 10, 64); err == nil {
		first = n
	}
	image := makeStateImage(t)
	if len(image.names) < 2*7 {
		t.Fatalf("only the files %v", image.names)
	}
	damaged := map[string]int{}
	for seed := first; seed < first+flips; seed++ {
		r := rand.New(rand.NewPCG(seed, 5))
		name := image.names[r.IntN(len(image.names))]
		data := bytes.Clone(image.files[name])
		at, bit := r.IntN(len(data)), r.IntN(8)
		data[at] ^= 1 << bit
		image.restore(t, name, data)
		if image.start(t, name, data) {
			damaged[name]++
		}
		if t.Failed() {
			from := max(0, at-30)
			t.Fatalf("seed %d: bit %d of byte %d of %s: ...%q", seed, bit, at, name, data[from:min(len(data), at+30)])
		}
	}
	t.Logf("seeds %d to %d: files not taken: %v", first, first+flips-1, damaged)
}

// start opens a broker on the image and looks at it; it says whether a file was not taken.
func (i *stateImage) start(t *testing.T, name string, data []byte) (damaged bool) {
	t.Helper()
	broken := store.WholeState(strings.TrimSuffix(name, ".bak"), data) != nil
	if broken && !strings.HasSuffix(name, ".bak") {
		settings := store.Defaults()
		small(&settings)
		settings.StorePathRootDir = i.root
		report, err := check.Run(context.Background(), check.Options{Config: &settings})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, p := range report.Problems {
			found = found || strings.HasSuffix(p.File, name)
		}
		if !found {
			t.Error("the check finds nothing")
		}
	}
	var said bytes.Buffer
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerName, cfg.BrokerIP1, cfg.NamesrvAddr, cfg.EnablePropertyFilter = "test-a", "127.0.0.1", "", true
	small(&st)
	st.StorePathRootDir = i.root
	b, err := New(Options{Config: config.NewSection(cfg), Store: config.NewSection(st), Addr: "127.0.0.1:0", Log: zerolog.New(&said)})
	if err != nil {
		t.Errorf("refused: %v", err)
		return broken
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	damaged = strings.Contains(said.String(), "is damaged")
	if broken && !damaged && !strings.HasSuffix(name, ".bak") && name != "transactionMetrics" {
		t.Errorf("nothing is said: %s", &said)
	}
	topics, groups, offsets := 0, 0, 0
	for n := range flipNames {
		tn, gn := fmt.Sprintf("Topic%02d", n), fmt.Sprintf("Group%02d", n)
		if b.Topics.Get(tn) != nil {
			topics++
		}
		if b.Groups.Get(gn) != nil {
			groups++
		}
		if b.Offsets.Query(gn, tn, 0) >= 0 {
			offsets++
		}
	}
	if topics < flipNames-1 || groups < flipNames-1 || offsets < flipNames-1 {
		t.Errorf("of %d topics, groups and offsets %d, %d and %d are known", flipNames, topics, groups, offsets)
	}
	if damaged && name == "topics.json" {
		b.Topics.Put(&topic.Config{TopicName: "New", ReadQueueNums: 1, WriteQueueNums: 1, Perm: 6})
		if got, err := os.ReadFile(filepath.Join(i.root, "config", "topics.json.bak")); err != nil || !bytes.Equal(got, i.files["topics.json.bak"]) {
			t.Errorf("the .bak is another one after a save: %v", err)
		}
	}
	return damaged
}
