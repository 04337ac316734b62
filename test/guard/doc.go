// Package guard holds the real binary to its footprint, and to the speed of the commit before it: start, idle connections, memory
// under a limit, CPU a message. `make guard` runs it; it needs two minutes and two cores, and stands the noise of a busy machine: what is
// compared is CPU time, which neighbours disturb little, of processes that run alternately.
package guard
