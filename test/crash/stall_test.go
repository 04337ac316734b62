//go:build linux

package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	// stallRate is how many messages a second are sent, whatever becomes of those before.
	stallRate = 5000
	// bystander is how long others may have to wait while the disk stalls. On a machine of one's own that holds for 99 of 100 requests;
	// the test wants it of every second one, as it shares its processors with the load and with whatever else runs.
	bystander = 50 * time.Millisecond
	// resumed is how soon after it sends must go on: a second, and nine for a busy machine.
	resumed = 10 * time.Second
	// sendPatience is the Java client's default.
	sendPatience = 3 * time.Second
)

// stallingDisk is an ext4 whose device stops: it lies in a file of another ext4, which is frozen.
type stallingDisk struct {
	*loopDisk
	outer *loopDisk
}

func newStallingDisk(t *testing.T) *stallingDisk {
	t.Helper()
	if _, err := exec.LookPath("fsfreeze"); err != nil {
		t.Skipf("SKIPPED, this machine has no fsfreeze: %v", err)
	}
	outer := newLoopDisk(t, 900, "")
	return &stallingDisk{newLoopDiskIn(t, outer.dir, ext4, 512, ""), outer}
}

// freeze stops a file system until thaw is called, or this process ends: whoever needs it could not be killed before.
func freeze(t *testing.T, dir string) (thaw func()) {
	t.Helper()
	guard := exec.Command("sh", "-c", `cat >/dev/null; exec fsfreeze -u "$0"`, dir)
	in, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	thaw = sync.OnceFunc(func() {
		_ = in.Close()
		if err := guard.Wait(); err != nil {
			t.Errorf("thaw: %v", err)
		}
	})
	t.Cleanup(thaw)
	if err := command("fsfreeze", "-f", dir); err != nil {
		t.Skipf("SKIPPED, no freezing here: %v", err)
	}
	return thaw
}

// probe is a request of somebody who does not send.
type probe struct {
	name string
	call func(context.Context) error

	mu   sync.Mutex
	took []time.Duration
}

// during asks every ten milliseconds, whatever became of the requests before.
func (p *probe) during(ctx context.Context, t *testing.T, stop <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		open.Go(func() {
			began := time.Now()
			if err := p.call(ctx); err != nil {
				t.Errorf("%s: %v", p.name, err)
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.took = append(p.took, time.Since(began))
		})
	}
}

func (p *probe) String() string {
	return fmt.Sprintf("%s p99 %v max %v", p.name, p.part(0.99).Round(100*time.Microsecond), p.part(1).Round(100*time.Microsecond))
}

// part is the time that a part of the requests did not exceed.
func (p *probe) part(of float64) time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	slices.Sort(p.took)
	return p.took[min(len(p.took)-1, int(of*float64(len(p.took))))]
}

// crowd sends at stallRate until stop, and counts.
type crowd struct {
	mu      sync.Mutex
	acked   int
	refused map[string]int
	silent  int
	broken  int
	logged  func() string // by the broker
	last    time.Time     // of the newest acknowledgement
	first   time.Time     // of the first one after mark
	mark    time.Time
}

func (c *crowd) run(ctx context.Context, t *testing.T, clients []*client, l *ledger, name string, stop <-chan struct{}) {
	const every = 2 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	var open sync.WaitGroup
	defer open.Wait()
	for seq := 0; ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		for range stallRate * int(every) / int(time.Second) {
			seq++
			n := seq
			open.Go(func() { c.send(ctx, t, clients[n%len(clients)], l, int32(n%queues), fmt.Sprintf("%s-%d", name, n)) })
		}
	}
}

