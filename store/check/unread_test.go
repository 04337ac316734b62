package check

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// A sector of the log that cannot be read costs its record, and no other; and a repair
// does not replace what may be whole.
func TestUnreadableSector(t *testing.T) {
	t.Parallel()
	const all = 100
	h, cfg := filled(t, all, 1000, aKey)
	at, v := h.nth(40)
	disk := vfs.NewFaulty(vfs.ReadOnly)
	if err := disk.Inject(fmt.Sprintf("pread commitlog/* at=%d", at+100)); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{FS: disk, Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts[Unreadable] == 0 || r.Log.Records < all-5 { // those that share the page, at most
		t.Errorf("%d records, %+v", r.Log.Records, r.Counts)
	}
	for _, g := range r.damage.regions {
		if g.from > at || g.to < at+int64(v.Size) || g.to-g.from > 4096+2*int64(v.Size) {
			t.Errorf("the record is [%d, %d), what would be replaced [%d, %d)", at, at+int64(v.Size), g.from, g.to)
		}
	}
	before := state(t, h.root)
	p := Plan(r, cfg)
	if _, err := p.Write(t.Context(), vfs.Disk, time.Now()); err == nil || !strings.Contains(p.Refused, h.path(firstLog)) {
		t.Errorf("repaired: %v, %q", err, p.Refused)
	}
	if after := state(t, h.root); after != before {
		t.Errorf("changed from\n%s to\n%s", before, after)
	}
}

// A state file that cannot be read may be whole: its .bak does not replace it.
func TestUnreadableState(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 1, 10, aKey)
	h.remove("config")
	if err := os.Mkdir(h.path("config"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config/topics.json", "config/topics.json.bak"} {
		h.write(name, 0, []byte(`{"topicConfigTable":{}}`))
	}
	disk := vfs.NewFaulty(vfs.ReadOnly)
	if err := disk.Inject("open config/topics.json err=EMFILE"); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{FS: disk, Config: cfg})
	if err != nil || r.Counts[Unreadable] != 1 {
		t.Fatalf("%v, %+v", err, r.Counts)
	}
	if p := Plan(r, cfg); len(p.Steps) > 0 || !strings.Contains(p.Refused, "topics.json") {
		t.Errorf("%+v, %q", p.Steps, p.Refused)
	}
}
