// Package harness starts the servers and clients that the compatibility tests bring together: our binary or the Java
// original as a server, and JVMs that run the official Java clients and tools.
//
// A test asks for a Cluster of a Target; everything started belongs to the test's Cleanup, and to the death of the test
// process itself (process.go), so nothing is left behind by a failed, interrupted or killed run.
package harness
