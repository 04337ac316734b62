package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/index"
)

// Filter says what a dump shows. Zero values are: everything.
type Filter struct {
	Topic      string
	Queue      int32 // -1: all
	Key        string
	From, To   int64 // offsets in the log, or in the queue; To 0: to the end
	Begin, End int64 // store times in ms; End 0: to the end
	Limit      int
	Body       bool
}

func (f *Filter) queue(topic string, id int32) bool {
	return (f.Topic == "" || f.Topic == topic) && (f.Queue < 0 || f.Queue == id)
}

func (f *Filter) offset(at int64) bool { return at >= f.From && (f.To <= 0 || at < f.To) }
func (f *Filter) time(ms int64) bool   { return ms >= f.Begin && (f.End <= 0 || ms <= f.End) }

// key says whether a property string has the key, as a key or as the unique key.
func (f *Filter) key(props []byte) bool {
	if f.Key == "" {
		return true
	}
	uniq, _ := message.Property(props, message.PropertyUniqKey)
	keys, _ := message.Property(props, message.PropertyKeys)
	return string(uniq) == f.Key || slices.Contains(strings.Split(string(keys), " "), f.Key)
}

// Record is a line of a dump of the log.
type Record struct {
	Phy            int64             `json:"phy"`
	Size           int32             `json:"size"`
	Topic          string            `json:"topic"`
	Queue          int32             `json:"queue"`
	Offset         int64             `json:"offset"`
	SysFlag        int32             `json:"sysFlag"`
	Flag           int32             `json:"flag"`
	StoreTimestamp int64             `json:"storeTimestamp"`
	BornTimestamp  int64             `json:"bornTimestamp"`
	BornHost       string            `json:"bornHost"`
	StoreHost      string            `json:"storeHost"`
	Reconsumed     int32             `json:"reconsumeTimes"`
	Prepared       int64             `json:"preparedTransactionOffset"`
	BodyLength     int               `json:"bodyLength"`
	BodyCRC        int32             `json:"bodyCRC"`
	Damaged        string            `json:"damaged,omitempty"`
	Properties     map[string]string `json:"properties"`
	Body           []byte            `json:"body,omitempty"`
}

// Unit is a line of a dump of the queues.
type Unit struct {
	Topic    string `json:"topic"`
	Queue    int32  `json:"queue"`
	Offset   int64  `json:"offset"`
	Phy      int64  `json:"phy"`
	Size     int32  `json:"size"`
	TagsCode int64  `json:"tagsCode"`
	Count    int16  `json:"count,omitempty"` // of a batch unit
	Filler   bool   `json:"filler,omitempty"`
}

// Key is a line of a dump of the index.
type Key struct {
	File  string `json:"file"`
	Entry int32  `json:"entry"`
	Hash  int32  `json:"hash"`
	Phy   int64  `json:"phy"`
	Time  int64  `json:"storeTimestamp"` // to the second
	Prev  int32  `json:"prev"`
}

// errEnough ends a dump at its limit.
var errEnough = errors.New("enough")

// Dumper prints one JSON object a line.
type Dumper struct {
	c      *checker
	filter Filter
	out    *json.Encoder
	lines  int
}

