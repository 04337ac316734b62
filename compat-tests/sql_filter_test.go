package compat_test

import (
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestSQLFilter: SQL92 filters with both clients. Both see the same, refusals word for word included.
func TestSQLFilter(t *testing.T) {
	beside(t)
	target := harness.TargetOfEnv(t)
	cluster := harness.StartCluster(t, target, map[string]string{"enablePropertyFilter": "true"})
	off := harness.StartCluster(t, target, nil)
	for _, module := range []string{harness.Client55, harness.Client49} {
		t.Run(module, func(t *testing.T) {
			runSome(t, module, cluster, "sql-filter", "sql-filter")
			runSome(t, module, off, "sql-filter-off", "sql-filter-off")
		})
	}
}
