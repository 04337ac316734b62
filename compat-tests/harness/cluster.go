package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// startLimit is how long a server may take until it serves; the Java broker needs 3 to 6 s on two cores.
const startLimit = 60 * time.Second

// runLimit bounds one run of a client program.
const runLimit = 5 * time.Minute

// Target is a kind of server.
type Target string

// The servers under test.
const (
	Skylark Target = "skylark"
	Java    Target = "java"
)

// TargetOfEnv is what SKYLARK_TARGET names: our binary unless it says "java".
func TargetOfEnv(t testing.TB) Target {
	t.Helper()
	switch name := os.Getenv("SKYLARK_TARGET"); name {
	case "", string(Skylark):
		Binary(t)
		return Skylark
	case string(Java):
		return Java
	default:
		t.Fatalf("SKYLARK_TARGET=%s: want skylark or java", name)
		return ""
	}
}

// Binary is the path of our server, from SKYLARK_BIN.
func Binary(t testing.TB) string {
	t.Helper()
	bin := os.Getenv("SKYLARK_BIN")
	if bin == "" {
		t.Fatal("SKYLARK_BIN must name the built server (go build -o /tmp/skylark ./cmd/skylark), " +
			"or SKYLARK_TARGET=java run the Java original")
	}
	abs, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abs); err != nil {
		t.Fatalf("SKYLARK_BIN: %v", err)
	}
	return abs
}

// NameServer is a running name server.
type NameServer struct {
	*Process
	Addr string
}

