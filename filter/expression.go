package filter

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/message"
)

// SQL92 is the expression type of expressions over properties.
const SQL92 = "SQL92"

// Expression is a compiled SQL92 selector. It is immutable.
//
// Its values are those of Java: properties are strings, constants Integer, Long,
// Double, String or Boolean, and whatever is missing is null, which is neither true
// nor false. A selector matches when it is true; when it is null or cannot be
// evaluated at all ("ten" > 5) it does not.
type Expression struct {
	text    string
	root    *node
	names   []string       // the properties it reads
	slots   map[string]int // names to their index, when they are too many to compare
	nodes   int
	members int // of IN lists
}

// String is the text it was compiled from.
func (e *Expression) String() string { return e.text }

// Nodes is the number of operators and operands: what an evaluation costs.
func (e *Expression) Nodes() int { return e.nodes }

// What parts of an expression take in memory, about: a node with its place in a list, a name or
// a member of IN with its place in a map.
const (
	nodeBytes = 176 + 16
	nameBytes = 64
)

// Bytes is what the expression takes in memory, about: up to a hundred times its text, which is there once more in
// constants.
func (e *Expression) Bytes() int {
	return 2*len(e.text) + e.nodes*nodeBytes + (e.members+len(e.names))*nameBytes
}

// Result is what an expression comes to.
type Result uint8

// The results; Failed is where Java throws.
const (
	Null Result = iota
	True
	False
	Failed
)

