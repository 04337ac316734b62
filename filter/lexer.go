package filter

import "strings"

// token is a kind of token, numbered as in Java's grammar: error texts list the
// expected ones in this order.
type token uint8

const (
	tokEOF        token = 0
	tokNot        token = 8
	tokAnd        token = 9
	tokOr         token = 10
	tokBetween    token = 11
	tokIn         token = 12
	tokTrue       token = 13
	tokFalse      token = 14
	tokNull       token = 15
	tokIs         token = 16
	tokContains   token = 17
	tokStartsWith token = 18
	tokEndsWith   token = 19
	tokDecimal    token = 20
	tokFloat      token = 21
	tokString     token = 23
	tokID         token = 24
	tokEqual      token = 25
	tokNotEqual   token = 26
	tokGreater    token = 27
	tokGreaterEq  token = 28
	tokLess       token = 29
	tokLessEq     token = 30
	tokOpen       token = 31
	tokComma      token = 32
	tokClose      token = 33
	tokPlus       token = 34
	tokMinus      token = 35

	tokBad token = 63 // no token begins here
)

// tokenImages are the names of tokens in error texts.
var tokenImages = map[token]string{
	tokEOF: "<EOF>", tokNot: `"NOT"`, tokAnd: `"AND"`, tokOr: `"OR"`, tokBetween: `"BETWEEN"`, tokIn: `"IN"`, tokTrue: `"TRUE"`,
	tokFalse: `"FALSE"`, tokNull: `"NULL"`, tokIs: `"IS"`, tokContains: `"CONTAINS"`, tokStartsWith: `"STARTSWITH"`,
	tokEndsWith: `"ENDSWITH"`, tokDecimal: "<DECIMAL_LITERAL>", tokFloat: "<FLOATING_POINT_LITERAL>",
	tokString: "<STRING_LITERAL>", tokID: "<ID>", tokEqual: `"="`, tokNotEqual: `"<>"`, tokGreater: `">"`, tokGreaterEq: `">="`,
	tokLess: `"<"`, tokLessEq: `"<="`, tokOpen: `"("`, tokComma: `","`, tokClose: `")"`, tokPlus: `"+"`, tokMinus: `"-"`,
}

var keywords = map[string]token{
	"NOT": tokNot, "AND": tokAnd, "OR": tokOr, "BETWEEN": tokBetween, "IN": tokIn, "TRUE": tokTrue, "FALSE": tokFalse, "NULL": tokNull,
	"IS": tokIs, "CONTAINS": tokContains, "STARTSWITH": tokStartsWith, "ENDSWITH": tokEndsWith,
}

const longestKeyword = len("STARTSWITH")

// lexer cuts an expression into tokens, each as long as it can be:
//
//	blanks     space \t \n \r \f; comments from -- to the end of a line that ends, and from /* to */
//	decimal    0, or 1-9 and digits and perhaps l or L
//	float      digits . digits, . digits, either with an exponent, or digits with one
//	string     in single quotes; two of them are a quote inside
//	name       a letter, _ or $, then letters, digits, _ and $
//
// Letters are ASCII only. It is a value: a copy looks ahead.
type lexer struct {
	text       string
	begin, end int // the present token is text[begin:end]
}

// next goes to the next token.
func (l *lexer) next() (token, error) {
	at, err := l.skip(l.end)
	if err != nil {
		return tokEOF, err
	}
	l.begin, l.end = at, at
	if at == len(l.text) {
		return tokEOF, nil
	}
	switch c := l.text[at]; {
	case isNameStart(c):
		return l.name(), nil
	case isDigit(c), c == '.':
		return l.number()
	case c == '\'':
		return l.quoted()
	}
	two := l.text[at:min(at+2, len(l.text))]
	switch two {
	case "<>":
		return l.symbol(tokNotEqual, 2), nil
	case ">=":
		return l.symbol(tokGreaterEq, 2), nil
	case "<=":
		return l.symbol(tokLessEq, 2), nil
	}
	const symbols = "=><(,)+-"
	kinds := [...]token{tokEqual, tokGreater, tokLess, tokOpen, tokComma, tokClose, tokPlus, tokMinus}
	if i := strings.IndexByte(symbols, l.text[at]); i >= 0 {
		return l.symbol(kinds[i], 1), nil
	}
	return tokEOF, lexicalError(l.text, at, at)
}

