package store

import (
	"os"
	"strings"
	"testing"
)

// Whoever finds one of these in a store finds it in the documents, too.
func TestStateFilesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/format/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range stateTables {
		if !strings.Contains(string(page), name+" ") {
			t.Errorf("docs/format/config.md says nothing of %s", name)
		}
	}
}

func TestWholeState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, content string
		whole         bool
	}{
		{"topics.json", `{"topicConfigTable":{},"dataVersion":{}}`, true},
		{"topics.json", `{"topicConfigTablf":{},"dataVersion":{}}`, false},
		{"topics.json", `{}`, true},
		{"topics.json", `{"topicConfigTable":{}`, false},
		{"topics.json", ``, false},
		{"consumerOffset.json", `{"offsetTable":{"T@G":{0:7}}}`, true},
		{"delayOffset.json", `{"offsetTabme":{1:7}}`, false},
		{"timermetrics", `{"anything":1}`, true},
	} {
		if err := WholeState(c.name, []byte(c.content)); (err == nil) != c.whole {
			t.Errorf("%s %s: %v", c.name, c.content, err)
		}
	}
}
