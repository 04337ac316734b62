// Package load is the client side of the benchmarks: it sends and pulls over the remoting protocol with
// as little work of its own as it can, counts what was answered, and charges the server's CPU time to it.
//
// Closed loops keep a fixed number of requests in flight on each connection. Open loops send at a fixed rate
// and count latency from the moment a message was due, so that a server which stalls pays for everything that
// queued up behind the stall.
package load

import (
	"time"
)

// Options of one run. The zero value of a field takes the default beside it.
type Options struct {
	Addr     string // broker, host:port
	PID      int    // server process whose CPU and memory are charged; 0: none
	Topic    string // "BenchTopic"
	Topics   int    // 1; more are Topic followed by three digits
	Queues   int    // 8 a topic
	Conns    int    // 4
	InFlight int    // 64 requests a connection
	Size     int    // 1024 bytes of body
	Batch    int    // 1 message a request
	Rate     int    // messages a second in all; 0: closed loop
	Binary   bool   // ROCKETMQ header instead of JSON
	OneWay   bool
	// Transaction sends half messages and commits each, one-way, with the next requests.
	Transaction bool
	MaxNums     int // 32 messages a pull
	// MarkEvery: one message in so many has the tag TagB and a='Mark1', the others TagA and a='Mark0'; 0: none has a.
	MarkEvery int
	// Filter is the expression of a pull, FilterType what it is written in (TAG, SQL92).
	Filter, FilterType string
	// Registered: pulls go by what Subscribe registered, and bring no subscription of their own.
	Registered bool
	// Once: a pull of a queue ends at its end, instead of beginning again.
	Once bool
	// Groups of consumers follow the topic's end.
	Groups  int           // 1
	Warm    time.Duration // 1 s before counting
	Measure time.Duration // 3 s
}

func (o Options) withDefaults() Options {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.Queues, 8)
	set(&o.Conns, 4)
	set(&o.InFlight, 64)
	set(&o.Size, 1024)
	set(&o.Batch, 1)
	set(&o.MaxNums, 32)
	set(&o.Topics, 1)
	set(&o.Groups, 1)
	if o.Filter == "" {
		o.Filter, o.FilterType = "*", "TAG"
	}
	if o.Topic == "" {
		o.Topic = "BenchTopic"
	}
	if o.Warm == 0 {
		o.Warm = time.Second
	}
	if o.Measure == 0 {
		o.Measure = 3 * time.Second
	}
	return o
}

// Result of one run.
type Result struct {
	Messages  int64
	Answers   int64 // pull answers with messages, where that is something else
	PerSecond float64
	CPUMicros float64 // server CPU a message, µs
	CPUShare  float64 // server CPU of the whole window, in cores
	Seconds   float64 // of the window
	// ClientMicros is this process's CPU a message; OthersShare what all other processes and the kernel's own threads took, in cores.
	ClientMicros, OthersShare float64
	Latency                   Percentiles
	Memory                    Memory
	Errors                    map[string]int64 // answers that were not success, by code and remark
}

// window measures CPU over a span of time: the server's, our own, the machine's.
type window struct {
	pid               int
	cpu, own, machine float64
	start             time.Time
}

func openWindow(pid int) window {
	return window{pid: pid, cpu: CPUSeconds(pid), own: ownCPUSeconds(), machine: machineCPUSeconds(), start: time.Now()}
}

func (w window) close(messages int64) Result {
	elapsed := time.Since(w.start).Seconds()
	used, own := CPUSeconds(w.pid)-w.cpu, ownCPUSeconds()-w.own
	r := Result{Messages: messages, PerSecond: float64(messages) / elapsed, CPUShare: used / elapsed, Seconds: elapsed, Memory: MemoryOf(w.pid)}
	r.OthersShare = max(0, machineCPUSeconds()-w.machine-used-own) / elapsed
	if messages > 0 {
		r.CPUMicros = used * 1e6 / float64(messages)
		r.ClientMicros = own * 1e6 / float64(messages)
	}
	return r
}
