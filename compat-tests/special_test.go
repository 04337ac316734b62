package compat_test

import (
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// lightSettings turn light queues on, as a broker needs them that serves MQTT gateways.
var lightSettings = map[string]string{
	"enableLmq": "true", "enableMultiDispatch": "true", "traceTopicEnable": "true", "messageDelayLevel": "1s 2s",
}

// TestSpecialTopics: request and reply, message traces, light queues, and batch queues, which only clients from 5.0 on know.
func TestSpecialTopics(t *testing.T) {
	beside(t)
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), lightSettings)
	for _, module := range []string{harness.Client49, harness.Client55} {
		t.Run(module, func(t *testing.T) {
			version, only := module[len("client-"):], "request-reply,message-trace,light-queues"
			if module == harness.Client55 {
				only += ",batch-queues"
			}
			transcript := harness.Runner{Module: module, Class: scenarios, Args: []string{
				"-n", cluster.NameServer.Addr, "-only", only, "-tag", "sp" + version[2:],
			}}.Run(t)
			harness.CompareGolden(t, "special-"+version, transcript, true)
		})
	}
}
