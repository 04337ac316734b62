package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func TestSpendDescriptors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		limit, files, servers int
		want                  descriptors
	}{
		{0, storeFiles, 1, descriptors{}},
		{1 << 20, storeFiles, 1, descriptors{1 << 20, 1024, 1<<20 - 1024}},
		{4096, storeFiles, 2, descriptors{4096, 1024, 1536}},
		{1024, storeFiles, 1, descriptors{1024, 512, 512}},
		{1024, namesrvFiles, 1, descriptors{1024, 64, 960}},
		{3, storeFiles, 2, descriptors{3, 1, 1}},
	} {
		if got := spend(row.limit, row.files, row.servers); got != row.want {
			t.Errorf("%d of %d servers: %+v, want %+v", row.limit, row.servers, got, row.want)
		}
	}
	c := remoting.DefaultConfig()
	none, few := spend(0, storeFiles, 1), spend(1024, storeFiles, 1)
	if none.bound(&c); c != remoting.DefaultConfig() {
		t.Error("bound without a limit")
	}
	if few.bound(&c); c.MaxConnections != 512 {
		t.Errorf("%d connections", c.MaxConnections)
	}
	c.MaxConnections = 7
	if few.bound(&c); c.MaxConnections != 7 {
		t.Errorf("a smaller setting became %d", c.MaxConnections)
	}
}

// startWithFiles starts skylark with a limit of open files.
func startWithFiles(t *testing.T, limit int, args ...string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell := []string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, limit), self}
	return startCommand(t, exec.Command("sh", append(shell, args...)...))
}

// A crowd of connections leaves the store its descriptors: new topics get their files, and
// messages are stored.
func TestCrowdLeavesDescriptors(t *testing.T) {
	t.Parallel()
	port := testport.Broker(t)
	conf := filepath.Join(t.TempDir(), "broker.conf")
	if err := os.WriteFile(conf, []byte("waitTimeMillsInSendQueue=60000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startWithFiles(t, 300, "-c", conf, "-namesrvPort", fmt.Sprint(testport.Broker(t)), "-listenPort", fmt.Sprint(port))
	s.awaitBoot(t)
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	client := remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	defer client.Close()
	send := func(topic string) {
		t.Helper()
		cmd := protocol.NewRequest(code.SendMessage, nil, []byte("body"))
		for _, f := range [][2]string{
			{"producerGroup", "PG"},
			{"topic", topic},
			{"defaultTopic", "TBW102"},
			{"defaultTopicQueueNums", "1"},
			{"queueId", "0"},
			{"sysFlag", "0"},
			{"bornTimestamp", "1700000000000"},
			{"flag", "0"},
			{"properties", ""},
		} {
			cmd.Fields.Set(f[0], f[1])
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if answer, err := client.Call(ctx, addr, cmd); err != nil || answer.Response() != code.Success {
			t.Fatalf("%s: %v, %+v", topic, err, answer)
		}
	}
	send("first")
	var last net.Conn
	for range 320 {
		conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		last = conn
	}
	if err := last.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("all connections were taken: %v", err)
	}
	for n := range 100 {
		send(fmt.Sprintf("topic-%d", n))
	}
	exit, log := s.stop(t, syscall.SIGTERM)
	if exit != 0 || strings.Contains(log, "too many open files") {
		t.Errorf("exit code %d\n%s", exit, log)
	}
	if !strings.Contains(log, `"openFilesLimit":300,"keptForFiles":150,"maxConnections":100000,"connections":75`) {
		t.Errorf("the log does not say what the limit comes to:\n%s", log)
	}
}
