package filter

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// Bloom is a bloom filter over consumers, as Java computes it: a message's bit map,
// stored beside its unit in the consume queue, has the bits of every consumer
// whose expression matched it when it came.
type Bloom struct {
	// Hashes is how many bits a consumer has, Bits how many there are, a multiple of 8.
	Hashes, Bits int
}

// BloomData are the bits of one consumer.
type BloomData struct {
	BitNum int32   `json:"bitNum"`
	BitPos []int32 `json:"bitPos"`
}

// NewBloom makes a filter of maxErrorRateOfBloomFilter percent for
// expectConsumerNumUseFilter consumers.
func NewBloom(errorPercent, consumers int) (Bloom, error) {
	if errorPercent < 1 || errorPercent >= 100 {
		return Bloom{}, fmt.Errorf("filter: bloom filter: error rate %d %%, expected 1 to 99", errorPercent)
	}
	if consumers < 1 || consumers > 1<<16 {
		return Bloom{}, fmt.Errorf("filter: bloom filter: %d consumers, expected 1 to %d", consumers, 1<<16)
	}
	rate := float64(errorPercent) / 100
	log := func(base, n float64) float64 { return math.Log(n) / math.Log(base) }
	b := math.Ceil(float64(consumers) * log(2, 1/rate) * log(2, math.E))
	return Bloom{Hashes: int(math.Ceil(log(0.5, rate))), Bits: 8 * int(math.Ceil(b/8))}, nil
}

// Data are the bits of a consumer; Java's key is `group#topic`.
func (b Bloom) Data(key string) *BloomData {
	hash := murmur3([]byte(key))
	h1, h2 := int32(hash), int32(hash>>32)
	d := &BloomData{BitNum: int32(b.Bits), BitPos: make([]int32, b.Hashes)}
	for i := range d.BitPos {
		h := h1 + int32(i+1)*h2
		if h < 0 {
			h = ^h
		}
		d.BitPos[i] = h % int32(b.Bits)
	}
	return d
}

// Valid says whether data belong to a filter of these sizes.
func (b Bloom) Valid(d *BloomData) bool {
	if d == nil || int(d.BitNum) != b.Bits || len(d.BitPos) != b.Hashes {
		return false
	}
	for _, pos := range d.BitPos {
		if pos < 0 || int(pos) >= b.Bits {
			return false
		}
	}
	return true
}

// Equal says whether two consumers have the same bits.
func (d *BloomData) Equal(o *BloomData) bool {
	if d == nil || o == nil {
		return d == o
	}
	if d.BitNum != o.BitNum || len(d.BitPos) != len(o.BitPos) {
		return false
	}
	for i, pos := range d.BitPos {
		if pos != o.BitPos[i] {
			return false
		}
	}
	return true
}

// Set sets the bits of a consumer in a bit map that is long enough.
func (d *BloomData) Set(bitMap []byte) {
	for _, pos := range d.BitPos {
		bitMap[pos/8] |= 1 << (pos % 8)
	}
}

// Hit says whether all bits of a consumer are set. A bit map of another length says nothing,
// and everything hits.
func (d *BloomData) Hit(bitMap []byte) bool {
	if len(bitMap)*8 != int(d.BitNum) {
		return true
	}
	for _, pos := range d.BitPos {
		if bitMap[pos/8]&(1<<(pos%8)) == 0 {
			return false
		}
	}
	return true
}

// murmur3 is the first half of MurmurHash3_x64_128 with seed 0.
func murmur3(data []byte) uint64 {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	var h1, h2 uint64
	mix1 := func(k uint64) uint64 { return bits.RotateLeft64(k*c1, 31) * c2 }
	mix2 := func(k uint64) uint64 { return bits.RotateLeft64(k*c2, 33) * c1 }
	length := uint64(len(data))
	for ; len(data) >= 16; data = data[16:] {
		h1 ^= mix1(binary.LittleEndian.Uint64(data))
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= mix2(binary.LittleEndian.Uint64(data[8:]))
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	var tail [16]byte
	copy(tail[:], data)
	h1 ^= mix1(binary.LittleEndian.Uint64(tail[:]))
	h2 ^= mix2(binary.LittleEndian.Uint64(tail[8:]))
	h1 ^= length
	h2 ^= length
	h1 += h2
	h2 += h1
	return fmix(h1) + fmix(h2)
}

func fmix(k uint64) uint64 {
	k ^= k >> 33
	k *= 0xff51afd7ed558ccd
	k ^= k >> 33
	k *= 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
