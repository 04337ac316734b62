// Package compat_test runs the official clients and tools against a server, ours or the Java original (README.md).
package compat_test

import (
	"os"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

const scenarios = "skylarkmq.compat.Main"

// goldenOf names the recorded transcript of a client: the two versions word some outcomes differently.
var goldenOf = map[string]string{
	harness.Client49: "scenarios-4.9.8",
	harness.Client55: "scenarios-5.5.0",
}

// room bounds how many tests with servers and JVMs of their own run at a time, however many cores there are: each may take
// two gigabytes. Two are what the smallest machine has cores for.
var room = make(chan struct{}, 2)

// beside lets a test, with all it starts from here on, run beside one other, for most of a test is waiting: for a JVM to
// load its classes, for a delay, a check or a rebalance. Its subtests may not ask again: it has its room to its end. Against
// the original, itself a JVM or two, tests run one after the other.
func beside(t *testing.T) {
	t.Helper()
	if harness.TargetOfEnv(t) == harness.Java {
		return
	}
	t.Parallel()
	room <- struct{}{}
	t.Cleanup(func() { <-room }) // the first, so that it runs when the servers have ended
}

// TestJavaClients runs every scenario with both client libraries and both header serializations. What the application
// observes must be what it observes with the original, whichever way the headers travel.
func TestJavaClients(t *testing.T) {
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), shortLocks)
	for _, module := range []string{harness.Client49, harness.Client55} {
		for _, serialize := range []string{"JSON", "ROCKETMQ"} {
			t.Run(module+"/"+serialize, func(t *testing.T) {
				beside(t)
				args := []string{"-n", cluster.NameServer.Addr, "-tag", strings.ReplaceAll(module, ".", "") + serialize}
				if os.Getenv("COMPAT_FULL") != "" {
					args = append(args, "-full")
				}
				transcript := harness.Runner{Module: module, Class: scenarios, Serialize: serialize, Args: args}.Run(t)
				harness.CompareGolden(t, goldenOf[module], transcript, true)
			})
		}
	}
}

// runSome runs some scenarios and compares them with the same ones of the full recording.
func runSome(t *testing.T, module string, cluster *harness.Cluster, golden, only string, more ...string) {
	t.Helper()
	args := append([]string{"-n", cluster.NameServer.Addr, "-only", only}, more...)
	transcript := harness.Runner{Module: module, Class: scenarios, Args: args}.Run(t)
	harness.CompareGolden(t, golden, transcript, golden == only)
}

// TestAutoCreateOff: with autoCreateTopicEnable=false a producer gets the error and no topic appears.
func TestAutoCreateOff(t *testing.T) {
	beside(t)
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), map[string]string{"autoCreateTopicEnable": "false"})
	runSome(t, harness.Client55, cluster, "auto-create-off", "auto-create-off")
}

// TestResumeAcrossRestart: a group goes on where it was after the broker was stopped and started again, also when nothing
// of the first half is left in any process.
func TestResumeAcrossRestart(t *testing.T) {
	beside(t)
	target := harness.TargetOfEnv(t)
	cluster := harness.StartCluster(t, target, nil)
	runSome(t, harness.Client55, cluster, "resume-1", "resume-1", "-tag", "resume")
	cluster.Broker.Stop(t)
	cluster.Broker = cluster.Broker.Again(t, target, cluster.NameServer)
	runSome(t, harness.Client55, cluster, "resume-2", "resume-2", "-tag", "resume")
}

// basics are the scenarios that need most of a server, for runs that vary the server and not the client.
const basics = "send-sync,send-async,send-oneway,send-batch,push-orderly,pull-consumer,key-query,auto-created-topic"

// TestTLS: the default server speaks TLS and plain on the same ports, to both clients.
func TestTLS(t *testing.T) {
	beside(t)
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), shortLocks)
	for _, overTLS := range []bool{true, false} {
		for _, addr := range []string{cluster.NameServer.Addr, cluster.Broker.Addr} {
			if _, err := harness.Call(addr, harness.CodeGetClusterInfo, nil, overTLS); err != nil {
				t.Errorf("%s with TLS %v: %v", addr, overTLS, err)
			}
		}
	}
	for _, module := range []string{harness.Client49, harness.Client55} {
		t.Run(module, func(t *testing.T) {
			runSome(t, module, cluster, goldenOf[module], basics, "-tls")
		})
	}
}
