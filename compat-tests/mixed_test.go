package compat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestMixedClusters: a broker of one kind under a name server of the other. Clients notice nothing.
func TestMixedClusters(t *testing.T) {
	target := harness.TargetOfEnv(t)
	for _, c := range []struct {
		name               string
		nameServer, broker harness.Target
	}{
		{"broker under the Java name server", harness.Java, target},
		{"Java broker under the name server", target, harness.Java},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := harness.StartMixedCluster(t, c.nameServer, c.broker, shortLocks)
			runSome(t, harness.Client55, cluster, goldenOf[harness.Client55], basics)
		})
	}
}

// TestRouteAnswers: one broker registers at a name server of each kind. They know the same, so they must answer the same,
// to clients that read Java's own JSON and to those that ask for the standard one.
func TestRouteAnswers(t *testing.T) {
	target := harness.TargetOfEnv(t)
	for _, kind := range []harness.Target{target, harness.Java} {
		t.Run("broker "+string(kind), func(t *testing.T) {
			ours := harness.StartNameServer(t, target)
			original := harness.StartNameServer(t, harness.Java)
			harness.StartBroker(t, kind, harness.BrokerOptions{}, ours, original)
			for _, topic := range []string{
				"TBW102", "DefaultCluster", harness.BrokerName, "SELF_TEST_TOPIC", "SCHEDULE_TOPIC_XXXX",
				"rmq_sys_REVIVE_LOG_DefaultCluster", "no-such-topic",
			} {
				for _, standard := range []string{"", "true"} {
					compareRoutes(t, ours.Addr, original.Addr, topic, standard)
				}
			}
		})
		if target == harness.Java {
			break // both halves would be the same
		}
	}
}

// routeSettled bounds how long the two registrations, which are not one step, may show different topics.
const routeSettled = 60 * time.Second

func compareRoutes(t *testing.T, ours, original, topic, standard string) {
	t.Helper()
	fields := map[string]string{"topic": topic}
	if standard != "" {
		fields["acceptStandardJsonOnly"] = standard
	}
	harness.Until(t, fmt.Sprintf("route of %s, standard JSON %q", topic, standard), routeSettled, func() error {
		got, err := harness.Call(ours, harness.CodeGetRouteInfo, fields, false)
		if err != nil {
			return err
		}
		want, err := harness.Call(original, harness.CodeGetRouteInfo, fields, false)
		if err != nil {
			return err
		}
		if difference := routeDifference(t, want, got); difference != "" {
			return errors.New(difference)
		}
		return nil
	})
}

// routeDifference compares two answers down to the spelling of the body, all but the order in lists and objects.
func routeDifference(t *testing.T, want, got *harness.Command) string {
	t.Helper()
	switch {
	case want.Code != got.Code || want.Remark != got.Remark:
		return "original " + describe(want) + "; this server " + describe(got)
	case len(want.Body) == 0 && len(got.Body) == 0:
		return ""
	case harness.HasBareKeys(want.Body) != harness.HasBareKeys(got.Body):
		return "keys are quoted differently: original " + string(want.Body) + "; this server " + string(got.Body)
	case !reflect.DeepEqual(canonical(t, want.Body), canonical(t, got.Body)):
		return "original " + string(want.Body) + "; this server " + string(got.Body)
	}
	return ""
}

func describe(c *harness.Command) string {
	text, _ := json.Marshal(c) // the header of a parsed reply: cannot fail
	return string(text)
}

// canonical parses a body and sorts the route's lists, whose order comes from hash tables.
func canonical(t *testing.T, body []byte) any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(harness.StandardJSON(body), &v); err != nil {
		t.Fatalf("route %q: %v", body, err)
	}
	for _, name := range []string{"queueDatas", "brokerDatas"} {
		if list, ok := v[name].([]any); ok {
			slices.SortFunc(list, func(a, b any) int {
				return strings.Compare(brokerNameOf(a), brokerNameOf(b))
			})
		}
	}
	return v
}

func brokerNameOf(entry any) string {
	fields, _ := entry.(map[string]any)
	name, _ := fields["brokerName"].(string)
	return name
}
