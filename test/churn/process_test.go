package churn

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// memberVariable makes this test binary a member: "address id".
const memberVariable = "SKYLARK_CHURN_MEMBER"

func TestMain(m *testing.M) {
	if who := os.Getenv(memberVariable); who != "" {
		addr, id, _ := strings.Cut(who, " ")
		beMember(addr, id)
		return
	}
	os.Exit(m.Run())
}

// reportSize is one message in a report: queue, offset, number.
const reportSize = 4 + 8 + 8

// ready is the queue of the first report: the member can be told to leave.
const ready = -1

// beMember consumes until SIGTERM. Each pull's messages are reported in one write
// of less than PIPE_BUF before any of them is committed.
func beMember(addr, id string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	report := func(list []delivery) {
		buf := make([]byte, 0, len(list)*reportSize)
		for _, d := range list {
			buf = binary.BigEndian.AppendUint32(buf, uint32(d.queue))
			buf = binary.BigEndian.AppendUint64(buf, uint64(d.offset))
			buf = binary.BigEndian.AppendUint64(buf, d.seq)
		}
		if _, err := os.Stdout.Write(buf); err != nil {
			os.Exit(1) // the test is gone
		}
	}
	report([]delivery{{queue: ready}})
	newMember(addr, concurrentGroup, id, false, report).run(ctx)
}

// process is a member that can be killed and paused.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	paused bool
	heard  chan struct{} // closed when its last report is read
}

func startProcess(t *testing.T, addr, id string, consumed func([]delivery)) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0]), heard: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), memberVariable+"="+addr+" "+id)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	read := bufio.NewReaderSize(out, 64<<10)
	var one [reportSize]byte
	if _, err := io.ReadFull(read, one[:]); err != nil || decodeReport(one[:]).queue != ready {
		t.Fatalf("a member does not begin: %v", err)
	}
	go func() {
		defer close(p.heard)
		for {
			if _, err := io.ReadFull(read, one[:]); err != nil {
				return
			}
			list := []delivery{decodeReport(one[:])}
			for read.Buffered() >= reportSize {
				_, _ = io.ReadFull(read, one[:]) // it is there
				list = append(list, decodeReport(one[:]))
			}
			consumed(list)
		}
	}()
	return p
}

func decodeReport(b []byte) delivery {
	return delivery{queue: int32(binary.BigEndian.Uint32(b)), offset: int64(binary.BigEndian.Uint64(b[4:])), seq: binary.BigEndian.Uint64(b[12:])}
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("a member ended by itself: %v", err)
	}
}

// end sends a signal and waits for the end and for what it still had to report.
func (p *process) end(s syscall.Signal) {
	p.signal(s)
	<-p.heard
	_ = p.cmd.Wait() // killed, or it says on stderr why it failed
	if s == syscall.SIGTERM && p.cmd.ProcessState.ExitCode() != 0 {
		p.t.Errorf("a member that was to leave: %v", p.cmd.ProcessState)
	}
}
