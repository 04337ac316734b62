package topic

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	const illegal = ", contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, row := range []struct{ name, topic, remark string }{
		{"ordinary", "TopicTest", ""},
		{"all characters", "aZ09_-%|", ""},
		{"empty", "", "The specified topic is blank."},
		{"blank", " \t", "The specified topic is blank."},
		{"climbing", "../../x", "The specified topic: ../../x" + illegal},
		{"absolute", "/etc/x", "The specified topic: /etc/x" + illegal},
		{"dots", "..", "The specified topic: .." + illegal},
		{"dot", ".", "The specified topic: ." + illegal},
		{"climbing retry", "%RETRY%../x", "The specified topic: %RETRY%../x" + illegal},
		{"nul", "a\x00b", "The specified topic: a\x00b" + illegal},
		{"newline", "a\nb", "The specified topic: a\nb" + illegal},
		{"backslash", `a\b`, `The specified topic: a\b` + illegal},
		{"look-alike", "tоpic", "The specified topic: tоpic" + illegal}, // a Cyrillic o
		{"v2 pop retry", "%RETRY%g+t", "The specified topic: %RETRY%g+t" + illegal},
		{"127", long(127), ""},
		{"128", long(128), "The specified topic: " + long(128) + ", is longer than topic max length: 127"},
		{"retry of 255", "%RETRY%" + long(248), ""},
		{"retry of 256", "%RETRY%" + long(249), "The specified topic is DLQ or Retry topic: %RETRY%" + long(249) +
			", and it's longer than topic max length: 255"},
		{"dlq of 256", "%DLQ%" + long(251), "The specified topic is DLQ or Retry topic: %DLQ%" + long(251) +
			", and it's longer than topic max length: 255"},
	} {
		if got := Validate(row.topic); got != row.remark {
			t.Errorf("%s: %q, want %q", row.name, got, row.remark)
		}
		if Valid([]byte(row.topic)) && row.remark != "" {
			t.Errorf("%s: Valid says yes, Validate %q", row.name, row.remark)
		}
	}
}

func TestValidateGroup(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("g", 121)
	for _, row := range []struct{ group, remark string }{
		{"CID_a", ""},
		{long[:120], ""},
		{long, "The specified group: " + long + ", is longer than group max length: 120"},
		{"", "The specified group is blank."},
		{"a/b", "The specified group: a/b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"},
	} {
		if got := ValidateGroup(row.group); got != row.remark {
			t.Errorf("%q: %q, want %q", row.group, got, row.remark)
		}
	}
}
