package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// listed is a package as `go list -export` tells of it.
type listed struct {
	ImportPath, Dir, Export string
	Standard                bool
	Module                  *struct{ Main bool }
	GoFiles                 []string
}

// program is the module's own packages, as the compiler sees them, without their tests.
type program struct {
	files   *token.FileSet
	own     map[string]*types.Package
	exports map[string]string // of all others: their compiled form
	others  types.Importer
	reads   map[types.Object][]string // of each field of a struct: the files, as folder/name, with an expression that reads it
}

func (p *program) Import(path string) (*types.Package, error) {
	if own := p.own[path]; own != nil {
		return own, nil
	}
	return p.others.Import(path)
}

// check reads a package. Those that it imports come before it.
func (p *program) check(l *listed) error {
	var parsed []*ast.File
	for _, name := range l.GoFiles {
		f, err := parser.ParseFile(p.files, filepath.Join(l.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, f)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	checked, err := (&types.Config{Importer: p}).Check(l.ImportPath, p.files, parsed, info)
	if err != nil {
		return err
	}
	p.own[l.ImportPath] = checked
	written := map[ast.Expr]bool{}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.ASSIGN {
				for _, to := range a.Lhs {
					written[to] = true
				}
			}
			return true
		})
	}
	for where, s := range info.Selections {
		if s.Kind() == types.FieldVal && !written[where] {
			file := p.files.Position(where.Pos()).Filename
			p.reads[s.Obj()] = append(p.reads[s.Obj()], filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file)))
		}
	}
	return nil
}

func readProgram(t *testing.T) *program {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,Standard,Module,GoFiles", "./cmd/...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{files: token.NewFileSet(), own: map[string]*types.Package{}, exports: map[string]string{}, reads: map[types.Object][]string{}}
	p.others = importer.ForCompiler(p.files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(p.exports[path]) })
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return p
		} else if err != nil {
			t.Fatal(err)
		}
		if p.exports[l.ImportPath] = l.Export; l.Module == nil || !l.Module.Main {
			continue
		}
		if err := p.check(&l); err != nil {
			t.Fatalf("%s: %v", l.ImportPath, err)
		}
	}
}

// settings calls f with each setting of a type of the module, those of types embedded in it left out.
func (p *program) settings(t *testing.T, pkg, name string, f func(setting string, field *types.Var)) {
	t.Helper()
	fields := p.own[modulePath+pkg].Scope().Lookup(name).Type().Underlying().(*types.Struct)
	n := 0
	for i := range fields.NumFields() {
		if setting, _, _ := strings.Cut(reflect.StructTag(fields.Tag(i)).Get("conf"), ","); setting != "" {
			f(setting, fields.Field(i))
			n++
		}
	}
	if n == 0 {
		t.Errorf("%s.%s has no settings", pkg, name)
	}
}

const modulePath = "github.com/skylarkmq/skylark/"

// lookers may look at settings that nothing acts on: they say what a start must not go on with.
var lookers = []string{"broker/obstacles.go", "store/takeover.go"}

// TestSettingsAreActedOn: what the page lists among those with an effect is read by the program, and the others are not.
func TestSettingsAreActedOn(t *testing.T) {
	t.Parallel()
	p := readProgram(t)
	for _, c := range []struct{ pkg, name string }{
		{"broker", "Config"}, {"store", "Config"}, {"remoting", "Config"}, {"remoting", "ClientConfig"}, {"nameserv", "Config"},
	} {
		p.settings(t, c.pkg, c.name, func(setting string, field *types.Var) {
			if len(p.reads[field]) == 0 {
				t.Errorf("%s: nothing reads %s.%s.%s: it belongs to Accepted", setting, c.pkg, c.name, field.Name())
			}
		})
	}
	for _, pkg := range []string{"broker", "store", "nameserv"} {
		p.settings(t, pkg, accepted, func(setting string, field *types.Var) {
			for _, file := range p.reads[field] {
				if !slices.Contains(lookers, file) {
					t.Errorf("%s: %s reads %s.%s.%s: it belongs to Config", setting, file, pkg, accepted, field.Name())
				}
			}
		})
	}
}
