package filter

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Expressions come from anyone. Depth is how far operators and parentheses may be
// nested: each level takes stack here and again in every evaluation.
const maxDepth = 500

// ErrType is about an expression type that nobody has a parser for. Its text is
// the one that Java users see.
var ErrType = errors.New(`Cannot invoke "org.apache.rocketmq.filter.FilterSpi.compile(String)" because the return value of ` + //nolint:staticcheck // Java's text
	`"org.apache.rocketmq.filter.FilterFactory.get(String)" is null`)

// Compile compiles an expression of a type other than TAG.
func Compile(expression, expressionType string) (*Expression, error) {
	if expressionType != SQL92 {
		return nil, ErrType
	}
	return CompileSQL92(expression)
}

// CompileSQL92 compiles a selector. Its grammar, from loose to tight:
//
//	or          and { OR and }
//	and         equality { AND equality }
//	equality    comparison { ( = | <> ) comparison | IS [NOT] NULL }
//	comparison  unary { ( > | >= | < | <= ) unary
//	                  | [NOT] ( CONTAINS | STARTSWITH | ENDSWITH ) string
//	                  | [NOT] BETWEEN unary AND unary | [NOT] IN ( string {, string} ) }
//	unary       + unary | - unary | NOT unary | literal | name | ( or )
//
// As in Java whatever follows an expression that is complete is not looked at, so
// that `a = 007` is `a = 0`, and NOT binds tighter than any comparison.
//
// The error is a *SyntaxError with Java's text, or ErrLength.
func CompileSQL92(expression string) (*Expression, error) {
	if len(expression) > MaxExpression {
		return nil, ErrLength
	}
	expression = strings.ToValidUTF8(expression, "\uFFFD") // as a Java string is made of it
	p := parser{lex: lexer{text: expression}, slots: map[string]int{}}
	p.advance()
	root := p.asBoolean(p.or())
	if p.err != nil {
		return nil, p.err
	}
	e := &Expression{text: expression, root: root, names: p.names, nodes: p.nodes, members: p.members}
	if len(e.names) > fewNames {
		e.slots = p.slots
	}
	return e, nil
}

// parser reads tokens, one ahead. After an error it sees the end of the text, so
// that everything returns, and builds nothing.
type parser struct {
	lex   lexer
	token token
	bad   error // why there is no token, when it is tokBad: of interest once one is needed
	err   error
	depth int

	// What would have done instead of the present token: for the error text.
	expected tokenSet
	unary    bool // an operand may begin here

	// dry: only the syntax is looked at, nothing is built. Java looks ahead over the
	// whole operand of a plus sign; checked is how far that was done.
	dry     bool
	checked int

	names   []string
	slots   map[string]int
	nodes   int
	members int // of IN lists
}

func (p *parser) advance() {
	p.expected, p.unary = 0, false
	if p.err != nil {
		return
	}
	t, err := p.lex.next()
	if p.token = t; err != nil {
		p.token, p.bad = tokBad, err
	}
}

// fail keeps the first error.
func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.token = tokEOF
}

// is says whether the present token is in a set; if not, the set is what would
// have been possible here.
func (p *parser) is(s tokenSet) bool {
	switch {
	case s&(1<<p.token) != 0:
		return true
	case p.token == tokBad:
		p.fail(p.bad)
		return false
	}
	p.expected |= s
	return false
}

// unexpected fails at the present token.
func (p *parser) unexpected(ahead ...token) {
	if p.unary && p.token != tokPlus {
		ahead = append(ahead, tokPlus)
	}
	if p.err == nil {
		p.fail(unexpected(&p.lex, p.token, p.expected, ahead...))
	}
}

// take goes on behind a token that must be there.
func (p *parser) take(t token, ahead ...token) {
	if !p.is(setOf(t)) {
		p.unexpected(ahead...)
		return
	}
	p.advance()
}

