package topic

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// Prefixes of the topics a broker makes for a consumer group.
const (
	RetryPrefix = "%RETRY%"
	DLQPrefix   = "%DLQ%"
)

// Limits of names, in UTF-16 units as Java counts them. Names that pass are ASCII.
const (
	maxTopicLength      = 127
	maxRetryTopicLength = 255
	maxGroupLength      = 120
)

// legal says which bytes a topic or group may have: ^[%|a-zA-Z0-9_-]+$.
var legal = func() (t [256]bool) {
	for _, c := range []byte("%|_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// Validate checks a topic name as Java's TopicValidator does; the answer is the
// remark for INVALID_PARAMETER, or "" for a legal name.
func Validate(name string) (remark string) {
	switch {
	case strings.TrimSpace(name) == "":
		return "The specified topic is blank."
	case !allLegal(name):
		return "The specified topic: " + name + ", contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
	case IsRetry(name) || IsDLQ(name):
		if utf16Len(name) > maxRetryTopicLength {
			return "The specified topic is DLQ or Retry topic: " + name +
				", and it's longer than topic max length: " + strconv.Itoa(maxRetryTopicLength)
		}
	case utf16Len(name) > maxTopicLength:
		return "The specified topic: " + name + ", is longer than topic max length: " + strconv.Itoa(maxTopicLength)
	}
	return ""
}

// ValidateGroup is the same for a group name.
func ValidateGroup(name string) (remark string) {
	switch {
	case strings.TrimSpace(name) == "":
		return "The specified group is blank."
	case !allLegal(name):
		return "The specified group: " + name + ", contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
	case utf16Len(name) > maxGroupLength:
		return "The specified group: " + name + ", is longer than group max length: " + strconv.Itoa(maxGroupLength)
	}
	return ""
}

func allLegal(name string) bool {
	for i := 0; i < len(name); i++ {
		if !legal[name[i]] {
			return false
		}
	}
	return true
}

func utf16Len(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// Valid is the quick answer for a name that every message brings: true means that
// Validate has no remark. Retry and DLQ topics, which may be longer, take the long way.
func Valid(name []byte) bool {
	if len(name) == 0 || len(name) > maxTopicLength {
		return false
	}
	for _, c := range name {
		if !legal[c] {
			return false
		}
	}
	return true
}
