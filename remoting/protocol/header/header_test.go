package header_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

func ptr[T any](v T) *T { return &v }

// recorded gives the commands of testdata/frames.json of the parent directory by name.
func recorded(t *testing.T, serialize string) map[string]*protocol.Command {
	t.Helper()
	data, err := os.ReadFile("../testdata/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var frames []struct{ Name, Serialize, Hex string }
	if err := json.Unmarshal(data, &frames); err != nil {
		t.Fatal(err)
	}
	commands := map[string]*protocol.Command{}
	for _, f := range frames {
		if f.Serialize != serialize {
			continue
		}
		frame, err := hex.DecodeString(f.Hex)
		if err != nil {
			t.Fatal(err)
		}
		c := new(protocol.Command)
		if err := protocol.DecodeFrame(frame[4:], c); err != nil {
			t.Fatal(err)
		}
		commands[f.Name] = c
	}
	return commands
}

const recordedProperties = "KEYS\x01k1\x02UNIQ_KEY\x017F0000010539002A9D6A4F0C5B8A0000\x02WAIT\x01true\x02TAGS\x01TagA\x02"

var recordedSend = header.SendMessage{
	ProducerGroup: []byte("PG_golden"), Topic: []byte("TopicGolden"), DefaultTopic: []byte("TBW102"), DefaultTopicQueueNums: 4,
	QueueId: 2, BornTimestamp: 1700000000000, Properties: []byte(recordedProperties), BrokerName: []byte("broker-a"),
}

// Recorded headers become the typed ones, and those are written with the same fields again.
func TestRecordedHeaders(t *testing.T) {
	t.Parallel()
	rows := map[string]any{
		"send_message_v1_req":  &recordedSend,
		"send_message_v2_req":  &header.SendMessageV2{SendMessage: recordedSend},
		"send_message_resp_ok": &header.SendMessageResponse{MsgId: []byte("7F00000100002A9F0000000000000123"), QueueId: 2, QueueOffset: 17, TransactionId: []byte("7F0000010539002A9D6A4F0C5B8A0000")},
		"pull_message_req": &header.PullMessage{
			ConsumerGroup: []byte("CG_golden"), Topic: []byte("TopicGolden"), QueueOffset: 100, MaxMsgNums: 32, SysFlag: header.PullCommitOffset | header.PullSuspend,
			CommitOffset: 99, SuspendTimeoutMillis: 15000, Subscription: []byte("*"), SubVersion: 1700000000001, ExpressionType: []byte("TAG"), RequestSource: -1,
		},
		"heartbeat_resp":                         &header.HeartBeatResponse{IsSupportHeartBeatV2: true, IsSubChange: true},
		"get_route_req":                          &header.GetRouteInfo{Topic: "TopicGolden"},
		"get_route_req_standard_json":            &header.GetRouteInfo{Topic: "TopicGolden", AcceptStandardJsonOnly: true},
		"query_consumer_offset_req":              &header.QueryConsumerOffset{ConsumerGroup: "CG_golden", Topic: "TopicGolden", QueueId: 1, SetZeroIfNotFound: ptr(false)},
		"query_consumer_offset_resp":             &header.QueryConsumerOffsetResponse{Offset: 42},
		"get_consumer_list_req":                  &header.GetConsumerListByGroup{ConsumerGroup: "CG_golden"},
		"update_consumer_offset_oneway_req":      &header.UpdateConsumerOffset{ConsumerGroup: "CG_golden", Topic: "TopicGolden", QueueId: 1, CommitOffset: 42},
		"notify_consumer_ids_changed_oneway_req": &header.NotifyConsumerIdsChanged{ConsumerGroup: "CG_golden"},
	}
	for _, serialize := range []string{"JSON", "ROCKETMQ"} {
		commands := recorded(t, serialize)
		for name, want := range rows {
			t.Run(name+"/"+serialize, func(t *testing.T) {
				t.Parallel()
				c := commands[name]
				got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
				if err := header.Decode(&c.Fields, got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("decoded (-expected +found):\n%s\n%v", diff, c)
				}
				checkEncoded(t, c, got)
			})
		}
	}
}

// checkEncoded writes the header and compares with the recorded fields; those that no header has, common fields and those of hooks, aside.
func checkEncoded(t *testing.T, c *protocol.Command, h any) {
	t.Helper()
	out := protocol.Command{Serialize: c.Serialize, Header: h}
	var back protocol.Command
	if err := protocol.DecodeFrame(protocol.AppendFrame(nil, &out)[4:], &back); err != nil {
		t.Fatal(err)
	}
	for i := range c.Fields.Len() {
		f := c.Fields.At(i)
		name := string(f.Key)
		if got, ok := back.Fields.Get(name); !ok && name != "bname" && name != "MSG_REGION" && name != "TRACE_ON" || ok && string(got) != string(f.Value) {
			t.Errorf("encoded %s: found %q, expected %q", name, got, f.Value)
		}
	}
	again := reflect.New(reflect.TypeOf(h).Elem()).Interface()
	if err := header.Decode(&back.Fields, again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, again); diff != "" {
		t.Errorf("round trip (-expected +found):\n%s", diff)
	}
}

func fields(pairs ...string) *protocol.Fields {
	var f protocol.Fields
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return &f
}

func TestDefaultsAndAbsence(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		fields *protocol.Fields
		want   any
	}{
		{"committed is true unless said otherwise", fields("topic", "T", "queueId", "1"), &header.GetMaxOffset{Topic: "T", QueueId: 1, Committed: true}},
		{"committed false", fields("topic", "T", "queueId", "1", "committed", "false"), &header.GetMaxOffset{Topic: "T", QueueId: 1}},
		{"Boolean.parseBoolean", fields("topic", "T", "acceptStandardJsonOnly", "TRUE"), &header.GetRouteInfo{Topic: "T", AcceptStandardJsonOnly: true}},
		{"anything else is false", fields("topic", "T", "acceptStandardJsonOnly", "yes"), &header.GetRouteInfo{Topic: "T"}},
		{"pointers: absent", fields("consumerGroup", "G", "topic", "T", "queueId", "0"), &header.QueryConsumerOffset{ConsumerGroup: "G", Topic: "T"}},
		{"pointers: present", fields("consumerGroup", "G", "topic", "T", "queueId", "0", "setZeroIfNotFound", "false"), &header.QueryConsumerOffset{ConsumerGroup: "G", Topic: "T", SetZeroIfNotFound: ptr(false)}},
		{"reset offset of an old mqadmin", fields("group", "G", "topic", "T", "timestamp", "-1", "isForce", "true"), &header.ResetOffset{Group: "G", Topic: "T", QueueId: -1, Timestamp: -1, IsForce: true}},
		{"metadata of an old slave", fields(), &header.GetAllTopicConfig{}},
		{"a plus sign", fields("offset", "+5"), &header.GetMaxOffsetResponse{Offset: 5}},
		{"leading zeros", fields("offset", "000000000000000000000000000005"), &header.GetMaxOffsetResponse{Offset: 5}},
		{"the smallest long", fields("offset", "-9223372036854775808"), &header.GetMaxOffsetResponse{Offset: -1 << 63}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			got := reflect.New(reflect.TypeOf(r.want).Elem()).Interface()
			if err := header.Decode(r.fields, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("(-expected +found):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	send := []string{"a", "P", "b", "T", "c", "D", "d", "4", "e", "0", "f", "0", "g", "1", "h", "0"}
	pull := []string{"consumerGroup", "G", "topic", "T", "queueId", "0", "queueOffset", "0", "maxMsgNums", "32", "sysFlag", "0", "commitOffset", "0", "suspendTimeoutMillis", "0", "subVersion", "0"}
	rows := []struct {
		name, want string
		fields     *protocol.Fields
		header     any
	}{
		{"nothing in a tagged header", "the custom field <topic> is null", fields(), new(header.GetMaxOffset)},
		{"a missing number", "the custom field <queueId> is null", fields("topic", "T"), new(header.GetMaxOffset)},
		{"V2 without topic", "the custom field <b> is null", fields(append([]string{"zz", "1"}, append(send[:2:2], send[4:]...)...)...), new(header.SendMessageV2)},
		{"V1 names the fields out", "the custom field <topic> is null", fields(send...), new(header.SendMessage)},
		{"a pull that commits nothing", "the custom field <commitOffset> is null", fields(append(pull[:10:10], "sysFlag", "1")...), new(header.PullMessage)},
		{"a pull that waits for how long", "the custom field <suspendTimeoutMillis> is null", fields(append(pull[:10:10], "sysFlag", "2")...), new(header.PullMessage)},
		{"a word as number", "For input string: \"x\"", fields(append(send, "e", "x")...), new(header.SendMessageV2)},
		{"beyond int", "For input string: \"2147483648\"", fields(append(pull, "queueId", "2147483648")...), new(header.PullMessage)},
		{"beyond long", "For input string: \"9223372036854775808\"", fields("offset", "9223372036854775808"), new(header.GetMaxOffsetResponse)},
		{"far beyond long", "For input string: \"99999999999999999999\"", fields("offset", "99999999999999999999"), new(header.GetMaxOffsetResponse)},
		{"an underscore", "For input string: \"1_0\"", fields("offset", "1_0"), new(header.GetMaxOffsetResponse)},
		{"a sign alone", "For input string: \"-\"", fields("offset", "-"), new(header.GetMaxOffsetResponse)},
		{"an empty number", "For input string: \"\"", fields("offset", ""), new(header.GetMaxOffsetResponse)},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			err := header.Decode(r.fields, r.header)
			if err == nil || !strings.HasPrefix(err.Error(), r.want) {
				t.Fatalf("found %v, expected %s", err, r.want)
			}
			var missing *protocol.MissingFieldError
			var number *protocol.NumberError
			if !errors.As(err, &missing) && !errors.As(err, &number) {
				t.Errorf("found an error of type %T", err)
			}
		})
	}
}

// Every type survives a round trip with each member set, in both serializations; a tag that means nothing would panic here.
func TestAllTypesRoundTrip(t *testing.T) {
	t.Parallel()
	all := []any{
		new(header.AddWritePermOfBroker),
		new(header.AddWritePermOfBrokerResponse),
		new(header.BrokerHeartbeat),
		new(header.CloneGroupOffset),
		new(header.ConsumeMessageDirectlyResult),
		new(header.ConsumerSendMsgBack),
		new(header.CreateTopic),
		new(header.DeleteKVConfig),
		new(header.DeleteSubscriptionGroup),
		new(header.DeleteTopic),
		new(header.DeleteTopicFromNamesrv),
		new(header.ExchangeHAInfo),
		new(header.ExchangeHAInfoResponse),
		new(header.GetAllSubscriptionGroup),
		new(header.GetAllSubscriptionGroupResponse),
		new(header.GetAllTopicConfig),
		new(header.GetAllTopicConfigResponse),
		new(header.GetBrokerConfigResponse),
		new(header.GetBrokerMemberGroup),
		new(header.GetConsumeStats),
		new(header.GetConsumeStatsInBroker),
		new(header.GetConsumerConnectionList),
		new(header.GetConsumerListByGroup),
		new(header.GetConsumerRunningInfo),
		new(header.GetConsumerStatus),
		new(header.GetEarliestMsgStoretime),
		new(header.GetEarliestMsgStoretimeResponse),
		new(header.GetKVConfig),
		new(header.GetKVConfigResponse),
		new(header.GetKVListByNamespace),
		new(header.GetMaxOffset),
		new(header.GetMaxOffsetResponse),
		new(header.GetMinOffset),
		new(header.GetMinOffsetResponse),
		new(header.GetProducerConnectionList),
		new(header.GetRouteInfo),
		new(header.GetSubscriptionGroupConfig),
		new(header.GetTopicConfig),
		new(header.GetTopicStatsInfo),
		new(header.GetTopicsByCluster),
		new(header.HeartBeatResponse),
		new(header.NotifyConsumerIdsChanged),
		new(header.NotifyMinBrokerIdChange),
		new(header.PullMessage),
		new(header.PullMessageResponse),
		new(header.PutKVConfig),
		new(header.QueryConsumeQueue),
		new(header.QueryConsumeTimeSpan),
		new(header.QueryConsumerOffset),
		new(header.QueryConsumerOffsetResponse),
		new(header.QueryCorrectionOffset),
		new(header.QueryDataVersion),
		new(header.QueryDataVersionResponse),
		new(header.QueryMessage),
		new(header.QueryMessageResponse),
		new(header.QuerySubscriptionByConsumer),
		new(header.QueryTopicConsumeByWho),
		new(header.QueryTopicsByConsumer),
		new(header.RegisterBroker),
		new(header.RegisterBrokerResponse),
		new(header.RegisterTopic),
		new(header.ResetOffset),
		new(header.SearchOffset),
		new(header.SearchOffsetResponse),
		new(header.SendMessage),
		new(header.SendMessageV2),
		new(header.SendMessageResponse),
		new(header.UnRegisterBroker),
		new(header.UnregisterClient),
		new(header.UpdateConsumerOffset),
		new(header.UpdateGroupForbidden),
		new(header.ViewBrokerStatsData),
		new(header.ViewMessage),
		new(header.WipeWritePermOfBroker),
		new(header.WipeWritePermOfBrokerResponse),
	}
	for _, h := range all {
		fill(reflect.ValueOf(h).Elem())
		for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
			var c protocol.Command
			if err := protocol.DecodeFrame(protocol.AppendFrame(nil, &protocol.Command{Serialize: s, Header: h})[4:], &c); err != nil {
				t.Fatal(err)
			}
			got := reflect.New(reflect.TypeOf(h).Elem()).Interface()
			if err := header.Decode(&c.Fields, got); err != nil {
				t.Errorf("%T: %v", h, err)
			}
			if diff := cmp.Diff(h, got); diff != "" {
				t.Errorf("%T, %v (-expected +found):\n%s", h, s, diff)
			}
		}
	}
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		switch f.Kind() {
		case reflect.String:
			f.SetString("text " + v.Type().Field(i).Name)
		case reflect.Slice:
			f.SetBytes([]byte("bytes \x01"))
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct:
			fill(f)
		default:
			f.SetInt(int64(-1000 - i))
		}
	}
}
