// Command docs writes the pages that are derived from the code: docs/configuration.md from the settings structs and their comments,
// docs/compatibility.md from the route tables and the list of all request codes, docs/metrics.md from the list of metrics. `make gen` runs it, `make check` compares.
//
//go:generate go run . -out ../../../docs
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "docs", "directory of the pages")
	flag.Parse()
	root, err := moduleRoot()
	if err != nil {
		log.Fatal(err)
	}
	configuration, err := configurationPage(root)
	if err != nil {
		log.Fatal(err)
	}
	compatibility, err := compatibilityPage()
	if err != nil {
		log.Fatal(err)
	}
	metrics, err := metricsPage(root)
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range map[string]string{"configuration.md": configuration, "compatibility.md": compatibility, "metrics.md": metrics} {
		if err := os.WriteFile(filepath.Join(*out, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// moduleRoot is the directory of go.mod, from wherever the generator is run.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
}
