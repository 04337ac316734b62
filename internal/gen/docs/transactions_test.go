package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/broker"
)

// TestTransactionsPageHasEverySetting: the page is written by hand, and is to have them all.
func TestTransactionsPageHasEverySetting(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/transactions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[broker.Config]()) {
		name, _, _ := strings.Cut(f.Tag.Get("conf"), ",")
		if strings.Contains(strings.ToLower(name), "transaction") && !strings.Contains(string(page), "\n| `"+name+"` |") {
			t.Errorf("docs/transactions.md has no row for %s", name)
		}
	}
}
