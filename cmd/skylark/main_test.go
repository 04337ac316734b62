package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// asProgram makes the test binary behave as skylark: signals and exit codes are those of a real process.
const asProgram = "SKYLARK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestChooseRole(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		argv string
		role string // "" for help, "none" for an unknown one
		args string
	}{
		{"skylark", "standalone", ""},
		{"skylark -listenPort 1", "standalone", "-listenPort 1"},
		{"skylark standalone -c f", "standalone", "-c f"},
		{"/opt/skylark broker -c f -n a:1", "broker", "-c f -n a:1"},
		{"skylark namesrv", "namesrv", ""},
		{"skylark version", "version", ""},
		{"skylark --version", "version", ""},
		{"/usr/bin/mqbroker -c f", "broker", "-c f"},
		{"./mqnamesrv", "namesrv", ""},
		{"mqproxy", "none", ""},
		{"skylark help", "", ""},
		{"skylark -h", "", ""},
		{"skylark brokr", "none", ""},
	} {
		words := strings.Fields(row.argv)
		c := &call{program: filepath.Base(words[0]), args: words[1:]}
		r, ok := choose(c)
		got := "none"
		if ok {
			got = ""
			if r != nil {
				got = r.name
			}
		}
		if got != row.role || got != "none" && got != "" && strings.Join(c.args, " ") != row.args {
			t.Errorf("%s: role %q with %q, want %q with %q", row.argv, got, c.args, row.role, row.args)
		}
	}
}

