package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/loglimit"
)

// exitInterrupted is what a shell expects of a process that a second ctrl-C ended.
const exitInterrupted = 130

// untilStopped ends its context at the first SIGTERM or SIGINT: the role then drains, flushes and unregisters. A second signal ends the
// process at once, as kill -9 would; the next start recovers.
func untilStopped(log zerolog.Logger) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		defer signal.Stop(signals)
		select {
		case s := <-signals:
			log.Info().Stringer("signal", s).Msg("stopping; a second signal stops at once")
			cancel()
		case <-ctx.Done():
			return
		}
		s := <-signals
		log.Warn().Stringer("signal", s).Msg("stopped without flushing")
		os.Exit(exitInterrupted)
	}()
	return ctx, cancel
}

// spareProcessor gives the scheduler one processor more than there are cores, unless GOMAXPROCS says how many. A goroutine in a
// system call, such as an event loop that waits for its sockets or a flush, keeps its processor until the runtime takes it away, and while
// no processor is idle the runtime looks for that every 20 µs and hands over each time: on two cores 10 to 15 % of the CPU time of SYNC_FLUSH.
func spareProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}

// logger writes for people on a terminal and JSON lines elsewhere, within the bounds of loglimit. SKYLARK_LOG_LEVEL is debug, info (default), warn or error.
func logger(w io.Writer) zerolog.Logger {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			w = zerolog.ConsoleWriter{Out: f, TimeFormat: time.TimeOnly + ".000"}
		}
	}
	level, err := zerolog.ParseLevel(os.Getenv("SKYLARK_LOG_LEVEL"))
	if err != nil || level == zerolog.NoLevel {
		level = zerolog.InfoLevel
	}
	return zerolog.New(loglimit.New(w, clock.Real)).Level(level).With().Timestamp().Logger()
}

// identity begins two lines of every role: "starting", before anything is opened, so that a start that is refused or takes long has
// said which version it is, and "started", when clients are served. memoryLimit is that of the whole process, 0 for none; heapLimit
// the part that the collector keeps to, or all that GOMEMLIMIT says.
func identity(log zerolog.Logger, role string, memoryLimit int64) *zerolog.Event {
	e := log.Info().Str("version", versionText()).Str("role", role).Int("pid", os.Getpid()).Float64("memoryMiB", residentMiB())
	heap := debug.SetMemoryLimit(-1)
	if heap == maxInt64 {
		return e
	}
	if memoryLimit == 0 {
		memoryLimit = heap
	}
	return e.Int64("memoryLimitMiB", memoryLimit>>20).Int64("heapLimitMiB", heap>>20)
}

const maxInt64 = 1<<63 - 1

// warnOpen says once what an operator should know: like the original, everything is allowed to everyone who can connect.
func warnOpen(log zerolog.Logger) {
	log.Warn().Msg("access is open: whoever can connect may send, consume and administer; keep the ports in a trusted network")
}

// residentMiB is the memory in use, 0 where the system does not tell.
func residentMiB() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return float64(kib*10/1024) / 10
		}
	}
	return 0
}

// warnUnknown lists once the names that no part of this version knows.
func warnUnknown(log zerolog.Logger, file string, names []string) {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(broker.AcceptedNulls, n) })
	if len(names) > 0 {
		log.Warn().Str("file", file).Strs("names", names).Msg("settings without a meaning here; they are kept and shown")
	}
}
