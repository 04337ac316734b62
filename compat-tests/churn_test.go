package compat_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// shortLocks make a queue whose lock was left behind by a client that shut down rest for less than the usual minute.
var shortLocks = map[string]string{"rebalanceLockMaxLiveTime": "20000"}

// TestOrderlyChurn: orderly consumers that leave and join, with both Java clients. SKYLARK_CHURN_ROUNDS rounds, a few unless it says
// otherwise; test/churn has the same with a consumer of our own, and many more rounds.
func TestOrderlyChurn(t *testing.T) {
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), shortLocks)
	rounds, _ := strconv.Atoi(os.Getenv("SKYLARK_CHURN_ROUNDS")) // the scenario complains about what is no number
	for _, module := range []string{harness.Client49, harness.Client55} {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			transcript := harness.Runner{
				Module: module, Class: scenarios, Limit: 8*time.Minute + time.Duration(rounds)*10*time.Second,
				Args: []string{"-n", cluster.NameServer.Addr, "-only", "orderly-churn", "-tag", "churn" + module[len("client-"):len("client-")+1]},
			}.Run(t)
			harness.CompareGolden(t, "churn", transcript, false)
		})
	}
}