func (l *lexer) symbol(t token, n int) token {
	l.end = l.begin + n
	return t
}

// skip passes blanks and comments. A `--` whose line does not end is two minus signs.
func (l *lexer) skip(at int) (int, error) {
	for at < len(l.text) {
		switch rest := l.text[at:]; {
		case strings.IndexByte(" \t\n\r\f", rest[0]) >= 0:
			at++
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexAny(rest, "\r\n")
			if n < 0 {
				return at, nil
			}
			at += n + 1
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return at, lexicalError(l.text, at, len(l.text))
			}
			at += n + 4
		case rest[0] == '/':
			return at, lexicalError(l.text, at, at+1)
		default:
			return at, nil
		}
	}
	return at, nil
}

func (l *lexer) name() token {
	end := l.begin + 1
	for end < len(l.text) && (isNameStart(l.text[end]) || isDigit(l.text[end])) {
		end++
	}
	l.end = end
	if end-l.begin <= longestKeyword {
		var upper [longestKeyword]byte
		for i := range end - l.begin {
			upper[i] = l.text[l.begin+i]
			if upper[i] >= 'a' && upper[i] <= 'z' {
				upper[i] -= 'a' - 'A'
			}
		}
		if t, ok := keywords[string(upper[:end-l.begin])]; ok {
			return t
		}
	}
	return tokID
}

// number reads a decimal or a float, whichever is longer. 007 is three decimals.
func (l *lexer) number() (token, error) {
	digits := l.digits(l.begin)
	if digits < len(l.text) && l.text[digits] == '.' {
		after := l.digits(digits + 1)
		if after == digits+1 && digits == l.begin {
			return tokEOF, lexicalError(l.text, l.begin, l.begin+1)
		}
		l.end = l.exponent(after)
		return tokFloat, nil
	}
	if end := l.exponent(digits); end > digits {
		l.end = end
		return tokFloat, nil
	}
	if l.text[l.begin] == '0' {
		l.end = l.begin + 1
		return tokDecimal, nil
	}
	if l.end = digits; digits < len(l.text) && (l.text[digits] == 'l' || l.text[digits] == 'L') {
		l.end++
	}
	return tokDecimal, nil
}

func (l *lexer) digits(at int) int {
	for at < len(l.text) && isDigit(l.text[at]) {
		at++
	}
	return at
}

// exponent is the end of an exponent at a place, or the place when there is none.
func (l *lexer) exponent(at int) int {
	if at >= len(l.text) || l.text[at]|0x20 != 'e' {
		return at
	}
	from := at + 1
	if from < len(l.text) && (l.text[from] == '+' || l.text[from] == '-') {
		from++
	}
	if end := l.digits(from); end > from {
		return end
	}
	return at
}

// quoted reads a string. In one that never ends the last doubled quote is taken as
// an end and another beginning: so does a generated lexer, and the text behind an
// expression may be anything.
func (l *lexer) quoted() (token, error) {
	accepted := -1
	for at := l.begin + 1; ; {
		n := strings.IndexByte(l.text[at:], '\'')
		if n < 0 {
			break
		}
		at += n + 1
		accepted = at
		if at >= len(l.text) || l.text[at] != '\'' {
			l.end = at
			return tokString, nil
		}
		at++
	}
	if accepted < 0 {
		return tokEOF, lexicalError(l.text, l.begin, len(l.text))
	}
	l.end = accepted
	return tokString, nil
}

// unquote is what a string token means.
func unquote(image string) string {
	return strings.ReplaceAll(image[1:len(image)-1], "''", "'")
}

func isNameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
