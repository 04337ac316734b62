package compat_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// storesAtOnce is how many stores share two JVMs: their threads and mappings stay until it ends.
const storesAtOnce = 20

// TestRandomStores fills stores by random plans with one broker, stops or kills it, and hands them to the other, which
// goes on. After each life the Java store and ours list what they find in a copy, and both listings and what was
// acknowledged must agree; consume queues that ours leaves are compared, byte by byte, with those that Java makes from
// the same log.
//
// INTEROP_STORES stores each way (2), with the seeds from INTEROP_SEED on (the time); INTEROP_VERSION names another
// Java broker (4.9.4). A seed says everything but the moments.
func TestRandomStores(t *testing.T) {
	if harness.TargetOfEnv(t) == harness.Java {
		t.Skip("the original with itself")
	}
	count, seed := 2, uint64(time.Now().Unix())
	if n, err := strconv.Atoi(os.Getenv("INTEROP_STORES")); err == nil {
		count = n
	}
	if n, err := strconv.ParseUint(os.Getenv("INTEROP_SEED"), 10, 64); err == nil {
		seed = n
	}
	version := os.Getenv("INTEROP_VERSION")
	lister := buildLister(t)
	t.Logf("INTEROP_SEED=%d INTEROP_STORES=%d INTEROP_VERSION=%s", seed, count, version)
	var all tally
	for from := seed; from < seed+uint64(count); from += storesAtOnce / 2 {
		t.Run(fmt.Sprintf("from %d", from), func(t *testing.T) {
			round := &storesRound{lister: lister, version: version, java: harness.StartJavaStores(t, version), tally: &all}
			defer round.java.Close()
			round.run(t, from, min(from+storesAtOnce/2, seed+uint64(count)))
		})
	}
	t.Logf("%s", all.String())
}

// TestStoresOfOldJava does the same with the oldest Java broker whose stores we take over, and with one in between: the
// way back to them must stay open too. The seeds are fixed, and such that no JVM has to die: ours is stopped once and
// killed once.
func TestStoresOfOldJava(t *testing.T) {
	if harness.TargetOfEnv(t) == harness.Java {
		t.Skip("the original with itself")
	}
	lister := buildLister(t)
	for _, old := range []struct {
		version string
		seed    uint64
	}{{"4.9.4", 4902}, {"5.4.0", 5402}} {
		t.Run(old.version, func(t *testing.T) {
			t.Parallel()
			var all tally
			round := &storesRound{lister: lister, version: old.version, java: harness.StartJavaStores(t, old.version), tally: &all}
			defer round.java.Close()
			round.run(t, old.seed, old.seed+1)
			t.Logf("%s", all.String())
		})
	}
}

// buildLister builds the program that lists what our store finds.
func buildLister(t *testing.T) string {
	t.Helper()
	lister := filepath.Join(t.TempDir(), "stores")
	if out, err := exec.Command("go", "build", "-C", "..", "-o", lister, "./test/stores").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return lister
}

// storesRound is what the stores of one round share.
type storesRound struct {
	lister, version string
	java            *harness.JavaStores
	tally           *tally
}

// run makes two stores of each seed, one that each broker begins. Those that Java begins and that are killed share a JVM
// of their own, so that one kill does for all.
func (r *storesRound) run(t *testing.T, from, to uint64) {
	var all, killed []*randomStore
	for seed := from; seed < to; seed++ {
		for _, first := range []harness.Target{harness.Java, harness.Skylark} {
			s := newRandomStore(t, r, seed, first)
			all = append(all, s)
			if first == harness.Java && s.kill {
				killed = append(killed, s)
			}
		}
	}
	if len(killed) > 0 {
		r.killJava(t, killed)
	}
	// Here is only waiting for others: as many at once as there are.
	t.Run("stores", func(t *testing.T) {
		for _, s := range all {
			t.Run(fmt.Sprintf("%s %d", s.first, s.seed), func(t *testing.T) {
				t.Parallel()
				s.lives(t)
			})
		}
	})
}

