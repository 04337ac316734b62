package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// replace sets fields of a request by name.
func replace(base []string, pairs ...string) []string {
	out := append([]string{}, base...)
	for i := 0; i+1 < len(pairs); i += 2 {
		found := false
		for j := 0; j+1 < len(out); j += 2 {
			if out[j] == pairs[i] {
				out[j+1], found = pairs[i+1], true
			}
		}
		if !found {
			out = append(out, pairs[i], pairs[i+1])
		}
	}
	return out
}

// without removes a field.
func without(base []string, name string) (out []string) {
	for i := 0; i+1 < len(base); i += 2 {
		if base[i] != name {
			out = append(out, base[i], base[i+1])
		}
	}
	return out
}

const remarkIllegal = "the message is illegal, maybe msg body or properties length not matched. " +
	"msg body length limit 4194304B, msg properties length limit 32KB."

func TestSendChecks(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.BrokerPermission = 4 })
	ordered := topic.NewConfig("Ordered")
	ordered.Order = true
	batchCQ := topic.NewConfig("BatchCQ")
	batchCQ.Attributes["queue.type"] = "BatchCQ"
	compact := topic.NewConfig("Compact")
	compact.Attributes["cleanup.policy"] = "COMPACTION"
	noQueues := topic.NewConfig("NoQueues")
	noQueues.WriteQueueNums = 0
	if err := f.Topics.Put(ordered, batchCQ, compact, noQueues, topic.NewConfig("T")); err != nil {
		t.Fatal(err)
	}
	const unsupportedTail = " are not supported by this version of the broker"
	for _, row := range []struct {
		name   string
		fields []string // in place of an ordinary send's
		body   string
		code   code.Response
		remark string
	}{
		{name: "ordinary, though the broker is not writeable", code: code.Success},
		{
			name: "ordered topic, broker not writeable", fields: []string{"b", "Ordered"}, code: code.NoPermission,
			remark: "the broker[127.0.0.1] sending message is forbidden",
		},
		{
			name: "illegal name", fields: []string{"b", "../../x"}, code: code.InvalidParameter,
			remark: "The specified topic: ../../x, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$",
		},
		{name: "blank name", fields: []string{"b", " "}, code: code.InvalidParameter, remark: "The specified topic is blank."},
		{
			name: "128 characters", fields: []string{"b", strings.Repeat("x", 128)}, code: code.InvalidParameter,
			remark: "The specified topic: " + strings.Repeat("x", 128) + ", is longer than topic max length: 127",
		},
		{
			name: "system topic", fields: []string{"b", "SCHEDULE_TOPIC_XXXX"}, code: code.NoPermission,
			remark: "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.",
		},
		{
			name: "half topic", fields: []string{"b", "RMQ_SYS_TRANS_HALF_TOPIC"}, code: code.NoPermission,
			remark: "Sending message to topic[RMQ_SYS_TRANS_HALF_TOPIC] is forbidden.",
		},
		{
			name: "unknown topic, unknown template", fields: []string{"b", "New", "c", "nope"}, code: code.TopicNotExist,
			remark: "topic[New] not exist, apply first please!" + faq,
		},
		{
			name: "unknown topic, template without INHERIT", fields: []string{"b", "New", "c", "T"}, code: code.TopicNotExist,
			remark: "topic[New] not exist, apply first please!" + faq,
		},
		{name: "unknown topic is made", fields: []string{"b", "Fresh"}, code: code.Success},
		{
			name: "queue above the last", fields: []string{"e", "16"}, code: code.InvalidParameter,
			remark: "request queueId[16] is illegal, TopicConfig [topicName=T, readQueueNums=16, writeQueueNums=16, perm=RW-, " +
				"topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={}] Producer: <addr>",
		},
		{name: "queue far above", fields: []string{"e", "2147483647"}, code: code.InvalidParameter, remark: "*"},
		{name: "any queue", fields: []string{"e", "-1"}, code: code.Success},
		{
			name: "any queue of a topic without", fields: []string{"b", "NoQueues", "e", "-1"}, code: code.SystemError,
			remark: "java.lang.ArithmeticException: / by zero",
		},
		{name: "queue not a number", fields: []string{"e", "abc"}, code: code.SystemError, remark: "*"},
		{name: "TBW102 itself", fields: []string{"b", "TBW102"}, code: code.Success},
		{name: "wheel timer topic", fields: []string{"b", "rmq_sys_wheel_timer"}, code: code.Success},
		{name: "too long a body", body: strings.Repeat("x", 4<<20+1), code: code.MessageIllegal, remark: remarkIllegal},
		{name: "longest body", body: strings.Repeat("x", 4<<20), code: code.Success},
		{name: "no body", body: "-", code: code.MessageIllegal, remark: remarkIllegal},
		{name: "too many properties", fields: []string{"i", "A\x01" + strings.Repeat("x", 32767) + "\x02"}, code: code.MessageIllegal, remark: remarkIllegal},
		{name: "compacted topic, no key", fields: []string{"b", "Compact"}, code: code.MessageIllegal, remark: "Required message key is missing"},
		{name: "compacted topic", fields: []string{"b", "Compact", "i", "KEYS\x01k\x02"}, code: code.Success},
		{name: "inner batch flag", fields: []string{"f", "128"}, code: code.MessageIllegal, remark: remarkIllegal},
		{name: "INNER_NUM", fields: []string{"i", "INNER_NUM\x013\x02"}, code: code.MessageIllegal, remark: remarkIllegal},
		{name: "delay level", fields: []string{"i", "DELAY\x013\x02"}, code: code.Success},
		{
			name: "delay level that is no number", fields: []string{"i", "DELAY\x01soon\x02"}, code: code.SystemError,
			remark: `java.lang.NumberFormatException: For input string: "soon"`,
		},
		{name: "delay level 0", fields: []string{"i", "DELAY\x010\x02"}, code: code.Success},
		{name: "delay level -1", fields: []string{"i", "DELAY\x01-1\x02"}, code: code.Success},
		{name: "delay level 99", fields: []string{"i", "DELAY\x0199\x02"}, code: code.Success},
		{name: "timer", fields: []string{"i", "TIMER_DELIVER_MS\x0199\x02"}, code: code.SystemError, remark: "timer messages" + unsupportedTail},
		{name: "prepared flag", fields: []string{"f", "4"}, code: code.SystemError, remark: "messages with a transaction flag and without TRAN_MSG" + unsupportedTail},
		{name: "retry topic", fields: []string{"b", "%RETRY%g"}, code: code.Success},
		{name: "batch queues", fields: []string{"b", "BatchCQ"}, code: code.MessageIllegal, remark: "topic[BatchCQ" + remarkBatchQueues},
		{name: "a list to batch queues", fields: []string{"b", "BatchCQ", "m", "true"}, code: code.MessageIllegal, remark: "topic[BatchCQ" + remarkBatchQueues},
		{name: "host flags of a client", fields: []string{"f", "48"}, code: code.Success},
	} {
		body := row.body
		switch body {
		case "":
			body = "hello"
		case "-":
			body = ""
		}
		reply := f.call(code.SendMessageV2, []byte(body), replace(sendFields("T"), row.fields...)...)
		remark := reply.Remark
		if i := strings.Index(remark, "Producer: 127.0.0.1:"); i >= 0 {
			remark = remark[:i] + "Producer: <addr>"
		}
		if reply.Response() != row.code || remark != row.remark && row.remark != "*" {
			t.Errorf("%s: %d %q, want %d %q", row.name, reply.Code, remark, row.code, row.remark)
		}
		if reply.Fields.String("MSG_REGION") != "DefaultRegion" || reply.Fields.String("TRACE_ON") != "true" {
			t.Errorf("%s: the answer lacks MSG_REGION or TRACE_ON", row.name)
		}
	}
}

