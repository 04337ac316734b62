package javajson

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type color int

const red color = 7

func (c color) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "COLOR_%d", int(c)), nil }
func (c *color) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "COLOR_%d", (*int)(c))
	return err
}

type base struct {
	Order bool
	Name  string `json:"name"`
}

type withDefaults struct {
	Perm int32
	On   bool
}

func (w *withDefaults) SetDefaults() { w.Perm, w.On = 6, true }

type sample struct {
	base
	Zulu    string
	Alpha   int64   `json:"alpha"`
	Ratio   float64 `json:"ratio,omitempty"`
	Small   float32 `json:",omitempty"`
	Bytes   []byte
	Color   color `json:"color,omitempty"`
	Ptr     *int32
	List    []string          `json:"list,omitempty"`
	Table   map[string]string `json:"table,omitempty"`
	Any     any
	Raw     Raw `json:"raw"`
	Hidden  int `json:"-"`
	private int
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	five := int32(5)
	for name, row := range map[string]struct {
		in   any
		want string
	}{
		"nothing":                      {nil, `null`},
		"members sorted, nulls absent": {sample{base: base{Name: "n"}, Hidden: 1, private: 1}, `{"alpha":0,"name":"n","order":false,"zulu":""}`},
		"everything": {
			&sample{base: base{true, "n"}, Ratio: 5, Small: 0.1, Bytes: []byte{0, 255}, Color: red, Ptr: &five, List: []string{"x"}, Table: map[string]string{"k": "v"}, Any: int8(3), Raw: Raw(`{0:1}`)},
			`{"alpha":0,"any":3,"bytes":"AP8=","color":"COLOR_7","list":["x"],"name":"n","order":true,"ptr":5,"ratio":5.0,"raw":{0:1},"small":0.1,"table":{"k":"v"},"zulu":""}`,
		},
		"empty collections stay": {struct {
			L []int
			M map[string]int
			B []byte
		}{}, `{"l":[],"m":{}}`},
		"integer keys bare, sorted":   {map[int64]string{10: "b", 9: "a", -1: "c"}, `{-1:"c",9:"a",10:"b"}`},
		"object keys bare":            {map[queue]int{{"T", "b", 0}: 7}, `{{"brokerName":"b","queueId":0,"topic":"T"}:7}`},
		"enum keys quoted":            {map[color]int{red: 1}, `{"COLOR_7":1}`},
		"null map values left out":    {map[string]*int32{"a": nil, "b": &five}, `{"b":5}`},
		"null list items stay":        {[]*int32{nil, &five}, `[null,5]`},
		"raw UTF-8, controls escaped": {"é\u2028\"\\/\b\f\n\r\t\x01<", `"é` + "\u2028" + `\"\\/\b\f\n\r\t\u0001<"`},
		"not UTF-8":                   {"a\xff", "\"a\ufffd\""},
		"not a number":                {[]float64{math.NaN(), math.Inf(1)}, `[null,null]`},
	} {
		got, err := Marshal(row.in)
		if err != nil || string(got) != row.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, row.want)
		}
	}
}

func TestMarshalDoubles(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]float64{
		"0.0": 0, "5.0": 5, "-0.5": -0.5, "0.001": 0.001, "1.0E-4": 0.0001, "9999999.0": 9999999, "1.0E7": 1e7,
		"1.2345678912E10": 12345678912, "5.0E-324": math.SmallestNonzeroFloat64, "1.7976931348623157E308": math.MaxFloat64,
	} {
		if got, err := Marshal(f); err != nil || string(got) != want {
			t.Errorf("%g: got %s, %v, want %s", f, got, err, want)
		}
	}
}