var (
	orderTokens    = setOf(tokGreater, tokGreaterEq, tokLess, tokLessEq)
	textTokens     = setOf(tokContains, tokStartsWith, tokEndsWith)
	afterNot       = textTokens | setOf(tokBetween, tokIn)
	comparisons    = afterNot | orderTokens | setOf(tokNot)
	equalityTokens = setOf(tokIs, tokEqual, tokNotEqual)
	literalTokens  = setOf(tokTrue, tokFalse, tokNull, tokDecimal, tokFloat, tokString)
	operandTokens  = literalTokens | setOf(tokID, tokOpen)
	unaryTokens    = operandTokens | setOf(tokNot, tokMinus)
)

func (p *parser) or() *node {
	left := p.and()
	for p.is(setOf(tokOr)) {
		p.advance()
		right := p.and()
		left = p.logic(opOr, left, right)
	}
	return left
}

func (p *parser) and() *node {
	left := p.equality()
	for p.is(setOf(tokAnd)) {
		p.advance()
		right := p.equality()
		left = p.logic(opAnd, left, right)
	}
	return left
}

func (p *parser) equality() *node {
	left := p.comparison()
	for p.is(equalityTokens) {
		t := p.token
		p.advance()
		switch t {
		case tokEqual:
			left = p.equal(left, p.comparison())
		case tokNotEqual:
			left = p.not(p.equal(left, p.comparison()))
		default:
			left = p.isNull(left)
		}
	}
	return left
}

// isNull is behind IS.
func (p *parser) isNull(left *node) *node {
	if p.token == tokNull {
		p.advance()
		return p.join(&node{op: opIsNull, left: left})
	}
	p.take(tokNot, tokNull)
	p.take(tokNull)
	return p.not(p.join(&node{op: opIsNull, left: left}))
}

func (p *parser) comparison() *node {
	left := p.unaryOperand()
	for p.is(comparisons) {
		t, not := p.token, false
		if t == tokNot {
			if t = p.peek(); !p.hasAfterNot(t) {
				return nil
			}
			not = true
			p.advance()
		}
		p.advance()
		left = p.compare(left, t, not)
	}
	return left
}

// peek is the token behind the present one.
func (p *parser) peek() token {
	ahead := p.lex
	t, err := ahead.next()
	if err != nil {
		p.fail(err)
	}
	return t
}

func (p *parser) hasAfterNot(t token) bool {
	if afterNot&(1<<t) != 0 {
		return p.err == nil
	}
	p.expected |= afterNot | orderTokens
	p.unexpected()
	return false
}

// compare is behind an operator other than equality.
func (p *parser) compare(left *node, t token, not bool) *node {
	switch t {
	case tokGreater:
		return p.order(opGreater, left, p.unaryOperand())
	case tokGreaterEq:
		return p.order(opGreaterEq, left, p.unaryOperand())
	case tokLess:
		return p.order(opLess, left, p.unaryOperand())
	case tokLessEq:
		return p.order(opLessEq, left, p.unaryOperand())
	case tokContains:
		return p.join(&node{op: opContains, left: left, needle: []byte(p.string()), not: not})
	case tokStartsWith:
		return p.join(&node{op: opStartsWith, left: left, needle: []byte(p.string()), not: not})
	case tokEndsWith:
		return p.join(&node{op: opEndsWith, left: left, needle: []byte(p.string()), not: not})
	case tokIn:
		return p.in(left, not)
	}
	low := p.unaryOperand()
	p.take(tokAnd)
	high := p.unaryOperand()
	if not {
		below := p.order(opLess, left, low)
		return p.logic(opOr, below, p.order(opGreater, left, high))
	}
	p.checkBetween(low, high)
	from := p.order(opGreaterEq, left, low)
	return p.logic(opAnd, from, p.order(opLessEq, left, high))
}

// string takes a string literal.
func (p *parser) string() string {
	if !p.is(setOf(tokString)) {
		p.unexpected()
		return ""
	}
	s := unquote(p.lex.text[p.lex.begin:p.lex.end])
	p.advance()
	return s
}