// What a user sees of calls that start nothing.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conf := filepath.Join(dir, "broker.conf")
	if err := os.WriteFile(conf, []byte("brokerName=b-9\nlistenPort=20911\nfileReservedTime=many\nfuture=1\nnamesrvAddr=h:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.conf")
	if err := os.WriteFile(bad, []byte(`x=\u1`), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged")
	if err := os.MkdirAll(filepath.Join(damaged, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, "config", "topics.json"), []byte(`{"topicConfigTable":`), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	if err := os.MkdirAll(filepath.Join(other, "consumequeue"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "consumequeue", "CURRENT"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	withStore := func(name, root, more string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("storePathRootDir="+root+"\n"+more), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, row := range []struct {
		argv   string
		code   int
		stdout []string
		stderr []string
		absent string
	}{
		{argv: "skylark help", stdout: []string{"standalone", "broker", "mqnamesrv"}},
		{argv: "skylark cook", code: 255, stderr: []string{"usage: skylark [role]"}},
		{argv: "mqproxy", code: 255, stderr: []string{"usage: skylark [role]"}},
		{argv: "skylark version", stdout: []string{"skylark ", "5.5.0"}},
		{argv: "skylark broker -h", stdout: []string{"usage: skylark broker", "-namesrvAddr"}},
		{argv: "skylark broker -x", code: 255, stderr: []string{"-x", "usage: skylark broker"}},
		{argv: "skylark broker stray", code: 255, stderr: []string{`"stray"`}},
		{argv: "skylark broker -c " + dir + "/none", code: 255, stderr: []string{"no such file"}},
		{argv: "skylark broker -c " + bad, code: 255, stderr: []string{"bad.conf", "malformed"}},
		{argv: "skylark broker -n nonsense", code: 253, stderr: []string{
			`The Name Server Address[nonsense] illegal, please set it as follows, "127.0.0.1:9876;192.168.0.1:9876"`,
		}},
		{argv: "skylark broker -c " + withStore("damaged.conf", damaged, ""), code: 253, stderr: []string{"skylark broker: ", "topics.json"}},
		{argv: "skylark broker -c " + withStore("other.conf", other, ""), code: 253, stderr: []string{"cannot be taken over"}},
		{argv: "skylark broker -c " + withStore("acl.conf", filepath.Join(dir, "new"), "aclEnable=true\n"), code: 253, stderr: []string{"aclEnable"}},
		{
			argv:   "mqbroker -p -c " + conf + " -n 127.0.0.1:9876",
			stdout: []string{"brokerName=b-9\n", "listenPort=20911\n", "fileReservedTime=72\n", "future=1\n", "namesrvAddr=127.0.0.1:9876\n", "brokerConfigPath=" + conf + "\n", "autoCreateTopicEnable=true\n"},
		},
		{argv: "mqbroker -m -c " + conf, stdout: []string{"brokerName=b-9\n", "fileReservedTime=72\n"}, absent: "future="},
		{argv: "mqbroker -p", stdout: []string{"brokerConfigPath=" + filepath.Join(home(), "store", "config", "broker.properties") + "\n"}},
		{argv: "mqnamesrv -p", stdout: []string{"listenPort=9876\n", "kvConfigPath="}},
	} {
		var stdout, stderr strings.Builder
		got := run(strings.Fields(row.argv), &stdout, &stderr)
		if got != row.code {
			t.Errorf("%s: exit code %d, want %d; it says %q", row.argv, got, row.code, stderr.String())
		}
		for _, want := range row.stdout {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("%s: stdout lacks %q:\n%s", row.argv, want, stdout.String())
			}
		}
		for _, want := range row.stderr {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: stderr lacks %q:\n%s", row.argv, want, stderr.String())
			}
		}
		if row.absent != "" && strings.Contains(stdout.String(), row.absent) {
			t.Errorf("%s: stdout has %q", row.argv, row.absent)
		}
	}
}

func TestCheckNamesrvAddr(t *testing.T) {
	t.Parallel()
	for list, ok := range map[string]bool{
		"": true, "127.0.0.1:9876": true, "a:1;b.example:65535": true, "[::1]:9876": true,
		"a:1;": true, "a:1;b:2;;": true, ":9876": true, "::1:9876": true,
		"a": false, "a:0": false, "a:65536": false, ";a:1": false, "a:1;;b:2": false, ";": true, "a:1,b:2": false, "a:x": false,
	} {
		if err := checkNamesrvAddr(list); (err == nil) != ok {
			t.Errorf("%q: %v", list, err)
		}
	}
}

// server is a running skylark.
type server struct {
	cmd    *exec.Cmd
	stdout *bufio.Scanner
	stderr strings.Builder
}

func start(t *testing.T, args ...string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, exec.Command(self, args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{cmd: cmd}
	s.cmd.Env = append(os.Environ(), asProgram+"=1", "GOMEMLIMIT=512MiB")
	s.cmd.Dir = t.TempDir()
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewScanner(out)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	return s
}

// awaitBoot returns the line that scripts wait for.
func (s *server) awaitBoot(t *testing.T) string {
	t.Helper()
	for s.stdout.Scan() {
		if line := s.stdout.Text(); strings.Contains(line, "boot success") {
			return line
		}
	}
	_ = s.cmd.Wait()
	t.Fatalf("it ended before it was up:\n%s", s.stderr.String())
	return ""
}

// stop sends a signal and returns the exit code and the log.
func (s *server) stop(t *testing.T, signal os.Signal) (int, string) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for s.stdout.Scan() { // until it closes
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode(), s.stderr.String()
}

// The address of the broker that a client is told, as soon as the broker has said that it is up.
func routeOf(t *testing.T, namesrv, topic string) string {
	t.Helper()
	client := remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, err := client.Call(ctx, namesrv, protocol.NewRequest(code.GetRouteInfoByTopic, &header.GetRouteInfo{Topic: topic}, nil))
	if err != nil {
		t.Fatal(err)
	}
	var route body.TopicRouteData
	if err := javajson.Unmarshal(answer.Body, &route); err != nil || len(route.BrokerDatas) != 1 {
		t.Fatalf("%v: code %d, %s", err, answer.Code, answer.Body)
	}
	return route.BrokerDatas[0].BrokerAddrs[0]
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	namesrv, broker := testport.Broker(t), testport.Broker(t)
	s := start(t, "-namesrvPort", fmt.Sprint(namesrv), "-listenPort", fmt.Sprint(broker))
	boot := s.awaitBoot(t)
	if want := fmt.Sprintf(":%d] boot success. serializeType=JSON and name server is 127.0.0.1:%d", broker, namesrv); !strings.HasSuffix(boot, want) {
		t.Errorf("boot line %q, want it to end with %q", boot, want)
	}
	// A client that came in by the loopback is sent back there, whatever address was registered.
	if got, want := routeOf(t, fmt.Sprintf("127.0.0.1:%d", namesrv), "TBW102"), fmt.Sprintf("127.0.0.1:%d", broker); got != want {
		t.Errorf("the route leads to %s, want %s", got, want)
	}
	store := filepath.Join(s.cmd.Dir, "skylark-data")
	if _, err := os.Stat(filepath.Join(store, "abort")); err != nil {
		t.Errorf("a running broker has an abort file: %v", err)
	}

	code, log := s.stop(t, syscall.SIGTERM)
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if _, err := os.Stat(filepath.Join(store, "abort")); !os.IsNotExist(err) {
		t.Errorf("after a clean stop the abort file is gone: %v", err)
	}
	checkStart(t, log, store, broker, namesrv)
	if n := strings.Count(log, "access is open"); n != 1 {
		t.Errorf("%d warnings that access is open", n)
	}
}

// checkStart: the first line says what starts where, before the store says anything; a later one how it is reached.
func checkStart(t *testing.T, log, store string, broker, namesrv int) {
	t.Helper()
	type line struct {
		Message, Role, Version, Address, Namesrv, StorePath string
		MemoryMiB, MemoryLimitMiB                           float64
		ListenPort, NamesrvPort                             int
	}
	var first, started line
	for i, text := range strings.Split(log, "\n") {
		var l line
		switch _ = json.Unmarshal([]byte(text), &l); {
		case i == 0:
			first = l
		case l.Message == "started":
			started = l
		}
	}
	for _, l := range []line{first, started} {
		if l.Role != "standalone" || l.Version == "" || l.StorePath != store || l.MemoryMiB <= 0 || l.MemoryLimitMiB != 512 {
			t.Errorf("%+v", l)
		}
	}
	if first.Message != "starting" || first.ListenPort != broker || first.NamesrvPort != namesrv {
		t.Errorf("first line: %+v", first)
	}
	address, err := netip.ParseAddrPort(started.Address)
	if err != nil || int(address.Port()) != broker || !strings.HasSuffix(started.Namesrv, fmt.Sprint(":", namesrv)) {
		t.Errorf("started: %v, %+v", err, started)
	}
}

func TestBrokerAndNamesrvApart(t *testing.T) {
	t.Parallel()
	port := testport.Broker(t)
	conf := filepath.Join(t.TempDir(), "namesrv.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "listenPort=%d\nbindAddress=127.0.0.1\nkvConfigPath=%s/kv.json\n", port, t.TempDir()), 0o600); err != nil {
		t.Fatal(err)
	}
	ns := start(t, "namesrv", "-c", conf)
	if got, want := ns.awaitBoot(t), fmt.Sprintf("The Name Server boot success. serializeType=JSON, address 127.0.0.1:%d", port); got != want {
		t.Errorf("boot line %q, want %q", got, want)
	}
	brokerPort := testport.Broker(t)
	conf = filepath.Join(t.TempDir(), "broker.conf")
	text := fmt.Sprintf("brokerName=b-1\nbrokerIP1=127.0.0.9\nlistenPort=%d\nbindAddress=127.0.0.1\nstorePathRootDir=%s\nnotASetting=1\n", brokerPort, t.TempDir())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := start(t, "broker", "-c", conf, "-n", fmt.Sprintf("127.0.0.1:%d", port))
	if got, want := b.awaitBoot(t), fmt.Sprintf("The broker[b-1, 127.0.0.9:%d] boot success. serializeType=JSON and name server is 127.0.0.1:%d", brokerPort, port); got != want {
		t.Errorf("boot line %q, want %q", got, want)
	}
	if got := routeOf(t, fmt.Sprintf("127.0.0.1:%d", port), "TBW102"); got != fmt.Sprintf("127.0.0.9:%d", brokerPort) {
		t.Errorf("the route leads to %s, want what brokerIP1 says", got)
	}
	code, log := b.stop(t, syscall.SIGINT)
	if !strings.HasPrefix(log, `{"level":"info","version":`) || !strings.Contains(log, `"message":"starting"`) {
		t.Errorf("the log begins with %.200s", log)
	}
	if code != 0 || !strings.Contains(log, `"names":["notASetting"]`) {
		t.Errorf("broker: exit code %d\n%s", code, log)
	}
	if code, log := ns.stop(t, syscall.SIGTERM); code != 0 || !strings.Contains(log, `"message":"starting"`) || !strings.Contains(log, "unregistered") {
		t.Errorf("name server: exit code %d\n%s", code, log)
	}
}

// A broker.conf taken over as it is may name name servers: that nobody hears of this broker there is said.
func TestStandaloneSaysThatOtherNameServersDoNotCount(t *testing.T) {
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "broker.conf")
	if err := os.WriteFile(conf, []byte("namesrvAddr=10.0.0.1:9876;10.0.0.2:9876\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-c", conf, "-namesrvPort", fmt.Sprint(testport.Broker(t)), "-listenPort", fmt.Sprint(testport.Broker(t)))
	s.awaitBoot(t)
	if code, log := s.stop(t, syscall.SIGTERM); code != 0 || !strings.Contains(log, `"level":"warn","namesrvAddr":"10.0.0.1:9876;10.0.0.2:9876"`) {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

// A port that is taken, a store that is taken: said plainly, and nothing is left running.
func TestTakenPortAndStore(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := start(t, "-namesrvPort", fmt.Sprint(taken.Addr().(*net.TCPAddr).Port), "-listenPort", fmt.Sprint(testport.Broker(t)))
	for s.stdout.Scan() {
	}
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 255 || !strings.Contains(s.stderr.String(), "address already in use") {
		t.Errorf("a taken port: exit code %d\n%s", code, s.stderr.String())
	}

	store := t.TempDir()
	first := start(t, "-namesrvPort", fmt.Sprint(testport.Broker(t)), "-listenPort", fmt.Sprint(testport.Broker(t)), "-storePathRootDir", store)
	first.awaitBoot(t)
	second := start(t, "-namesrvPort", fmt.Sprint(testport.Broker(t)), "-listenPort", fmt.Sprint(testport.Broker(t)), "-storePathRootDir", store)
	for second.stdout.Scan() {
	}
	_ = second.cmd.Wait()
	if code := second.cmd.ProcessState.ExitCode(); code != 255 || !strings.Contains(second.stderr.String(), "lock") || !strings.Contains(second.stderr.String(), `"version":`) {
		t.Errorf("a taken store: exit code %d\n%s", code, second.stderr.String())
	}
	if code, log := first.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("the first one: exit code %d\n%s", code, log)
	}
}

// A second signal does not wait for anything.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := start(t, "-namesrvPort", fmt.Sprint(testport.Broker(t)), "-listenPort", fmt.Sprint(testport.Broker(t)))
	s.awaitBoot(t)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	code, _ := s.stop(t, syscall.SIGTERM)
	if code != 0 && code != exitInterrupted { // it may have been quicker than the second signal
		t.Errorf("exit code %d", code)
	}
}
