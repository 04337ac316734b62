package broker

import (
	"slices"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// TestBacklogStepsAside writes a pull and a small request at once. Answers of the loop leave in the order of their requests, and before
// what a lane has made; so the order tells who answered the pull.
func TestBacklogStepsAside(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, nil)
	const stored = backlogFrom + 32
	want(t, f.call(code.SendBatchMessage, batchBody(slices.Repeat([]string{"x"}, stored)...), replace(sendFields("T"), "m", "true")...), code.Success, "")
	conn := f.raw()
	for _, row := range []struct {
		name    string
		later   time.Duration // before the pull
		send    bool          // after that
		offset  string
		commits string
		aside   bool
	}{
		{name: "beside sends", offset: "0", commits: "7", aside: true},
		{name: "nobody sends any more", later: (backlogSendMs + 1) * time.Millisecond, offset: "0", commits: "8"},
		{name: "beside sends again", send: true, offset: "5", commits: "9", aside: true},
		{name: "near the end", send: true, offset: "100", commits: "10"},
		{name: "nothing there, from far off", send: true, offset: "-5", commits: "11", aside: true},
	} {
		now.Advance(row.later)
		if row.send {
			f.sendTo("T", "x", "e", "1")
		}
		pull := protocol.NewRequest(code.PullMessage, nil, nil)
		pull.Fields = fields(replace(pullFields("G", "T", row.offset), "sysFlag", "5", "commitOffset", row.commits)...)
		small := protocol.NewRequest(code.GetMaxOffset, nil, nil)
		small.Fields = fields("topic", "T", "queueId", "0")
		pull.Opaque, small.Opaque = 1, 2
		if _, err := conn.Write(protocol.AppendFrame(protocol.AppendFrame(nil, pull), small)); err != nil {
			t.Fatal(err)
		}
		first, second := readFrame(t, conn), readFrame(t, conn)
		if aside := first.Opaque == 2; aside != row.aside {
			t.Errorf("%s: the pull stepped aside: %t, want %t", row.name, aside, row.aside)
		}
		answer := first
		if second.Opaque == 1 {
			answer = second
		}
		if row.offset == "-5" {
			want(t, answer, code.PullOffsetMoved, "OFFSET_TOO_SMALL")
		} else {
			want(t, answer, code.Success, "FOUND")
		}
		got := f.call(code.QueryConsumerOffset, nil, "consumerGroup", "G", "topic", "T", "queueId", "0")
		if offset := got.Fields.String("offset"); offset != row.commits {
			t.Errorf("%s: committed %s, want %s", row.name, offset, row.commits)
		}
	}
}
