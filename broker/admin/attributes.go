package admin

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// attribute is the rule of one topic or group attribute.
type attribute struct {
	changeable bool
	values     []string // one of these; nil: a number from low to high
	low, high  int64
}

// topicAttributes are TopicAttributes.ALL of 5.5.0.
var topicAttributes = map[string]attribute{
	"queue.type":            {values: []string{"BatchCQ", "SimpleCQ"}},
	"cleanup.policy":        {values: []string{"DELETE", "COMPACTION"}},
	"message.type":          {changeable: true, values: []string{"UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION", "PRIORITY", "LITE", "MIXED"}},
	"reserve.time":          {changeable: true, low: -1, high: math.MaxInt64},
	"lite.topic.expiration": {changeable: true, low: -1, high: 30},
}

// groupAttributes are those of SubscriptionGroupAttributes.ALL of 5.5.0 that mean something without lite topics.
var groupAttributes = map[string]attribute{
	"priority.factor": {changeable: true, low: 0, high: 100},
}

// refuse answers with a text of AttributeUtil, AttributeParser or Attribute, which the original throws.
func refuse(format string, args ...any) error {
	return remoting.Failf(code.SystemError, format, args...)
}

// parseAttributes reads `+key=value,-key`, AttributeParser.parseToMap with its texts.
func parseAttributes(s string) (map[string]string, error) {
	out := map[string]string{}
	if s == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(strings.TrimRight(s, ","), ",") {
		key, value, assigned := strings.Cut(part, "=")
		switch {
		case assigned && !strings.Contains(key, "+"):
			return nil, refuse("add/alter attribute format is wrong: %s", key)
		case !assigned && !strings.Contains(key, "-"):
			return nil, refuse("delete attribute format is wrong: %s", key)
		}
		value, _, _ = strings.Cut(value, "=") // Java splits and takes the second piece
		if _, twice := out[key]; twice {
			return nil, refuse("key duplication: %s", key)
		}
		out[key] = value
	}
	return out, nil
}

// alterAttributes applies a change to the present attributes (nil: there is no such topic yet), AttributeUtil.alterCurrentAttributes
// with its texts. A change names attributes as +key or -key.
func alterAttributes(rules map[string]attribute, create bool, present, change map[string]string) (map[string]string, error) {
	final := maps.Clone(present)
	if final == nil {
		final = map[string]string{}
	}
	seen := map[string]bool{}
	for _, signed := range slices.Sorted(maps.Keys(change)) {
		if len(signed) < 2 || strings.ContainsAny(signed[1:], "+-") {
			return nil, refuse("kv string format wrong.")
		}
		key, value := signed[1:], change[signed]
		if seen[key] {
			return nil, refuse("alter duplication key. key: %s", key)
		}
		seen[key] = true
		_, has := present[key]
		switch {
		case signed[0] == '+':
		case create:
			return nil, refuse("only add attribute is supported while creating topic. key: %s", key)
		case signed[0] != '-':
			return nil, refuse("wrong format key: %s", key)
		case !has:
			return nil, refuse("attempt to delete a nonexistent key: %s", key)
		}
		if err := checkAttribute(rules, create, signed, value); err != nil {
			return nil, err
		}
		if signed[0] == '+' {
			final[key] = value
		} else {
			delete(final, key)
		}
	}
	return final, nil
}

func checkAttribute(rules map[string]attribute, create bool, signed, value string) error {
	key := signed[1:]
	rule, known := rules[key]
	switch {
	case !known:
		return refuse("unsupported key: %s", key)
	case !create && !rule.changeable:
		return refuse("attempt to update an unchangeable attribute. key: %s", key)
	case signed[0] == '-':
		return nil
	case rule.values != nil:
		if !slices.Contains(rule.values, value) {
			return refuse("value is not in set: [%s]", strings.Join(rule.values, ", "))
		}
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return refuse("For input string: %q", value)
	}
	if n < rule.low || n > rule.high {
		return refuse("value is not in range(%d, %d)", rule.low, rule.high)
	}
	return nil
}
