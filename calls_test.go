package skylark_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// callRules are those of forbidigo in .golangci.yml, which `make lint` runs and this file in seconds. An exception is a place that the
// configuration leaves out, or a line that ends with `//nolint:forbidigo // reason`.
type callRules struct {
	forbidden []*regexp.Regexp // package.Name
	exempt    []*regexp.Regexp // paths
}

var (
	forbidRow = regexp.MustCompile(`(?m)^\s+- pattern: (\S+)$`)
	exemptRow = regexp.MustCompile(`(?m)^\s+- path: (\S+)\n\s+linters: \[.*\bforbidigo\b.*\]$`)
	excused   = regexp.MustCompile(`^//nolint:\S*\bforbidigo\b\S* // \S`)
)

func readCallRules(t *testing.T) *callRules {
	t.Helper()
	text, err := os.ReadFile(".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	all := func(row *regexp.Regexp) (list []*regexp.Regexp) {
		for _, m := range row.FindAllStringSubmatch(string(text), -1) {
			list = append(list, regexp.MustCompile(m[1]))
		}
		return list
	}
	r := &callRules{forbidden: all(forbidRow), exempt: all(exemptRow)}
	if len(r.forbidden) < 3 || len(r.exempt) < 3 {
		t.Fatalf(".golangci.yml: %d calls and %d exempt places found", len(r.forbidden), len(r.exempt))
	}
	return r
}

// check finds the forbidden names of a file, and excuses that nothing needs.
func (r *callRules) check(files *token.FileSet, f *ast.File) (wrong []string) {
	packages := map[string]string{} // as the file calls it: last part of its path
	for _, spec := range f.Imports {
		full, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(full)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages[name] = path.Base(full)
	}
	excuses := map[int]bool{} // line: used
	for _, group := range f.Comments {
		for _, c := range group.List {
			if excused.MatchString(c.Text) {
				excuses[files.Position(c.Pos()).Line] = false
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if !ok || packages[x.Name] == "" {
			return true
		}
		name := packages[x.Name] + "." + s.Sel.Name
		if !slices.ContainsFunc(r.forbidden, func(p *regexp.Regexp) bool { return p.MatchString(name) }) {
			return true
		}
		at := files.Position(s.Pos())
		if _, ok := excuses[at.Line]; ok {
			excuses[at.Line] = true
		} else {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s", at.Filename, at.Line, name))
		}
		return true
	})
	for line, used := range excuses {
		if !used {
			wrong = append(wrong, fmt.Sprintf("%s:%d: an excuse for nothing", files.Position(f.Pos()).Filename, line))
		}
	}
	return wrong
}

func TestForbiddenCalls(t *testing.T) {
	t.Parallel()
	rules := readCallRules(t)
	err := filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != "." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		exempt := func(p *regexp.Regexp) bool { return p.MatchString(filepath.ToSlash(name)) }
		if e.IsDir() || filepath.Ext(name) != ".go" || slices.ContainsFunc(rules.exempt, exempt) {
			return nil
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, wrong := range rules.check(files, f) {
			t.Errorf("%s: forbidden (.golangci.yml says why); an exception has its reason on the line: //nolint:forbidigo // reason", wrong)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestForbiddenCallsAreFound(t *testing.T) {
	t.Parallel()
	rules := readCallRules(t)
	for body, want := range map[string]string{
		`_ = time.Now()`:                                      "a.go:4: time.Now",
		`var now = time.Now; _ = now`:                         "a.go:4: time.Now",
		`time.Sleep(1)`:                                       "a.go:4: time.Sleep",
		`print.Println()`:                                     "a.go:4: fmt.Println",
		`_ = time.Now() //nolint:forbidigo`:                   "a.go:4: time.Now",
		`_ = time.Now() //nolint:errcheck // another linter`:  "a.go:4: time.Now",
		`_ = time.Now() //nolint:forbidigo // the machine's`:  "",
		`_ = time.Unix(0, 0) //nolint:forbidigo // forgotten`: "a.go:4: an excuse for nothing",
		`_ = print.Sprint(time.Second)`:                       "",
	} {
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, "a.go", "package a\nimport (print \"fmt\"; \"time\")\nfunc f() {\n"+body+"\n}\n", parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(rules.check(files, f), "; "); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
