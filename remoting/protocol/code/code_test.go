package code

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	requests := map[Request]string{
		10: "SEND_MESSAGE", 310: "SEND_MESSAGE_V2", 105: "GET_ROUTEINFO_BY_TOPIC", 34: "HEART_BEAT",
		103: "REGISTER_BROKER", 200050: "POP_MESSAGE", 200079: "TRIGGER_LITE_DISPATCH", 5001: "SWITCH_TIMER_ENGINE",
		999999: "999999", -1: "-1",
	}
	for r, want := range requests {
		if got := r.String(); got != want {
			t.Errorf("request %d: found %q, expected %q", int32(r), got, want)
		}
	}
	responses := map[Response]string{
		0: "SUCCESS", 1: "SYSTEM_ERROR", 17: "TOPIC_NOT_EXIST", 1500: "GO_AWAY", -1000: "RPC_UNKNOWN",
		2018: "LITE_SUBSCRIPTION_QUOTA_EXCEEDED", 77: "77",
	}
	for r, want := range responses {
		if got := r.String(); got != want {
			t.Errorf("response %d: found %q, expected %q", int32(r), got, want)
		}
	}
}

// The counts are those of RequestCode and ResponseCode (with RemotingSysResponseCode) in the 5.5.0 release.
func TestAll(t *testing.T) {
	t.Parallel()
	all := All()
	if len(all) != 164 || !slices.IsSorted(all) {
		t.Errorf("All: found %d request codes, expected 164 in order", len(all))
	}
	for _, r := range all {
		if !r.Known() {
			t.Errorf("%d is listed but not known", int32(r))
		}
	}
	if got := AllResponses(); len(got) != 68 || !slices.IsSorted(got) {
		t.Errorf("AllResponses: found %d response codes, expected 68 in order", len(got))
	}
}
