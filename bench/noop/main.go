// noop is the floor of measurements: it speaks the whole protocol through package remoting and does nothing with a message. What a
// broker costs beyond it is the broker's own work.
//
//	noop -addr 127.0.0.1:10911
//	noop -addr 127.0.0.1:10911 -sync FILE   as many bytes as a broker would write, flushed before the answer
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// silent answers sends with the same numbers every time.
type silent struct{ disk *disk }

func (s silent) send(t *remoting.Turn, requests []*remoting.Request) {
	reply, ok := t.Local.(*protocol.Command)
	if !ok {
		reply = sendReply()
		t.Local = reply // each turn its own: replies are written into
	}
	if s.disk != nil {
		if err := s.disk.commit(requests); err != nil {
			reply = protocol.NewResponse(code.SystemError, err.Error())
		}
	}
	for _, r := range requests {
		r.AppendReply(reply)
	}
}

func (silent) heartBeat(*remoting.Request) (*protocol.Command, error) {
	return protocol.NewResponse(code.Success, ""), nil
}

func sendReply() *protocol.Command {
	reply := protocol.NewResponse(code.Success, "")
	reply.Fields.Set("msgId", "7F000001000029FC0000000000000000")
	reply.Fields.Set("queueId", "0")
	reply.Fields.Set("queueOffset", "0")
	reply.Fields.Set("MSG_REGION", "DefaultRegion")
	reply.Fields.Set("TRACE_ON", "true")
	return reply
}

var routes = []remoting.Route[silent]{
	remoting.HandleBatch(code.SendMessage, silent.send),
	remoting.HandleBatch(code.SendMessageV2, silent.send),
	remoting.HandleBatch(code.SendBatchMessage, silent.send),
	remoting.HandleRaw(code.HeartBeat, remoting.Inline, silent.heartBeat),
}

func main() {
	addr := flag.String("addr", "127.0.0.1:10911", "listen address")
	loops := flag.Int("loops", 0, "event loops, 0: by cores")
	sync := flag.String("sync", "", "write and flush to this file before every answer")
	flag.Parse()
	if err := run(*addr, *loops, *sync); err != nil {
		fmt.Fprintln(os.Stderr, "noop:", err)
		os.Exit(1)
	}
}

func run(addr string, loops int, sync string) error {
	var service silent
	if sync != "" {
		d, err := openDisk(sync)
		if err != nil {
			return err
		}
		defer func() { _ = d.file.Close() }()
		service.disk = d
	}
	cfg := remoting.DefaultConfig()
	cfg.EventLoops = loops
	srv := remoting.NewServer(cfg, zerolog.New(os.Stderr).Level(zerolog.InfoLevel))
	remoting.Mount(srv, service, routes)
	bound, err := srv.Listen(addr)
	if err != nil {
		return err
	}
	fmt.Println("listening on", bound)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return srv.Run(ctx)
}
