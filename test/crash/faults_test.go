//go:build linux

package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// patient is a broker under test with a client, and what was acknowledged.
type patient struct {
	*testbroker.Broker
	t      *testing.T
	server *testbroker.Server
	client *client
	ledger *ledger
	ctx    context.Context
	sent   int
}

func newPatient(t *testing.T, b *testbroker.Broker) *patient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	p := &patient{Broker: b, t: t, ledger: newLedger(), ctx: ctx}
	p.server = b.Start(t)
	p.client = newClient(p.server.Addr)
	t.Cleanup(func() { p.client.close() })
	for range 20 {
		p.must()
	}
	return p
}

// send sends a message of some bytes and notes what became of it.
func (p *patient) send(bytes int) error {
	p.t.Helper()
	p.sent++
	body := fmt.Sprintf("%d:", p.sent)
	body += strings.Repeat("x", max(0, bytes-len(body)))
	p.ledger.sending(body)
	at, phy, err := p.client.send(p.ctx, int32(p.sent%queues), fmt.Sprint(p.sent), body)
	if err == nil {
		err = p.ledger.ack(at, phy, body)
	}
	return err
}

func (p *patient) must() {
	p.t.Helper()
	if err := p.send(200); err != nil {
		p.t.Fatalf("%v\n%s", err, p.server.Tail())
	}
}

// refused wants a refusal that says why.
func (p *patient) refused(err error, cause string) {
	p.t.Helper()
	var r *refusal
	if !errors.As(err, &r) || r.code != code.ServiceNotAvailable || !strings.Contains(r.remark, cause) {
		p.t.Fatalf("%v, want a refusal for %q\n%s", err, cause, p.server.Tail())
	}
}

// fill sends until it is refused.
func (p *patient) fill(bytes int) error {
	p.t.Helper()
	for range 100_000 {
		if err := p.send(bytes); err != nil {
			return err
		}
	}
	p.t.Fatal("never refused")
	return nil
}

// resumes wants messages to be accepted within half a minute: a healthy machine needs a second or two.
func (p *patient) resumes() {
	const limit = 30 * time.Second
	p.t.Helper()
	began := time.Now()
	for {
		err := p.send(200)
		if err == nil {
			p.t.Logf("accepting again after %v", time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > limit {
			p.t.Fatalf("not accepting after %v: %v\n%s", limit, err, p.server.Tail())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// reads wants everything acknowledged to be there now.
func (p *patient) reads() {
	p.t.Helper()
	for _, wrong := range p.ledger.audit(readAll(p.t, p.server, p.ledger)) {
		p.t.Error(wrong)
	}
}

// survives kills the broker and audits its next life.
func (p *patient) survives() {
	p.t.Helper()
	p.server.End(p.t, syscall.SIGKILL)
	p.server = p.Start(p.t)
	p.reads()
	p.server.End(p.t, syscall.SIGTERM)
}

// inject lets system calls of the running broker fail, until the function it returns is called.
func (p *patient) inject(rule string) (stop func()) {
	p.t.Helper()
	trace, _, _ := strings.Cut(rule, ":")
	cmd := exec.Command("strace", "-f", "-p", fmt.Sprint(p.server.PID()), "-e", "trace="+trace, "-e", "inject="+rule)
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Skipf("SKIPPED, no strace here: %v", err)
	}
	lines := bufio.NewScanner(said)
	if !lines.Scan() || !strings.Contains(lines.Text(), "attached") {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		p.t.Skipf("SKIPPED, strace may not attach here: %s", lines.Text())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
		}
		_ = cmd.Wait()
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Signal(syscall.SIGINT)
			<-ended
		}
	}
	p.t.Cleanup(stop)
	return stop
}

// The first flush that fails ends acknowledging, though the next would succeed; a restart recovers.
func TestInjectedSyncError(t *testing.T) {
	p := newPatient(t, &testbroker.Broker{Bin: testbroker.Binary(t, "crash"), Dir: t.TempDir(), Port: testport.Broker(t), Flush: "SYNC_FLUSH"})
	stop := p.inject("fdatasync:error=EIO")
	p.refused(p.fill(200), "")
	stop()
	p.refused(p.send(200), "restart the broker when the disk is sound")
	p.reads()
	p.survives()
}

// No room for the next file of the log: refused with the cause, reading goes on, accepted again when there is.
func TestInjectedNoSpace(t *testing.T) {
	p := newPatient(t, &testbroker.Broker{
		Bin: testbroker.Binary(t, "crash"), Dir: t.TempDir(), Port: testport.Broker(t), Flush: "ASYNC_FLUSH", Settings: "mappedFileSizeCommitLog=1048576\n",
	})
	stop := p.inject("fallocate:error=ENOSPC")
	p.refused(p.fill(20_000), "the disk is full")
	p.reads()
	stop()
	p.resumes()
	p.survives()
}

// The same on a file system that is really full.
func TestFullLoopDisk(t *testing.T) {
	bin := testbroker.Binary(t, "crash")
	disk := newLoopDisk(t, 64, "")
	balloon := filepath.Join(disk.dir, "balloon")
	if err := command("fallocate", "-l", "24MiB", balloon); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	p := newPatient(t, &testbroker.Broker{
		Bin: bin, Dir: t.TempDir(), Root: filepath.Join(disk.dir, "store"), Port: testport.Broker(t), Flush: "SYNC_FLUSH",
		Settings: "mappedFileSizeCommitLog=4194304\n",
	})
	p.refused(p.fill(50_000), "the disk is full")
	p.reads()
	if err := os.Remove(balloon); err != nil {
		t.Fatal(err)
	}
	p.resumes()
	p.survives()
	disk.unmount(t)
}

// A file system that its kernel made read-only after an error: refused, reading goes on, the process lives.
func TestReadOnlyLoopDisk(t *testing.T) {
	bin := testbroker.Binary(t, "crash")
	disk := newLoopDisk(t, 64, "errors=remount-ro")
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(disk.device(t)), "trigger_fs_error")
	if f, err := os.OpenFile(trigger, os.O_WRONLY, 0); err != nil {
		t.Skipf("SKIPPED, this kernel triggers no errors: %v", err)
	} else {
		_ = f.Close()
	}
	p := newPatient(t, &testbroker.Broker{
		Bin: bin, Dir: t.TempDir(), Root: filepath.Join(disk.dir, "store"), Port: testport.Broker(t), Flush: "SYNC_FLUSH",
	})
	if err := os.WriteFile(trigger, []byte("1"), 0o600); err != nil {
		t.Skipf("SKIPPED, this kernel triggers no errors: %v", err)
	}
	p.refused(p.fill(200), "")
	p.reads()
	p.server.End(t, syscall.SIGKILL)
	disk.again(t)
	p.server = p.Start(t)
	p.reads()
	p.server.End(t, syscall.SIGTERM)
	disk.unmount(t)
}
