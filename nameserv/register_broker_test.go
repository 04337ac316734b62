package nameserv

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/nameserv/route"
)

// The log says who came, and that two take turns; that one is still there is not worth a line.
func TestRegistrationsInTheLog(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		result route.Registered
		want   string // the level, and a part of the text
		says   string
	}{
		{route.Registered{}, "", ""},
		{route.Registered{New: true}, "info", "broker registered"},
		{route.Registered{Before: "h:1"}, "info", `"before":"h:1"`},
		{route.Registered{Before: "h:1", BeforeLives: true}, "warn", "take turns"},
	} {
		var out strings.Builder
		n := &Nameserv{log: zerolog.New(&out)}
		n.tellRegistered(&route.Registration{Cluster: "C", BrokerName: "b", BrokerAddr: "h:2"}, &row.result)
		if got := out.String(); (row.want == "") != (got == "") || !strings.Contains(got, row.want) || !strings.Contains(got, row.says) {
			t.Errorf("%+v: %q", row.result, got)
		}
	}
}
