package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// A figure is a constant of metrics/names.go: what an operator may look at.
type figure struct {
	constant, name, kind, meaning string
}

const metricsHead = `<!-- Written by make gen from metrics/names.go. Do not edit. -->
# Metrics

With ` + "`metricsExporterType=PROM`" + ` a broker serves ` + "`http://brokerIP1:5557/metrics`" + ` (` + "`metricsPromExporterHost`, `metricsPromExporterPort`" + `). Every sample has
the labels %s, and those of ` + "`metricsLabel`" + `. ` + "`enableStatsMetrics`" + ` and ` + "`enableTransactionMetrics`" + ` show or hide what is
counted by topic and group, and transactions. Counters begin at 0 with each start. What to make of them:
[transactions](transactions.md#figures), [dead letters and conflicts](consuming.md#dead-letters), [the disk](reliability.md).
`

func metricsPage(root string) (string, error) {
	dir := filepath.Join(root, "metrics")
	figures, common, err := figuresOf(filepath.Join(dir, "names.go"))
	if err != nil {
		return "", err
	}
	kinds, err := kindsOf(dir)
	if err != nil {
		return "", err
	}
	for i := range figures {
		f := &figures[i]
		if f.kind = kinds[f.constant]; f.kind == "" || f.meaning == "" {
			return "", fmt.Errorf("metrics/names.go: %s lacks an instrument or a comment that begins with `%s: `", f.constant, f.constant)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, metricsHead, strings.Join(common, ", "))
	for _, part := range []struct{ prefix, title string }{{"rocketmq_", "The Java broker's, by its names"}, {"skylark_", "Our own"}} {
		fmt.Fprintf(&b, "\n## %s\n\n| name | | meaning |\n|---|---|---|\n", part.title)
		for _, f := range figures {
			if strings.HasPrefix(f.name, part.prefix) {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, f.kind, f.meaning)
			}
		}
	}
	return b.String(), nil
}

// figuresOf reads the constants that begin as metrics do, and the first four labels, which every sample has.
func figuresOf(file string) (figures []figure, common []string, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return nil, nil, err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		value, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		constant := spec.Names[0].Name
		switch {
		case strings.HasPrefix(constant, "Label") && len(common) < 4:
			common = append(common, "`"+value+"`")
		case strings.HasPrefix(value, "rocketmq_"), strings.HasPrefix(value, "skylark_"):
			text, _ := strings.CutPrefix(strings.Join(strings.Fields(spec.Doc.Text()), " "), constant+": ")
			figures = append(figures, figure{constant: constant, name: value, meaning: text})
		}
		return true
	})
	return figures, common, nil
}

// kindsOf finds which instrument is made of each constant: m.gauge(X, …), m.counter(X, …), and Name: X for the histogram,
// which no instrument makes.
func kindsOf(dir string) (map[string]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	kinds := map[string]string{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return nil, err
		}
		addKinds(f, kinds)
	}
	return kinds, nil
}

func addKinds(f *ast.File, kinds map[string]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			made, ok := n.Fun.(*ast.SelectorExpr)
			if ok && (made.Sel.Name == "gauge" || made.Sel.Name == "counter") {
				kinds[identifier(n.Args[0])] = made.Sel.Name
			}
		case *ast.KeyValueExpr:
			if identifier(n.Key) == "Name" {
				named := identifier(n.Value)
				kinds[named] = cmp.Or(kinds[named], "histogram")
			}
		}
		return true
	})
}

func identifier(e ast.Expr) string {
	if i, ok := e.(*ast.Ident); ok {
		return i.Name
	}
	return ""
}
