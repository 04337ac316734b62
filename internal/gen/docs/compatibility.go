package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/nameserv"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// absent says, for every request of 5.5.0 that nobody here answers, why. The first row whose expression fits the Java name counts. None
// fits all: a new code that nobody answers needs a reason of its own.
var absent = []struct{ names, why string }{
	{`^(QUERY_BROKER_OFFSET|REGISTER_FILTER_SERVER|REGISTER_MESSAGE_FILTER_CLASS|ADJUST_CONSUMER_THREAD_POOL|WHO_CONSUME_THE_MESSAGE|GET_CLIENT_CONFIG|RESET_CONSUMER_OFFSET_IN_CONSUMER|RESET_CONSUMER_OFFSET_IN_BROKER|SUSPEND_CONSUMER|RESUME_CONSUMER|GET_TOPIC_CONFIG_LIST|GET_TOPIC_NAME_LIST|TRIGGER_DELETE_FILES)$`, "no server of 5.5.0 answers it either"},
	{`^(CHECK_TRANSACTION_STATE|NOTIFY_CONSUMER_IDS_CHANGED|RESET_CONSUMER_CLIENT_OFFSET|GET_CONSUMER_STATUS_FROM_CLIENT|PUSH_REPLY_MESSAGE_TO_CLIENT|NOTIFY_UNSUBSCRIBE_LITE|GET_CONSUMER_RUNNING_INFO|CONSUME_MESSAGE_DIRECTLY)$`, "sent by brokers to clients"},
	{`^(NOTIFY_MIN_BROKER_ID_CHANGE|NOTIFY_BROKER_ROLE_CHANGED)$`, "replication: not yet"},
	{`LITE_(?:MESSAGE|SUB|INFO|TOPIC|CLIENT|GROUP|DISPATCH)|PARENT_TOPIC_INFO`, "lite topics: not yet"},
	{`^(POP_|ACK_|PEEK_|BATCH_ACK|CHANGE_MESSAGE_INVISIBLE|NOTIFICATION|POLLING_INFO)`, "POP consumption: not yet"},
	{`TIMER|RECALL_MESSAGE`, "messages for any time (timer wheel): not yet"},
	{`CONTROLLER|CLEAN_BROKER_DATA`, "controller: not yet"},
	{`^AUTH_`, "users and ACL: not yet"},
	{`ROCKSDB`, "RocksDB storage: never, files only"},
	{`HA_|EPOCH|MASTER_FLUSH|^(ADD|REMOVE)_BROKER$|BROKER_MEMBER|GET_ALL_CONSUMER_OFFSET`, "replication: not yet"},
	{`COLD_DATA|READ_MODE`, "cold data control: not yet"},
	{`STATIC_TOPIC`, "static topics: not yet"},
}

func compatibilityPage() (string, error) {
	inBroker, inNamesrv := set(broker.Answered()), set(nameserv.Answered())
	var rows strings.Builder
	counts := make(map[string]int)
	for _, c := range code.All() {
		by, note := "–", ""
		switch {
		case inBroker[c] && inNamesrv[c]:
			by = "broker, name server"
		case inBroker[c]:
			by = "broker"
		case inNamesrv[c]:
			by = "name server"
		default:
			var err error
			if note, err = whyAbsent(c.String()); err != nil {
				return "", err
			}
		}
		counts[by]++
		fmt.Fprintf(&rows, "| %d | `%s` | %s | %s |\n", int32(c), c, by, note)
	}
	answered := len(code.All()) - counts["–"]
	return fmt.Sprintf(compatibilityHead, protocol.CurrentVersion, answered, len(code.All())) + rows.String(), nil
}

func whyAbsent(name string) (string, error) {
	i := slices.IndexFunc(absent, func(a struct{ names, why string }) bool { return regexp.MustCompile(a.names).MatchString(name) })
	if i < 0 {
		return "", fmt.Errorf("%s has neither a row in a route table nor a reason in internal/gen/docs/compatibility.go", name)
	}
	return absent[i].why, nil
}

func set(codes []code.Request) map[code.Request]bool {
	out := make(map[code.Request]bool, len(codes))
	for _, c := range codes {
		out[c] = true
	}
	return out
}

const compatibilityHead = `<!-- Written by make gen from the route tables. Do not edit. -->
# Compatibility

Skylark speaks the remoting protocol of Apache RocketMQ 5.5.0 (version number %d) and writes its files. The clients it is tested with,
unmodified: the Java client 4.9.8 and 5.5.0, with JSON and ROCKETMQ headers, and the Go client 2.1.2; the operator's tool mqadmin 5.5.0.
Name servers and brokers of both kinds work together in one cluster. ` + "`compat-tests/`" + ` has the scenarios, and runs them against the
Java original too.

Of the requests that 5.5.0 defines, %d of %d are answered; the others get code 3 and the original's words, ` + "` request type N not supported`" + `.

| code | request | answered by | if not, why |
|---|---|---|---|
`
