package nameserv

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// event is one frame of a recorded session.
type event struct {
	Conn      int
	Direction string
	T         float64
	Hex       string
	Note      string

	file string
}

func (e *event) frame(t *testing.T) *protocol.Command {
	t.Helper()
	raw, err := hex.DecodeString(e.Hex)
	if err != nil {
		t.Fatal(err)
	}
	cmd := new(protocol.Command)
	if err := protocol.DecodeFrame(raw[4:], cmd); err != nil {
		t.Fatalf("%s at %v: %v", e.file, e.T, err)
	}
	return cmd
}

// load merges recordings of one scene by their times.
func load(t *testing.T, until float64, files ...string) []event {
	t.Helper()
	var all []event
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var events []event
		if err := json.Unmarshal(data, &events); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.file = name; e.T < until {
				all = append(all, e)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b event) int {
		switch {
		case a.T < b.T:
			return -1
		case a.T > b.T:
			return 1
		}
		return 0
	})
	return all
}

// What the original's brokers and clients sent is sent to ours, on as many connections, and every answer must be what the original
// answered: code, remark, ext fields, and body to the byte.
func TestRecordedSessions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		until  float64
		files  []string
		change func(*Options, *Config)
	}{
		{
			// Later frames of this recording depend on registrations that it does not hold.
			name: "master, slave, clients", until: 177, files: []string{"session-master-slave-client.json"},
			change: func(*Options, *Config) {},
		},
		{
			name: "acting master", until: 1000, files: []string{"session-acting-master.json", "session-acting-slave.json"},
			change: func(_ *Options, c *Config) { c.SupportActingMaster = true },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := start(t, tt.change)
			type key struct {
				file string
				conn int
			}
			type broker struct{ cluster, addr string }
			peers, brokers := map[key]*peer{}, map[key]broker{}
			compared := 0
			for _, e := range load(t, tt.until, tt.files...) {
				k := key{e.file, e.Conn}
				p := peers[k]
				if e.Hex == "" {
					if p != nil {
						_ = p.Close()
						delete(peers, k)
						if b, ok := brokers[k]; ok {
							awaitGone(t, n, b.cluster, b.addr)
						}
					}
					continue
				}
				if p == nil {
					p = connect(t, n)
					peers[k] = p
				}
				raw, err := hex.DecodeString(e.Hex)
				if err != nil {
					t.Fatal(err)
				}
				if e.Direction == "c2s" {
					if cmd := e.frame(t); cmd.Request() == code.RegisterBroker {
						brokers[k] = broker{cmd.Fields.String("clusterName"), cmd.Fields.String("brokerAddr")}
					}
					if _, err := p.Write(raw); err != nil {
						t.Fatal(err)
					}
					continue
				}
				compare(t, &e, p.receive())
				compared++
			}
			if compared < 10 {
				t.Errorf("only %d answers compared", compared)
			}
		})
	}
}

// awaitGone waits until a broker is unregistered, which the server does after it has answered or closed the connection.
func awaitGone(t *testing.T, n *Nameserv, cluster, addr string) {
	t.Helper()
	eventually(t, "broker "+addr+" unregistered", func() bool {
		_, alive := n.routes.DataVersion(cluster, addr)
		return !alive
	})
}

func compare(t *testing.T, e *event, got *protocol.Command) {
	t.Helper()
	want := e.frame(t)
	type view struct {
		Code, Opaque int32
		Remark       string
		Ext          map[string]string
		Body         string
	}
	of := func(c *protocol.Command) view {
		return view{c.Code, c.Opaque, c.Remark, extOf(c), string(c.Body)}
	}
	if diff := cmp.Diff(of(want), of(got)); diff != "" {
		t.Errorf("%s at %v, %s (-want +got):\n%s", e.file, e.T, e.Note, diff)
	}
}
