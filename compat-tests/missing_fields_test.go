package compat_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// What the original answers to a request that lacks a required field is recorded here, and compared with our answers
// by the unit tests of the broker and the name server.
const missingFields = "../remoting/protocol/header/headertest/missing-fields-java-5.5.0.json"

var recordMissing = flag.Bool("missing-fields", false, "write "+missingFields+" anew; only with SKYLARK_TARGET=java")

// recordedRequest is a request of the original, a line of the file.
type recordedRequest struct {
	Code     int                 `json:"code"`
	Header   string              `json:"header"`   // Java's class
	Role     string              `json:"role"`     // broker or namesrv
	Required []string            `json:"required"` // @CFNotNull, in the order in which Java reads them
	Sent     map[string]string   `json:"sent"`     // with this it is complete
	Body     string              `json:"body,omitempty"`
	Complete recordedAnswer      `json:"complete"`
	Without  map[string][]string `json:"without,omitempty"` // by the missing field: code, remark
}

type recordedAnswer struct {
	Code   int    `json:"code"`
	Remark string `json:"remark,omitempty"`
}

// TestMissingFields sends each request that has required fields to the original, once complete and once without each of them.
func TestMissingFields(t *testing.T) {
	if harness.TargetOfEnv(t) != harness.Java {
		t.Skip("checks the recording; our answers are compared with it by TestMissingFields of broker and nameserv")
	}
	cluster := harness.StartCluster(t, harness.Java, nil)
	var lines []string
	text := harness.Runner{Module: harness.MQAdmin, Class: "skylarkmq.compat.mqadmin.Headers"}.Run(t)
	for line := range strings.Lines(text) {
		for _, at := range [][2]string{{"broker", cluster.Broker.Addr}, {"namesrv", cluster.NameServer.Addr}} {
			r := newRecorded(strings.Fields(line), at[0])
			if r == nil || !r.ask(t, at[1]) {
				continue
			}
			one, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(one)+"\n")
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return codeOf(a) - codeOf(b) })
	got := strings.Join(lines, "")
	if *recordMissing {
		if err := os.MkdirAll(filepath.Dir(missingFields), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(missingFields, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(missingFields)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the original answers otherwise than recorded; see the difference with -missing-fields and git diff")
	}
}

func codeOf(line string) int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(line, `{"code":`), ",")
	n, _ := strconv.Atoi(digits)
	return n
}

// newRecorded reads a line of Headers.java; nil when nothing in it is required.
func newRecorded(words []string, role string) *recordedRequest {
	code, _ := strconv.Atoi(words[1])
	r := &recordedRequest{Code: code, Header: words[0], Role: role, Sent: map[string]string{}, Without: map[string][]string{}}
	for _, word := range words[2:] {
		name, kind, _ := strings.Cut(word, ":")
		kind, required := strings.CutSuffix(kind, "!")
		if required {
			r.Required = append(r.Required, name)
			r.Sent[name] = valueOf(r.Header, name, kind)
		}
	}
	switch code {
	case 10, 310:
		r.Body = "hello"
	case 11: // of a group that nobody is in: the request says what it wants
		r.Sent["sysFlag"], r.Sent["subscription"], r.Sent["subVersion"] = "4", "*", "1"
	}
	if code < 0 || strings.Contains(r.Header, "Response") || len(r.Required) == 0 {
		return nil
	}
	return r
}

// valueOf is what a field gets that has to be there.
func valueOf(header, name, kind string) string {
	letters := map[string]string{"a": "G", "b": "T", "c": "TBW102", "d": "4"}
	known := map[string]string{
		"topic": "T", "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "maxMsgNums": "1", "maxMsgNum": "1", "maxNum": "1",
		"readQueueNums": "4", "writeQueueNums": "4", "perm": "6", "topicFilterType": "SINGLE_TAG", "commitOrRollback": "8",
		"brokerName": "other", "brokerAddr": "127.0.0.1:1", "clusterName": "DefaultCluster", "cluster": "DefaultCluster",
		"delayLevel": "1", "bornHost": "127.0.0.1:1", "storeHost": "127.0.0.1:1", "statsName": "TOPIC_PUT_NUMS", "statsKey": "T",
		"groupSeq": "0", "topicSeq": "0",
	}
	switch v, ok := known[name]; {
	case header == "SendMessageRequestHeaderV2" && letters[name] != "":
		return letters[name]
	case ok:
		return v
	case strings.Contains(strings.ToLower(name), "group"):
		return "G"
	case kind == "String":
		return "x"
	case strings.EqualFold(kind, "boolean"):
		return "false"
	}
	return "0"
}

// ask is false when this role does not know the request.
func (r *recordedRequest) ask(t *testing.T, addr string) bool {
	t.Helper()
	c, remark := r.call(t, addr, "")
	if c == 3 {
		return false
	}
	r.Complete = recordedAnswer{c, remark}
	for _, name := range r.Required {
		c, remark := r.call(t, addr, name)
		r.Without[name] = []string{strconv.Itoa(c), remark}
	}
	return true
}

// call sends the request without a field; -1 is no answer.
func (r *recordedRequest) call(t *testing.T, addr, without string) (int, string) {
	t.Helper()
	if r.Role == "broker" {
		create := map[string]string{
			"topic": "T", "defaultTopic": "TBW102", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6",
			"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
		}
		if reply, err := harness.Call(addr, 17, create, false); err != nil || reply.Code != 0 {
			t.Fatalf("create T: %v %+v", err, reply)
		}
	}
	fields := maps.Clone(r.Sent)
	delete(fields, without)
	fields["ns"] = "" // so that there are ext fields: without any Java checks nothing
	reply, err := harness.CallBody(addr, r.Code, fields, []byte(r.Body), false)
	if err != nil {
		return -1, fmt.Sprintf("no answer (%s)", strings.ReplaceAll(err.Error(), addr, "ADDR"))
	}
	return reply.Code, firstWords(reply.Remark)
}

// firstWords leaves places of Java's source and everything that differs from run to run away.
func firstWords(remark string) string {
	remark, _, _ = strings.Cut(remark, "\n")
	if at := strings.Index(remark, ", org.apache."); at >= 0 {
		remark = remark[:at]
	}
	if at := strings.Index(remark, ", java."); at >= 0 {
		remark = remark[:at]
	}
	return remark
}
