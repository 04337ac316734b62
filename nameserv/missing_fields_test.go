package nameserv

import (
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header/headertest"
)

// stricter are the fields without which the original registers, keeps or removes something called null, and says yes.
// Ours says what is missing.
var stricter = []string{
	"100 value", "103 brokerName", "103 brokerAddr", "103 clusterName", "103 haServerAddr",
	"104 brokerName", "104 brokerAddr", "104 clusterName", "104 brokerId", "217 topic",
}

// TestMissingFields: bad input 25, for each request that a name server answers and that needs a field.
func TestMissingFields(t *testing.T) {
	t.Parallel()
	n := start(t)
	answered := map[code.Request]bool{}
	for _, r := range routes {
		answered[r.Code] = true
	}
	asked := 0
	for _, r := range headertest.Recorded(t, "namesrv") {
		if !answered[r.Code] {
			continue
		}
		asked++
		headertest.Missing(t, n.Addr().String(), &r, stricter, func() {})
	}
	if asked < 15 {
		t.Errorf("only %d requests asked", asked)
	}
	connect(t, n).must(code.GetBrokerClusterInfo, nil)
}
