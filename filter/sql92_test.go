package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/message"
)

// props makes a property string of names and values.
func props(pairs ...string) []byte {
	var p []byte
	for i := 0; i < len(pairs); i += 2 {
		p = message.AppendProperty(p, pairs[i], pairs[i+1])
	}
	return p
}

func (r Result) String() string { return [...]string{"null", "true", "false", "failed"}[r] }

// Every production and every rule of the values; the results were checked with the
// Java evaluator, and compat-tests compares 100,000 random pairs with it.
func TestSQL92(t *testing.T) {
	t.Parallel()
	p := props("a", "5", "b", "x", "c", "1.5", "d", "true", "e", "it's", "n", "-7", "big", "3000000000", "text", "hello world", "TAGS", "t1",
		"dup", "1", "dup", "2", "arabic", "٤٢", "neg0", "-0.0", "zero", "0.0", "nan", "NaN")
	for _, c := range []struct {
		expression string
		want       Result
	}{
		// literals
		{"TRUE", True},
		{"false", False},
		{"NULL", Null},
		{"nUll OR True", True},
		{"b = 'x'", True},
		{"e = 'it''s'", True},
		{"b = ''", False},
		{"a = 5L", True},
		{"a = 5l", True},
		{"big = 3000000000", True},
		{"c = 1.5", True},
		{"c = 15e-1", True},
		{"c = .15E1", True},
		{"c = 1.5e+0", True},
		{"a = 5.", True},
		{"a = 5.0", True},
		{"a = 0", False},
		// names
		{"_x IS NULL", True},
		{"$x IS NULL", True},
		{"a1_$ IS NULL", True},
		{"b", False},
		{"nothing", Null},
		{"d", False},
		{"A = 5", Null},
		{"now IS NULL", True},
		{"dup = 2", True},
		{"inn IS NULL", True},
		// or, and
		{"a = 5 OR b = 'y'", True},
		{"a = 6 or b = 'y'", False},
		{"a = 6 OR z = 1", Null},
		{"z = 1 OR a = 5", True},
		{"z = 1 OR y = 1", Null},
		{"a = 5 AND b = 'x'", True},
		{"a = 5 and b = 'y'", False},
		{"a = 5 AND z = 1", Null},
		{"z = 1 AND a = 6", False},
		{"a = 6 OR a = 5 AND b = 'y'", False},
		{"(a = 5 OR a = 6) AND b = 'x'", True},
		{"a = 5 OR b > 1", True},
		{"b > 1 OR a = 5", Failed},
		{"a = 6 AND b > 1", False},
		{"b > 1 AND a = 6", Failed},
		{"a AND b", False},
		{"z OR a = 5", True},
		{"a = 1 OR a = 2 OR a = 3 OR a = 5", True},
		// equality
		{"a = '5'", True},
		{"'5' = a", True},
		{"5 = a", True},
		{"a <> 6", True},
		{"a <> 5", False},
		{"z = 5", Null},
		{"5 = z", False},
		{"z <> 'x'", Null},
		{"'x' <> z", True},
		{"z = y", True},
		{"a = b", False},
		{"b = 5", Failed},
		{"c = 1", Failed},
		{"a = b = TRUE", False},
		{"d = TRUE", True},
		{"b = TRUE", False},
		{"b = FALSE", True},
		{"TRUE = d", Failed},
		{"(a = 5) = TRUE", True},
		{"(a = 5) = (b = 'x')", True},
		{"1 = TRUE", False},
		{"'true' = TRUE", True},
		{"5 = 5.0", True},
		{"3000000000 = 3000000000.0", True},
		{"5 = 3000000000", False},
		{"arabic = 42", True},
		{"nan = 1.5", False},
		{"big = 5", Failed},
		{"z IS NULL", True},
		{"a IS NULL", False},
		{"z IS NOT NULL", False},
		{"a is not null", True},
		{"(z = 5) IS NULL", True},
		{"NULL IS NULL", True},
		{"(b > 1) IS NULL", Failed},
		{"a IS NULL IS NULL", False},
		{"5 IS NULL", False},
		// order
		{"a > 4", True},
		{"a >= 5", True},
		{"a < 5", False},
		{"a <= 5", True},
		{"4 < a", True},
		{"a > 4.5", True},
		{"c > 1", Failed},
		{"c > 1.0", True},
		{"c > a", False},
		{"a > c", True},
		{"b > a", Failed},
		{"z > 1", Null},
		{"1 > z", Null},
		{"a > z", Null},
		{"n < -5", True},
		{"big > 2147483647", Failed},
		{"big > 2147483648", True},
		{"2 > 1", True},
		{"2147483648 > 1", True},
		{"neg0 < zero", True},
		{"nan > zero", True},
		// contains and its like
		{"text CONTAINS 'lo wo'", True},
		{"text CONTAINS 'x'", False},
		{"text NOT CONTAINS 'x'", True},
		{"z CONTAINS 'x'", False},
		{"z NOT CONTAINS 'x'", False},
		{"text CONTAINS ''", False},
		{"text NOT CONTAINS ''", False},
		{"5 CONTAINS '5'", False},
		{"'abc' CONTAINS 'b'", True},
		{"text STARTSWITH 'hello'", True},
		{"text NOT STARTSWITH 'hello'", False},
		{"text startswith 'world'", False},
		{"z NOT STARTSWITH 'x'", False},
		{"text ENDSWITH 'world'", True},
		{"text NOT ENDSWITH 'world'", False},
		{"text not endswith 'x'", True},
		{"e CONTAINS ''''", True},
		{"(b > 1) CONTAINS 'x'", Failed},
		{"(b > 1) CONTAINS ''", False},
		{"text CONTAINS 'h' CONTAINS 'h'", False},
		// between
		{"a BETWEEN 1 AND 5", True},
		{"a BETWEEN 6 AND 9", False},
		{"a NOT BETWEEN 6 AND 9", True},
		{"z BETWEEN 1 AND 2", Null},
		{"z NOT BETWEEN 1 AND 2", Null},
		{"n BETWEEN -9 AND -5", True},
		{"a BETWEEN c AND 9", True},
		{"a NOT BETWEEN 9 AND 6", True},
		{"b BETWEEN 1 AND 2", Failed},
		{"a between 1 and 5 and b = 'x'", True},
		{"5 BETWEEN 1 AND 9", True},
		{"a BETWEEN -1 AND 9.5", True},
		// in
		{"b IN ('x')", True},
		{"b IN ('y', 'x')", True},
		{"b IN ('y')", False},
		{"b NOT IN ('y')", True},
		{"z IN ('y')", Null},
		{"z NOT IN ('y')", Null},
		{"(b) IN ('x')", True},
		{"b in ('1','2','3','4','5','6','7','8','9','x')", True},
		{"b not in ('1','2','3','4','5','6','7','8','9','x')", False},
		// unary
		{"+ a = 5", True},
		{"a = + 5", True},
		{"- a = 5", Null},
		{"-a IS NULL", True},
		{"n = -7", True},
		{"n = - - 7", False},
		{"n = -7.0", True},
		{"n > -3000000000", True},
		{"NOT (a = 5)", False},
		{"NOT (z = 5)", Null},
		{"NOT a", True},
		{"NOT NOT z", Null},
		{"NOT a = 5", False},
		{"NOT b = 'x'", Failed},
		{"NOT TRUE", False},
		{"+(+(a)) = 5", True},
		{"-'x' IS NULL", True},
		{"-TRUE IS NULL", True},
		// what follows is not looked at
		{"a = 5 b = 'y'", True},
		{"a = 007", False},
		{"a = 5 ) (", True},
		{"b = 'x' ORE b = 'z'", True},
		{"b = 'x' y ' '''", True},
		// comments and blanks
		{"a\t=\r\n5\f", True},
		{"a = 5 -- no end", True},
		{"a = 6 -- five\n OR a = 5", True},
		{"a /* * / ** */ = 5", True},
		{"a = -- \r 5", True},
	} {
		e, err := CompileSQL92(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if got := e.Evaluate(p); got != c.want {
			t.Errorf("%s: %v, want %v", c.expression, got, c.want)
		}
		if got := e.Match(p); got != (c.want == True) {
			t.Errorf("%s matches: %v", c.expression, got)
		}
	}
}

const (
	expectOperand = "Was expecting one of:\n    \"NOT\" ...\n    \"TRUE\" ...\n    \"FALSE\" ...\n    \"NULL\" ...\n    <DECIMAL_LITERAL> ...\n" +
		"    <FLOATING_POINT_LITERAL> ...\n    <STRING_LITERAL> ...\n    <ID> ...\n    \"(\" ...\n    \"-\" ...\n    "
	expectAfterOperand = "Was expecting one of:\n    \"NOT\" ...\n    \"AND\" ...\n    \"OR\" ...\n    \"BETWEEN\" ...\n    \"IN\" ...\n    \"IS\" ...\n" +
		"    \"CONTAINS\" ...\n    \"STARTSWITH\" ...\n    \"ENDSWITH\" ...\n    \"=\" ...\n    \"<>\" ...\n    \">\" ...\n    \">=\" ...\n    \"<\" ...\n" +
		"    \"<=\" ...\n    \")\" ...\n    "
)

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, want string }{
		{"", javaParse + "Encountered \"<EOF>\" at line 0, column 0.\n" + expectOperand + "\"+\" ...\n    "},
		{"a = ", javaParse + "Encountered \"<EOF>\" at line 1, column 4.\n" + expectOperand + "\"+\" ...\n    "},
		{"a >\n AND", javaParse + "Encountered \" \"AND\" \"AND \"\" at line 2, column 2.\n" + expectOperand + "\"+\" ...\n    "},
		{"+ = 5", javaParse + "Encountered \" \"+\" \"+ \"\" at line 1, column 1.\n" + expectOperand},
		{"(a = 5", javaParse + "Encountered \"<EOF>\" at line 1, column 6.\n" + expectAfterOperand},
		{"a NOT 5", javaParse + "Encountered \" \"NOT\" \"NOT \"\" at line 1, column 3.\nWas expecting one of:\n    \"BETWEEN\" ...\n    \"IN\" ...\n" +
			"    \"CONTAINS\" ...\n    \"STARTSWITH\" ...\n    \"ENDSWITH\" ...\n    \">\" ...\n    \">=\" ...\n    \"<\" ...\n    \"<=\" ...\n    "},
		{"a IS 5", javaParse + "Encountered \" <DECIMAL_LITERAL> \"5 \"\" at line 1, column 6.\nWas expecting one of:\n    \"NOT\" ...\n    \"NULL\" ...\n    "},
		{"a IS NOT 5", javaParse + "Encountered \" <DECIMAL_LITERAL> \"5 \"\" at line 1, column 10.\nWas expecting:\n    \"NULL\" ...\n    "},
		{"a CONTAINS 5", javaParse + "Encountered \" <DECIMAL_LITERAL> \"5 \"\" at line 1, column 12.\nWas expecting:\n    <STRING_LITERAL> ...\n    "},
		{"a IN ('x' 'y')", javaParse + "Encountered \" <STRING_LITERAL> \"\\'y\\' \"\" at line 1, column 11.\nWas expecting one of:\n    \",\" ...\n    \")\" ...\n    "},
		{"a IN (5)", javaParse + "Encountered \" <DECIMAL_LITERAL> \"5 \"\" at line 1, column 7.\nWas expecting:\n    <STRING_LITERAL> ...\n    "},
		{"a IN 'x'", javaParse + "Encountered \" <STRING_LITERAL> \"\\'x\\' \"\" at line 1, column 6.\nWas expecting:\n    \"(\" ...\n    "},
		{"a BETWEEN 5 OR 6", javaParse + "Encountered \" \"OR\" \"OR \"\" at line 1, column 13.\nWas expecting:\n    \"AND\" ...\n    "},
		{"5", javaParse + "Expression will not result in a boolean value: 5"},
		{"'it''s'", javaParse + "Expression will not result in a boolean value: 'it''s'"},
		{"-(a = 1 OR b = 'x')", javaParse + "Expression will not result in a boolean value: (- ((a == 1) || (b == 'x')))"},
		{"a LIKE 'x%' # ", ""}, // is `a`, and more
		{"# a", javaToken + "Lexical error at line 1, column 1.  Encountered: \"#\" (35), after : \"\""},
		{"a = #", javaToken + "Lexical error at line 1, column 6.  Encountered: <EOF> after : \"\""},
		{"a = 'x", javaToken + "Lexical error at line 1, column 7.  Encountered: <EOF> after : \"\\'x\""},
		{"a /b", javaToken + "Lexical error at line 1, column 5.  Encountered: <EOF> after : \"/b\""},
		{"\ta = 变量", javaToken + "Lexical error at line 1, column 13.  Encountered: \"\\u53d8\" (21464), after : \"\""},
		{"a > 'x'", javaRuntime + "Value ''x'' cannot be compared."},
		{"(a = 1) > 5", javaRuntime + "Value '(a == 1)' cannot be compared."},
		{"a = NULL", javaRuntime + "'NULL' cannot be compared."},
		{"TRUE = 5", javaRuntime + "'TRUE' cannot be compared with '5'"},
		{"5 IN ('x')", javaRuntime + "Expected a property for In expression, got: 5"},
		{"a BETWEEN 9 AND 1", javaRuntime + "Illegal values of between, left value(9) must less than or equal to right value(1)"},
		{"a BETWEEN 9.5 AND 1e10", ""},
		{"a BETWEEN 1.5e10 AND 1", javaRuntime + "Illegal values of between, left value(1.5E10) must less than or equal to right value(1)"},
		{"a BETWEEN NULL AND 1", javaRuntime + "Illegal values of between, values can not be null!"},
		{"a BETWEEN 'x' AND 1", javaRuntime + javaNumber + "For input string: \"x\""},
		{"a BETWEEN 'x' AND TRUE", javaCast},
		{"a = 9223372036854775808", javaNumber + "For input string: \"9223372036854775808\""},
		{"a = 0.0", javaRuntime + "0.0 is less than 4.9E-324"},
		{"a = 1e999", javaRuntime + "1e999 is greater than 1.7976931348623157E308"},
	} {
		_, err := CompileSQL92(c.expression)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.expression, got, c.want)
		}
	}
}

