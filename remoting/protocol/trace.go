package protocol

import (
	"fmt"
	"strconv"
)

// traceValue bounds each value in a trace; properties alone may have 32 KiB.
const traceValue = 96

// String prints a command on one line, for logs and tests:
//
//	PULL_MESSAGE opaque=3 JAVA v493 ROCKETMQ {topic="T" queueId="0"} body=0
//	TOPIC_NOT_EXIST opaque=3 response JAVA v513 JSON remark="No topic route info" {} body=0
//
// What signs a request is not shown.
func (c *Command) String() string {
	name := c.Request().String()
	if c.IsResponse() {
		name = c.Response().String()
	}
	out := fmt.Appendf(nil, "%s opaque=%d", name, c.Opaque)
	if c.IsResponse() {
		out = append(out, " response"...)
	}
	if c.IsOneWay() {
		out = append(out, " oneway"...)
	}
	out = fmt.Appendf(out, " %s v%d %s", c.Language, c.Version, c.Serialize)
	if c.Remark != "" {
		out = append(out, " remark="...)
		out = strconv.AppendQuote(out, c.Remark[:min(len(c.Remark), traceValue)])
	}
	out = append(out, " {"...)
	for i := range c.Fields.Len() {
		f := c.Fields.At(i)
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, f.Key[:min(len(f.Key), traceValue)]...)
		out = append(out, '=')
		if secretField(f.Key) {
			out = append(out, "***"...)
			continue
		}
		out = strconv.AppendQuote(out, string(f.Value[:min(len(f.Value), traceValue)]))
	}
	return string(fmt.Appendf(out, "} body=%d", len(c.Body)))
}

func secretField(key []byte) bool {
	return string(key) == "Signature" || string(key) == "SecurityToken"
}
