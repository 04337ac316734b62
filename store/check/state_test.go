package check

import (
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/goldenstore"
)

// With enableLmq the positions of ordinary groups are in the file of the light ones.
func TestOrdinaryGroupsInTheLightFile(t *testing.T) {
	t.Parallel()
	root := goldenstore.Unpack(t, "java-5.4.0-clean")
	shrink(t, root)
	h, cfg := hurt{t, root}, settings(root)
	const name = "config/lmqConsumerOffset.json"
	h.write(name, 0, []byte(`{"offsetTable":{"GoldenOrder@CG_order":{0:3000,1:2}},"lmqOffsetTable":{"%LMQ%none@%LMQ%g":7,"GoldenOrder@%LMQ%h":1}}`))
	r := run2(t, cfg)
	if r.Counts[OffsetBeyond] != 2 {
		t.Fatalf("%d positions beyond: %+v", r.Counts[OffsetBeyond], r.Problems)
	}
	repair(t, r, cfg)
	text := strings.Join(strings.Fields(string(h.read(name))), "")
	for _, want := range []string{"1:2", `"%LMQ%none@%LMQ%g":0`, `"GoldenOrder@%LMQ%h":1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// A plan that was made before the file changed takes nothing else down.
func TestSetBackWhatIsGone(t *testing.T) {
	t.Parallel()
	data, err := setBackIn([]byte(`{"offsetTable":{"T@g":{0:9}}}`), []position{
		{file: "consumerOffset.json", key: "Gone@g", max: 1}, {file: "consumerOffset.json", key: "T@g", queue: 1, max: 1}, {file: "consumerOffset.json", key: "T@g", max: 5},
	})
	if text := strings.Join(strings.Fields(string(data)), ""); err != nil || text != `{"offsetTable":{"T@g":{0:5}}}` {
		t.Errorf("%s %v", text, err)
	}
}