// in is behind IN.
func (p *parser) in(left *node, not bool) *node {
	p.take(tokOpen)
	list := []string{p.string()}
	for p.is(setOf(tokComma)) {
		p.advance()
		list = append(list, p.string())
	}
	p.take(tokClose)
	switch {
	case p.dry || p.err != nil:
		return nil
	case left.op != opProperty:
		p.fail(syntaxError(javaRuntime + "Expected a property for In expression, got: " + left.String()))
		return nil
	}
	p.members += len(list)
	n := &node{op: opIn, left: left, in: list, not: not}
	if len(list) >= scanLimit {
		n.set = make(map[string]struct{}, len(list))
		for _, s := range list {
			n.set[s] = struct{}{}
		}
	}
	return p.join(n)
}

func (p *parser) unaryOperand() *node {
	if p.depth++; p.depth > maxDepth {
		p.fail(errDeep)
	}
	defer func() { p.depth-- }()
	p.unary = true
	switch {
	case p.token == tokPlus && p.operandFollows():
		p.advance()
		return p.unaryOperand()
	case !p.is(unaryTokens):
		p.unexpected()
		return nil
	case p.token == tokMinus:
		p.advance()
		return p.join(&node{op: opNegate, left: p.unaryOperand()})
	case p.token == tokNot:
		p.advance()
		return p.not(p.asBoolean(p.unaryOperand()))
	case p.token == tokOpen:
		p.advance()
		n := p.or()
		p.take(tokClose)
		return n
	}
	return p.operand()
}

// operandFollows looks, from a plus sign, over the whole operand: a mistake in it
// is reported as one of the plus sign.
func (p *parser) operandFollows() bool {
	if p.dry || p.lex.begin < p.checked {
		return true
	}
	ahead := *p
	ahead.dry = true
	ahead.advance()
	ahead.unaryOperand()
	var syntax *SyntaxError
	switch {
	case ahead.err == nil:
		p.checked = ahead.lex.begin
		return true
	case errors.As(ahead.err, &syntax) && strings.HasPrefix(syntax.text, javaParse):
		return false
	}
	p.fail(ahead.err)
	return false
}

// operand is a literal or a name.
func (p *parser) operand() *node {
	image, t := p.lex.text[p.lex.begin:p.lex.end], p.token
	if t == tokString {
		return p.constant(text([]byte(p.string())))
	}
	p.advance()
	switch {
	case t == tokID:
		return p.property(image)
	case t == tokTrue || t == tokFalse:
		return p.constant(boolean(t == tokTrue))
	case t == tokDecimal && !p.dry:
		return p.decimal(image)
	case t == tokFloat && !p.dry:
		return p.float(image)
	}
	return p.constant(null)
}

// The functions below build; a parser that looks ahead or has failed builds nil.

// join counts a node whose children are set.
func (p *parser) join(n *node) *node {
	if p.dry || p.err != nil {
		return nil
	}
	p.nodes++
	for _, kid := range [...]*node{n.left, n.right} {
		if kid != nil {
			n.height = max(n.height, kid.height+1)
		}
	}
	for _, kid := range n.list {
		n.height = max(n.height, kid.height+1)
	}
	if n.height > maxDepth {
		p.fail(errDeep)
		return nil
	}
	return n
}

func (p *parser) constant(v value) *node { return p.join(&node{op: opConstant, constant: v}) }

func (p *parser) property(name string) *node {
	if p.dry || p.err != nil {
		return nil
	}
	slot, ok := p.slots[name]
	if !ok {
		slot = len(p.names)
		p.slots[name] = slot
		p.names = append(p.names, name)
	}
	return p.join(&node{op: opProperty, name: name, slot: slot})
}

func (p *parser) decimal(image string) *node {
	if c := image[len(image)-1]; c == 'l' || c == 'L' {
		image = image[:len(image)-1]
	}
	n, err := strconv.ParseInt(image, 10, 64)
	switch {
	case err != nil:
		p.fail(syntaxError(javaNumber + `For input string: "` + image + `"`))
		return nil
	case n <= math.MaxInt32:
		return p.constant(integer(int32(n)))
	}
	return p.constant(long(n))
}

