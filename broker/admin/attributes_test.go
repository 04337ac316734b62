package admin

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting"
)

func TestAlterAttributes(t *testing.T) {
	t.Parallel()
	fifo := map[string]string{"message.type": "FIFO"}
	tests := []struct {
		name    string
		create  bool
		present map[string]string
		change  string
		want    map[string]string
		err     string
	}{
		{name: "create with", create: true, change: "+message.type=FIFO,+reserve.time=-1", want: map[string]string{"message.type": "FIFO", "reserve.time": "-1"}},
		{name: "create without", create: true, want: map[string]string{}},
		{name: "nothing changes", present: fifo, want: fifo},
		{name: "alter", present: fifo, change: "+message.type=DELAY", want: map[string]string{"message.type": "DELAY"}},
		{name: "delete", present: fifo, change: "-message.type", want: map[string]string{}},
		{name: "queue type at creation", create: true, change: "+queue.type=BatchCQ", want: map[string]string{"queue.type": "BatchCQ"}},
		{name: "queue type later", change: "+queue.type=BatchCQ", err: "attempt to update an unchangeable attribute. key: queue.type"},
		{name: "delete at creation", create: true, change: "-message.type", err: "only add attribute is supported while creating topic. key: message.type"},
		{name: "delete nothing", change: "-message.type", err: "attempt to delete a nonexistent key: message.type"},
		{name: "unknown", create: true, change: "+x=1", err: "unsupported key: x"},
		{name: "no such value", create: true, change: "+queue.type=X", err: "value is not in set: [BatchCQ, SimpleCQ]"},
		{name: "no number", create: true, change: "+reserve.time=abc", err: `For input string: "abc"`},
		{name: "out of range", create: true, change: "+reserve.time=-2", err: "value is not in range(-1, 9223372036854775807)"},
		{name: "no sign", create: true, change: "message.type=FIFO", err: "add/alter attribute format is wrong: message.type"},
		{name: "delete without sign", create: true, change: "message", err: "delete attribute format is wrong: message"},
		{name: "twice", create: true, change: "+message.type=FIFO,+message.type=DELAY", err: "key duplication: +message.type"},
		{name: "add and delete", present: fifo, change: "+message.type=DELAY,-message.type", err: "alter duplication key. key: message.type"},
		{name: "only a sign", create: true, change: "+=1", err: "kv string format wrong."},
		{name: "two signs", create: true, change: "++a=1", err: "kv string format wrong."},
	}
	for _, tt := range tests {
		change, err := parseAttributes(tt.change)
		var got map[string]string
		if err == nil {
			got, err = alterAttributes(topicAttributes, tt.create, tt.present, change)
		}
		text := ""
		if failed := new(remoting.Error); errors.As(err, &failed) {
			text = failed.Remark
		}
		if text != tt.err {
			t.Errorf("%s: error %q, want %q", tt.name, text, tt.err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
