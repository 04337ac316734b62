package broker

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// asker is a client that sent a request and takes replies.
type asker struct {
	client *remoting.Client
	took   chan header.PushReplyMessage
	answer code.Response
	silent bool
}

func (a *asker) take(r *remoting.Request, h *header.PushReplyMessage) (*protocol.Command, error) {
	head := *h
	head.Properties += "|" + string(r.Body)
	a.took <- head
	if a.silent {
		r.Hold()
		return nil, nil
	}
	return protocol.NewResponse(a.answer, ""), nil
}

func (f *fixture) asker(id string) *asker {
	f.t.Helper()
	a := &asker{client: remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop()), took: make(chan header.PushReplyMessage, 10)}
	remoting.MountClient(a.client, a, []remoting.Route[*asker]{remoting.Handle(code.PushReplyMessageToClient, remoting.Inline, (*asker).take)})
	f.t.Cleanup(a.client.Close)
	f.beatOver(a.client, `{"clientID":"`+id+`","producerDataSet":[{"groupName":"PGx"},{"groupName":"CLIENT_INNER_PRODUCER"}],"consumerDataSet":[]}`)
	return a
}

func (f *fixture) beatOver(c *remoting.Client, body string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := c.Call(ctx, f.addr, protocol.NewRequest(code.HeartBeat, nil, []byte(body))); err != nil {
		f.t.Fatal(err)
	}
}

const replyTopic = "DefaultCluster_REPLY_TOPIC"

func replyFields(to string, more ...string) []string {
	return replace(sendFields(replyTopic), append([]string{
		"f", "256", "i", "MSG_TYPE\x01reply\x02CORRELATION_ID\x01c1\x02REPLY_TO_CLIENT\x01" + to + "\x02TTL\x013000\x02TRACE_ON\x01x\x02POP_CK\x01p\x02",
	}, more...)...)
}

