package properties

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pairs(m *Map) [][2]string {
	var out [][2]string
	for _, k := range m.Keys() {
		v, _ := m.Get(k)
		out = append(out, [2]string{k, v})
	}
	return out
}

// The texts are those of the java.util.Properties documentation, and what broker.conf files in the field contain.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		want [][2]string
	}{
		"separators":             {"a=1\nb:2\nc 3\n d = 4\ne\t:\t5\nf", [][2]string{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}, {"f", ""}}},
		"comments and blanks":    {"# x=1\n   ! y=2\n\n\r\n#\\\na=1", [][2]string{{"a", "1"}}},
		"line ends":              {"a=1\rb=2\r\nc=3", [][2]string{{"a", "1"}, {"b", "2"}, {"c", "3"}}},
		"blanks at the end stay": {"a=1 \t\nb=2", [][2]string{{"a", "1 \t"}, {"b", "2"}}},
		"continuation":           {"fruits  apple, \\\n   pear, \\\r\n\tmango\nnext=1", [][2]string{{"fruits", "apple, pear, mango"}, {"next", "1"}}},
		"an even number of backslashes does not continue": {"a=1\\\\\nb=2", [][2]string{{"a", `1\`}, {"b", "2"}}},
		"escapes":                  {`a\ b\=\:=\t\n\r\f\z\\ \u00e9\uD83D\uDE00\uD83D`, [][2]string{{"a b=:", "\t\n\r\fz\\ é😀�"}}},
		"later values win":         {"a=1\nb=2\na=3", [][2]string{{"a", "3"}, {"b", "2"}}},
		"bytes are ISO-8859-1":     {"a=\xe9\nb=é", [][2]string{{"a", "é"}, {"b", "Ã©"}}},
		"only the first separator": {"namesrvAddr=a:1;b:2\ncheck==x\nurl:=y", [][2]string{{"namesrvAddr", "a:1;b:2"}, {"check", "=x"}, {"url", "=y"}}},
		"no key":                   {"=x", [][2]string{{"", "x"}}},
		"a backslash at the end":   {`a=b\`, [][2]string{{"a", "b"}}},
		"continued into nothing":   {"a=\\\n", [][2]string{{"a", ""}}},
		"nothing":                  {"", nil},
	} {
		m, err := Parse([]byte(row.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(row.want, pairs(m)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`a=\u12`, "ok=1\n\nb=\\u00zz", `\u=1`} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse([]byte("ok=1\n\nb=\\u00zz")); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("the line is not named: %v", err)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	m := new(Map)
	for _, p := range [][2]string{
		{"brokerName", "broker-a"}, {"namesrvAddr", "a:9876;b:9876"}, {"empty", ""}, {"path", `C:\x`}, {"two", "a\nb"}, {" k:=#", "  v "}, {"#c", "é😀"}, {"sep", "=x"},
	} {
		m.Set(p[0], p[1])
	}
	want := "brokerName=broker-a\nnamesrvAddr=a:9876;b:9876\nempty=\npath=C:\\\\x\ntwo=a\\nb\n\\ k\\:\\=#=\\  v \n\\#c=\\u00E9\\uD83D\\uDE00\nsep==x\n"
	got := Format(m)
	if string(got) != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	again, err := Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pairs(m), pairs(again)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "1"}, func() map[string]string { m := new(Map); m.Set("a", "1"); return m.Values() }()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a=1\nb : 2", "#c\n!d\n a\\\n  b=\\u00e9\\ud83d\\ude00", "\\", "=\n=:", "k\\ =\\\r\n v"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(Format(m))
		if err != nil {
			t.Fatalf("%q: what was written cannot be read: %v", Format(m), err)
		}
		if diff := cmp.Diff(pairs(m), pairs(again)); diff != "" {
			t.Fatalf("%q changed:\n%s", text, diff)
		}
	})
}
