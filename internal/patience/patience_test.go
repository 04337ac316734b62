package patience

import "testing"

func TestPatience(t *testing.T) {
	t.Parallel()
	var p Patience
	for _, want := range []int{2, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 16384} {
		for n := 1; ; n++ {
			if p.Miss() {
				if n != want {
					t.Fatalf("learned after %d misses, want %d", n, want)
				}
				break
			}
		}
	}
	for range 16383 {
		if p.Miss() {
			t.Fatal("learned too soon")
		}
	}
	p.Hit()
	if p.Miss() {
		t.Error("misses that are not in a row were counted together")
	}
}
