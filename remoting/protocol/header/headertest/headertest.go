// Package headertest asks a server with requests that lack what they need, and compares its answers with those of the
// Java original that are recorded beside it.
package headertest

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

//go:embed missing-fields-java-5.5.0.json
var recorded string

// Request is a request of the original with its required fields, and what the original answered when they were there
// and when one of them was not. See README.md for how it was recorded.
type Request struct {
	Code     code.Request
	Header   string   // Java's class
	Role     string   // broker or namesrv
	Required []string // @CFNotNull, in the order in which Java reads them
	Sent     map[string]string
	Body     string
	Complete Answer
	Without  map[string][2]string // code and remark, by the missing field
}

// Answer is code and remark.
type Answer struct {
	Code   code.Response
	Remark string
}

// Recorded are the requests that a role of the original answers.
func Recorded(t testing.TB, role string) (list []Request) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(recorded)); ; {
		var r Request
		if err := d.Decode(&r); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Role == role {
			list = append(list, r)
		}
	}
}

// Missing sends a request once complete and once without each required field, with both forms of headers, over one
// connection. Where the original fails, ours says which field is missing; where it does without, ours gives the same
// code, or that of the complete request, unless stricter names "code field". prepare is called before each request.
func Missing(t *testing.T, addr string, r *Request, stricter []string, prepare func()) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { //nolint:forbidigo // of a socket
		t.Fatal(err)
	}
	for _, form := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		if form == protocol.RocketMQ && int32(r.Code) > 0x7fff {
			continue // that form has 16 bits for a code
		}
		prepare()
		complete := r.send(t, conn, form, "")
		if strings.HasPrefix(complete.Remark, "the custom field <") {
			t.Errorf("%s %s: complete, code %d %q", r.Code, form, complete.Code, complete.Remark)
		}
		for _, field := range r.Required {
			prepare()
			got := r.send(t, conn, form, field)
			java, _ := strconv.Atoi(r.Without[field][0])
			missing := Answer{code.SystemError, "the custom field <" + field + "> is null"}
			strict := slices.Contains(stricter, strconv.Itoa(int(r.Code))+" "+field)
			switch {
			case got == missing && (strict || java == int(code.SystemError)):
			case got != missing && !strict && (got.Code == code.Response(java) || java != int(code.SystemError) && got.Code == complete.Code):
			default:
				t.Errorf("%s %s without %s: code %d %q, the original's %d %q", r.Code, form, field, got.Code, got.Remark, java, r.Without[field][1])
			}
		}
	}
}

// send returns the answer to the request without a field.
func (r *Request) send(t *testing.T, conn net.Conn, form protocol.SerializeType, without string) Answer {
	t.Helper()
	cmd := protocol.NewRequest(r.Code, nil, []byte(r.Body))
	cmd.Serialize, cmd.Opaque = form, 7
	for _, name := range slices.Sorted(maps.Keys(r.Sent)) {
		if name != without {
			cmd.Fields.Set(name, r.Sent[name])
		}
	}
	if _, err := conn.Write(protocol.AppendFrame(nil, cmd)); err != nil {
		t.Fatalf("%s %s without %q: %v", r.Code, form, without, err)
	}
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		t.Fatalf("%s %s without %q: no answer: %v", r.Code, form, without, err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(conn, frame); err != nil {
		t.Fatal(err)
	}
	var reply protocol.Command
	if err := protocol.DecodeFrame(frame, &reply); err != nil || reply.Opaque != 7 || !reply.IsResponse() {
		t.Fatalf("%s %s without %q: answered %+v, %v", r.Code, form, without, reply, err)
	}
	return Answer{reply.Response(), reply.Remark}
}
