package remoting

import (
	"fmt"
	"reflect"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Route is one row of a role's table: a request code, where it runs, and its handler.
type Route[S any] struct {
	Code code.Request
	Lane Lane

	handle func(S, *Request) (*protocol.Command, error)
	batch  func(S, *Turn, []*Request)
}

// Handle makes the row of a request with a header, which is decoded before the call. The handler answers by returning a command;
// (nil, nil) says that it held the request or that no answer is due.
func Handle[S, H any](c code.Request, lane Lane, h func(S, *Request, *H) (*protocol.Command, error)) Route[S] {
	return Route[S]{Code: c, Lane: lane, handle: func(s S, r *Request) (*protocol.Command, error) {
		head := new(H)
		if err := header.Decode(&r.Fields, head); err != nil {
			return nil, Fail(code.SystemError, err.Error())
		}
		return h(s, r, head)
	}}
}

// HandleRaw makes the row of a request that needs no header, or decodes it by itself.
func HandleRaw[S any](c code.Request, lane Lane, h func(S, *Request) (*protocol.Command, error)) Route[S] {
	return Route[S]{Code: c, Lane: lane, handle: h}
}

// HandleBatch makes the row of an inline request whose neighbours are handled together: consecutive requests of one turn whose
// rows name the same function arrive in one call. Each must be replied to, held, or marked answered.
func HandleBatch[S any](c code.Request, h func(S, *Turn, []*Request)) Route[S] {
	return Route[S]{Code: c, Lane: Inline, batch: h}
}

// row is a mounted Route.
type row struct {
	code   code.Request
	lane   Lane
	handle func(*Request) (*protocol.Command, error)
	batch  *batchHandler
}

// batchHandler is compared by address: rows that share it share calls.
type batchHandler struct {
	call func(*Turn, []*Request)
}

const denseCodes = 2048 // all but POP and lite codes are below

// table finds the row of a code.
type table struct {
	dense  [denseCodes]*row
	sparse map[int32]*row
	size   int
}

func (t *table) find(c int32) *row {
	if uint32(c) < denseCodes {
		return t.dense[c]
	}
	return t.sparse[c]
}

func (t *table) add(r *row) {
	if t.find(int32(r.code)) != nil {
		panic(fmt.Sprintf("remoting: request %s mounted twice", r.code))
	}
	t.size++
	if uint32(r.code) < denseCodes {
		t.dense[r.code] = r
		return
	}
	if t.sparse == nil {
		t.sparse = make(map[int32]*row)
	}
	t.sparse[int32(r.code)] = r
}

// Mount adds a role's rows to a server. All rows must be there before Run.
func Mount[S any](srv *Server, s S, routes []Route[S]) { mount(&srv.dispatcher, s, routes) }

// MountClient adds rows for requests that the peers of a client send over its connections.
func MountClient[S any](c *Client, s S, routes []Route[S]) { mount(&c.dispatcher, s, routes) }

func mount[S any](d *dispatcher, s S, routes []Route[S]) {
	shared := make(map[uintptr]*batchHandler)
	for _, route := range routes {
		r := &row{code: route.Code, lane: route.Lane}
		switch {
		case route.batch != nil:
			// Function values do not compare; the code pointer of a method expression does. Two closures of one literal would
			// be taken for the same handler: a batch handler must be a method or a plain function.
			id := reflect.ValueOf(route.batch).Pointer()
			if shared[id] == nil {
				h := route.batch
				shared[id] = &batchHandler{call: func(t *Turn, rs []*Request) { h(s, t, rs) }}
			}
			r.batch = shared[id]
		case route.handle != nil:
			h := route.handle
			r.handle = func(req *Request) (*protocol.Command, error) { return h(s, req) }
		default:
			panic(fmt.Sprintf("remoting: request %s has no handler", route.Code))
		}
		if r.lane >= LaneCount {
			panic(fmt.Sprintf("remoting: request %s on %s", route.Code, r.lane))
		}
		d.table.add(r)
	}
}
