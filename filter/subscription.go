// Package filter decides which messages of a queue a consumer wants.
//
// By tag, with nothing but the hash that the consume queue holds. The consumer
// compares the tag strings itself, so two tags with one hash cost a transfer and
// nothing else.
//
// By an SQL92 expression over the properties, which takes a look at the record:
//
//	lexer.go, parser.go   text to Expression, bounded in length and depth
//	expression.go         evaluation, with Java's three-valued logic
//	value.go, java_number.go   Java's types and conversions
//	syntax_error.go       refusals in the words of the Java broker
//	bloom.go              bits of consumers in the bit maps of messages
package filter

import (
	"errors"
	"strings"

	"github.com/skylarkmq/skylark/message"
)

// SubAll subscribes to every message of a topic.
const SubAll = "*"

// Tag is the expression type of tag filters; an empty type means the same.
const Tag = "TAG"

// ErrSplit is Java's complaint about an expression of separators only.
var ErrSplit = errors.New("subString split error")

// ErrLength refuses an expression that no consumer can mean.
var ErrLength = errors.New("filter: expression is too long")

// MaxExpression bounds expressions: they are parsed while a loop waits.
const MaxExpression = 128 << 10

// ErrEmpty refuses an empty expression of a type other than TAG.
var ErrEmpty = errors.New("filter: expression is empty")

// Subscription is what a consumer group wants of one topic (Java's
// SubscriptionData). It is immutable after Build or Prepare.
type Subscription struct {
	ClassFilterMode bool     `json:"classFilterMode"`
	CodeSet         []int32  `json:"codeSet"`
	ExpressionType  string   `json:"expressionType"`
	SubString       string   `json:"subString"`
	SubVersion      int64    `json:"subVersion"`
	TagsSet         []string `json:"tagsSet"`
	Topic           string   `json:"topic"`

	codes map[int32]struct{} // CodeSet, when it is too long to scan
	// compiled is the expression of one that came with a pull; nil when it does
	// not compile, and then, as in Java, everything matches.
	compiled *Expression
}

// scanLimit is how many codes a linear scan beats a map for.
const scanLimit = 8

// Build parses a subscription expression as Java's FilterAPI.build does. A nil
// expression type means TAG, as an empty one does.
func Build(topic, expression, expressionType string, nowMs int64) (*Subscription, error) {
	if len(expression) > MaxExpression {
		return nil, ErrLength
	}
	s := &Subscription{
		Topic: topic, SubString: expression, ExpressionType: Tag, SubVersion: nowMs,
		CodeSet: []int32{}, TagsSet: []string{},
	}
	if !IsTag(expressionType) {
		if expression == "" {
			return nil, ErrEmpty
		}
		s.ExpressionType = expressionType
		if compiled, err := Compile(expression, expressionType); err == nil {
			s.compiled = compiled
		}
		return s, nil
	}
	if expression == "" || expression == SubAll {
		s.SubString = SubAll
		return s, nil
	}
	pieces := strings.Split(expression, "||")
	if strings.Join(pieces, "") == "" {
		return nil, ErrSplit
	}
	seen := make(map[string]bool, len(pieces))
	for _, tag := range pieces {
		if tag = strings.TrimSpace(tag); tag != "" && !seen[tag] {
			seen[tag] = true
			s.TagsSet = append(s.TagsSet, tag)
			s.CodeSet = append(s.CodeSet, message.HashCode(tag))
		}
	}
	return s.Prepare(), nil
}

// IsTag says whether an expression type means tags; the comparison minds case.
func IsTag(expressionType string) bool { return expressionType == "" || expressionType == Tag }

// Prepare completes a subscription that came from a heartbeat.
func (s *Subscription) Prepare() *Subscription {
	if s.CodeSet == nil {
		s.CodeSet = []int32{}
	}
	if s.TagsSet == nil {
		s.TagsSet = []string{}
	}
	if s.ExpressionType == "" {
		s.ExpressionType = Tag
	}
	if len(s.CodeSet) > scanLimit {
		s.codes = make(map[int32]struct{}, len(s.CodeSet))
		for _, c := range s.CodeSet {
			s.codes[c] = struct{}{}
		}
	}
	return s
}

// All says whether every message matches, so that no filter need be asked.
func (s *Subscription) All() bool { return s.SubString == SubAll || s.ClassFilterMode }

// MatchCode says whether a tags code of the consume queue is wanted. Java
// compares its low 32 bits. Expressions are not decided by it.
func (s *Subscription) MatchCode(tagsCode int64) bool {
	if s.All() || s.ExpressionType != Tag {
		return true
	}
	code := int32(tagsCode)
	if s.codes != nil {
		_, ok := s.codes[code]
		return ok
	}
	for _, c := range s.CodeSet {
		if c == code {
			return true
		}
	}
	return false
}

// MatchQueue and MatchRecord make a subscription a filter of the store.
func (s *Subscription) MatchQueue(tagsCode int64, _ []byte) bool { return s.MatchCode(tagsCode) }

// MatchRecord lets every record pass when tags were decided in the queue.
func (s *Subscription) MatchRecord(rec []byte) bool {
	return s.compiled == nil || s.compiled.MatchRecord(rec)
}

// Nodes is the size of a compiled expression; 0 for tags.
func (s *Subscription) Nodes() int {
	if s.compiled == nil {
		return 0
	}
	return s.compiled.Nodes()
}

// ExpressionBytes is what the subscription's compiled expression takes; 0 without one.
func (s *Subscription) ExpressionBytes() int {
	if s.compiled == nil {
		return 0
	}
	return s.compiled.Bytes()
}
