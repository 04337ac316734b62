package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
)

// lifecycle measures what is not a rate: start on an empty directory, memory and CPU when idle,
// idle connections, and start after kill -9 with a log of some size.
func lifecycle(ctx context.Context, s settings, report *report) error {
	for _, k := range s.kinds(true) {
		dir := filepath.Join(s.dir, "life-"+strings.Fields(k.name)[0])
		for range s.rounds {
			srv, err := k.run(ctx, filepath.Join(dir, time.Now().Format("150405.000000")), false)
			if err != nil {
				return err
			}
			report.addLife("start on an empty directory, ms", k.name, srv.start.Seconds()*1e3)
			o := load.Options{Addr: srv.addr, PID: srv.cmd.Process.Pid, Conns: s.idleConns, Measure: 4 * time.Second}
			before, after, idle, err := load.Idle(ctx, o)
			if err != nil {
				srv.stop(syscall.SIGKILL)
				return err
			}
			report.addLife("anonymous memory when idle, MiB", k.name, before.Anonymous)
			report.addLife("CPU with the idle connections, %", k.name, idle.CPUShare*100)
			report.addLife("anonymous memory more with the idle connections, MiB", k.name, after.Anonymous-before.Anonymous)
			if _, err := load.Send(ctx, load.Options{Addr: srv.addr, Measure: 4 * time.Second}); err != nil {
				srv.stop(syscall.SIGKILL)
				return err
			}
			srv.stop(syscall.SIGKILL)
			log, err := logBytes(filepath.Join(srv.dir, "store", "commitlog"))
			if err != nil {
				return err
			}
			again, err := k.run(ctx, srv.dir, false)
			if err != nil {
				return err
			}
			report.addLife("size of the log before kill -9, GiB", k.name, float64(log)/(1<<30))
			report.addLife("start after kill -9, ms", k.name, again.start.Seconds()*1e3)
			report.addLife("clean stop after that, ms", k.name, again.stop(syscall.SIGTERM).Seconds()*1e3)
		}
	}
	return nil
}
