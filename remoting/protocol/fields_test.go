package protocol_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

func TestFields(t *testing.T) {
	t.Parallel()
	var f protocol.Fields
	f.Add([]byte("a"), []byte("1"))
	f.Add([]byte("b"), []byte("2"))
	f.Add([]byte("a"), []byte("3"))
	if got := f.String("a"); got != "3" {
		t.Errorf("the last one counts: found %q", got)
	}
	if _, ok := f.Get("c"); ok {
		t.Error("c was never set")
	}
	f.Compact()
	f.SetInt("n", 1<<40)
	f.SetBool("t", false)
	f.Set("b", strings.Repeat("x", 100))
	f.Delete("n")
	want := map[string]string{"a": "3", "b": strings.Repeat("x", 100), "t": "false"}
	if diff := cmp.Diff(want, fieldMap(&f)); diff != "" || f.Len() != 3 {
		t.Errorf("(-expected +found):\n%s", diff)
	}
	var g protocol.Fields
	for _, name := range []string{"t", "b", "a"} {
		g.Set(name, f.String(name))
	}
	if !f.Equal(&g) {
		t.Error("the order must not matter")
	}
	if g.Set("a", "4"); f.Equal(&g) {
		t.Error("a differs")
	}
	if f.Reset(); f.Len() != 0 || f.Equal(&g) {
		t.Error("Reset left something")
	}
}

// Setting many values moves the scratch memory; values set before must survive it.
func TestFieldsScratchGrows(t *testing.T) {
	t.Parallel()
	var f protocol.Fields
	for i := range int64(100) {
		f.SetInt("k"+strings.Repeat("x", int(i)), i)
	}
	for i := range 100 {
		if got := string(f.At(i).Value); got != strconv.Itoa(i) {
			t.Fatalf("field %d: found %q", i, got)
		}
	}
}

func TestCopyTo(t *testing.T) {
	t.Parallel()
	frame := goldenFrameNamed(t, "send_message_v2_req", "JSON")
	var c, kept, expected protocol.Command
	if err := protocol.DecodeFrame(frame, &c); err != nil {
		t.Fatal(err)
	}
	c.CopyTo(&kept)
	clear(frame)
	if err := protocol.DecodeFrame(goldenFrameNamed(t, "pull_message_req", "JSON"), &c); err != nil { // c is used again
		t.Fatal(err)
	}
	if err := protocol.DecodeFrame(goldenFrameNamed(t, "send_message_v2_req", "JSON"), &expected); err != nil {
		t.Fatal(err)
	}
	if kept.String() != expected.String() || string(kept.Body) != string(expected.Body) {
		t.Errorf("found %v, expected %v", &kept, &expected)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	c := protocol.NewRequest(11, nil, []byte("12345"))
	c.Opaque = 3
	c.Fields.Set("topic", "T\x01")
	c.Fields.Set("Signature", "secret")
	c.MarkOneWay()
	want := `PULL_MESSAGE opaque=3 oneway JAVA v513 JSON {topic="T\x01" Signature=***} body=5`
	if got := c.String(); got != want {
		t.Errorf("found %s, expected %s", got, want)
	}
	r := protocol.NewResponse(17, "no route")
	r.Serialize = protocol.RocketMQ
	if got, want := r.String(), `TOPIC_NOT_EXIST opaque=0 response JAVA v513 ROCKETMQ remark="no route" {} body=0`; got != want {
		t.Errorf("found %s, expected %s", got, want)
	}
}
