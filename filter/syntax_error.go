package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// SyntaxError says why an expression is no selector, in the words that clients of
// the Java broker know: its exception's class and text.
type SyntaxError struct{ text string }

func (e *SyntaxError) Error() string { return e.text }

// Remarks are cut: they may quote the whole expression.
const maxSyntaxError = 4 << 10

func syntaxError(text string) error {
	if len(text) > maxSyntaxError {
		text = strings.ToValidUTF8(text[:maxSyntaxError], "") + "…"
	}
	return &SyntaxError{text}
}

const (
	javaRuntime  = "java.lang.RuntimeException: "
	javaNumber   = "java.lang.NumberFormatException: "
	javaParse    = "org.apache.rocketmq.filter.parser.ParseException: "
	javaToken    = "org.apache.rocketmq.filter.parser.TokenMgrError: "
	javaOverflow = "java.lang.StackOverflowError"
	javaCast     = "java.lang.ClassCastException: class java.lang.Boolean cannot be cast to class java.lang.String " +
		"(java.lang.Boolean and java.lang.String are in module java.base of loader 'bootstrap')"
)

// errDeep is the answer to an expression that is nested too deep; Java runs out of
// stack, somewhat later.
var errDeep = syntaxError(javaOverflow)

// place is the line and column of the character that begins at an offset, counted
// as generated parsers do: UTF-16 units from 1, tabs to the next multiple of 8.
func place(text string, at int) (line, column int) {
	line = 1
	var wasLF, wasCR bool
	for i, r := range text {
		if i > at {
			break
		}
		if column++; i < at && r > 0xFFFF {
			column++
		}
		switch {
		case wasLF, wasCR && r != '\n':
			line++
			column = 1
		}
		wasLF, wasCR = r == '\n', r == '\r'
		if r == '\t' {
			column--
			column += 8 - column%8
		}
	}
	return line, column
}

// lexicalError is about a token that begins at an offset and cannot go on with the
// character at bad; bad is the length of the text when it simply ends. Java reports
// the end of the text too when that character is the last one.
func lexicalError(text string, begin, bad int) error {
	r, size := utf8.DecodeRuneInString(text[bad:])
	if bad+size < len(text) || r > 0xFFFF {
		line, column := place(text, bad)
		unit := utf16.Encode([]rune{r})[0]
		return syntaxError(fmt.Sprintf("%sLexical error at line %d, column %d.  Encountered: \"%s\" (%d), after : \"%s\"",
			javaToken, line, column, escapeUnit(unit), unit, escape(text[begin:bad])))
	}
	_, size = utf8.DecodeLastRuneInString(text)
	last := len(text) - size
	line, column := place(text, last)
	if column++; text[last] == '\n' || text[last] == '\r' {
		line, column = line+1, 0
	}
	var after string
	if last > begin {
		after = text[begin:]
	}
	return syntaxError(fmt.Sprintf("%sLexical error at line %d, column %d.  Encountered: <EOF> after : \"%s\"",
		javaToken, line, column, escape(after)))
}

// escape makes a text printable as generated parsers do.
func escape(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteString(escapeUnit(unit))
	}
	return b.String()
}

func escapeUnit(unit uint16) string {
	switch unit {
	case 0:
		return ""
	case '\b':
		return `\b`
	case '\t':
		return `\t`
	case '\n':
		return `\n`
	case '\f':
		return `\f`
	case '\r':
		return `\r`
	case '"':
		return `\"`
	case '\'':
		return `\'`
	case '\\':
		return `\\`
	}
	if unit < 0x20 || unit > 0x7e {
		return `\u` + fmt.Sprintf("%04x", unit)
	}
	return string(rune(unit))
}

// tokenSet is a set of expected tokens.
type tokenSet uint64

func setOf(list ...token) (s tokenSet) {
	for _, t := range list {
		s |= 1 << t
	}
	return s
}

// unexpected is a ParseException: the token found, and those that would have done,
// in their order, then the ones that a generated parser finds by looking ahead.
func unexpected(l *lexer, found token, expected tokenSet, ahead ...token) error {
	var list []token
	for t := tokEOF; t <= tokMinus; t++ {
		if expected&(1<<t) != 0 {
			list = append(list, t)
		}
	}
	list = append(list, ahead...)
	var b strings.Builder
	b.WriteString(javaParse + `Encountered "`)
	line, column := 0, 0
	if found == tokEOF {
		b.WriteString(tokenImages[tokEOF])
		if len(l.text) > 0 {
			line, column = place(l.text, len(l.text)-1)
		}
	} else {
		image := l.text[l.begin:min(l.end, l.begin+maxSyntaxError)]
		b.WriteString(" " + tokenImages[found] + ` "` + escape(image) + ` "`)
		line, column = place(l.text, l.begin)
	}
	b.WriteString(`" at line ` + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ".\n")
	if len(list) == 1 {
		b.WriteString("Was expecting:\n    ")
	} else {
		b.WriteString("Was expecting one of:\n    ")
	}
	for _, t := range list {
		b.WriteString(tokenImages[t] + " ...\n    ")
	}
	return syntaxError(b.String())
}
