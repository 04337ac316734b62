package main

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
	reply, err := w.client.Call(w.t.Context(), w.addr, cmd)
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
	reply, err := c.Call(w.t.Context(), w.addr, protocol.NewRequest(code.HeartBeat, nil, data))
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	w := &adminWorld{t: t}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"group"}, "usage: skylark admin group"},
		{[]string{"group", "x"}, "no such command: x"},
		{[]string{"group", "conflicts", "a", "b"}, "usage: skylark admin group"},
		{[]string{"group", "conflicts", "-b", addr}, "connection refused"},
		{[]string{"none"}, "no such command"},
	} {
		if got := w.admin(row.args...); !strings.Contains(got, row.want) || !strings.HasSuffix(got, "(failed)\n") {
			t.Errorf("%v: %s", row.args, got)
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
