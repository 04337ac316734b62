package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

var update = flag.Bool("update", false, "write the outputs of scripts in testdata anew")

// adminWorld is a broker and somebody who runs `skylark admin` against it.
type adminWorld struct {
	t      *testing.T
	dir    string
	addr   string
	client *remoting.Client
	log    *bytes.Buffer // of the broker; to be read after it has stopped
	stop   func()
}

func newAdminWorld(t *testing.T, change func(*broker.Config)) *adminWorld {
	t.Helper()
	w := &adminWorld{t: t, dir: t.TempDir()}
	w.begin(change)
	return w
}

// begin starts a broker on the directory.
func (w *adminWorld) begin(change func(*broker.Config)) {
	t := w.t
	t.Helper()
	cfg, st := broker.DefaultConfig(), store.Defaults()
	cfg.BrokerName, cfg.BrokerIP1, cfg.NamesrvAddr = "admin-test", "127.0.0.1", ""
	st.StorePathRootDir, st.MappedFileSizeCommitLog = w.dir, 1<<20
	if change != nil {
		change(&cfg)
	}
	w.log = new(bytes.Buffer)
	b, err := broker.New(broker.Options{
		Config: config.NewSection(cfg), Store: config.NewSection(st), Addr: "127.0.0.1:0", Log: zerolog.New(w.log).Level(zerolog.InfoLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	w.addr = b.Addr().String()
	w.client = remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			w.client.Close()
			cancel()
			<-done
		}
	}
	t.Cleanup(w.stop)
}

func (w *adminWorld) call(c code.Request, data []byte, fields ...string) *protocol.Command {
	w.t.Helper()
	cmd := protocol.NewRequest(c, nil, data)
	for i := 0; i < len(fields); i += 2 {
		cmd.Fields.Set(fields[i], fields[i+1])
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute) // some requests wait for the disk
	defer cancel()
	reply, err := w.client.Call(ctx, w.addr, cmd)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply
}

// beat is a heartbeat of a consumer on a connection of its own, which lives as long as the test.
func (w *adminWorld) beat(id, group string, subs ...body.SubscriptionData) *protocol.Command {
	w.t.Helper()
	data, err := body.Encode(&body.HeartbeatData{ClientID: id, ConsumerDataSet: []body.ConsumerData{{
		GroupName: group, ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", SubscriptionDataSet: subs,
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
	c := remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	w.t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	reply, err := c.Call(ctx, w.addr, protocol.NewRequest(code.HeartBeat, nil, data))
	if err != nil {
		w.t.Fatal(err)
	}
	return reply
}

func tagsOf(topic, expression string) body.SubscriptionData {
	return body.SubscriptionData{Topic: topic, SubString: expression, ExpressionType: "TAG", SubVersion: 1}
}

// admin runs one command and returns what it prints, and how it ends when that is not well.
func (w *adminWorld) admin(args ...string) string {
	var out bytes.Buffer
	words := append([]string{"skylark", "admin"}, args...)
	if code := run(words, &out, &out); code != 0 {
		out.WriteString("(failed)\n")
	}
	return out.String()
}

// What differs from run to run.
var variable = []struct {
	what *regexp.Regexp
	text string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(`"(since|stored|born|time|oldest)":\d{13}`), `"$1":TIME`},
	{regexp.MustCompile(`\b([0-9]+m)?[0-9]+s\b( ago)?`), "AGO"},
	{regexp.MustCompile(`\b[0-9A-F]{32}\b`), "OFFSETMSGID"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`[ ]{2,}`), "  "},
}

// script runs the commands of a file in testdata/admin (lines that begin with "$ ", $B is the broker) and compares what they
// print with what stands below them. Lines that begin with "# " are kept. do runs steps that are not commands: "$ do NAME".
func (w *adminWorld) script(name string, do map[string]func()) {
	t := w.t
	t.Helper()
	path := filepath.Join("testdata", "admin", name+".txt")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(data)) {
		command, is := strings.CutPrefix(line, "$ ")
		if !is {
			if strings.HasPrefix(line, "# ") {
				got.WriteString("\n" + line)
			}
			continue
		}
		got.WriteString(line)
		words := strings.Fields(command)
		if words[0] == "do" {
			step := do[words[1]]
			if step == nil {
				t.Fatalf("%s: no step %s", path, words[1])
			}
			step()
			continue
		}
		printed := w.admin(append(words, "-b", w.addr)...)
		for _, v := range variable {
			printed = v.what.ReplaceAllString(printed, v.text)
		}
		got.WriteString(printed)
	}
	text := strings.TrimPrefix(got.String(), "\n")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != string(data) {
		t.Errorf("%s (go test -run %s -update writes it anew): got\n%s", path, t.Name(), text)
	}
}

func TestAdminWithoutBroker(t *testing.T) {
	t.Parallel()
	const addr = "127.0.0.1:1" // nobody's: one that was free a moment ago may be another test's by now
	w := &adminWorld{t: t}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"group"}, "usage: skylark admin group"},
		{[]string{"group", "x"}, "no such command: x"},
		{[]string{"group", "conflicts", "a", "b"}, "usage: skylark admin group"},
		{[]string{"group", "conflicts", "-b", addr}, "connection refused"},
		{[]string{"tx"}, "usage: skylark admin tx"},
		{[]string{"tx", "none"}, "no such command: none"},
		{[]string{"tx", "list", "3"}, "usage: skylark admin tx"},
		{[]string{"tx", "show"}, "usage: skylark admin tx"},
		{[]string{"tx", "commit"}, "usage: skylark admin tx"},
		{[]string{"tx", "rollback", "x", "3"}, "not an offset: x"},
		{[]string{"tx", "resume"}, "usage: skylark admin tx"},
		{[]string{"tx", "commit", "3", "-b", addr}, "connection refused"},
		{[]string{"none"}, "no such command"},
	} {
		if got := w.admin(row.args...); !strings.Contains(got, row.want) || !strings.HasSuffix(got, "(failed)\n") {
			t.Errorf("%v: %s", row.args, got)
		}
	}
}