func TestSendHeaderFields(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	v1 := []string{
		"producerGroup", "PG", "topic", "T", "defaultTopic", "TBW102", "defaultTopicQueueNums", "4", "queueId", "0",
		"sysFlag", "0", "bornTimestamp", "1", "flag", "0", "properties", "",
	}
	want(t, f.call(code.SendMessage, []byte("x"), v1...), code.Success, "")
	for _, name := range []string{"topic", "queueId", "sysFlag", "bornTimestamp", "flag"} {
		want(t, f.call(code.SendMessage, []byte("x"), without(v1, name)...), code.SystemError, "the custom field <"+name+"> is null")
	}
	v2 := sendFields("T")
	for _, letter := range []string{"b", "e", "f", "g", "h"} {
		want(t, f.call(code.SendMessageV2, []byte("x"), without(v2, letter)...), code.SystemError, "the custom field <"+letter+"> is null")
	}
}

func TestSendBeforeTheTime(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.StartAcceptSendRequestTimeStamp = 4102444800000 })
	reply := f.call(code.SendMessageV2, []byte("x"), sendFields("T")...)
	if reply.Response() != code.SystemError || !strings.HasPrefix(reply.Remark, "broker unable to service, until 2") ||
		!strings.Contains(reply.Remark, ",000") {
		t.Fatalf("%d %q", reply.Code, reply.Remark)
	}
}

