package body_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// registrations are the recorded REGISTER_BROKER frames.
func registrations(t testing.TB) []*protocol.Command {
	t.Helper()
	var out []*protocol.Command
	for _, path := range []string{"../testdata/frames.json", "../testdata/sessions.json"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var frames []struct{ Hex string }
		if err := json.Unmarshal(data, &frames); err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			frame, err := hex.DecodeString(f.Hex)
			if err != nil {
				t.Fatal(err)
			}
			c := new(protocol.Command)
			if err := protocol.DecodeFrame(frame[4:], c); err != nil {
				t.Fatal(err)
			}
			if c.Request() == code.RegisterBroker && !c.IsResponse() {
				out = append(out, c)
			}
		}
	}
	return out
}

func TestRecordedRegistrations(t *testing.T) {
	t.Parallel()
	all := registrations(t)
	if len(all) != 7 {
		t.Errorf("found %d registrations, expected 7", len(all))
	}
	compressed := 0
	for _, c := range all {
		var h header.RegisterBroker
		if err := header.Decode(&c.Fields, &h); err != nil {
			t.Fatal(err)
		}
		if h.BodyCrc32 != 0 && int32(crc32.ChecksumIEEE(c.Body)&0x7FFFFFFF) != h.BodyCrc32 {
			t.Errorf("%v: the checksum differs", c)
		}
		b, err := body.DecodeRegisterBroker(c.Body, h.Compressed, c.Version)
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		if len(b.TopicConfigSerializeWrapper.TopicConfigTable) == 0 || b.TopicConfigSerializeWrapper.DataVersion.Timestamp == 0 {
			t.Errorf("%v: found %+v", c, b)
		}
		if h.Compressed {
			compressed++
		}
		checkBothForms(t, b)
	}
	if compressed != 2 {
		t.Errorf("found %d compressed registrations, expected 2", compressed)
	}
}

// checkBothForms writes a registration compressed and as JSON and expects it back, except for what the compressed form cannot carry.
func checkBothForms(t *testing.T, b *body.RegisterBrokerBody) {
	t.Helper()
	zipped, err := b.EncodeCompressed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := body.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	fromZip, err := body.DecodeRegisterBroker(zipped, true, protocol.CurrentVersion)
	if err != nil {
		t.Fatal(err)
	}
	fromText, err := body.DecodeRegisterBroker(text, false, protocol.CurrentVersion)
	if err != nil {
		t.Fatal(err)
	}
	empty := cmp.FilterPath(func(cmp.Path) bool { return true }, cmp.Comparer(func(a, b map[string]string) bool {
		return len(a) == len(b) && (len(a) == 0 || cmp.Equal(a, b))
	}))
	w, z := fromText.TopicConfigSerializeWrapper, fromZip.TopicConfigSerializeWrapper
	if diff := cmp.Diff(w.TopicConfigTable, z.TopicConfigTable, empty); diff != "" {
		t.Errorf("topics (-JSON +compressed):\n%s", diff)
	}
	if w.DataVersion != z.DataVersion || !cmp.Equal(fromText.FilterServerList, fromZip.FilterServerList) {
		t.Errorf("found %+v, expected %+v", fromZip, fromText)
	}
}

