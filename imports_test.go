// Package skylark_test holds rules about the repository as a whole.
package skylark_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/skylarkmq/skylark/"

// registry is what the plain state under broker/ may import: each other and the shapes of bodies, but neither store nor connections.
var registry = []string{
	"broker/snapshot", "broker/dataversion", "broker/topic", "broker/subscription", "broker/client",
	"message", "filter", "remoting/protocol", "internal",
}

// Who may import whom: the picture of docs/ARCHITECTURE.md. A package is under the longest prefix that fits; it may import packages of
// its own row's first word, and those named. store never hears of connections, remoting never hears of topics, and the registries
// under broker/ are plain state that knows neither.
var mayImport = map[string][]string{
	"internal":            {"internal"},
	"message":             {"internal"},
	"metrics":             {"internal"},
	"remoting":            {"internal"},
	"store":               {"message", "internal"},
	"filter":              {"message", "internal"},
	"transaction":         {"message", "internal"},
	"auth":                {"remoting/protocol", "internal"},
	"nameserv":            {"remoting", "internal"},
	"controller":          {"remoting", "internal"},
	"broker/topic":        registry,
	"broker/subscription": registry,
	"broker/offset":       registry,
	"broker/client":       registry,
	"broker/longpoll":     registry,
	"broker/lock":         registry,
	"broker/snapshot":     registry,
	"broker/dataversion":  registry,
	"broker/stats":        registry,
	"broker/filterdata":   registry,
	"broker/assignment":   registry,
	"broker/broadcast":    registry,
	"broker/deadletter":   registry,
	"broker/purged":       registry,
	"broker":              {"store", "transaction", "filter", "auth", "remoting", "message", "metrics", "internal"},
	"proxy":               {"broker", "remoting", "internal"},
	"bench":               {"remoting", "internal"},
	"test":                {""},
	"cmd":                 {""},
	"internal/gen":        {""},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func under(path, prefix string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

func rowOf(path string) (name string, allowed []string) {
	for prefix, list := range mayImport {
		if under(path, prefix) && len(prefix) >= len(name) {
			name, allowed = prefix, list
		}
	}
	return name, allowed
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		path, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		name, allowed := rowOf(path)
		if name == "" {
			t.Errorf("%s: no row of the import rules covers it", path)
			continue
		}
		for _, imported := range p.Imports {
			target, ours := strings.CutPrefix(imported, module)
			if !ours || under(target, name) {
				continue
			}
			ok := false
			for _, prefix := range allowed {
				ok = ok || under(target, prefix)
			}
			if !ok {
				t.Errorf("%s imports %s: packages under %q may import only %v", path, target, name, allowed)
			}
		}
	}
}

// unsafe is needed where files are mapped, and where a benchmark takes another process's pages away, and nowhere else.
func TestUnsafeStaysWhereFilesAreMapped(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			if imported == "unsafe" && !under(path, "store/mapped") && !under(path, "internal/vfs") && !under(path, "bench/server") {
				t.Errorf("%s imports unsafe", path)
			}
		}
	}
}