func (c *crowd) send(ctx context.Context, t *testing.T, cl *client, l *ledger, queue int32, key string) {
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	body := key + ":" + strings.Repeat("x", 700)
	l.sending(body)
	at, phy, err := cl.send(ctx, queue, key, body)
	if err == nil {
		err = l.ack(at, phy, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var r *refusal
	switch {
	case err == nil:
		c.acked++
		if c.last = time.Now(); c.first.IsZero() && !c.mark.IsZero() {
			c.first = c.last
		}
	case asRefusal(err, &r):
		kind, _, _ := strings.Cut(r.remark, "]")
		c.refused[fmt.Sprintf("%d %s", r.code, kind)]++
		if r.code != code.SystemBusy && r.code != code.FlushDiskTimeout {
			t.Errorf("%v", err)
		}
	case ctx.Err() != nil:
		c.silent++
	default:
		if c.broken++; c.broken == 1 {
			t.Errorf("%v\n%s", err, c.logged())
		}
	}
}

// ended notes that the stall is over.
func (c *crowd) ended() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark = time.Now()
}

// resumed says how long after the stall the first message was acknowledged.
func (c *crowd) resumed() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first.Sub(c.mark), !c.first.IsZero()
}

func (c *crowd) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d acknowledged, refused %v, %d without an answer for %v", c.acked, c.refused, c.silent, sendPatience)
}

// TestStalledDisk stops the device under 5,000 sends a second, SKYLARK_STALLS ("1 5 10") seconds each. Who does not send must not
// notice, nothing acknowledged may be lost, and sends go on soon. Mostly a flush hangs first; a stall that finds the file system in the
// middle of a commit of its journal catches the write that an event loop is just doing.
func TestStalledDisk(t *testing.T) {
	for _, flush := range []string{"ASYNC_FLUSH", "SYNC_FLUSH"} {
		t.Run(flush, func(t *testing.T) {
			disk := newStallingDisk(t)
			p := newStallPatient(t, disk.loopDisk, flush)
			for i, length := range stalls() {
				p.stall(fmt.Sprint(i), length, disk.outer.dir)
			}
			p.intact(disk.loopDisk)
			disk.outer.unmount(t)
		})
	}
}

// A frozen file system stops every write from its first moment on, with the event loop that does it, and nothing tells before.
func TestFrozenDisk(t *testing.T) {
	if _, err := exec.LookPath("fsfreeze"); err != nil {
		t.Skipf("SKIPPED, this machine has no fsfreeze: %v", err)
	}
	disk := newLoopDisk(t, 512, "")
	p := newStallPatient(t, disk, "ASYNC_FLUSH")
	for i, length := range stalls() {
		p.stall(fmt.Sprint("frozen", i), length, disk.dir)
	}
	p.intact(disk)
}

// stallPatient is a broker with a name server on a disk that stops.
type stallPatient struct {
	*testbroker.Broker
	t      *testing.T
	server *testbroker.Server
	ledger *ledger
}

func newStallPatient(t *testing.T, disk *loopDisk, flush string) *stallPatient {
	t.Helper()
	b := &testbroker.Broker{
		Bin: testbroker.Binary(t, "crash"), Dir: t.TempDir(), Root: filepath.Join(disk.dir, "store"), Port: testport.Broker(t), NamesrvPort: testport.Broker(t), Flush: flush,
		Settings: "mappedFileSizeCommitLog=67108864\nmaxIndexNum=2000000\nmaxHashSlotNum=500000\n",
	}
	return &stallPatient{b, t, b.Start(t), newLedger()}
}

// intact wants everything acknowledged to be there now, and after a kill.
func (p *stallPatient) intact(disk *loopDisk) {
	p.t.Helper()
	for range 2 {
		for i, wrong := range p.ledger.audit(readAll(p.t, p.server, p.ledger)) {
			if i < 10 {
				p.t.Error(wrong)
			}
		}
		p.server.End(p.t, syscall.SIGKILL)
		p.server = p.Start(p.t)
	}
	p.server.End(p.t, syscall.SIGTERM)
	disk.unmount(p.t)
}

