package broadcast

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

type world struct {
	*Table
	now       int64
	online    map[string]bool
	committed map[string]int64
}

func newWorld() *world {
	w := &world{online: map[string]bool{}, committed: map[string]int64{}}
	w.Table = New(Options{
		NowMs: func() int64 { return w.now }, Online: func(string) []string { return slices.Collect(maps.Keys(w.online)) },
		OfflineMs: func() int64 { return 120_000 }, OnlineMs: func() int64 { return 300_000 },
		Start: func(group, _ string, queue int32) int64 {
			if v, ok := w.committed[fmt.Sprint(group+Suffix, queue)]; ok {
				return v
			}
			return 1000
		},
		Commit: func(group, _ string, queue int32, offset int64) { w.committed[fmt.Sprint(group, queue)] = offset },
	})
	return w
}

func pull(client string, offset int64, proxy bool) *Pull {
	return &Pull{Group: "G", Topic: "T", Offset: offset, ClientID: client, FromProxy: proxy}
}

// TestInit are the three cases of BroadcastOffsetManager.queryInitOffset, and those
// in which a client's own offset is right.
func TestInit(t *testing.T) {
	t.Parallel()
	w := newWorld()
	steps := []struct {
		what string
		p    *Pull
		want int64
	}{
		{"direct, nothing known", pull("c1", 5, false), None},
		{"direct with a negative offset", pull("c1", -1, false), None},
		{"by a proxy for the first time, at an offset", pull("c2", 7, true), None},
		{"by a proxy for the first time, with none", pull("c2", -1, true), 1000},
	}
	for _, s := range steps {
		if got := w.Init(s.p); got != s.want {
			t.Errorf("%s: %d, want %d", s.what, got, s.want)
		}
	}
	w.Pulled(pull("c1", 40, false))
	w.Pulled(pull("c1", 30, false)) // late: it does not go back
	for _, s := range []struct {
		what string
		p    *Pull
		want int64
	}{
		{"direct goes on", pull("c1", 41, false), None},
		{"direct, then by a proxy", pull("c1", 0, true), 40},
		{"direct, then by a proxy, with none", pull("c1", -1, true), 40},
		{"another client by a proxy, with none", pull("c2", -1, true), 1000},
		{"and again at an offset", pull("c2", 1000, true), None},
		{"and direct, of which no offset was noted", pull("c2", 3, false), 1000},
	} {
		if got := w.Init(s.p); got != s.want {
			t.Errorf("%s: %d, want %d", s.what, got, s.want)
		}
	}
	w.Pulled(pull("c1", 40, true))
	if got := w.Init(pull("c1", 0, false)); got != 40 {
		t.Errorf("back from the proxy: %d, want 40", got)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.online["here"] = true
	w.Pulled(pull("here", 50, false))
	w.Pulled(pull("gone", 20, true))
	w.Scan()
	if w.committed["G@broadcast0"] != 20 {
		t.Fatalf("committed %v, want the smaller one, 20", w.committed)
	}
	w.now = 119_999
	if w.Scan(); len(w.keys[key{"T", "G"}]) != 2 {
		t.Fatal("forgotten too early")
	}
	w.now = 120_000
	if w.Scan(); w.committed["G@broadcast0"] != 50 || len(w.keys[key{"T", "G"}]) != 1 {
		t.Fatalf("the client that is gone still counts: %v, %d clients", w.committed, len(w.keys[key{"T", "G"}]))
	}
	w.now = 300_000
	if w.Scan(); len(w.keys) != 0 {
		t.Fatalf("%d keys left after all time", len(w.keys))
	}
	if got := w.Init(pull("new", -1, true)); got != 50 {
		t.Errorf("a new client of a proxy begins at %d, want the group's common offset 50", got)
	}
}

// A topic that is made again begins with nothing.
func TestRemoveTopic(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.online["c1"] = true
	w.Pulled(pull("c1", 50, true))
	other := pull("c1", 7, true)
	other.Topic = "U"
	w.Pulled(other)
	w.RemoveTopic("T")
	if w.Scan(); w.committed["G@broadcast0"] != 7 || w.clients != 1 || w.queues != 1 {
		t.Errorf("committed %v, %d clients, %d queues, want those of the other topic", w.committed, w.clients, w.queues)
	}
	w.committed = map[string]int64{}
	if at := w.Init(pull("c1", -1, true)); at != 1000 {
		t.Errorf("the client begins at %d, want 1000", at)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for i := range maxClientsPerKey + 10 {
		w.Pulled(pull(fmt.Sprint(i), 1, true))
	}
	for i := range maxQueuesPerClient + 10 {
		p := pull("0", 1, true)
		p.Queue = int32(i)
		w.Pulled(p)
	}
	k := key{"T", "G"}
	if len(w.keys[k]) != maxClientsPerKey || len(w.keys[k]["0"].queues) != maxQueuesPerClient {
		t.Fatalf("%d clients, %d queues", len(w.keys[k]), len(w.keys[k]["0"].queues))
	}
	if got := w.Init(pull("one too many", -1, true)); got != 1000 {
		t.Errorf("a client without room: %d, want 1000", got)
	}
}

// TestBoundOfAll: topics and groups are many, too; what is forgotten makes room.
func TestBoundOfAll(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for k := range maxClients/maxClientsPerKey + 1 {
		for i := range maxClientsPerKey {
			p := pull(fmt.Sprint(i), 1, true)
			p.Group = fmt.Sprint("G", k)
			w.Pulled(p)
		}
	}
	if w.clients != maxClients || w.queues != maxClients || len(w.keys) != maxClients/maxClientsPerKey {
		t.Fatalf("%d clients, %d queues, %d keys", w.clients, w.queues, len(w.keys))
	}
	for i := range maxQueues / maxQueuesPerClient {
		for q := range int32(maxQueuesPerClient) {
			w.Pulled(&Pull{Group: "G0", Topic: "T", Queue: q, ClientID: fmt.Sprint(i), FromProxy: true})
		}
	}
	if w.queues != maxQueues {
		t.Fatalf("%d queues", w.queues)
	}
	w.now = 120_000
	if w.Scan(); w.clients != 0 || w.queues != 0 || len(w.keys) != 0 {
		t.Fatalf("left: %d clients, %d queues, %d keys", w.clients, w.queues, len(w.keys))
	}
}

// TestScanOfMany: each group is asked once who is there, not for each client.
func TestScanOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld()
	asked, ids := 0, []string{}
	w.opt.Online = func(string) []string { asked++; return ids }
	for i := range 1000 {
		ids = append(ids, fmt.Sprint(i))
		w.Pulled(pull(ids[i], int64(1000-i), false))
	}
	if w.Scan(); asked != 1 || w.committed["G@broadcast0"] != 1 {
		t.Errorf("asked %d times, committed %v", asked, w.committed)
	}
}
