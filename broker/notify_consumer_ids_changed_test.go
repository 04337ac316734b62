package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// TestChangesAreToldOnce: a crowd that joins while nothing is told is told once, to
// the members that are there in the end, and whoever left hears nothing.
func TestChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.RealTimeNotifyConsumerChange = false }) // the test tells
	first, last := f.member("first"), f.member("last")
	first.beatFor("G", all("T"))
	for i := range 20 {
		f.member(fmt.Sprint("m", i)).beatFor("G", all("T"))
	}
	last.beatFor("G", all("T"))
	f.member("other").beatFor("H", all("T"))
	f.notices.tell()
	for _, m := range []*member{first, last} {
		m.notified("G")
		// What follows the one notice is the answer to the next question.
		reply := m.ask(protocol.NewRequest(code.GetConsumerListByGroup, &header.GetConsumerListByGroup{ConsumerGroup: "G"}, nil))
		want(t, reply, code.Success, "")
		if len(m.heard) != 0 {
			t.Errorf("%s heard %d more", m.id, len(m.heard))
		}
	}
	_ = last.conn.Close()
	f.eventually("the last one to be gone", func() bool { return len(f.Clients.ClientIDs("G")) == 21 })
	f.notices.tell()
	first.notified("G")
	f.notices.tell()
	if err := first.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := first.conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("told again without a change")
	}
}

// TestChangesInTheWrongOrder: what changed first is told last. Nobody of the newer change
// is forgotten, nobody hears of a group twice.
func TestChangesInTheWrongOrder(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.RealTimeNotifyConsumerChange = false }) // the test tells
	old, newcomer := f.member("1"), f.member("2")
	for _, m := range []*member{old, newcomer} {
		m.beatFor("G", all("T"))
	}
	f.notices.tell()
	for _, m := range []*member{old, newcomer} {
		m.notified("G")
	}
	group, _ := f.Clients.ConsumerGroup("G")
	channels := []client.Channel{group.Clients[0].Channel, group.Clients[1].Channel}
	f.notices.idsChanged("G", channels)
	f.notices.idsChanged("G", channels[:1])
	f.notices.tell()
	for _, m := range []*member{old, newcomer} {
		m.notified("G")
		// What follows the one notice is the answer to the next question.
		want(t, m.ask(protocol.NewRequest(code.GetConsumerListByGroup, &header.GetConsumerListByGroup{ConsumerGroup: "G"}, nil)), code.Success, "")
		if len(m.heard) != 0 {
			t.Errorf("%s heard %d more", m.id, len(m.heard))
		}
	}
}
