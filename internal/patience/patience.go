// Package patience says when what was looked for in vain is worth learning.
package patience

// First is how many misses in a row are the first that are enough.
const First = 2

const last = 1 << 14

// Patience is that of one place where a thing is learned: First misses in a row make it worth it, the next time four times as
// many, then twice and twice as many, up to a bound. Things that take turns at a place are not worth learning each time, nor is
// what cannot be learned worth the try. The zero value is ready.
type Patience struct{ misses, least int32 }

// Hit says that what was looked for was there.
func (p *Patience) Hit() { p.misses = 0 }

// Miss says that it was not, and whether it is to be learned now.
func (p *Patience) Miss() bool {
	if p.misses++; p.misses < max(p.least, First) {
		return false
	}
	p.misses, p.least = 0, min(2*max(p.least, 2*First), last)
	return true
}