func TestCompletedProperties(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for _, row := range []struct{ name, sent, stored string }{
		{"what the broker adds comes last", "KEYS\x01k\x02UNIQ_KEY\x01U\x02", "KEYS\x01k\x02UNIQ_KEY\x01U\x02<added>"},
		{"what it decides is replaced", "UNIQ_KEY\x01U\x02MSG_REGION\x01x\x02TRACE_ON\x01x\x02CLUSTER\x01x\x02POP_CK\x01x\x02", "UNIQ_KEY\x01U\x02<added>"},
		{"no end of the last", "UNIQ_KEY\x01U\x02a\x01b", "UNIQ_KEY\x01U\x02a\x01b\x02<added>"},
		{"a value with the separator of names", "UNIQ_KEY\x01U\x02a\x01b\x01c\x02", "UNIQ_KEY\x01U\x02a\x01b\x01c\x02<added>"},
		{"pieces that are no pairs", "UNIQ_KEY\x01U\x02junk\x02\x01v\x02n\x01\x02", "UNIQ_KEY\x01U\x02<added>"},
		{"a name that only begins alike", "UNIQ_KEY\x01U\x02POP_CK_OFFSET\x013\x02", "UNIQ_KEY\x01U\x02POP_CK_OFFSET\x013\x02<added>"},
	} {
		reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "i", row.sent)...)
		want(t, reply, code.Success, "")
		if got := reply.Fields.String("transactionId"); got != "U" {
			t.Errorf("%s: transactionId %q, want U", row.name, got)
		}
		v := f.stored(t, reply)
		expect := strings.Replace(row.stored, "<added>", "MSG_REGION\x01DefaultRegion\x02TRACE_ON\x01true\x02CLUSTER\x01DefaultCluster\x02", 1)
		if string(v.Properties) != expect {
			t.Errorf("%s: stored %q, want %q", row.name, v.Properties, expect)
		}
	}
	reply := f.sendTo("T", "without a key")
	id := reply.Fields.String("transactionId")
	if len(id) != 32 || !strings.Contains(string(f.stored(t, reply).Properties), "UNIQ_KEY\x01"+id+"\x02") {
		t.Fatalf("made key %q", id)
	}
}

// stored reads back the record that an answer to a send names.
func (f *fixture) stored(t testing.TB, reply *protocol.Command) message.View {
	t.Helper()
	_, phy, err := message.ParseOffsetMsgID(reply.Fields.String("msgId"))
	if err != nil {
		t.Fatal(err)
	}
	got := f.call(code.ViewMessageByID, nil, "offset", fmt.Sprint(phy))
	want(t, got, code.Success, "")
	return decodeAll(t, got.Body)[0]
}