func (p *parser) float(image string) *node {
	f, err := strconv.ParseFloat(image, 64)
	switch {
	case math.IsInf(f, 1):
		p.fail(syntaxError(javaRuntime + image + " is greater than 1.7976931348623157E308"))
	case err != nil || f == 0:
		p.fail(syntaxError(javaRuntime + image + " is less than 4.9E-324"))
	}
	return p.constant(double(f))
}

// asBoolean makes a node one that may be asked for truth.
func (p *parser) asBoolean(n *node) *node {
	switch {
	case p.dry || p.err != nil:
		return nil
	case n.isBoolean():
		return n
	case n.op == opProperty:
		return p.join(&node{op: opCast, left: n})
	}
	p.fail(syntaxError(javaParse + "Expression will not result in a boolean value: " + n.String()))
	return nil
}

func (p *parser) not(n *node) *node { return p.join(&node{op: opNot, left: n}) }

// logic joins with OR or AND; a left side of the same kind is made longer.
func (p *parser) logic(o op, left, right *node) *node {
	left, right = p.asBoolean(left), p.asBoolean(right)
	if p.dry || p.err != nil {
		return nil
	}
	if left.op == o {
		left.list = append(left.list, right)
		if left.height = max(left.height, right.height+1); left.height > maxDepth {
			p.fail(errDeep)
		}
		p.nodes++
		return left
	}
	return p.join(&node{op: o, list: []*node{left, right}})
}

func (p *parser) equal(left, right *node) *node {
	if p.dry || p.err != nil {
		return nil
	}
	for _, n := range [...]*node{left, right} {
		if n.op == opConstant && n.constant.kind == kindNull {
			p.fail(syntaxError(javaRuntime + "'NULL' cannot be compared."))
			return nil
		}
	}
	if left.op == opConstant && right.op == opConstant && left.isBoolean() && !right.isBoolean() {
		p.fail(syntaxError(javaRuntime + "'" + left.String() + "' cannot be compared with '" + right.String() + "'"))
		return nil
	}
	return p.join(&node{op: opEqual, left: left, right: right})
}

// order compares what may be a number.
func (p *parser) order(o op, left, right *node) *node {
	if p.dry || p.err != nil {
		return nil
	}
	for _, n := range [...]*node{left, right} {
		if n.op == opConstant && !n.constant.isNumber() || n.op != opConstant && n.isBoolean() {
			p.fail(syntaxError(javaRuntime + "Value '" + n.String() + "' cannot be compared."))
			return nil
		}
	}
	return p.join(&node{op: o, left: left, right: right})
}

// checkBetween refuses constant bounds of which the lower is the higher.
func (p *parser) checkBetween(low, high *node) {
	if p.dry || p.err != nil || low.op != opConstant || high.op != opConstant {
		return
	}
	l, h := low.constant, high.constant
	if l.kind == kindNull || h.kind == kindNull {
		p.fail(syntaxError(javaRuntime + "Illegal values of between, values can not be null!"))
		return
	}
	switch order, ok := compare(h, l); {
	case !ok && (l.kind == kindBool || h.kind == kindBool):
		p.fail(syntaxError(javaCast))
	case !ok:
		bad := l
		if h.kind == kindString {
			bad = h
		}
		p.fail(syntaxError(javaRuntime + javaNumber + numberComplaint(bad.String(), l, h)))
	case order < 0:
		p.fail(syntaxError(javaRuntime + "Illegal values of between, left value(" + l.String() +
			") must less than or equal to right value(" + h.String() + ")"))
	}
}

// numberComplaint is what Java's number classes say of a text.
func numberComplaint(bad string, l, h value) string {
	if l.kind == kindDouble || h.kind == kindDouble {
		if bad = strings.TrimFunc(bad, func(r rune) bool { return r <= ' ' }); bad == "" {
			return "empty String"
		}
	}
	return `For input string: "` + bad + `"`
}