func (r *storesRound) killJava(t *testing.T, list []*randomStore) {
	jvm := harness.StartJavaStores(t, r.version)
	defer jvm.Close()
	var planned, ended sync.WaitGroup
	errs := make([]error, len(list))
	for i, s := range list {
		planned.Add(1)
		ended.Go(func() {
			once := sync.OnceFunc(planned.Done)
			defer once()
			if errs[i] = jvm.Do("start", s.conf); errs[i] == nil {
				errs[i] = fill(s.addr(), s.seed, 1, &s.ledger, true, once)
			}
		})
	}
	planned.Wait()
	jvm.Kill()
	ended.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// randomStore is one directory on its way.
type randomStore struct {
	*storesRound
	seed   uint64
	first  harness.Target
	kill   bool // the first life ends so
	dir    string
	port   int
	conf   string
	ledger ledger
}

func newRandomStore(t *testing.T, r *storesRound, seed uint64, first harness.Target) *randomStore {
	s := &randomStore{
		storesRound: r, seed: seed, first: first, kill: seed%2 == 1, dir: t.TempDir(), port: harness.FreeBrokerPort(t),
		ledger: ledger{progress: map[string]int64{}},
	}
	s.conf = s.confIn(t, s.dir)
	return s
}

func (s *randomStore) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *randomStore) options(dir string) harness.BrokerOptions {
	return harness.BrokerOptions{Dir: dir, Port: s.port, Settings: storeSettings(s.seed, s.version)}
}

func (s *randomStore) confIn(t *testing.T, dir string) string {
	return harness.BrokerConf(t, s.options(dir))
}

// confForRebuild lets Java begin with the first file of the log, however many there are.
func (s *randomStore) confForRebuild(t *testing.T, dir string) string {
	o := s.options(dir)
	o.Settings["commitLogRecoverMaxNum"] = "1000000"
	return harness.BrokerConf(t, o)
}

// lives is two fillings, each with what is to be found after it.
func (s *randomStore) lives(t *testing.T) {
	if s.first == harness.Skylark {
		s.ours(t, 1, s.kill, nil)
	} else if !s.kill {
		s.javas(t, 1, nil)
	}
	found := s.find(t, 1, !s.kill)
	if s.kill {
		s.ledger.progressLeft(found)
	}
	if s.first == harness.Skylark {
		s.javas(t, 2, found)
		s.find(t, 2, true)
		return
	}
	kill := rand.New(rand.NewPCG(s.seed, 9)).IntN(2) == 0
	s.ours(t, 2, kill, found)
	s.find(t, 2, !kill)
}

// writer of a life.
func (s *randomStore) writer(life int) harness.Target {
	if (life == 1) == (s.first == harness.Java) {
		return harness.Java
	}
	return harness.Skylark
}

// ours is a life under our broker. found is what was there before: it must be served.
func (s *randomStore) ours(t *testing.T, life int, kill bool, found *listing) {
	b := harness.StartBroker(t, harness.Skylark, s.options(s.dir))
	if found != nil {
		if err := found.served(s.addr()); err != nil {
			t.Fatalf("served by ours: %v", err)
		}
	}
	planned, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- fill(s.addr(), s.seed, life, &s.ledger, kill, func() { close(planned) }) }()
	<-planned
	if kill {
		b.Kill()
	}
	if err := <-ended; err != nil {
		t.Fatalf("filled by ours: %v", err)
	}
	if !kill {
		b.Stop(t)
	}
}

// javas is a life under the Java broker, which ends cleanly.
func (s *randomStore) javas(t *testing.T, life int, found *listing) {
	if err := s.java.Do("start", s.conf); err != nil {
		t.Fatal(err)
	}
	if found != nil {
		if err := found.served(s.addr()); err != nil {
			t.Fatalf("served by Java: %v", err)
		}
	}
	err := fill(s.addr(), s.seed, life, &s.ledger, false, func() {})
	if err := errors.Join(err, s.java.Do("stop", s.conf)); err != nil {
		t.Fatalf("filled by Java: %v", err)
	}
}