// StartNameServer starts a name server and waits until it answers.
func StartNameServer(t testing.TB, target Target) *NameServer {
	t.Helper()
	dir := t.TempDir()
	port := FreePort(t)
	conf := writeConf(t, filepath.Join(dir, "namesrv.conf"), map[string]string{
		"listenPort":   strconv.Itoa(port),
		"bindAddress":  "127.0.0.1",
		"kvConfigPath": filepath.Join(dir, "kvConfig.json"),
	})
	ns := &NameServer{Addr: fmt.Sprintf("127.0.0.1:%d", port)}
	if target == Java {
		jvm := []string{"-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
		ns.Process = Start(t, "namesrv", dir, []string{"ROCKETMQ_HOME=" + dir},
			javaCommand(t, server, dir, "org.apache.rocketmq.namesrv.NamesrvStartup", jvm, []string{"-c", conf})...)
		ns.expendable = true
	} else {
		ns.Process = Start(t, "namesrv", dir, []string{"HOME=" + dir}, Binary(t), "namesrv", "-c", conf)
	}
	Until(t, "name server", startLimit, func() error {
		_, err := Call(ns.Addr, CodeGetClusterInfo, nil, false)
		return err
	}, ns.Process)
	return ns
}

// BrokerOptions is what a test wants of a broker; the zero value is the default broker.
type BrokerOptions struct {
	Dir        string            // home and store; a new directory when empty
	Port       int               // a free one when 0; needed again when a store is opened that has message ids with it
	NameServer string            // address list for -n
	Settings   map[string]string // broker.conf entries more, or other than the usual; "" leaves one out
}

// Broker is a running broker.
type Broker struct {
	*Process
	Target  Target
	Addr    string
	options BrokerOptions
}

// BrokerName is the name all brokers of the tests have: there is one in a cluster, and transcripts show it.
const BrokerName = "broker-a"

// StartBroker starts a broker and waits until every name server lists it and its ports answer.
func StartBroker(t testing.TB, target Target, o BrokerOptions, nameServers ...*NameServer) *Broker {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Port == 0 {
		o.Port = FreeBrokerPort(t)
	}
	for i, ns := range nameServers {
		if i > 0 {
			o.NameServer += ";"
		}
		o.NameServer += ns.Addr
	}
	conf := BrokerConf(t, o)
	b := &Broker{Target: target, Addr: fmt.Sprintf("127.0.0.1:%d", o.Port), options: o}
	// One before it on this port may still be listed, until its name servers have seen that its connection is closed.
	for _, ns := range nameServers {
		awaitListed(t, ns.Addr, "broker before this one gone", func(listed brokerAddrs) bool { return listed[BrokerName]["0"] != b.Addr }, ns.Process)
	}
	if target == Java {
		// The Java broker wants direct memory for its largest frames, and G1 for a pause short enough not to look like a
		// broker that has died.
		jvm := []string{"-Xms512m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=1g"}
		if ms, ok := o.Settings["rebalanceLockMaxLiveTime"]; ok { // a setting of ours only
			jvm = append(jvm, "-Drocketmq.broker.rebalance.lockMaxLiveTime="+ms)
		}
		b.Process = Start(t, "broker", o.Dir, []string{"ROCKETMQ_HOME=" + o.Dir},
			javaCommand(t, server, o.Dir, "org.apache.rocketmq.broker.BrokerStartup", jvm, []string{"-c", conf, "-n", o.NameServer})...)
		b.expendable = true
	} else {
		b.Process = Start(t, "broker", o.Dir, []string{"HOME=" + o.Dir}, Binary(t), "broker", "-c", conf, "-n", o.NameServer)
	}
	b.awaitReady(t, nameServers...)
	return b
}

// Patience are the settings with which a broker does not refuse what a busy machine makes wait: a test that compares what a
// client sees does not measure the disk. What hangs longer than a minute fails all the same.
var Patience = map[string]string{
	"osPageCacheBusyTimeOutMills": "60000",
	"brokerFastFailureEnable":     "false", // all that the original needs; ours has a limit a queue
	"waitTimeMillsInSendQueue":    "60000", "waitTimeMillsInPullQueue": "60000", "waitTimeMillsInTransactionQueue": "60000",
	"waitTimeMillsInAdminBrokerQueue": "60000",
}

// BrokerConf writes the broker.conf of a broker into its directory and returns its path.
func BrokerConf(t testing.TB, o BrokerOptions) string {
	t.Helper()
	store := filepath.Join(o.Dir, "store")
	settings := map[string]string{
		"brokerClusterName":  "DefaultCluster",
		"brokerName":         BrokerName,
		"brokerId":           "0",
		"brokerIP1":          "127.0.0.1",
		"brokerIP2":          "127.0.0.1",
		"listenPort":         strconv.Itoa(o.Port),
		"haListenPort":       strconv.Itoa(o.Port + 1),
		"bindAddress":        "127.0.0.1",
		"storePathRootDir":   store,
		"storePathCommitLog": filepath.Join(store, "commitlog"),
		// Small log files: the disk of a test machine is not asked for gigabytes, and 4 MiB messages make them roll.
		"mappedFileSizeCommitLog": strconv.Itoa(64 << 20),
	}
	maps.Copy(settings, Patience)
	maps.Copy(settings, o.Settings)
	maps.DeleteFunc(settings, func(_, v string) bool { return v == "" })
	return writeConf(t, filepath.Join(o.Dir, "broker.conf"), settings)
}

// Again starts a broker, of another kind perhaps, on the directory and port of one that has ended.
func (b *Broker) Again(t testing.TB, target Target, nameServers ...*NameServer) *Broker {
	t.Helper()
	if !b.Exited() {
		t.Fatal("the broker is still running")
	}
	o := b.options
	o.NameServer = ""
	return StartBroker(t, target, o, nameServers...)
}

func (b *Broker) awaitReady(t testing.TB, nameServers ...*NameServer) {
	t.Helper()
	vip := fmt.Sprintf("127.0.0.1:%d", b.options.Port-2)
	for _, addr := range []string{b.Addr, vip} {
		Until(t, "broker port "+addr, startLimit, func() error {
			conn, err := net.DialTimeout("tcp", addr, time.Second)
			if err == nil {
				conn.Close()
			}
			return err
		}, b.Process)
	}
	for _, ns := range nameServers {
		awaitListed(t, ns.Addr, registered, func(listed brokerAddrs) bool { return listed[BrokerName]["0"] == b.Addr }, b.Process, ns.Process)
	}
}

// AwaitBroker waits until a name server lists a broker with this address and returns its name.
func AwaitBroker(t testing.TB, p *Process, nameServer, addr string) (name string) {
	t.Helper()
	awaitListed(t, nameServer, registered, func(listed brokerAddrs) bool {
		for n, ids := range listed {
			if ids["0"] == addr {
				name = n
				return true
			}
		}
		return false
	}, p)
	return name
}

const registered = "broker registered"

func awaitListed(t testing.TB, nameServer, what string, asWanted func(brokerAddrs) bool, on ...*Process) {
	t.Helper()
	Until(t, what+" at "+nameServer, startLimit, func() error {
		listed, err := brokersOf(nameServer)
		if err == nil && !asWanted(listed) {
			err = fmt.Errorf("listed: %v", listed)
		}
		return err
	}, on...)
}

// brokerAddrs is a broker's name to its ids to their addresses.
type brokerAddrs map[string]map[string]string

// brokersOf asks a name server for its brokers.
func brokersOf(nameServer string) (brokerAddrs, error) {
	reply, err := Call(nameServer, CodeGetClusterInfo, nil, false)
	if err != nil {
		return nil, err
	}
	var info struct {
		BrokerAddrTable map[string]struct {
			BrokerAddrs map[string]string `json:"brokerAddrs"`
		} `json:"brokerAddrTable"`
	}
	if err := json.Unmarshal(StandardJSON(reply.Body), &info); err != nil {
		return nil, fmt.Errorf("cluster info %q: %w", reply.Body, err)
	}
	brokers := brokerAddrs{}
	for name, b := range info.BrokerAddrTable {
		brokers[name] = b.BrokerAddrs
	}
	return brokers, nil
}

var bareKey = regexp.MustCompile(`([{,])(-?\d+):`)

// StandardJSON quotes the bare integer keys that the Java servers write for maps keyed by a number.
func StandardJSON(body []byte) []byte {
	return bareKey.ReplaceAll(body, []byte(`$1"$2":`))
}

// HasBareKeys says whether a body needs StandardJSON.
func HasBareKeys(body []byte) bool {
	return !bytes.Equal(body, StandardJSON(body))
}

// Cluster is a name server with one broker.
type Cluster struct {
	NameServer *NameServer
	Broker     *Broker
}

// StartCluster starts both of one kind.
func StartCluster(t testing.TB, target Target, settings map[string]string) *Cluster {
	t.Helper()
	return StartMixedCluster(t, target, target, settings)
}

// StartMixedCluster starts a name server of one kind and a broker of another.
func StartMixedCluster(t testing.TB, nameServer, broker Target, settings map[string]string) *Cluster {
	t.Helper()
	ns := StartNameServer(t, nameServer)
	return &Cluster{NameServer: ns, Broker: StartBroker(t, broker, BrokerOptions{Settings: settings}, ns)}
}

func writeConf(t testing.TB, path string, settings map[string]string) string {
	t.Helper()
	var text bytes.Buffer
	for k, v := range settings {
		fmt.Fprintf(&text, "%s=%s\n", k, v)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
