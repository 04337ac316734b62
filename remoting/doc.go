// Package remoting carries RocketMQ's request and response frames: a server on one event loop, its routes, lanes and held
// requests, and a client with cached connections.
//
//	socket   listen.go   accept loop, survives running out of descriptors; then the connection belongs to a loop
//	         loop.go     gnet's callbacks: what has arrived → Cutter → requests; all answers of one call leave in one write
//	         sniff.go    first bytes: PROXY protocol (haproxy.go), TLS (tls.go, stream.go), else plain
//	turn     turn.go     the requests of one read, decoded into reused memory and handled in order
//	         route.go    code → row → inline handler, batch handler, or a lane
//	lane     lane.go     bounded workers with a copy of the frame; full or too old → SYSTEM_BUSY in Java's words
//	held     held.go     answered later from any goroutine; the answers of one wake-up are one write a connection
//	budget   budget.go   bytes nobody reads, requests in flight, unfinished frames: over it the connection goes
//	         pause.go    long before that, the requests of a slow reader wait instead of its answers
//
// Who owns what: a plain connection's reading side belongs to its loop, a TLS or client connection's to its reader goroutine. Held,
// Conn.Send and Conn.Call may be used from anywhere. Lock order: Conn.mu, then loop.mu; neither is held across I/O or a handler.
//
// Server.Run owns the loops, the accept goroutines, the lanes' workers and the ticker, and returns when all have ended.
// Client.Close does the same for a client.
package remoting
