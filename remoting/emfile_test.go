package remoting

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const childOfEMFILE = "SKYLARK_TEST_FEW_DESCRIPTORS"

// serveWithFewDescriptors is the child process: a server with 48 descriptors, until its standard input ends.
func serveWithFewDescriptors() int {
	limit := syscall.Rlimit{Cur: 48, Max: 48}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		fmt.Println("error", err)
		return 1
	}
	l := newLab()
	srv := NewServer(oneLoop(), zerologNop())
	Mount(srv, l, l.routes())
	addr, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fmt.Println(addr)
	if err := srv.Run(ctx); err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("errors", srv.Stats().AcceptErrors > 0)
	return 0
}

// Running out of descriptors must not end the server, nor the connections it has: gnet's own acceptor did both.
func TestRunningOutOfDescriptors(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childOfEMFILE+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() // has ended by then in the good case
	lines := bufio.NewReader(out)
	addr, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{addr: strings.TrimSpace(addr)}
	first := r.dial(t)
	first.send(request(code.HeartBeat, 1, ""))
	first.expect(1, code.Success, "")
	var more []net.Conn
	for range 120 {
		c, err := net.DialTimeout("tcp", r.addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, c)
	}
	for i := range int32(20) { // served while there are no descriptors left
		first.send(request(code.HeartBeat, i, ""))
		first.expect(i, code.Success, "")
	}
	for _, c := range more {
		_ = c.Close()
	}
	await(t, "accepts again", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			return false
		}
		defer c.Close()
		w := newWire(t, c)
		if _, err := w.Write(request(code.HeartBeat, 7, "")); err != nil {
			return false
		}
		_, err = w.next()
		return err == nil
	})
	_ = in.Close()
	if line, err := lines.ReadString('\n'); err != nil || line != "errors true\n" {
		t.Errorf("the child says %q, %v", line, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
}