func TestRegisterBrokerVersions(t *testing.T) {
	t.Parallel()
	b := &body.RegisterBrokerBody{FilterServerList: []string{}, TopicConfigSerializeWrapper: body.TopicConfigAndMappingSerializeWrapper{
		DataVersion: body.DataVersion{Counter: 3, Timestamp: 1700000000000},
		TopicConfigTable: map[string]body.TopicConfig{"T": {
			TopicName: "T", ReadQueueNums: 4, WriteQueueNums: 5, Perm: 6, TopicFilterType: "SINGLE_TAG",
			Attributes: map[string]string{"+message.type": "NORMAL", "with blank": "a b"},
		}},
		TopicQueueMappingInfoMap: map[string]body.TopicQueueMappingInfo{"S": {
			Bname: "b", CurrIdMap: map[int32]int32{0: 1}, Epoch: 7, Scope: "__global__", Topic: "S", TotalQueues: 2,
		}},
	}}
	zipped, err := b.EncodeCompressed()
	if err != nil {
		t.Fatal(err)
	}
	got, err := body.DecodeRegisterBroker(zipped, true, 413)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, got); diff != "" {
		t.Errorf("5.0.0 (-expected +found):\n%s", diff)
	}
	old, err := body.DecodeRegisterBroker(zipped, true, 412)
	if err != nil {
		t.Fatal(err)
	}
	if old.TopicConfigSerializeWrapper.TopicQueueMappingInfoMap != nil || len(old.TopicConfigSerializeWrapper.TopicConfigTable) != 1 {
		t.Errorf("a 4.x broker has no mappings: found %+v", old)
	}
	bare, err := body.DecodeRegisterBroker([]byte(`{"topicConfigTable":{"T":{"topicName":"T"}}}`), false, 36)
	if err != nil {
		t.Fatal(err)
	}
	if len(bare.TopicConfigSerializeWrapper.TopicConfigTable) != 1 {
		t.Errorf("before 3.0.11 the wrapper is bare: found %+v", bare)
	}
}

func zipped(t *testing.T, parts ...any) []byte {
	t.Helper()
	var raw bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			raw.Write(binary.BigEndian.AppendUint32(nil, uint32(p)))
		case string:
			raw.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
			raw.WriteString(p)
		}
	}
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(raw.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRegisterBrokerRefused(t *testing.T) {
	t.Parallel()
	const version = `{"counter":1}`
	bomb := zipped(t, version, 0, strings.Repeat(" ", 8<<20))
	rows := []struct {
		name     string
		data     []byte
		inflated bool
	}{
		{"nothing", nil, false},
		{"not zlib", []byte("{}"), false},
		{"cut", zipped(t, version, 0, "[]", 0)[:12], false},
		{"empty stream", zipped(t), false},
		{"negative length", zipped(t, -1), false},
		{"length beyond all bounds", zipped(t, 0x7FFFFFFF), true},
		{"negative count", zipped(t, version, -1), false},
		{"fewer topics than counted", zipped(t, version, 2, "T 4 4 6 SINGLE_TAG {}"), false},
		{"short topic text", zipped(t, version, 1, "T 4 4 6"), false},
		{"bad number", zipped(t, version, 1, "T 4 x 6 SINGLE_TAG {}"), false},
		{"unknown filter type", zipped(t, version, 1, "T 4 4 6 NO_TAG {}"), false},
		{"no mappings in 5.x", zipped(t, version, 0, "[]"), false},
		{"bomb", bomb, true},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			b, err := body.DecodeRegisterBroker(r.data, true, 413)
			if err == nil || errors.Is(err, body.ErrInflated) != r.inflated {
				t.Errorf("found %+v, %v", b, err)
			}
		})
	}
}

// Who keeps the name of a topic does not keep the text behind it, which a compressed body of kilobytes may have megabytes of. Not in
// parallel: the heap is everybody's.
func TestTopicNamesAlone(t *testing.T) {
	data := zipped(t, `{"counter":1}`, 1, "T 4 4 6 SINGLE_TAG "+strings.Repeat(strings.Repeat("a", 999)+"b", 1000), "[]", 0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var names []string
	for range 8 {
		b, err := body.DecodeRegisterBroker(data, true, 413)
		if err != nil {
			t.Fatal(err)
		}
		for name := range b.TopicConfigSerializeWrapper.TopicConfigTable {
			names = append(names, name)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); took > 2<<20 || len(names) != 8 {
		t.Errorf("%d names keep %d bytes", len(names), took)
	}
	runtime.KeepAlive(names)
}

func FuzzRegisterBroker(f *testing.F) {
	for _, c := range registrations(f) {
		var h header.RegisterBroker
		if err := header.Decode(&c.Fields, &h); err != nil {
			f.Fatal(err)
		}
		f.Add(c.Body, h.Compressed, c.Version)
	}
	f.Fuzz(func(t *testing.T, data []byte, compressed bool, version int32) {
		b, err := body.DecodeRegisterBroker(data, compressed, version)
		if err != nil {
			return
		}
		if _, err := b.EncodeCompressed(); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