// NewDumper prepares a dump.
func NewDumper(ctx context.Context, opt Options, filter Filter, w io.Writer) (*Dumper, error) {
	c, err := newChecker(ctx, opt)
	if err != nil {
		return nil, err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return &Dumper{c: c, filter: filter, out: out}, nil
}

// Dump prints records, units, index or state.
func (d *Dumper) Dump(what string) error {
	parts := map[string]func() error{"records": d.records, "units": d.units, "index": d.index, "state": d.state}
	part, ok := parts[what]
	if !ok {
		return fmt.Errorf("%q cannot be dumped: want records, units, index or state", what)
	}
	defer d.c.close()
	err := part()
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (d *Dumper) line(v any) error {
	if err := d.out.Encode(v); err != nil {
		return err
	}
	if d.lines++; d.filter.Limit > 0 && d.lines >= d.filter.Limit {
		return errEnough
	}
	return d.c.ctx.Err()
}

// records goes through the log as a check does, damaged parts included.
func (d *Dumper) records() error {
	if err := d.c.listLog(); err != nil || len(d.c.log.files) == 0 {
		return err
	}
	if err := d.c.listQueues(); err != nil {
		return err
	}
	if err := d.c.lastUnits(); err != nil {
		return err
	}
	w := &d.c.log
	w.lenient = true // no unit was compared that would tell of lost ones
	check := commitlog.Check{BodyCRC: true, Durable: math.MaxInt64, Damaged: func(_ int64, err error) { w.damaged = err }}
	for from := w.files[0].Start; ; {
		scan, err := w.log.Scan(from, check, func(_ int64, _ []byte, v *message.View) error {
			damaged := w.damaged
			w.damaged = nil
			d.c.last.storeTime = v.StoreTimestamp
			return d.record(v, damaged)
		})
		if err != nil {
			return err
		}
		next, ok := d.c.resync(scan.End + 1)
		if scan.Stop == nil || !ok {
			return nil
		}
		from = next
	}
}

func (d *Dumper) record(v *message.View, damaged error) error {
	f := &d.filter
	if !f.queue(string(v.Topic), v.QueueID) || !f.offset(v.PhyOffset) || !f.time(v.StoreTimestamp) || !f.key(v.Properties) {
		return d.c.ctx.Err()
	}
	r := Record{
		Phy: v.PhyOffset, Size: v.Size, Topic: string(v.Topic), Queue: v.QueueID, Offset: v.QueueOffset, SysFlag: v.SysFlag, Flag: v.Flag,
		StoreTimestamp: v.StoreTimestamp, BornTimestamp: v.BornTimestamp, BornHost: v.BornHost.String(), StoreHost: v.StoreHost.String(),
		Reconsumed: v.ReconsumeTimes, Prepared: v.PreparedTransactionOffset, BodyLength: len(v.Body), BodyCRC: v.BodyCRC, Properties: map[string]string{},
	}
	message.EachProperty(v.Properties, func(name, value []byte) bool { r.Properties[string(name)] = string(value); return true })
	if damaged != nil {
		r.Damaged = damaged.Error()
	}
	if f.Body {
		r.Body = v.Body
	}
	return d.line(r)
}

func (d *Dumper) units() error {
	if err := d.c.listQueues(); err != nil {
		return err
	}
	all := map[queueKey]bool{}
	for key := range d.c.queues {
		all[key] = true
	}
	for key := range d.c.batches {
		all[key] = true
	}
	for _, key := range sortedKeys(all) {
		if !d.filter.queue(key.topic, key.id) {
			continue
		}
		if q := d.c.queues[key]; q != nil && len(q.files.starts) > 0 {
			if err := d.queue(q); err != nil {
				return err
			}
		}
		if b := d.c.batches[key]; b != nil {
			if err := d.batch(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Dumper) queue(q *queue) error {
	for offset := max(q.files.starts[0]/consumequeue.UnitSize, d.filter.From); ; offset++ {
		u, ok := d.c.unitAt(q, offset)
		if !ok || !d.filter.offset(offset) {
			return nil
		}
		if err := d.line(Unit{q.key.topic, q.key.id, offset, u.PhyOffset, u.Size, u.TagsCode, 0, u.Filler()}); err != nil {
			return err
		}
	}
}

func (d *Dumper) batch(b *batchQueue) error {
	for ; ; b.at += consumequeue.BatchUnitSize {
		u, ok := d.c.batchUnit(b)
		if !ok {
			return nil
		}
		if d.filter.offset(u.Base) && d.filter.time(u.StoreTimestamp) {
			if err := d.line(Unit{b.key.topic, b.key.id, u.Base, u.PhyOffset, u.Size, u.TagsCode, u.Count, false}); err != nil {
				return err
			}
		}
	}
}

// index shows entries as far as their chains are whole. With topic and key only
// those of their hash.
func (d *Dumper) index() error {
	c, f := d.c, &d.filter
	if err := c.listIndex(); err != nil {
		return err
	}
	hash := int32(-1)
	if f.Key != "" {
		if f.Topic == "" {
			return errors.New("a key is indexed with its topic: name both")
		}
		hash = message.IndexHash(message.HashCode(f.Topic + "#" + f.Key))
	}
	for x := &c.index; x.ok; {
		e, when := x.entry, x.head.BeginTime+int64(x.entry.Seconds)*1000
		if (hash < 0 || e.Hash == hash) && f.offset(e.Phy) && f.time(when) {
			if err := d.line(Key{filepath.Base(x.path), x.n, e.Hash, e.Phy, when, e.Prev}); err != nil {
				return err
			}
		}
		if err := c.nextEntry(); err != nil {
			return err
		}
	}
	return nil
}

// state shows the small files: what they hold, by name.
func (d *Dumper) state() error {
	c := d.c
	if err := c.readCheckpoint(); err != nil {
		return err
	}
	if cp := c.checkpoint; cp != nil {
		line := map[string]any{
			"file": "checkpoint", "physicMsgTimestamp": cp.PhysicTime.Load(), "logicsMsgTimestamp": cp.LogicsTime.Load(),
			"indexMsgTimestamp": cp.IndexTime.Load(), "masterFlushedOffset": cp.MasterFlushedOffset.Load(), "confirmPhyOffset": cp.ConfirmOffset.Load(),
		}
		if m := cp.Mark(); m.Size > 0 {
			line["skylarkMark"] = map[string]any{"phyOffset": m.PhyOffset, "storeTimestamp": m.StoreTime, "size": m.Size, "indexEnd": m.IndexEnd, "queues": m.Queues, "light": m.Light}
		}
		if err := d.line(line); err != nil {
			return err
		}
	}
	for _, dir := range []string{"config", "."} {
		entries, err := c.fs.ReadDir(filepath.Join(c.root, dir))
		if err != nil && !notThere(err) {
			return err
		}
		for _, e := range entries {
			if err := d.stateFile(dir, e); err != nil {
				return err
			}
		}
	}
	return d.indexHeads()
}

func (d *Dumper) stateFile(dir string, e vfs.Entry) error {
	text := strings.HasSuffix(e.Name, ".json") || stateNames[e.Name] || strings.HasPrefix(e.Name, "brokerIdentity") || e.Name == "abort" || e.Name == "epochFileCheckpoint"
	if e.Dir || !text {
		return nil
	}
	data, err := vfs.ReadFile(d.c.fs, filepath.Join(d.c.root, dir, e.Name))
	if err != nil {
		return err
	}
	return d.line(map[string]any{"file": filepath.Join(dir, e.Name), "text": string(data)})
}

func (d *Dumper) indexHeads() error {
	dir := filepath.Join(d.c.root, "index")
	entries, err := d.c.fs.ReadDir(dir)
	if err != nil && !notThere(err) {
		return err
	}
	for _, e := range entries {
		f, err := d.c.fs.Open(filepath.Join(dir, e.Name))
		if err != nil {
			return err
		}
		var b [index.HeadSize]byte
		n, err := f.ReadAt(b[:], 0)
		_ = f.Close()
		if n < len(b) {
			return fmt.Errorf("index file %s: %d bytes: %w", e.Name, n, err)
		}
		if err := d.line(map[string]any{"file": filepath.Join("index", e.Name), "head": index.DecodeHead(b[:])}); err != nil {
			return err
		}
	}
	return nil
}