// find has both stores list copies of the directory and compares.
func (s *randomStore) find(t *testing.T, life int, clean bool) *listing {
	t.Helper()
	javas, ours := s.copyOf(t, "store"), s.copyOf(t, "store")
	asked := make(chan error, 1)
	go func() {
		asked <- s.java.Do("list", s.confIn(t, javas), filepath.Join(javas, "listing"), strconv.FormatBool(clean))
	}()
	out, err := exec.Command(s.lister, "-c", s.confIn(t, ours), "-o", filepath.Join(ours, "listing"), "-keys").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("ours: %w: %s", err, out)
	}
	if err := errors.Join(err, <-asked); err != nil {
		s.keep(t)
		t.Fatalf("life %d: %v", life, err)
	}
	a, err := readListing(filepath.Join(javas, "listing"))
	b, err2 := readListing(filepath.Join(ours, "listing"))
	if err := errors.Join(err, err2); err != nil {
		t.Fatalf("life %d: %v", life, err)
	}
	if strings.HasPrefix(s.version, "4.") {
		a.oldDelays()
		b.oldDelays()
	}
	if err := a.compare(b); err != nil {
		t.Errorf("life %d, clean %t: %v", life, clean, err)
	}
	if err := s.ledger.check(a, clean); err != nil {
		t.Errorf("life %d, by Java's listing: %v", life, err)
	}
	if err := s.ledger.check(b, clean); err != nil {
		t.Errorf("life %d, by our listing: %v", life, err)
	}
	if len(b.nokey) > 0 {
		t.Errorf("life %d: ours does not find %d messages by their key", life, len(b.nokey))
	}
	s.sameQueues(t, life, ours)
	if t.Failed() {
		s.keep(t)
	}
	s.tally.add(s.writer(life), clean, b, &s.ledger)
	return b
}

// sameQueues has Java make the consume queues from the log alone, and compares them with those that ours left.
func (s *randomStore) sameQueues(t *testing.T, life int, ours string) {
	t.Helper()
	fresh := t.TempDir()
	for _, part := range []string{"commitlog", "config"} {
		copyTree(t, filepath.Join(ours, "store", part), filepath.Join(fresh, "store", part))
	}
	if err := os.WriteFile(filepath.Join(fresh, "store", "abort"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.java.Do("load", s.confForRebuild(t, fresh)); err != nil {
		t.Fatalf("life %d, from the log alone: %v", life, err)
	}
	want, got := queueFiles(t, fresh), queueFiles(t, ours)
	extended := storeSettings(s.seed, s.version)["enableConsumeQueueExt"] == "true"
	for name, text := range want {
		if extended || strings.HasPrefix(s.version, "4.") && strings.HasPrefix(name, "SCHEDULE_TOPIC_XXXX/") {
			text, got[name] = withoutCodes(text), withoutCodes(got[name])
		}
		if !bytes.Equal(text, got[name]) {
			t.Errorf("life %d: %s has %d bytes of units, Java makes other ones from the same log: %d bytes", life, name, len(got[name]), len(text))
		}
		s.tally.files.Add(1)
		delete(got, name)
	}
	for name := range got {
		t.Errorf("life %d: %s has %d bytes of units, Java makes none from the same log", life, name, len(got[name]))
	}
}

// queueFiles are the files of all queues, less the zeros at their ends and those with nothing else.
func queueFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	root := filepath.Join(dir, "store", "consumequeue")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		if data = bytes.TrimRight(data, "\x00"); len(data) > 0 {
			files[name] = data
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// withoutCodes takes the addresses of extension units out: Java gives units new ones.
func withoutCodes(units []byte) []byte {
	units = bytes.Clone(append(units, make([]byte, (20-len(units)%20)%20)...))
	for at := 12; at < len(units); at += 20 {
		copy(units[at:at+8], make([]byte, 8))
	}
	return units
}

// copyOf copies a part of the directory into a new one.
func (s *randomStore) copyOf(t *testing.T, part string) string {
	t.Helper()
	to := t.TempDir()
	copyTree(t, filepath.Join(s.dir, part), filepath.Join(to, part))
	return to
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(to), 0o755)
	if out, err2 := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil || err2 != nil {
		t.Fatalf("copy %s: %v %v %s", from, err, err2, out)
	}
}

// keep leaves a store that failed for the one who looks into it.
func (s *randomStore) keep(t *testing.T) {
	if to := os.Getenv("INTEROP_KEEP"); to != "" {
		copyTree(t, s.dir, filepath.Join(to, strings.ReplaceAll(t.Name(), "/", "_")))
	}
}
