package filter

import (
	"slices"
	"testing"
)

// The positions of the first are from a consumerFilter.json that Apache RocketMQ
// 5.4.0 wrote.
func TestBloomIsJavas(t *testing.T) {
	t.Parallel()
	b, err := NewBloom(20, 32)
	if err != nil {
		t.Fatal(err)
	}
	if b != (Bloom{Hashes: 3, Bits: 112}) {
		t.Fatalf("%+v", b)
	}
	d := b.Data("CG_sql#GoldenTag")
	if want := []int32{95, 1, 66}; !slices.Equal(d.BitPos, want) || d.BitNum != 112 {
		t.Errorf("%+v, want %v", d, want)
	}
	if !b.Valid(d) || b.Valid(nil) || b.Valid(&BloomData{BitNum: 112, BitPos: []int32{1, 2}}) || b.Valid(&BloomData{BitNum: 112, BitPos: []int32{1, 2, 112}}) {
		t.Error("validity")
	}
}

func TestBloomBits(t *testing.T) {
	t.Parallel()
	b, err := NewBloom(20, 32)
	if err != nil {
		t.Fatal(err)
	}
	one, two := b.Data("one#T"), b.Data("two#T")
	bitMap := make([]byte, b.Bits/8)
	if one.Hit(bitMap) {
		t.Error("an empty map hits")
	}
	if one.Set(bitMap); !one.Hit(bitMap) || two.Hit(bitMap) {
		t.Error("one is set, two is not")
	}
	if !two.Hit(bitMap[1:]) {
		t.Error("a map of another length decides nothing")
	}
	if !one.Equal(b.Data("one#T")) || one.Equal(two) || one.Equal(nil) {
		t.Error("equality")
	}
	for _, bad := range [][2]int{{0, 32}, {100, 32}, {20, 0}, {20, 1 << 20}} {
		if _, err := NewBloom(bad[0], bad[1]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