// Whoever sends such things gets an answer, soon and at a bounded price.
func TestHostileExpressions(t *testing.T) {
	t.Parallel()
	repeat := strings.Repeat
	for _, c := range []struct {
		name, expression string
		err              error // nil: it compiles
	}{
		{"1 MB", "a = '" + repeat("x", 1<<20) + "'", ErrLength},
		{"parentheses", repeat("(", 10_000) + "a" + repeat(")", 10_000), errDeep},
		{"plus signs", repeat("+", 10_000) + "a = 1", errDeep},
		{"plus and parentheses", repeat("+(", 400) + repeat("a OR ", 20_000) + "a" + repeat(")", 400), nil},
		{"minus signs", repeat("- ", 10_000) + "a = 1", errDeep},
		{"NOT", repeat("NOT ", 10_000) + "a", errDeep},
		{"equality", "a" + repeat(" = a", 10_000), errDeep},
		{"IS NULL", "a" + repeat(" IS NULL", 10_000), errDeep},
		{"long OR", repeat("a = 1 OR ", 10_000) + "b = 'x'", nil},
		{"long AND", repeat("a = 5 AND ", 10_000) + "b = 'x'", nil},
		{"long IN", "b IN ('x'" + repeat(",'a'", 30_000) + ")", nil},
		{"many names", nameList(8000), nil},
		{"quotes", repeat("'", MaxExpression-1), nil},
		{"comments", repeat("/**/", 30_000) + "a", nil},
		{"comment starts", repeat("/*", 60_000), nil},
		{"deep message", repeat("(", 400) + "a > 'x'" + repeat(")", 400), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			e, err := CompileSQL92(c.expression)
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%.100v, want %v", err, c.err)
			}
			var syntax *SyntaxError
			if errors.As(err, &syntax) && len(err.Error()) > 3*maxSyntaxError {
				t.Errorf("a text of %d bytes", len(err.Error()))
			}
			if err == nil {
				e.Evaluate(props("a", "5", "b", "x"))
			}
			if d := time.Since(start); d > 5*time.Second { // milliseconds, on a machine that has time
				t.Errorf("took %v", d)
			}
		})
	}
}

