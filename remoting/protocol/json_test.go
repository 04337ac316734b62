package protocol_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

// jsonFrame is a frame, without its length field, around a JSON header.
func jsonFrame(header string) []byte {
	n := len(header)
	return append([]byte{0, byte(n >> 16), byte(n >> 8), byte(n)}, header...)
}

func TestJSONHeader(t *testing.T) {
	t.Parallel()
	type fields = map[string]string
	rows := []struct {
		name, header string
		want         protocol.Command
		fields       fields
	}{
		{"empty object", `{}`, protocol.Command{}, nil},
		{"any order, blanks", "\t{ \"version\" : 1 ,\n\"flag\":2,\"opaque\":-3,\"code\":4 } \r\n", protocol.Command{Version: 1, Flag: 2, Opaque: -3, Code: 4}, nil},
		{"quoted code", `{"code":"105","opaque":"-7"}`, protocol.Command{Code: 105, Opaque: -7}, nil},
		{"numeric language", `{"language":9}`, protocol.Command{Language: protocol.Go}, nil},
		{"quoted numeric language", `{"language":"12"}`, protocol.Command{Language: protocol.Rust}, nil},
		{"unknown language", `{"language":"COBOL"}`, protocol.Command{Language: protocol.Other}, nil},
		{"unknown numeric language", `{"language":99}`, protocol.Command{Language: protocol.Other}, nil},
		{"null members", `{"code":null,"language":null,"remark":null,"extFields":null}`, protocol.Command{Language: protocol.Other}, nil},
		{"unknown members", `{"x":{"y":[1,{"z":"}\"]"}],"e":{}},"q":[],"n":-1.5e3,"t":true,"code":5}`, protocol.Command{Code: 5}, nil},
		{"extremes", `{"code":2147483647,"opaque":-2147483648}`, protocol.Command{Code: 2147483647, Opaque: -2147483648}, nil},
		{"ext scalars", `{"extFields":{"queueId":3,"b":true,"n":null,"d":1.50,"s":"","neg":-1}}`, protocol.Command{}, fields{"queueId": "3", "b": "true", "d": "1.50", "s": "", "neg": "-1"}},
		{"ext containers keep their text", `{"extFields":{"o":{"a": [1]},"l":[]}}`, protocol.Command{}, fields{"o": `{"a": [1]}`, "l": "[]"}},
		{"escapes", `{"extFields":{"a\u0062":"\"\\\/\b\f\n\r\t\u0001\u00e9\u4e2d"},"remark":"\u0041"}`, protocol.Command{Remark: "A"}, fields{"ab": "\"\\/\b\f\n\r\t\x01é中"}},
		{"surrogates", `{"extFields":{"pair":"\ud83d\ude00","high":"\ud83d!","low":"\ude00","two":"\ud83d\u0041"}}`, protocol.Command{}, fields{"pair": "😀", "high": "?!", "low": "?", "two": "?A"}},
		{"raw UTF-8", `{"extFields":{"值":"日本 😀"}}`, protocol.Command{}, fields{"值": "日本 😀"}},
		{
			"broken UTF-8", "{\"extFields\":{\"a\":\"x\xffy\xe4\xb8\",\"b\":\"\\n\xc0\xaf\",\"c\":\"\xed\xa0\x80\xf0\x9f\x98z\"},\"remark\":\"\xfe\"}",
			protocol.Command{Remark: "\uFFFD"},
			fields{"a": "x\uFFFDy\uFFFD", "b": "\n\uFFFD\uFFFD", "c": "\uFFFD\uFFFDz"},
		},
		{"control characters as they are", "{\"extFields\":{\"a\":\"\x01\x02\"}}", protocol.Command{}, fields{"a": "\x01\x02"}},
		{"the last duplicate wins", `{"code":1,"code":2,"extFields":{"a":"1","b":"2","a":"3"}}`, protocol.Command{Code: 2}, fields{"a": "3", "b": "2"}},
		{"a later null hides", `{"extFields":{"a":"1","b":"2","a":null}}`, protocol.Command{}, fields{"b": "2"}},
		{"a second extFields replaces", `{"extFields":{"a":"1"},"extFields":{"b":"2"}}`, protocol.Command{}, fields{"b": "2"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var c protocol.Command
			if err := protocol.DecodeFrame(jsonFrame(r.header), &c); err != nil {
				t.Fatal(err)
			}
			if c.Code != r.want.Code || c.Opaque != r.want.Opaque || c.Flag != r.want.Flag || c.Version != r.want.Version ||
				c.Language != r.want.Language || c.Remark != r.want.Remark {
				t.Errorf("found %+v, expected %+v", c, r.want)
			}
			c.Fields.Compact()
			if got := fieldMap(&c.Fields); !maps.Equal(got, r.fields) {
				t.Errorf("ext fields (-expected +found):\n%s", cmp.Diff(r.fields, got))
			}
		})
	}
}