// TestAdminHelp: who asks for help gets it where a pipe looks for it, and that is no failure.
func TestAdminHelp(t *testing.T) {
	t.Parallel()
	list := "usage: skylark admin COMMAND"
	for words, want := range map[string]string{
		"": list, "help": list, "-h": list, "--help": list, "dlq -h": "usage: skylark admin dlq", "dlq list -h": "usage: skylark admin dlq",
		"group help": "usage: skylark admin group", "topic purge T -help": "usage: skylark admin topic", "tx commit 0 --help": "usage: skylark admin tx",
	} {
		var out, errs bytes.Buffer
		code := run(append([]string{"skylark", "admin"}, strings.Fields(words)...), &out, &errs)
		if code != 0 || errs.Len() > 0 || !strings.HasPrefix(out.String(), want) {
			t.Errorf("admin %s: %d, %q, stderr %q", words, code, out.String(), errs.String())
		}
	}
}

func TestAdminConflicts(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t, func(c *broker.Config) { c.SubscriptionConflictGraceTime = 0 })
	w.script("conflicts", map[string]func(){
		"agree": func() {
			w.beat("10.0.0.1@1", "G", tagsOf("T", "A||B"))
			w.beat("10.0.0.2@2", "G", tagsOf("T", "B || A"))
		},
		"differ": func() {
			w.beat("10.0.0.3@3", "G", tagsOf("T", "A"), tagsOf("U", "*"))
			w.beat("10.0.0.4@4", "H", tagsOf("T", "*"))
			w.beat("10.0.0.5@5", "H", body.SubscriptionData{Topic: "T", SubString: "a > 1", ExpressionType: "SQL92"})
		},
	})
}

// send stores messages in queue 0 of a topic.
func (w *adminWorld) send(topic string, bodies ...string) {
	w.t.Helper()
	for _, text := range bodies {
		reply := w.call(code.SendMessage, []byte(text), "producerGroup", "P", "topic", topic, "defaultTopic", "TBW102", "defaultTopicQueueNums", "4",
			"queueId", "0", "sysFlag", "0", "bornTimestamp", "1", "flag", "0", "properties", "", "reconsumeTimes", "0")
		if reply.Response() != code.Success {
			w.t.Fatalf("%s: %s", reply.Response(), reply.Remark)
		}
	}
}

