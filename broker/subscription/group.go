package subscription

import "maps"

// Group is one consumer group's settings as subscriptionGroup.json and the wire
// show them (Java's SubscriptionGroupConfig). Once it is in a Registry nobody
// changes it: to alter one, Put a changed Clone.
type Group struct {
	Attributes                     map[string]string `json:"attributes"`
	BrokerID                       int64             `json:"brokerId"`
	ConsumeBroadcastEnable         bool              `json:"consumeBroadcastEnable"`
	ConsumeEnable                  bool              `json:"consumeEnable"`
	ConsumeFromMinEnable           bool              `json:"consumeFromMinEnable"`
	ConsumeMessageOrderly          bool              `json:"consumeMessageOrderly"`
	ConsumeTimeoutMinute           int32             `json:"consumeTimeoutMinute"`
	GroupName                      string            `json:"groupName"`
	GroupRetryPolicy               *RetryPolicy      `json:"groupRetryPolicy"`
	GroupSysFlag                   int32             `json:"groupSysFlag"`
	NotifyConsumerIdsChangedEnable bool              `json:"notifyConsumerIdsChangedEnable"`
	RetryMaxTimes                  int32             `json:"retryMaxTimes"`
	RetryQueueNums                 int32             `json:"retryQueueNums"`
	SubscriptionDataSet            []SimpleData      `json:"subscriptionDataSet,omitempty"`
	WhichBrokerWhenConsumeSlowly   int64             `json:"whichBrokerWhenConsumeSlowly"`
}

// RetryPolicy is kept for the proxy's sake; the broker itself never uses it.
type RetryPolicy struct {
	CustomizedRetryPolicy  *CustomizedPolicy  `json:"customizedRetryPolicy,omitempty"`
	ExponentialRetryPolicy *ExponentialPolicy `json:"exponentialRetryPolicy,omitempty"`
	Type                   string             `json:"type"`
}

// CustomizedPolicy is a list of delays in milliseconds.
type CustomizedPolicy struct {
	Next []int64 `json:"next"`
}

// ExponentialPolicy grows from Initial by Multiplier up to Max milliseconds.
type ExponentialPolicy struct {
	Initial    int64 `json:"initial"`
	Max        int64 `json:"max"`
	Multiplier int64 `json:"multiplier"`
}

// SimpleData is a subscription that an operator fixed for the group.
type SimpleData struct {
	Expression     string `json:"expression"`
	ExpressionType string `json:"expressionType"`
	Topic          string `json:"topic"`
	Version        int64  `json:"version"`
}

// NewGroup has Java's defaults.
func NewGroup(name string) *Group {
	return &Group{
		Attributes: map[string]string{}, GroupName: name,
		ConsumeEnable: true, ConsumeFromMinEnable: true, ConsumeBroadcastEnable: true,
		ConsumeTimeoutMinute: 15, GroupRetryPolicy: &RetryPolicy{Type: "CUSTOMIZED"},
		NotifyConsumerIdsChangedEnable: true, RetryMaxTimes: 16, RetryQueueNums: 1,
		WhichBrokerWhenConsumeSlowly: 1,
	}
}

// Clone is a copy whose fields may be replaced; what pointers lead to is shared.
func (g *Group) Clone() *Group {
	d := *g
	d.Attributes = maps.Clone(g.Attributes)
	if d.Attributes == nil {
		d.Attributes = map[string]string{}
	}
	return &d
}
