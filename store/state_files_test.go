package store

import "testing"

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