// pull is what a consumer gets at an offset of queue 0.
func (w *adminWorld) pull(group, topic, offset string) *protocol.Command {
	w.t.Helper()
	return w.call(code.PullMessage, nil, "consumerGroup", group, "topic", topic, "queueId", "0", "queueOffset", offset, "maxMsgNums", "32",
		"sysFlag", "4", "commitOffset", "0", "suspendTimeoutMillis", "0", "subVersion", "0", "subscription", "*")
}

func (w *adminWorld) commit(group, topic, offset string) {
	w.t.Helper()
	w.call(code.UpdateConsumerOffset, nil, "consumerGroup", group, "topic", topic, "queueId", "0", "commitOffset", offset)
}

func (w *adminWorld) offsetOf(group, topic string) string {
	w.t.Helper()
	return w.call(code.QueryConsumerOffset, nil, "consumerGroup", group, "topic", topic, "queueId", "0").Fields.String("offset")
}

func TestAdminSkipAndPurge(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t, nil)
	w.send("T", "a", "b", "c", "d", "e")
	w.send("U", "x", "y")
	w.beat("10.0.0.1@1", "G", tagsOf("T", "*"), tagsOf("U", "*"))
	w.beat("10.0.0.2@1", "H", tagsOf("T", "*"))
	w.commit("G", "T", "1")
	w.commit("H", "T", "4")
	w.script("skip", nil)
	if at := w.offsetOf("G", "T"); at != "5" {
		t.Errorf("G is at %s", at)
	}
	if reply := w.pull("G", "T", "1"); reply.Response() != code.PullOffsetMoved || reply.Fields.String("nextBeginOffset") != "5" {
		t.Errorf("the consumer hears %s, %s", reply.Response(), reply.Fields.String("nextBeginOffset"))
	}

	w.send("T", "f", "g")
	for stored := time.Now().UnixMilli(); time.Now().UnixMilli() == stored; { // -before 0s means before this millisecond
		runtime.Gosched()
	}
	w.script("purge", nil)
	check := func() {
		t.Helper()
		if at := w.offsetOf("H", "T"); at != "6" {
			t.Errorf("H is at %s", at)
		}
		for offset, want := range map[string]string{"0": "6", "5": "6"} {
			if reply := w.pull("new", "T", offset); reply.Response() != code.PullOffsetMoved || reply.Fields.String("nextBeginOffset") != want {
				t.Errorf("at %s: %s, go to %s", offset, reply.Response(), reply.Fields.String("nextBeginOffset"))
			}
		}
		if reply := w.pull("new", "T", "6"); reply.Response() != code.Success || reply.Fields.String("minOffset") != "6" ||
			!bytes.Contains(reply.Body, []byte("g")) {
			t.Errorf("at the minimum: %s, %q", reply.Response(), reply.Body)
		}
	}
	check()
	w.stop()
	for _, want := range []string{
		`"audit":"group skip-to-end"`, `"group":"G","topic":"","queues":2,"messages":6,"message":"consumer group skipped to the end"`,
		`"audit":"topic purge"`, `"topic":"T","queue":0,"before":0,"offset":6,"queues":1,"messages":6,"groups":["G","H"],"message":"topic purged"`,
		`"remote":"127.0.0.1:`,
	} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, w.log)
		}
	}
	w.begin(nil) // it lasts
	check()
	if reply := w.call(code.DeleteTopicInBroker, nil, "topic", "T"); reply.Response() != code.Success {
		t.Fatal(reply.Remark)
	}
	w.send("T", "new a", "new b") // another topic of that name has nothing to do with it
	w.stop()
	w.begin(nil)
	if reply := w.pull("new", "T", "0"); reply.Response() != code.Success || !bytes.Contains(reply.Body, []byte("new a")) {
		t.Errorf("a topic made anew: %s, %q", reply.Response(), reply.Body)
	}
}
