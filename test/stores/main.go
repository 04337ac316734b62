// Command stores writes what a store directory has as text, after recovering it as a
// broker does when it starts: for comparison with what the Java broker finds in the
// same directory (compat-tests). The lines are those of compat-tests/java/stores, and
// it ends with the store closed cleanly.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/offset"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/properties"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

func main() {
	conf := flag.String("c", "", "broker.conf")
	out := flag.String("o", "", "file to write")
	keys := flag.Bool("keys", false, "look every message up by its key")
	flag.Parse()
	if err := run(*conf, *out, *keys); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(conf, out string, keys bool) error {
	settings, err := read(conf)
	if err != nil {
		return err
	}
	s, err := store.Open(settings, store.Options{Log: zerolog.New(os.Stderr).Level(zerolog.WarnLevel)})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	l := listing{s: s, out: w, keys: keys}
	err = l.write(settings.Get().StorePathRootDir)
	stop()
	for _, err := range []error{err, <-ran, s.Close(), w.Flush(), f.Close()} {
		if err != nil {
			return err
		}
	}
	return nil
}

func read(conf string) (*config.Section[store.Config], error) {
	text, err := os.ReadFile(conf)
	if err != nil {
		return nil, err
	}
	kv, err := properties.Parse(text)
	if err != nil {
		return nil, err
	}
	section := config.NewSection(store.Defaults())
	_, err = config.NewSet(section).Apply(kv.Values(), false)
	return section, err
}

type listing struct {
	s    *store.Store
	seen seen
	out  io.Writer
	keys bool
}

func (l *listing) write(root string) error {
	fmt.Fprintf(l.out, "log\t%d\t%d\n", l.s.MinPhyOffset(), l.s.MaxPhyOffset())
	var all []store.QueueBounds
	l.s.Queues(func(q store.QueueBounds) bool {
		all = append(all, q)
		return true
	})
	slices.SortFunc(all, func(a, b store.QueueBounds) int {
		return strings.Compare(a.Topic+"/"+fmt.Sprint(a.QueueID), b.Topic+"/"+fmt.Sprint(b.QueueID))
	})
	for _, q := range all {
		if err := l.queue(q); err != nil {
			return err
		}
	}
	return l.offsets(filepath.Join(root, "config", "consumerOffset.json"))
}

func (l *listing) queue(q store.QueueBounds) error {
	fmt.Fprintf(l.out, "queue\t%s\t%d\t%d\t%d\n", q.Topic, q.QueueID, q.Min, q.Max)
	for at := q.Min; at < q.Max; at++ {
		res, rec := l.s.Get(&store.GetRequest{Topic: q.Topic, QueueID: q.QueueID, Offset: at, MaxCount: 1, Filter: &l.seen}, nil)
		if res.Status != store.GetFound {
			return fmt.Errorf("%s queue %d offset %d: %v", q.Topic, q.QueueID, at, res.Status)
		}
		var v message.View
		if err := message.Decode(rec, &v); err != nil {
			return fmt.Errorf("%s queue %d offset %d: %w", q.Topic, q.QueueID, at, err)
		}
		l.message(fmt.Sprintf("%s\t%d\t%d", q.Topic, q.QueueID, at), rec, &v)
	}
	return nil
}

func (l *listing) message(place string, rec []byte, v *message.View) {
	tags, _ := message.Property(v.Properties, message.PropertyTags)
	keys, _ := message.Property(v.Properties, message.PropertyKeys)
	fmt.Fprintf(l.out, "message\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", place, v.PhyOffset, v.Size, l.seen.tagsCode, v.Topic, tags, keys, sum(v.Body), sum(rec))
	unique, has := message.Property(v.Properties, message.PropertyUniqKey)
	if !l.keys || !has {
		return
	}
	q, err := l.s.QueryKey(string(v.Topic), string(unique), 64, math.MaxInt, 0, 1<<62)
	if err != nil || !slices.ContainsFunc(q.Records, func(found []byte) bool {
		var f message.View
		return message.Decode(found, &f) == nil && f.PhyOffset == v.PhyOffset
	}) {
		fmt.Fprintf(l.out, "nokey\t%s\n", place)
	}
}

func (l *listing) offsets(path string) error {
	table := offset.New(offset.Options{NowMs: func() int64 { return 0 }})
	if _, err := statefile.Read(vfs.Disk, path, table.Decode); err != nil {
		return err
	}
	all := table.All()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		for _, queue := range slices.Sorted(maps.Keys(all[key])) {
			fmt.Fprintf(l.out, "offset\t%s\t%d\t%d\n", key, queue, all[key][queue])
		}
	}
	return nil
}

// seen is a filter that lets everything pass and remembers the unit's code.
type seen struct{ tagsCode int64 }

func (f *seen) MatchQueue(tagsCode int64, _ []byte) bool { f.tagsCode = tagsCode; return true }
func (f *seen) MatchRecord([]byte) bool                  { return true }

func sum(data []byte) string {
	all := sha256.Sum256(data)
	return hex.EncodeToString(all[:8])
}