// scratch holds the values of many properties during an evaluation.
type scratch struct{ slots [][]byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Match says whether a message with this property string is wanted.
func (e *Expression) Match(properties []byte) bool { return e.Evaluate(properties) == True }

// MatchRecord is Match for a stored record.
func (e *Expression) MatchRecord(rec []byte) bool {
	var v message.View
	return message.Decode(rec, &v) == nil && e.Match(v.Properties)
}

// Evaluate walks the properties once and then the expression.
func (e *Expression) Evaluate(properties []byte) Result {
	var few [fewNames][]byte
	if len(e.names) <= fewNames {
		return e.evaluate(properties, few[:len(e.names)])
	}
	s := scratches.Get().(*scratch)
	s.slots = append(s.slots[:0], make([][]byte, len(e.names))...)
	r := e.evaluate(properties, s.slots)
	clear(s.slots)
	scratches.Put(s)
	return r
}

func (e *Expression) evaluate(properties []byte, slots [][]byte) Result {
	for p := message.PairsOf(properties); p.Next(); {
		if i := e.slot(p.Name); i >= 0 {
			slots[i] = p.Value
		}
	}
	v, ok := e.root.eval(slots)
	switch {
	case !ok:
		return Failed
	case v.isTrue():
		return True
	case v.isFalse():
		return False
	}
	return Null
}

// fewNames is how many a linear search beats a map for.
const fewNames = 8

func (e *Expression) slot(name []byte) int {
	if e.slots != nil {
		if i, ok := e.slots[string(name)]; ok {
			return i
		}
		return -1
	}
	for i, n := range e.names {
		if n == string(name) {
			return i
		}
	}
	return -1
}

// op is what a node does.
type op uint8

const (
	opConstant op = iota
	opProperty
	opNegate
	opNot
	opCast // a property where a Boolean is wanted: null, or false
	opOr
	opAnd
	opEqual
	opIsNull
	opGreater
	opGreaterEq
	opLess
	opLessEq
	opIn
	opContains
	opStartsWith
	opEndsWith
)

// node is an operator or an operand.
type node struct {
	op          op
	not         bool // NOT IN, NOT CONTAINS …
	height      int
	left, right *node
	list        []*node // OR and AND of any number, from left to right
	constant    value
	slot        int
	name        string
	needle      []byte              // CONTAINS …
	in          []string            // IN, in order
	set         map[string]struct{} // IN, when it is too long to compare
}

// isBoolean says whether Java's class of the node is a BooleanExpression.
func (n *node) isBoolean() bool {
	switch n.op {
	case opConstant:
		return n.constant.kind == kindBool || n.constant.kind == kindNull
	case opProperty, opNegate:
		return false
	}
	return true
}

// eval is the value of a node; ok is false where Java throws.
func (n *node) eval(slots [][]byte) (v value, ok bool) {
	switch n.op {
	case opConstant:
		return n.constant, true
	case opProperty:
		if p := slots[n.slot]; p != nil {
			return text(p), true
		}
		return null, true
	case opOr:
		return n.evalList(slots, true)
	case opAnd:
		return n.evalList(slots, false)
	case opEqual:
		return n.evalEqual(slots)
	case opGreater, opGreaterEq, opLess, opLessEq:
		return n.evalOrder(slots)
	case opContains, opStartsWith, opEndsWith:
		return n.evalText(slots)
	}
	if v, ok = n.left.eval(slots); !ok {
		return null, false
	}
	if n.op == opIsNull {
		return boolean(v.kind == kindNull), true
	}
	if v.kind == kindNull {
		return null, true
	}
	switch n.op {
	case opNegate:
		return v.negated(), true
	case opNot:
		return boolean(!v.isTrue()), true
	case opIn:
		return boolean(n.contains(v.text) != n.not), true
	}
	return boolean(v.isTrue()), true // opCast: of a property, so never
}

// evalList is OR, which the first true decides, and AND, which the first false
// decides; else the result is null if one of them is.
func (n *node) evalList(slots [][]byte, decides bool) (value, bool) {
	unknown := false
	for _, each := range n.list {
		v, ok := each.eval(slots)
		switch {
		case !ok:
			return null, false
		case v.kind == kindNull:
			unknown = true
		case v.isTrue() == decides:
			return boolean(decides), true
		}
	}
	if unknown {
		return null, true
	}
	return boolean(!decides), true
}

// evalEqual: null equals null, null on the left only is unknown, null on the right
// only is false.
func (n *node) evalEqual(slots [][]byte) (value, bool) {
	l, ok := n.left.eval(slots)
	if !ok {
		return null, false
	}
	r, ok := n.right.eval(slots)
	switch {
	case !ok:
		return null, false
	case l.kind == kindNull && r.kind != kindNull:
		return null, true
	case r.kind == kindNull && l.kind != kindNull:
		return boolean(false), true
	case l.equals(r):
		return boolean(true), true
	case l.kind == kindString && r.kind == kindString:
		return boolean(false), true
	}
	order, ok := compare(l, r)
	return boolean(order == 0), ok
}

// evalOrder: two strings are compared as numbers.
func (n *node) evalOrder(slots [][]byte) (value, bool) {
	l, ok := n.left.eval(slots)
	if !ok || l.kind == kindNull {
		return null, ok
	}
	r, ok := n.right.eval(slots)
	if !ok || r.kind == kindNull {
		return null, ok
	}
	if l.kind == kindString && r.kind == kindString {
		if l, ok = l.as(kindDouble); ok {
			r, ok = r.as(kindDouble)
		}
		if !ok {
			return null, false
		}
	}
	order, ok := compare(l, r)
	if !ok {
		return null, false
	}
	switch n.op {
	case opGreater:
		return boolean(order > 0), true
	case opGreaterEq:
		return boolean(order >= 0), true
	case opLess:
		return boolean(order < 0), true
	}
	return boolean(order <= 0), true
}

// evalText: false, also in its NOT form, for what is no string, and for nothing to
// look for.
func (n *node) evalText(slots [][]byte) (value, bool) {
	if len(n.needle) == 0 {
		return boolean(false), true
	}
	v, ok := n.left.eval(slots)
	if !ok {
		return null, false
	}
	if v.kind != kindString {
		return boolean(false), true
	}
	var found bool
	switch n.op {
	case opContains:
		found = bytes.Contains(v.text, n.needle)
	case opStartsWith:
		found = bytes.HasPrefix(v.text, n.needle)
	default:
		found = bytes.HasSuffix(v.text, n.needle)
	}
	return boolean(found != n.not), true
}

func (n *node) contains(s []byte) bool {
	if n.set != nil {
		_, ok := n.set[string(s)]
		return ok
	}
	for _, each := range n.in {
		if each == string(s) {
			return true
		}
	}
	return false
}

// symbols are Java's names of operators in error texts.
var symbols = map[op]string{
	opNegate: "-", opNot: "NOT", opOr: "||", opAnd: "&&", opEqual: "==", opIsNull: "==", opGreater: ">", opGreaterEq: ">=",
	opLess: "<", opLessEq: "<=", opContains: "CONTAINS", opStartsWith: "STARTSWITH", opEndsWith: "ENDSWITH",
}

// String is a node as Java prints it, cut where an error text would be.
func (n *node) String() string {
	var b strings.Builder
	n.print(&b)
	return b.String()
}

func (n *node) print(b *strings.Builder) {
	if b.Len() > maxSyntaxError {
		return
	}
	switch n.op {
	case opConstant:
		n.printConstant(b)
	case opProperty:
		b.WriteString(n.name)
	case opCast:
		n.left.print(b)
	case opOr, opAnd:
		b.WriteString(strings.Repeat("(", min(len(n.list)-1, maxSyntaxError)))
		n.list[0].print(b)
		for _, each := range n.list[1:] {
			b.WriteString(" " + symbols[n.op] + " ")
			each.print(b)
			b.WriteString(")")
		}
	case opIn:
		n.printIn(b)
	case opIsNull:
		b.WriteString("(")
		n.left.print(b)
		b.WriteString(" == NULL)")
	case opNegate, opNot, opContains, opStartsWith, opEndsWith:
		b.WriteString("(")
		if n.not {
			b.WriteString("NOT ")
		}
		b.WriteString(symbols[n.op] + " ")
		n.left.print(b)
		b.WriteString(")")
	default:
		b.WriteString("(")
		n.left.print(b)
		b.WriteString(" " + symbols[n.op] + " ")
		n.right.print(b)
		b.WriteString(")")
	}
}

func (n *node) printConstant(b *strings.Builder) {
	switch n.constant.kind {
	case kindNull:
		b.WriteString("NULL")
	case kindBool:
		b.WriteString(strings.ToUpper(n.constant.String()))
	case kindString:
		b.WriteString("'" + strings.ReplaceAll(string(n.constant.text), "'", "''") + "'")
	default:
		b.WriteString(n.constant.String())
	}
}

func (n *node) printIn(b *strings.Builder) {
	n.left.print(b)
	if n.not {
		b.WriteString(" NOT")
	}
	b.WriteString(" IN ( ")
	for i, s := range inOrder(n.in) {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.WriteString(s); b.Len() > maxSyntaxError {
			return
		}
	}
	b.WriteString(" )")
}

// inOrder is a list in the order in which Java prints it: five and more are in a
// HashSet there.
func inOrder(list []string) []string {
	if len(list) < 5 {
		return list
	}
	buckets := uint32(16)
	for buckets < uint32(float32(len(list))/.75)+1 {
		buckets *= 2
	}
	bucket := func(s string) uint32 {
		h := uint32(message.HashCode(s))
		return (h ^ h>>16) & (buckets - 1)
	}
	seen := make(map[string]bool, len(list))
	var set []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			set = append(set, s)
		}
	}
	slices.SortStableFunc(set, func(a, b string) int { return cmp.Compare(bucket(a), bucket(b)) })
	return set
}