func TestSendBinaryHeader(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	cfg := f.client
	_ = cfg
	conn := f.raw()
	cmd := protocol.NewRequest(code.SendMessageV2, nil, []byte("x"))
	cmd.Fields, cmd.Serialize, cmd.Opaque = fields(replace(sendFields("T"), "i", "UNIQ_KEY\x01U\x02")...), protocol.RocketMQ, 7
	f.sendTo("T", "make the topic first")
	if _, err := conn.Write(protocol.AppendFrame(nil, cmd)); err != nil {
		t.Fatal(err)
	}
	reply := readFrame(t, conn)
	if reply.Serialize != protocol.RocketMQ || reply.Opaque != 7 || reply.Response() != code.Success || !reply.IsResponse() {
		t.Fatalf("answer %+v", reply)
	}
	for name, value := range map[string]string{
		"MSG_REGION": "DefaultRegion", "TRACE_ON": "true", "queueId": "0", "queueOffset": "1", "transactionId": "U",
	} {
		if got := reply.Fields.String(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

// readFrame reads one whole frame.
func readFrame(t testing.TB, r interface{ Read([]byte) (int, error) }) *protocol.Command {
	t.Helper()
	var head [4]byte
	if err := readFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(head[:]))
	if err := readFull(r, frame); err != nil {
		t.Fatal(err)
	}
	cmd := new(protocol.Command)
	if err := protocol.DecodeFrame(frame, cmd); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func readFull(r interface{ Read([]byte) (int, error) }, buf []byte) error {
	for len(buf) > 0 {
		n, err := r.Read(buf)
		if err != nil {
			return err
		}
		buf = buf[n:]
	}
	return nil
}

func TestSendTemplateIsWhatTheCodecReads(t *testing.T) {
	t.Parallel()
	var tpl replyTemplate
	cfg := DefaultConfig()
	cfg.RegionID = `re"gion` + "\n"
	tpl.make(&cfg, netip.MustParseAddrPort("127.0.0.1:10911"))
	a := sendAnswer{code: code.FlushDiskTimeout, opaque: -5, queue: 3, offset: 1 << 40, phys: []int64{1, 2}, uniq: []byte("a\"b\\c\x01é")}
	without := a
	without.uniq = nil
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		var bare protocol.Command
		if err := protocol.DecodeFrame(tpl.append(nil, s, &without)[4:], &bare); err != nil || bare.Fields.String("queueOffset") != "1099511627776" {
			t.Errorf("%s, no id: %v %v", s, err, bare.Fields)
		}
		frame := tpl.append([]byte("before"), s, &a)[len("before"):]
		if n := binary.BigEndian.Uint32(frame); int(n) != len(frame)-4 {
			t.Fatalf("%s: length %d of a frame of %d", s, n, len(frame))
		}
		var cmd protocol.Command
		if err := protocol.DecodeFrame(frame[4:], &cmd); err != nil {
			t.Fatalf("%s: %v: %q", s, err, frame)
		}
		if cmd.Response() != a.code || cmd.Opaque != a.opaque || cmd.Version != protocol.CurrentVersion ||
			cmd.Fields.String("MSG_REGION") != cfg.RegionID || !bytes.Equal([]byte(cmd.Fields.String("transactionId")), a.uniq) ||
			strings.Count(cmd.Fields.String("msgId"), ",") != 1 || cmd.Fields.String("queueOffset") != "1099511627776" {
			t.Errorf("%s: %q", s, frame)
		}
	}
}

func TestSendBatch(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "first")
	var body []byte
	for i := range 3 {
		body = message.AppendBatchElement(body, message.BatchElement{Flag: 7, Body: fmt.Append(nil, "b", i), Properties: []byte("KEYS\x01k\x02")})
	}
	reply := f.call(code.SendBatchMessage, body, replace(sendFields("T"), "m", "true")...)
	want(t, reply, code.Success, "")
	if ids := strings.Split(reply.Fields.String("msgId"), ","); len(ids) != 3 || reply.Fields.String("queueOffset") != "1" {
		t.Fatalf("msgId %q, queueOffset %q", reply.Fields.String("msgId"), reply.Fields.String("queueOffset"))
	}
	if id, there := reply.Fields.Get("transactionId"); there {
		t.Errorf("transactionId %q of a batch that came without UNIQ_KEY", id)
	}
	pulled := f.call(code.PullMessage, nil, pullFields("G", "T", "1")...)
	list := decodeAll(t, pulled.Body)
	if len(list) != 3 || string(list[2].Body) != "b2" || string(list[2].Properties) != "KEYS\x01k\x02" || list[2].Flag != 7 {
		t.Fatalf("stored %d: %+v", len(list), list)
	}
	named := f.call(code.SendBatchMessage, body, replace(sendFields("T"), "m", "true", "i", "UNIQ_KEY\x01U\x02")...)
	if got := named.Fields.String("transactionId"); got != "U" {
		t.Errorf("transactionId %q, want U", got)
	}
	want(t, f.call(code.SendBatchMessage, []byte("x"), sendFields("T")...), code.Success, "") // m absent: a single message
	for _, row := range []struct {
		name, topic string
		body        []byte
		code        code.Response
		remark      string
	}{
		{"sizes that do not add up", "T", append([]byte{0, 0, 0, 99}, body[4:]...), code.MessageIllegal, remarkIllegal},
		{"negative size", "T", append([]byte{0xff, 0xff, 0xff, 0xff}, body[4:]...), code.MessageIllegal, remarkIllegal},
		{"cut", "T", body[:len(body)-1], code.MessageIllegal, remarkIllegal},
		{"nothing", "T", nil, code.MessageIllegal, remarkIllegal},
		{"retry topic", "%RETRY%g", body, code.MessageIllegal, "batch request does not support retry group %RETRY%g"},
		{"long topic", "%DLQ%" + strings.Repeat("x", 130), body, code.MessageIllegal, "message topic length too long 135"},
	} {
		got := f.call(code.SendBatchMessage, row.body, replace(sendFields(row.topic), "m", "true")...)
		if got.Response() != row.code || got.Remark != row.remark {
			t.Errorf("%s: %d %q, want %d %q", row.name, got.Code, got.Remark, row.code, row.remark)
		}
	}
}

func TestOneWaySendIsStoredAndSilent(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "first")
	conn := f.raw()
	cmd := protocol.NewRequest(code.SendMessageV2, nil, []byte("quiet"))
	cmd.Fields = fields(sendFields("T")...)
	cmd.MarkOneWay()
	frames := protocol.AppendFrame(nil, cmd)
	cmd.Fields = fields(replace(sendFields("T"), "e", "99")...) // refused in silence too
	frames = protocol.AppendFrame(frames, cmd)
	ask := protocol.NewRequest(code.GetMaxOffset, nil, nil)
	ask.Fields, ask.Opaque = fields("topic", "T", "queueId", "0"), 99
	if _, err := conn.Write(protocol.AppendFrame(frames, ask)); err != nil {
		t.Fatal(err)
	}
	if reply := readFrame(t, conn); reply.Opaque != 99 || reply.Fields.String("offset") != "2" {
		t.Fatalf("first answer has opaque %d, offset %q", reply.Opaque, reply.Fields.String("offset"))
	}
}

func TestSyncFlush(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, s *store.Config) { s.FlushDiskType = store.SyncFlush })
	f.sendTo("T", "first")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				reply := f.call(code.SendMessageV2, fmt.Append(nil, w, i), replace(sendFields("T"), "i", fmt.Sprintf("UNIQ_KEY\x01U%d-%d\x02", w, i))...)
				if reply.Response() != code.Success || reply.Fields.String("transactionId") != fmt.Sprintf("U%d-%d", w, i) {
					t.Errorf("%d %q %q", reply.Code, reply.Remark, reply.Fields.String("transactionId"))
				}
			}
		})
	}
	wg.Wait()
	want(t, f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "i", "WAIT\x01false\x02")...), code.Success, "")
	var body []byte
	for range 2 {
		body = message.AppendBatchElement(body, message.BatchElement{Body: []byte("b")})
	}
	reply := f.call(code.SendBatchMessage, body, replace(sendFields("T"), "m", "true")...)
	want(t, reply, code.Success, "")
	if !strings.Contains(reply.Fields.String("msgId"), ",") {
		t.Fatalf("msgId %q of a batch", reply.Fields.String("msgId"))
	}
}
