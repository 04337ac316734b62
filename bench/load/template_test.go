package load

import (
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

// A template must stay a request that decodes to what was asked for, whatever is overwritten in it.
func TestTemplateDecodes(t *testing.T) {
	for _, binary := range []bool{false, true} {
		for _, batch := range []int{1, 3} {
			o := Options{Binary: binary, Batch: batch}.withDefaults()
			tmpl, err := newTemplate(&o)
			if err != nil {
				t.Fatal(err)
			}
			frame := tmpl.append(nil, 123456789, time.UnixMilli(1234567890123))
			var cmd protocol.Command
			if err := protocol.DecodeFrame(frame[4:], &cmd); err != nil {
				t.Fatal(err)
			}
			if cmd.Opaque != 123456789 || cmd.Fields.String("e") != "5" || cmd.Fields.String("g") != "1234567890123" || len(tmpl.uniq) != batch+1 && batch > 1 {
				t.Errorf("binary=%v batch=%d: opaque %d queue %q born %q ids %d", binary, batch, cmd.Opaque, cmd.Fields.String("e"), cmd.Fields.String("g"), len(tmpl.uniq))
			}
		}
	}
}
