package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

// lifecycle measures what is not a rate: start on an empty directory, memory and CPU when idle,
// idle connections, and start after kill -9 with a log of some size.
func lifecycle(ctx context.Context, s settings, report *report) error {
	for _, k := range s.kinds(true) {
		dir := filepath.Join(s.dir, "life-"+strings.Fields(k.Name)[0])
		for range s.rounds {
			srv, err := k.Run(ctx, server.Options{Dir: filepath.Join(dir, time.Now().Format("150405.000000"))})
			if err != nil {
				return err
			}
			report.addLife("start on an empty directory, ms", k.Name, srv.Start.Seconds()*1e3)
			o := load.Options{Addr: srv.Addr, PID: srv.PID(), Conns: s.idleConns, Measure: 4 * time.Second}
			before, after, idle, err := load.Idle(ctx, o)
			if err != nil {
				srv.Stop(syscall.SIGKILL)
				return err
			}
			report.addLife("anonymous memory when idle, MiB", k.Name, before.Anonymous)
			report.addLife("CPU with the idle connections, %", k.Name, idle.CPUShare*100)
			report.addLife("anonymous memory more with the idle connections, MiB", k.Name, after.Anonymous-before.Anonymous)
			if _, err := load.Send(ctx, load.Options{Addr: srv.Addr, Measure: 4 * time.Second}); err != nil {
				srv.Stop(syscall.SIGKILL)
				return err
			}
			srv.Stop(syscall.SIGKILL)
			log, err := logBytes(filepath.Join(srv.Dir, "store", "commitlog"))
			if err != nil {
				return err
			}
			again, err := k.Run(ctx, server.Options{Dir: srv.Dir})
			if err != nil {
				return err
			}
			report.addLife("size of the log before kill -9, GiB", k.Name, float64(log)/(1<<30))
			report.addLife("start after kill -9, ms", k.Name, again.Start.Seconds()*1e3)
			report.addLife("clean stop after that, ms", k.Name, again.Stop(syscall.SIGTERM).Seconds()*1e3)
		}
	}
	return nil
}