func TestJSONHeaderRefused(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"nothing":              ``,
		"not an object":        `[]`,
		"null":                 `null`,
		"no end":               `{"code":1`,
		"no value":             `{"code":}`,
		"no colon":             `{"code" 1}`,
		"no comma":             `{"code":1 "flag":2}`,
		"comma at the end":     `{"code":1,}`,
		"bare name":            `{code:1}`,
		"text behind":          `{} {}`,
		"code too large":       `{"code":2147483648}`,
		"code far too large":   `{"code":99999999999999999999999999}`,
		"fractional code":      `{"code":1.5}`,
		"word as code":         `{"code":true}`,
		"minus alone":          `{"code":-}`,
		"open string":          `{"remark":"abc`,
		"open escape":          `{"remark":"abc\`,
		"unknown escape":       `{"remark":"\q"}`,
		"short \\u":            `{"remark":"\u12"}`,
		"bad \\u":              `{"remark":"\u12g4"}`,
		"unknown word":         `{"extFields":{"a":yes}}`,
		"ext list":             `{"extFields":[]}`,
		"unbalanced":           `{"x":[}]}`,
		"closing first":        `{"x":]}`,
		"deep":                 `{"x":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`,
		"too many ext fields":  `{"extFields":{` + strings.Repeat(`"a":"b",`, 1024) + `"a":"b"}}`,
		"too many null fields": `{"extFields":{` + strings.Repeat(`"a":null,`, 1024) + `"a":"b"}}`,
	}
	for name, header := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c protocol.Command
			if err := protocol.DecodeFrame(jsonFrame(header), &c); !errors.Is(err, protocol.ErrHeader) {
				t.Errorf("found %v (%v), expected ErrHeader", err, &c)
			}
		})
	}
}

func TestJSONLimitsReached(t *testing.T) {
	t.Parallel()
	header := `{"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `,"extFields":{` + strings.Repeat(`"a":"b",`, 1023) + `"a":"c"}}`
	var c protocol.Command
	if err := protocol.DecodeFrame(jsonFrame(header), &c); err != nil {
		t.Fatal(err)
	}
	if got := c.Fields.String("a"); c.Fields.Len() != 1024 || got != "c" {
		t.Errorf("found %d fields, a=%q, expected 1024 and c", c.Fields.Len(), got)
	}
}

func TestJSONEncode(t *testing.T) {
	t.Parallel()
	c := protocol.NewResponse(1, "a\"b\\c\n\r\t\x01é\xff\u2028")
	c.Opaque = 9
	c.Fields.Set("k\"", "值\x02")
	c.Fields.SetInt("n", -5)
	c.Fields.SetBool("b", true)
	c.Fields.Set("n", "6")
	got := protocol.AppendFrame([]byte("before"), c)
	header := `{"code":1,"extFields":{"k\"":"值\u0002","n":"6","b":"true"},"flag":1,"language":"JAVA","opaque":9,` +
		`"remark":"a\"b\\c\n\r\t\u0001é` + "\uFFFD\u2028" + `","serializeTypeCurrentRPC":"JSON","version":513}`
	want := append([]byte("before"), frameOf(jsonFrame(header))...)
	if !bytes.Equal(got, want) {
		t.Errorf("found\n%q\nexpected\n%q", got, want)
	}
	var back protocol.Command
	if err := protocol.DecodeFrame(got[10:], &back); err != nil {
		t.Fatal(err)
	}
	if back.Fields.String(`k"`) != "值\x02" || !back.IsResponse() || back.Opaque != 9 {
		t.Errorf("round trip: found %v", &back)
	}
}
