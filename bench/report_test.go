package main

import (
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/bench/record"
)

// A server that refuses most of what it gets is not two hundred times slower: its row has a mark and no ratio.
func TestRowsWithRefusalsHaveNoRatio(t *testing.T) {
	t.Parallel()
	good, bad := rows[0].name, rows[1].name
	values := func(cpu float64) map[string]float64 { return map[string]float64{cpuMicros: cpu, perSecond: 1000} }
	text := newTables(nil, []record.One{
		{Row: good, Server: "skylark", Values: values(2)},
		{Row: good, Server: "Java 5.5.0", Values: values(50)},
		{Row: bad, Server: "skylark", Values: values(2)},
		{Row: bad, Server: "Java 5.5.0", Values: values(900), Errors: map[string]int64{"broker busy": 2283}},
	}).markdown()
	for _, want := range []string{"| **50.0** | **25.0** | **1000** | **1000** |", "| **900** † |  | **1000** | **1000** † |", "† some of its answers were no success"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
