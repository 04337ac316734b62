package snapshot

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestLikeAMap does the same to a Map and to a Go map.
func TestLikeAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, model := New[int](), map[string]int{}
		names := rapid.StringMatching(`[a-c]{0,3}`)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			name := names.Draw(t, "name")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				v := rapid.Int().Draw(t, "value")
				m.Set(name, v)
				model[name] = v
			case 2:
				if _, had := model[name]; m.Delete(name) != had {
					t.Fatalf("Delete(%q) says %v", name, !had)
				}
				delete(model, name)
			case 3:
				m.Update(name, func(old int, found bool) (int, bool) {
					if v, had := model[name]; had != found || v != old {
						t.Fatalf("Update(%q) sees %d, %v, want %d, %v", name, old, found, v, had)
					}
					return 0, false
				})
				delete(model, name)
			}
		}
		if m.Len() != len(model) {
			t.Fatalf("%d entries, want %d", m.Len(), len(model))
		}
		m.Range(func(name string, v int) bool {
			if model[name] != v {
				t.Fatalf("%q is %d, want %d", name, v, model[name])
			}
			return true
		})
		for name, v := range model {
			if got, ok := m.Lookup([]byte(name)); !ok || got != v {
				t.Fatalf("Lookup(%q) is %d, %v", name, got, ok)
			}
		}
	})
}

func TestReadersWhileWriting(t *testing.T) {
	t.Parallel()
	m := New[string]()
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := range 500 {
				name := fmt.Sprint(w, "-", i)
				m.Set(name, name)
			}
		})
		wg.Go(func() {
			for range 50 {
				m.Range(func(name, v string) bool {
					if name != v {
						t.Errorf("%q holds %q", name, v)
					}
					return true
				})
			}
		})
	}
	wg.Wait()
	if m.Len() != 1000 {
		t.Fatalf("%d entries, want 1000", m.Len())
	}
}

func BenchmarkLookup(b *testing.B) {
	m := New[int]()
	for i := range 100_000 {
		m.Set(fmt.Sprint("topic-", i), i)
	}
	name := []byte("topic-4711")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if v, ok := m.Lookup(name); !ok || v != 4711 {
			b.Fatal("not found")
		}
	}
}
