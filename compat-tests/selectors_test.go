package compat_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestSelectors compares our SQL92 expressions with the Java evaluator's, over generated expressions and messages:
// results, and the words in which what is no expression is refused.
func TestSelectors(t *testing.T) {
	if harness.TargetOfEnv(t) == harness.Java {
		t.Skip("compares our evaluator with Java's")
	}
	const expressions, messages = 25_000, 10
	g := generator{rand.New(rand.NewPCG(92, 1))}
	var cases []string
	var file bytes.Buffer
	for i := range expressions {
		expression := g.expression(i)
		if i < len(known) {
			expression = known[i]
		}
		expression = strings.ToValidUTF8(expression, "?")
		cases = append(cases, expression)
		file.WriteString(encode(expression))
		for range messages {
			file.WriteString("\t" + encode(g.properties()))
		}
		file.WriteString("\n")
	}
	in := filepath.Join(t.TempDir(), "cases")
	if err := os.WriteFile(in, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	ours := exec.Command("go", "run", "-C", "..", "./test/selectors")
	ours.Stdin, ours.Stderr = &file, os.Stderr
	got, err := ours.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := harness.Runner{Module: harness.Selectors, Class: "skylarkmq.compat.selectors.Main", Args: []string{"-in", in}}.Run(t)
	compareSelectors(t, cases, strings.Split(string(got), "\n"), strings.Split(want, "\n"))
}

func compareSelectors(t *testing.T, cases, got, want []string) {
	t.Helper()
	if len(got) != len(cases)+1 || len(want) != len(got) {
		t.Fatalf("%d expressions: %d answers, Java gives %d", len(cases), len(got)-1, len(want)-1)
	}
	pairs, refused, wrong := 0, 0, 0
	letters := map[rune]int{}
	for i, expression := range cases {
		if strings.HasPrefix(want[i], "R ") {
			pairs += len(want[i]) - 2
			for _, r := range want[i][2:] {
				letters[r]++
			}
		} else {
			refused++
		}
		if got[i] == want[i] {
			continue
		}
		if wrong++; wrong <= 20 {
			t.Errorf("%q:\n  Java %s\n  ours %s", expression, decode(want[i]), decode(got[i]))
		}
	}
	t.Logf("%d pairs: %d true, %d false, %d null, %d thrown; %d expressions refused; %d wrong", pairs, letters['T'], letters['F'], letters['N'],
		letters['X'], refused, wrong)
	if wrong > 20 {
		t.Errorf("and %d more", wrong-20)
	}
	if pairs < 100_000 {
		t.Errorf("only %d pairs were evaluated", pairs)
	}
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// decode shows an answer.
func decode(answer string) string {
	text, isError := strings.CutPrefix(answer, "E ")
	if !isError {
		return answer
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return answer
	}
	return fmt.Sprintf("E %q", plain)
}

// known are expressions that are worth a look whatever the generator comes up with.
var known = []string{
	"", " ", "\n", "\t", "a", "NULL", "TRUE", "5", "'x'", "'", "''", "a = '", "a = 'x''", "a = 'x' y ' '''", "/", "/x", "/x y", "/*", "/* x", "a /* x */ = 5",
	".", ". x", "a = .5", "a = 1.", "a = 1.e5", "a = 007", "a = 1e", "a = 1e+", "a = 0L", "a -- x", "a -- x\n = 5", "a--", "a = 5 -- \r\n AND b = 'x'",
	"a = 9223372036854775807", "a = 9223372036854775808", "a = 0.0", "a = 1e999", "a = 1e-999", "a = -9223372036854775807", "+", "+ +", "+ a b", "+(a b",
	"+(a > 'x' OR", "+(5 IN ('x'))", "+ +(a = ) = 5", "a IS", "a IS NOT", "a IS NOT NULL", "a NOT", "a NOT NOT", "a NOT LIKE 'x'", "a LIKE 'x%'", "a BETWEEN", "a BETWEEN 1",
	"a BETWEEN 1 AND", "a BETWEEN 1 OR 2", "a BETWEEN (b) AND +5", "a IN", "a IN ()", "a IN ('x'", "a IN ('x',)", "a IN (1)", "a = 变量", "变量 = 5", "a = '变量' 😀", "😀",
	"(a IN ('1','2','3','4','5','2','x','hello world')) > 5", "a = 1 OR b", "a = 1 OR 5", "NOT 5", "NOT a IS NULL", "a = b = c", "a = 1 = TRUE", "a <> NULL",
	"a BETWEEN 'x' AND 1", "a BETWEEN 1 AND 'x'", "a BETWEEN 'x' AND 1.5", "a BETWEEN '' AND 1.5", "a BETWEEN 'x' AND TRUE", "a BETWEEN TRUE AND 'x'", "a BETWEEN TRUE AND FALSE",
	"a BETWEEN 'b' AND 'a'", "a BETWEEN 1.5e10 AND 1", "a BETWEEN 1.0E-5 AND 0", "-(a BETWEEN 1 AND 2)", "-(a NOT IN ('x'))", "-(a CONTAINS 'x')", "-(NOT a)", "a;", "a\u00a0= 5", "a\v= 5",
	"(", ")", "a)", "((a)", "a = #", "a = # ", "a == 5", "a != 5", "a = \"x\"", "a >< 5", "a =< 5", "a <=> 5", "\ta\n\r\n\t= ?", "a = ?\n",
}

// generator makes expressions: most follow the grammar, some are tokens in any order, some have a character changed.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) expression(i int) string {
	switch i % 10 {
	case 0:
		words := make([]string, 1+g.IntN(8))
		for i := range words {
			words[i] = g.word()
		}
		return strings.Join(words, " ")
	case 1:
		s := g.or(3)
		at := g.IntN(len(s) + 1)
		return s[:at] + g.pick("'", "(", ")", "#", " ", "\n", ".", "e", "0", "-", "/*", "--", "é", "\t") + s[min(len(s), at+g.IntN(2)):]
	}
	return g.or(3)
}

func (g generator) word() string {
	return g.pick("a", "b", "z", "5", "1.5", "'x'", "''", "NOT", "AND", "OR", "BETWEEN", "IN", "TRUE", "NULL", "IS", "CONTAINS", "STARTSWITH", "=", "<>", ">", "<=", "(",
		")", ",", "+", "-", "IN ('x')", "IS NOT NULL", "/", "#", "ENDSWITH", "FALSE", "3000000000")
}

func (g generator) blank() string {
	return g.pick(" ", " ", " ", " ", "  ", "\n", "\t", " /* * */ ", " -- x\n")
}

func (g generator) keyword(s string) string {
	if g.IntN(4) == 0 {
		s = strings.ToLower(s)
	}
	return g.blank() + s + g.blank()
}

func (g generator) or(depth int) string {
	s := g.and(depth)
	for g.IntN(4) == 0 {
		s += g.keyword("OR") + g.and(depth)
	}
	return s
}

func (g generator) and(depth int) string {
	s := g.equality(depth)
	for g.IntN(4) == 0 {
		s += g.keyword("AND") + g.equality(depth)
	}
	return s
}

func (g generator) equality(depth int) string {
	s := g.comparison(depth)
	switch g.IntN(6) {
	case 0, 1:
		s += g.blank() + g.pick("=", "=", "<>") + g.blank() + g.comparison(depth)
	case 2:
		s += g.keyword("IS") + g.pick("", "NOT ") + "NULL"
	}
	return s
}

func (g generator) comparison(depth int) string {
	s := g.unary(depth)
	not := ""
	if g.IntN(3) == 0 {
		not = g.keyword("NOT")
	}
	switch g.IntN(9) {
	case 0, 1:
		s += g.blank() + g.pick(">", ">=", "<", "<=") + g.blank() + g.unary(depth)
	case 2:
		s += not + g.keyword(g.pick("CONTAINS", "STARTSWITH", "ENDSWITH")) + g.quoted()
	case 3:
		s = g.property() + not + g.keyword("BETWEEN") + g.number() + g.keyword("AND") + g.number()
	case 4:
		s = g.property() + not + g.keyword("IN") + "(" + g.quoted()
		for g.IntN(3) > 0 {
			s += "," + g.quoted()
		}
		s += ")"
	case 5:
		s = g.property() + g.pick("=", ">", "<", "<>", ">=", "<=") + g.number()
	}
	return s
}

func (g generator) unary(depth int) string {
	switch g.IntN(16) {
	case 0:
		return "-" + g.blank() + g.unary(depth)
	case 1:
		return "+" + g.unary(depth)
	case 2:
		return "NOT " + g.unary(depth)
	case 3, 4:
		if depth > 0 {
			return "(" + g.or(depth-1) + ")"
		}
	case 5, 6:
		return g.number()
	case 7, 8:
		return g.quoted()
	case 9:
		return g.pick("TRUE", "FALSE", "NULL", "true")
	}
	return g.property()
}

func (g generator) property() string {
	return g.pick("a", "b", "c", "d", "a", "b", "c", "z", "TAGS", "_x$1")
}

func (g generator) number() string {
	return g.pick("0", "5", "7", "-7", "42", "1.5", "5.0", "1e3", ".5E1", "3000000000", "2147483647", "2147483648", "-2147483648", "5L", "1000", "1.0E-5", "12345678.9")
}

func (g generator) quoted() string {
	return "'" + g.pick("x", "y", "", "5", "1.5", "hello", "world", "lo wo", "it''s", "true", "TRUE", "变", "t1", "-7", "abc") + "'"
}

// properties makes the property string of a message.
func (g generator) properties() string {
	var s string
	for _, name := range []string{"a", "b", "c", "d", "TAGS", "_x$1"} {
		if g.IntN(5) == 0 {
			continue
		}
		s += name + "\x01" + g.pick("5", "5", "7", "-7", "42", "1.5", "5.0", "x", "y", "hello world", "it's", "true", "True", "false", " 5 ", "+5", "٤٢", "５", "0x1p3",
			"NaN", "-Infinity", "1e3", "5f", "1000", "3000000000", "2147483648", "9223372036854775807", "9223372036854775808", "-0.0", "0", "1_000", "变量", "t1", "abc",
			"1e999", "0x1.8", "--5", "5L", "", "\t5", "1e-400") + "\x02"
	}
	return s
}