func nameList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "n%d = 'x' OR ", i)
	}
	return b.String()[:min(b.Len(), MaxExpression-10)] + "\nTRUE"
}

// An evaluation costs no allocation, however the message looks.
func TestEvaluateDoesNotAllocate(t *testing.T) {
	e, err := CompileSQL92("a > 3 AND b IN ('x', 'y') AND text CONTAINS 'lo' AND c BETWEEN 1.0 AND 2.0 AND d = TRUE OR z IS NULL AND n < -5")
	if err != nil {
		t.Fatal(err)
	}
	p := props("a", "5", "b", "x", "c", "1.5", "d", "true", "n", "-7", "text", "hello")
	if n := testing.AllocsPerRun(200, func() {
		if !e.Match(p) {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSQL92(f *testing.F) {
	for _, s := range []string{"a = 5", "NOT a IN ('x', 'it''s')", "+(a BETWEEN -1 AND 2.5e3)", "a IS NOT NULL /* */ OR b CONTAINS 'x' -- \n", "'", "a = 1e"} {
		f.Add(s, []byte("a\x015\x02b\x01x\x02"))
	}
	f.Fuzz(func(t *testing.T, expression string, properties []byte) {
		e, err := CompileSQL92(expression)
		if err != nil {
			if len(err.Error()) > 3*maxSyntaxError {
				t.Errorf("a text of %d bytes", len(err.Error()))
			}
			return
		}
		first := e.Evaluate(properties)
		if again := e.Evaluate(properties); again != first {
			t.Errorf("%q: %v, then %v", expression, first, again)
		}
	})
}

func BenchmarkSQL92(b *testing.B) {
	p := props("UNIQ_KEY", "7F0000010A8C5E2D1B6C000000000000", "region", "eu-west-1", "price", "1250", "level", "7", "WAIT", "true", "TAGS", "order", "KEYS", "o-12345")
	for _, s := range []string{
		"price > 1000", "region = 'eu-west-1'", "price > 1000 AND region IN ('eu-west-1', 'us-east-1') AND level BETWEEN 1 AND 9",
	} {
		e, err := CompileSQL92(s)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Match(p)
			}
		})
	}
}
