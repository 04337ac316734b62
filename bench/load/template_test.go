package load

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

// A template must stay a request that decodes to what was asked for, whatever is overwritten in it.
func TestTemplateDecodes(t *testing.T) {
	for _, row := range []struct {
		name          string
		o             Options
		queue, topic  string
		tag, property string
		ids           int
	}{
		{name: "JSON", queue: "5", topic: "BenchTopic", ids: 1},
		{name: "binary", o: Options{Binary: true}, queue: "5", topic: "BenchTopic", ids: 1},
		{name: "batch", o: Options{Batch: 3}, queue: "5", topic: "BenchTopic", ids: 4},
		{name: "binary batch", o: Options{Batch: 3, Binary: true}, queue: "5", topic: "BenchTopic", ids: 4},
		{name: "many queues", o: Options{Topics: 100, Queues: 1000}, queue: "789", topic: "BenchTopic056", ids: 1},
		{name: "binary, many queues", o: Options{Topics: 100, Queues: 1000, Binary: true}, queue: "789", topic: "BenchTopic056", ids: 1},
		{name: "marked", o: Options{MarkEvery: 3}, queue: "5", topic: "BenchTopic", tag: "TagB", property: "Mark1", ids: 1},
		{name: "marked, in a topic whose name has the mark", o: Options{MarkEvery: 3, Topic: "BenchMarkedTags"}, queue: "5", topic: "BenchMarkedTags", tag: "TagB", property: "Mark1", ids: 1},
		{name: "not marked", o: Options{MarkEvery: 100}, queue: "5", topic: "BenchTopic", property: "Mark0", ids: 1},
	} {
		o := row.o.withDefaults()
		tmpl, err := newTemplate(&o)
		if err != nil {
			t.Fatal(row.name, err)
		}
		frame := tmpl.append(nil, 123456789, time.UnixMilli(1234567890123))
		var cmd protocol.Command
		if err := protocol.DecodeFrame(frame[4:], &cmd); err != nil {
			t.Fatal(row.name, err)
		}
		if cmd.Opaque != 123456789 || cmd.Fields.String("e") != row.queue || cmd.Fields.String("b") != row.topic ||
			cmd.Fields.String("g") != "1234567890123" || len(tmpl.uniq) != row.ids {
			t.Errorf("%s: opaque %d topic %q queue %q born %q ids %d", row.name, cmd.Opaque, cmd.Fields.String("b"), cmd.Fields.String("e"), cmd.Fields.String("g"), len(tmpl.uniq))
		}
		properties := cmd.Fields.String("i")
		if !strings.Contains(properties, "TAGS\x01"+cmp.Or(row.tag, "TagA")) || row.property != "" && !strings.Contains(properties, "a\x01"+row.property) {
			t.Errorf("%s: properties %q", row.name, properties)
		}
	}
}