// stalls are the lengths of the stalls.
func stalls() []time.Duration {
	var list []time.Duration
	for word := range strings.FieldsSeq(os.Getenv("SKYLARK_STALLS")) {
		if n, err := strconv.Atoi(word); err == nil && n > 0 {
			list = append(list, time.Duration(n)*time.Second)
		}
	}
	if list == nil {
		list = []time.Duration{time.Second, time.Second, 2 * time.Second}
	}
	return list
}

// stall is one of them, with a second of load before and after it.
func (p *stallPatient) stall(name string, length time.Duration, frozen string) {
	t, s, l := p.t, p.server, p.ledger
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length+2*time.Minute)
	defer cancel()
	var clients []*client
	for range 4 {
		clients = append(clients, newClient(s.Addr))
	}
	other, route := newClient(s.Addr), newClient(fmt.Sprintf("127.0.0.1:%d", p.NamesrvPort))
	for _, c := range append(slices.Clone(clients), other, route) {
		defer c.close()
	}
	for try := 0; ; try++ { // its topic is made before the disk stalls
		first := fmt.Sprintf("first%s-%d", name, try)
		l.sending(first)
		_, _, err := other.send(ctx, 0, first, first)
		if err == nil {
			break
		}
		if !slow(err) { // the disk may not be done with the stall before
			t.Fatalf("%v\n%s", err, s.Tail())
		}
		<-time.After(20 * time.Millisecond)
	}
	probes := []*probe{
		{name: "heartbeats", call: other.heartbeat},
		{name: "heartbeats of senders", call: clients[0].heartbeat},
		{name: "routes", call: route.route},
		{name: "admin", call: other.runtime},
		{name: "pulls", call: other.oldest},
	}
	c := &crowd{refused: map[string]int{}, logged: s.Tail}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() { c.run(ctx, t, clients, l, name, stop) })
	healthy := ask(ctx, t, probes, time.Second)()
	t.Logf("a healthy disk: %v", healthy)
	noise := worst(healthy)
	thaw := freeze(t, frozen)
	answered := ask(ctx, t, probes, length)
	during := c.String()
	thaw()
	c.ended()
	t.Logf("stalled for %v: %v; %s", length, answered(), during)
	<-time.After(time.Second)
	after, ok := c.resumed()
	for thawed := time.Now(); !ok && time.Since(thawed) < resumed; after, ok = c.resumed() {
		<-time.After(20 * time.Millisecond)
	}
	close(stop)
	sending.Wait()
	t.Logf("with a second after it: %v; the first acknowledgement came %v after the stall", c, after.Round(time.Millisecond))
	if !ok || after > resumed {
		t.Errorf("sends did not go on within %v after the stall, but %v\n%s", resumed, after, s.Tail())
	}
	// The write that hangs may come at any time of the stall. If that is in its first half, more than half of these wait, each until the end.
	if probes[1].part(1) > length/3 {
		t.Log("the connection whose heartbeats were asked for is the one whose send hung: they wait behind it")
		probes = slices.Delete(probes, 1, 2)
	}
	if noise > bystander/4 {
		t.Logf("no figures for others: they wait %v on a healthy disk too", noise)
	} else if w := worst(probes); w > bystander {
		t.Errorf("others waited %v while the disk stalled, want at most %v", w, bystander)
	}
}

// worst is the median of those who wait longest.
func worst(probes []*probe) (median time.Duration) {
	for _, p := range probes {
		median = max(median, p.part(0.5))
	}
	return median
}

// ask lets all probes ask for a while. The function that it returns waits for the answers.
func ask(ctx context.Context, t *testing.T, probes []*probe, length time.Duration) (answered func() []*probe) {
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for _, p := range probes {
		p.took = nil
		asking.Go(func() { p.during(ctx, t, stop) })
	}
	<-time.After(length) // it is what is tested
	close(stop)
	return func() []*probe {
		asking.Wait()
		return probes
	}
}