func TestMarshalStrict(t *testing.T) {
	t.Parallel()
	got, err := MarshalStrict(map[string]any{"é😀": map[int32]string{0: "\x7f"}, "q": map[queue]int{{"T", "b", 1}: 2}})
	want := `{"\u00E9\uD83D\uDE00":{"0":"` + "\x7f" + `"},"q":{{"brokerName":"b","queueId":1,"topic":"T"}:2}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	type loop struct{ Next *loop }
	round := &loop{}
	round.Next = round
	if _, err := Marshal(round); !errors.Is(err, ErrDepth) {
		t.Errorf("a value that contains itself: %v", err)
	}
	if _, err := Marshal(struct{ C chan int }{make(chan int)}); err == nil {
		t.Error("a channel was written")
	}
}

func TestUnmarshalTolerates(t *testing.T) {
	t.Parallel()
	five := int32(5)
	for name, row := range map[string]struct {
		in   string
		want sample
	}{
		"unquoted and single-quoted names": {`{alpha:1,'zulu':'z\'s'}`, sample{Alpha: 1, Zulu: "z's"}},
		"another case":                     {`{"ALPHA":1,"nAmE":"x"}`, sample{Alpha: 1, base: base{Name: "x"}}},
		"exact before another case":        {`{"Alpha":1,"alpha":2,"ALPHA":3}`, sample{Alpha: 3}},
		"numbers as strings":               {`{"alpha":"12","ratio":"0.5","ptr":" 5 ","order":"TRUE"}`, sample{Alpha: 12, Ratio: 0.5, Ptr: &five, base: base{Order: true}}},
		"strings as numbers":               {`{"zulu":12,"name":true,"order":1}`, sample{Zulu: "12", base: base{Name: "true", Order: true}}},
		"fractions and suffixes":           {`{"alpha":3.9,"ratio":1E2,"ptr":5L}`, sample{Alpha: 3, Ratio: 100, Ptr: &five}},
		"unknown members":                  {`{"x":{"y":[1,{"z":null}],0:1,{"a":1}:2},"alpha":1}`, sample{Alpha: 1}},
		"last of equal names":              {`{"alpha":1,"list":["a","b"],"alpha":2,"list":["c"]}`, sample{Alpha: 2, List: []string{"c"}}},
		"nulls":                            {`{"alpha":null,"ptr":null,"list":null,"color":null}`, sample{}},
		"empty strings for numbers":        {`{"alpha":"","ratio":"null","list":"","order":""}`, sample{}},
		"enum by name and number":          {`{"color":"COLOR_3"}`, sample{Color: 3}},
		"enum by number":                   {`{"color":3}`, sample{Color: 3}},
		"comments and stray commas":        {"/* a */{,,\"alpha\":1,, // x\n \"zulu\":\"z\",}", sample{Alpha: 1, Zulu: "z"}},
		"bytes":                            {`{"bytes":"AP8="}`, sample{Bytes: []byte{0, 255}}},
		"bytes as numbers":                 {`{"bytes":[1,2]}`, sample{Bytes: []byte{1, 2}}},
		"escapes":                          {`{"zulu":"\u00e9\uD83D\uDE00\x41\/\uD83D"}`, sample{Zulu: "é😀A/�"}},
		"object text into a string":        {`{"zulu":{0:"a"}}`, sample{Zulu: `{0:"a"}`}},
		"raw":                              {`{"raw": {0:[1, 2]} }`, sample{Raw: Raw(`{0:[1, 2]}`)}},
		"any":                              {`{"any":{"a":[1,2.5,"x",true,null]}}`, sample{Any: map[string]any{"a": []any{int64(1), 2.5, "x", true, nil}}}},
		"a reference that leads nowhere":   {`{"table":{"$ref":"$.nope"},"alpha":1}`, sample{Alpha: 1}},
		"a reference around itself":        {`{"table":{"$ref":"$"},"list":{"$ref":".."}}`, sample{}},
	} {
		var got sample
		if err := Unmarshal([]byte(row.in), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(row.want, got, cmp.AllowUnexported(sample{})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestUnmarshalKeys(t *testing.T) {
	t.Parallel()
	q := queue{"T", "b", 1}
	for _, text := range []string{
		`{{"brokerName":"b","queueId":1,"topic":"T"}:7}`,
		`{ { topic : 'T' , queueId : "1" , brokerName:"b" } : "7" }`,
		`{"{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"T\"}":7}`,
	} {
		got := map[queue]int64{}
		if err := Unmarshal([]byte(text), &got); err != nil || got[q] != 7 || len(got) != 1 {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	numbers := map[int32]string{}
	if err := Unmarshal([]byte(`{0:"a","1":"b",-2:"c"}`), &numbers); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int32]string{0: "a", 1: "b", -2: "c"}, numbers); diff != "" {
		t.Error(diff)
	}
	set := map[string]struct{}{}
	if err := Unmarshal([]byte(`["a","b","a"]`), &set); err != nil || len(set) != 2 {
		t.Errorf("a Java set: %v %v", set, err)
	}
}

func TestUnmarshalDefaults(t *testing.T) {
	t.Parallel()
	var got struct {
		List  []withDefaults
		Table map[string]*withDefaults
	}
	if err := Unmarshal([]byte(`{"list":[{"perm":2},{"on":false}],"table":{"t":{}}}`), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]withDefaults{{2, true}, {6, false}}, got.List); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&withDefaults{6, true}, got.Table["t"]); diff != "" {
		t.Error(diff)
	}
	preset := withDefaults{Perm: 4, On: true}
	if err := Unmarshal([]byte(`{"perm":null}`), &preset); err != nil || preset != (withDefaults{4, true}) {
		t.Errorf("absent and null members changed what was there: %v %v", preset, err)
	}
}

func TestUnmarshalReferences(t *testing.T) {
	t.Parallel()
	var got struct{ A, B, C []map[string]int }
	text := `{"a":[{"x":1},{"y":2}],"b":{"$ref":"$.a"},"c":[{"$ref":"$.a[1]"}]}`
	if err := Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]map[string]int{{"x": 1}, {"y": 2}}, got.B); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]map[string]int{{"y": 2}}, got.C); diff != "" {
		t.Error(diff)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": ``, "a cut object": `{"alpha":1`, "a cut string": `{"zulu":"a`, "a cut escape": `{"zulu":"a\`, "a cut unicode escape": `{"zulu":"\u12`,
		"something behind": `{} x`, "no comma": `{"alpha":1 "zulu":"x"}`, "no colon": `{"alpha" 1}`, "a word": `{"alpha":abc}`, "not a number": `{"alpha":"12x"}`,
		"too large": `{"ptr":2147483648}`, "a list for an object": `[]`, "an object for a list": `{"list":{}}`, "unknown escape": `{"zulu":"\q"}`,
		"bad base64": `{"bytes":"%"}`, "mismatched": `{"list":[}`, "a zero byte": "{\x00}",
	} {
		var into sample
		if err := Unmarshal([]byte(text), &into); err == nil {
			t.Errorf("%s was accepted: %+v", name, into)
		}
	}
	if err := Unmarshal([]byte(`{}`), sample{}); err == nil {
		t.Error("a target that is no pointer was accepted")
	}
}

func TestUnmarshalDepth(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	var v any
	if err := Unmarshal(nested(MaxDepth), &v); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	for _, n := range []int{MaxDepth + 1, 1 << 20} {
		for target, into := range map[string]any{"any": &v, "skipped": &struct{ X int }{}} {
			text := nested(n)
			if target == "skipped" {
				text = append(append([]byte(`{"y":`), text...), '}')
			}
			if err := Unmarshal(text, into); !errors.Is(err, ErrDepth) {
				t.Errorf("depth %d, %s: %v", n, target, err)
			}
		}
	}
}

// A text whose references unfold each other costs no more than its length explains.
func TestUnmarshalReferenceBomb(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"a0":["` + strings.Repeat("x", 1000) + `"]`)
	for i := range 2000 {
		fmt.Fprintf(&text, `,"a%d":[{"$ref":"$.a%d"},{"$ref":"$.a%d"}]`, i+1, i, i)
	}
	text.WriteString("}")
	allocated := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			var v any
			if err := Unmarshal([]byte(text.String()), &v); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if limit := int64(40 * text.Len()); allocated > limit {
		t.Errorf("%d bytes of input allocated %d, more than %d", text.Len(), allocated, limit)
	}
}

// A text of empty objects is refused as soon as they take more than its length explains, wherever they stand; what a Java client writes is
// far below, and so are short texts of people.
func TestUnmarshalEmptyObjects(t *testing.T) {
	t.Parallel()
	many := func(item string) string { return strings.Repeat(item+",", 1<<19) }
	for name, c := range map[string]struct {
		text string
		into any
	}{
		"a list":         {"[" + many("{}") + "]", new([]sample)},
		"pointers":       {"[" + many("{}") + "]", new([]*sample)},
		"a map":          {"{" + many("a:{}") + "}", new(map[string]sample)},
		"any":            {"[" + many("[]") + "]", new(any)},
		"by a reference": {"{list:[],x:[" + many("{}") + `],list:{"$ref":"$.x"}}`, new(struct{ List []sample })},
	} {
		if err := Unmarshal([]byte(c.text), c.into); err == nil || !strings.Contains(err.Error(), "unfolds") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var few []sample
	if err := Unmarshal([]byte("["+strings.Repeat("{},", 2000)+"]"), &few); err != nil || len(few) != 2000 {
		t.Errorf("a short text: %d, %v", len(few), err)
	}
	queue := `{"brokerName":"b","queueId":1,"topic":"T"}`
	var queues []struct {
		BrokerName string
		QueueID    int32
		Topic      string
	}
	if err := Unmarshal([]byte("["+many(queue)+"]"), &queues); err != nil || len(queues) != 1<<19 {
		t.Errorf("queues: %d, %v", len(queues), err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, forms := range recordedBodies(f) {
		for _, text := range forms {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(`{'a':{"$ref":"$.b[0]"},/**/"table":{"x":"\uD83D\uDE00"},"list":[,]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, into := range []any{new(sample), new(routeData), new(consumeStats), new(consumerStatus), new(offsetTable)} {
			_ = Unmarshal(text, into) // must only not panic
		}
		var first, second any
		if Unmarshal(text, &first) != nil {
			return
		}
		again, err := Marshal(first)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if err := Unmarshal(again, &second); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, again)
		}
		third, err := Marshal(second)
		if err != nil || string(third) != string(again) {
			t.Fatalf("writing is not stable: %v\n%s\n%s", err, again, third)
		}
	})
}
