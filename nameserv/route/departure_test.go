package route

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A broker that registers again between the moment it was found to leave and the moment that is applied stays, with its topics, and
// nobody is told that it left.
func TestBackBeforeItsDepartureIsApplied(t *testing.T) {
	t.Parallel()
	anew := func(r *Registration) { acting(r); r.Channel = "channel new" }
	master := Member{Cluster: "c", BrokerName: "b", BrokerAddr: reg(0).BrokerAddr}
	for _, c := range []struct {
		name  string
		leave func(b *bench) []Member
		back  *Registration
		want  map[int64]string
	}{
		{
			"its connection ended", func(b *bench) []Member { return b.ByChannel("channel 0") }, reg(0, anew),
			map[int64]string{0: "10.0.0.0:10911", 1: "10.0.0.1:10911"},
		},
		{
			"it asked", func(b *bench) []Member { return []Member{b.Leaving(master)} }, reg(0, acting),
			map[int64]string{0: "10.0.0.0:10911", 1: "10.0.0.1:10911"},
		},
		{
			"it was silent", func(b *bench) []Member {
				b.clock.Advance(defaultHeartbeatTimeout + time.Millisecond)
				b.Touch("c", reg(1).BrokerAddr)
				return []Member{b.Expired()[0].Member}
			}, reg(0, anew),
			map[int64]string{0: "10.0.0.0:10911", 1: "10.0.0.1:10911"},
		},
		{
			"with another id", func(b *bench) []Member { return b.ByChannel("channel 0") },
			reg(2, anew, func(r *Registration) { r.BrokerAddr = reg(0).BrokerAddr }),
			map[int64]string{1: "10.0.0.1:10911", 2: "10.0.0.0:10911"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.rules = Rules{SupportActingMaster: true, NotifyMinBrokerIDChanged: true}
			b.register(reg(0, acting, func(r *Registration) { r.FilterServers = []string{"filter"} }))
			b.register(reg(1, acting))
			batch := c.leave(b)
			b.register(c.back)
			left, due := b.Unregister(batch)
			if len(left) != 0 || len(due) != 0 {
				t.Errorf("left %+v, notices %+v, want none", left, due)
			}
			b.wantMembers(c.want)
			if q := b.queue("T", "b"); q.Perm != 6 {
				t.Errorf("perm %d, want 6", q.Perm)
			}
			if _, ok := b.DataVersion("c", c.back.BrokerAddr); !ok || len(b.filters) != 1 {
				t.Errorf("known %v, %d filter servers", ok, len(b.filters))
			}
		})
	}
}

// What a broker does not register again goes, also when its address lives under another name.
func TestBackUnderAnotherName(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.register(reg(0))
	batch := b.ByChannel("channel 0")
	b.register(reg(0, named("b2")))
	if left, _ := b.Unregister(batch); len(left) != 1 {
		t.Errorf("left %+v, want the old name", left)
	}
	if diff := cmp.Diff(map[string][]string{"c": {"b2"}}, b.Clusters().ClusterAddrTable); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	if _, ok := b.DataVersion("c", reg(0).BrokerAddr); !ok {
		t.Error("the new registration is forgotten")
	}
}

// An unregistration takes away what was registered before it, on whichever connection, and a group that one member comes back to
// loses the others, and tells of them.
func TestDepartureOfWhoDoesNotComeBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rules = Rules{SupportActingMaster: true, NotifyMinBrokerIDChanged: true}
	for id := range int64(3) {
		b.register(reg(id, acting))
	}
	var batch []Member
	for id := range int64(2) {
		batch = append(batch, b.Leaving(Member{Cluster: "c", BrokerName: "b", BrokerAddr: reg(id).BrokerAddr, BrokerID: id}))
	}
	b.register(reg(1, acting))
	left, due := b.Unregister(batch)
	if len(left) != 1 || left[0].BrokerID != 0 {
		t.Errorf("left %+v, want the master", left)
	}
	b.wantMembers(map[int64]string{1: "10.0.0.1:10911", 2: "10.0.0.2:10911"})
	want := []*MinBrokerChanged{{
		BrokerName: "b", MinBrokerID: 1, MinBrokerAddr: "10.0.0.1:10911", OfflineBrokerAddr: "10.0.0.0:10911",
		Recipients: []string{"10.0.0.1:10911", "10.0.0.2:10911"},
	}}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}
