package protocol_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

type goldenFrame struct {
	Name      string `json:"name"`
	Serialize string `json:"serialize"`
	Hex       string `json:"hex"`
	Decoded   struct {
		Code      int32              `json:"code"`
		Flag      int32              `json:"flag"`
		Opaque    int32              `json:"opaque"`
		Language  string             `json:"language"`
		Version   int32              `json:"version"`
		Remark    *string            `json:"remark"`
		ExtFields map[string]*string `json:"extFields"`
		BodyHex   string             `json:"bodyHex"`
	} `json:"decoded"`
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenFrames(t testing.TB) []goldenFrame {
	t.Helper()
	var frames []goldenFrame
	readJSON(t, "testdata/frames.json", &frames)
	return frames
}

// goldenFrameNamed is the frame without its length field.
func goldenFrameNamed(t testing.TB, name, serialize string) []byte {
	t.Helper()
	for _, f := range goldenFrames(t) {
		if f.Name == name && f.Serialize == serialize {
			return unhex(t, f.Hex)[4:]
		}
	}
	t.Fatalf("no recorded frame %s/%s", name, serialize)
	return nil
}

func fieldMap(f *protocol.Fields) map[string]string {
	m := map[string]string{}
	for i := range f.Len() {
		m[string(f.At(i).Key)] = string(f.At(i).Value)
	}
	return m
}

// Frames that cannot come out as they went in: we always write extFields, never an empty remark, and drop what Java reads as null.
var notVerbatim = map[string]bool{
	"batch_ack_message_req/JSON": true, "get_consumer_list_resp/JSON": true,
	"get_route_resp_default_encoding/JSON": true, "get_route_resp_topic_not_exist/JSON": true,
	"edge_empty_extfields_no_header_req/JSON": true, "edge_empty_remark_resp/JSON": true,
	"edge_unicode_remark_and_ext_resp/ROCKETMQ": true,
}

func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	for _, g := range goldenFrames(t) {
		t.Run(g.Name+"/"+g.Serialize, func(t *testing.T) {
			t.Parallel()
			frame := unhex(t, g.Hex)
			var c protocol.Command
			if err := protocol.DecodeFrame(frame[4:], &c); err != nil {
				t.Fatal(err)
			}
			checkDecoded(t, &g, &c)

			again := protocol.AppendFrame(nil, &c)
			if verbatim := bytes.Equal(again, frame); verbatim == notVerbatim[g.Name+"/"+g.Serialize] {
				t.Errorf("verbatim %v; re-encoded:\n%q\nrecorded:\n%q", verbatim, again, frame)
			}
			var c2 protocol.Command
			if err := protocol.DecodeFrame(again[4:], &c2); err != nil {
				t.Fatalf("decoding what we encoded: %v", err)
			}
			checkDecoded(t, &g, &c2)
		})
	}
}

func checkDecoded(t *testing.T, g *goldenFrame, c *protocol.Command) {
	t.Helper()
	want := g.Decoded
	if c.Code != want.Code || c.Flag != want.Flag || c.Opaque != want.Opaque || c.Language.String() != want.Language || c.Version != want.Version {
		t.Errorf("found %v, expected %+v", c, want)
	}
	if c.Serialize.String() != g.Serialize {
		t.Errorf("serialization: found %v, expected %s", c.Serialize, g.Serialize)
	}
	remark := ""
	if want.Remark != nil {
		remark = *want.Remark
	}
	if c.Remark != remark {
		t.Errorf("remark: found %q, expected %q", c.Remark, remark)
	}
	fields := map[string]string{}
	for k, v := range want.ExtFields {
		if v != nil {
			fields[k] = *v
		}
	}
	if got := fieldMap(&c.Fields); !maps.Equal(got, fields) {
		t.Errorf("ext fields (-expected +found):\n%s", cmp.Diff(fields, got))
	}
	if !bytes.Equal(c.Body, unhex(t, want.BodyHex)) {
		t.Errorf("body: found %x, expected %s", c.Body, want.BodyHex)
	}
}

// Frames as brokers, name servers and controllers of the original sent them to each other: each can be read, and says the same after a
// round trip in either serialization.
func TestRecordedSessions(t *testing.T) {
	t.Parallel()
	var frames []struct{ Source, Hex string }
	readJSON(t, "testdata/sessions.json", &frames)
	for _, f := range frames {
		var c protocol.Command
		if err := protocol.DecodeFrame(unhex(t, f.Hex)[4:], &c); err != nil {
			t.Errorf("%s: %v", f.Source, err)
			continue
		}
		for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
			var out protocol.Command
			in := c
			in.Serialize = s
			if err := protocol.DecodeFrame(protocol.AppendFrame(nil, &in)[4:], &out); err != nil {
				t.Errorf("%s as %v: %v", f.Source, s, err)
				continue
			}
			want := maps.Collect(func(yield func(string, string) bool) {
				for k, v := range fieldMap(&c.Fields) {
					if (v != "" || s == protocol.JSON) && !yield(k, v) { // "" is null in binary
						return
					}
				}
			})
			if got := fieldMap(&out.Fields); !maps.Equal(got, want) || out.Code != c.Code || !bytes.Equal(out.Body, c.Body) {
				t.Errorf("%s as %v: found %v, expected %v", f.Source, s, &out, &c)
			}
		}
	}
}