func TestReplyIsPushedAndKept(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.FlushDiskType{store.AsyncFlush, store.SyncFlush} {
		f := start(t, func(_ *Config, s *store.Config) { s.FlushDiskType = mode })
		a := f.asker("client@1")
		reply := f.call(code.SendReplyMessageV2, []byte("the reply"), replyFields("client@1")...)
		want(t, reply, code.Success, "")
		for name, value := range map[string]string{"queueId": "0", "queueOffset": "0", "MSG_REGION": "DefaultRegion", "TRACE_ON": "true", "transactionId": ""} {
			if got := reply.Fields.String(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		h := <-a.took
		if h.Topic != replyTopic || h.ProducerGroup != "PG" || h.SysFlag != 256 || h.StoreHost != f.addr || h.BornHost == "" || h.StoreTimestamp == 0 || h.BornTimestamp != 1700000000000 {
			t.Errorf("%+v", h)
		}
		pushed := []byte(h.Properties[:len(h.Properties)-len("|the reply")])
		if at, _ := message.Property(pushed, message.PropertyPushReplyTime); len(at) == 0 || h.Properties[len(pushed):] != "|the reply" {
			t.Errorf("pushed %q", h.Properties)
		}
		got := f.visible(replyTopic)
		if len(got) != 1 || string(got[0].Body) != "the reply" || got[0].SysFlag != 0 {
			t.Fatalf("kept %+v", got)
		}
		if p := string(got[0].Properties); p != "MSG_TYPE\x01reply\x02CORRELATION_ID\x01c1\x02REPLY_TO_CLIENT\x01client@1\x02TTL\x013000\x02POP_CK\x01p\x02MSG_REGION\x01DefaultRegion\x02TRACE_ON\x01true\x02" {
			t.Errorf("kept with %q", p)
		}
		if id := string(message.AppendOffsetMsgID(nil, f.Addr(), got[0].PhyOffset)); reply.Fields.String("msgId") != id {
			t.Errorf("msgId %q, want %q", reply.Fields.String("msgId"), id)
		}
		if f.replies.count.Load() != 0 || f.replies.bytes.Load() != 0 {
			t.Error("a reply is still counted")
		}
	}
}

// TestReplyAnswers walks the answers in Java's words; what could not be pushed is kept all the same.
func TestReplyAnswers(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	refuses := f.asker("refuses")
	refuses.answer = code.SystemError
	silent := f.asker("silent")
	silent.silent = true
	spelled := []string{
		"producerGroup", "PG", "topic", replyTopic, "defaultTopic", "TBW102", "defaultTopicQueueNums", "4", "queueId", "-1", "sysFlag", "0",
		"bornTimestamp", "1", "flag", "0", "properties", "REPLY_TO_CLIENT\x01nobody\x02",
	}
	for _, row := range []struct {
		name   string
		code   code.Request
		fields []string
		want   code.Response
		remark string
		kept   bool
	}{
		{"a client that refuses", code.SendReplyMessageV2, replyFields("refuses"), code.SystemError, "push reply message to refuses" + "fail.", true},
		{"a client that is not here", code.SendReplyMessageV2, replyFields("nobody"), code.SystemError, "push reply message fail, channel of <nobody> not found.", true},
		{"names spelled out, any queue", code.SendReplyMessage, spelled, code.SystemError, "push reply message fail, channel of <nobody> not found.", true},
		{"no client named", code.SendReplyMessageV2, sendFields(replyTopic), code.SystemError, "reply message properties[REPLY_TO_CLIENT] is null", true},
		{"a queue that is not there", code.SendReplyMessageV2, replyFields("x", "e", "5"), code.InvalidParameter, "", false},
		{"a forbidden topic", code.SendReplyMessageV2, replyFields("x", "b", "SELF_TEST_TOPIC"), code.NoPermission, "Sending message to topic[SELF_TEST_TOPIC] is forbidden.", false},
		{"no header", code.SendReplyMessageV2, nil, code.SystemError, "the custom field <b> is null", false},
		{"a topic made by it", code.SendReplyMessageV2, replyFields("nobody", "b", "Replies"), code.SystemError, "push reply message fail, channel of <nobody> not found.", true},
	} {
		reply := f.call(row.code, []byte("x"), row.fields...)
		if reply.Response() != row.want || row.remark != "" && reply.Remark != row.remark {
			t.Errorf("%s: %d %q", row.name, reply.Code, reply.Remark)
		}
		if id := reply.Fields.String("msgId"); (id != "") != row.kept || reply.Fields.String("TRACE_ON") != "true" {
			t.Errorf("%s: msgId %q", row.name, id)
		}
	}
	if got := len(f.visible(replyTopic)); got != 4 {
		t.Errorf("%d kept, want 4", got)
	}
	want(t, f.call(code.UpdateBrokerConfig, []byte("storeReplyMessageEnable=false\n")), code.Success, "")
	reply := f.call(code.SendReplyMessageV2, []byte("x"), replyFields("nobody")...)
	if _, has := reply.Fields.Get("msgId"); has || reply.Response() != code.SystemError {
		t.Errorf("not kept: %d %q", reply.Code, reply.Remark)
	}
	ok := f.asker("takes")
	reply = f.call(code.SendReplyMessageV2, []byte("x"), replyFields("takes")...)
	want(t, reply, code.Success, "")
	if reply.Fields.String("msgId") != "0" || reply.Fields.String("queueOffset") != "0" || len(ok.took) != 1 {
		t.Errorf("pushed and not kept: msgId %q", reply.Fields.String("msgId"))
	}

	done := make(chan *protocol.Command, 1)
	go func() { done <- f.call(code.SendReplyMessageV2, []byte("x"), replyFields("silent")...) }()
	<-silent.took
	silent.client.Close() // it never confirms, and goes
	want(t, <-done, code.SystemError, "push reply message to silentfail.")
}

// TestReplyToASecondGroup: the id of a client is found as long as it has a group on the connection.
func TestReplyToASecondGroup(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	a := f.asker("c")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	leave := protocol.NewRequest(code.UnregisterClient, nil, nil)
	leave.Fields = fields("clientID", "c", "producerGroup", "PGx")
	if _, err := a.client.Call(ctx, f.addr, leave); err != nil {
		t.Fatal(err)
	}
	want(t, f.call(code.SendReplyMessageV2, []byte("x"), replyFields("c")...), code.Success, "")
	leave.Fields = fields("clientID", "c", "producerGroup", "CLIENT_INNER_PRODUCER")
	if _, err := a.client.Call(ctx, f.addr, leave); err != nil {
		t.Fatal(err)
	}
	want(t, f.call(code.SendReplyMessageV2, []byte("x"), replyFields("c")...), code.SystemError, "push reply message fail, channel of <c> not found.")
}

func TestTooManyReplies(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.ReplyThreadPoolQueueCapacity = 0 })
	want(t, f.call(code.SendReplyMessageV2, []byte("x"), replyFields("c")...), code.SystemBusy, remarkOverload)
}

// TestRepliesWithLittleMemory: they keep within their part of a memory limit.
func TestRepliesWithLittleMemory(t *testing.T) {
	t.Parallel()
	var r replies
	for memory, want := range map[int64]int64{0: maxReplyBytes, 64 << 20: 8 << 20, 64 << 30: maxReplyBytes} {
		if r.bound(memory); r.most != want {
			t.Errorf("%d of %d bytes", r.most, memory)
		}
	}
	// The limit is set before the broker runs: its loops read it without a lock.
	const memory = 64 << 20
	f := startOn(t, Options{MemoryLimit: memory}, nil)
	f.replies.bytes.Store(memory / repliesOfLimit)
	want(t, f.call(code.SendReplyMessageV2, make([]byte, 101), replyFields("nobody")...), code.SystemBusy, remarkOverload)
}
