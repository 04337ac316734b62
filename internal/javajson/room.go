package javajson

import "fmt"

// room bounds what a document may unfold to, in bytes of list elements, map entries and structs behind pointers: `{}` in a list is three
// bytes of text and may be a struct of two hundred. What Java writes takes one to four bytes for each of its text; the slack is for
// short texts that people write, with hardly a member in an object.
type room struct{ left, most int }

const (
	roomFactor = 8
	roomSlack  = 1 << 20
	// containerSize is about what an empty list or map takes that no type announces.
	containerSize = 48
)

func newRoom(length int) *room {
	most := roomFactor*length + roomSlack
	return &room{left: most, most: most}
}

func (d *decoder) take(bytes uintptr) error {
	if d.room.left -= int(bytes); d.room.left < 0 {
		return d.errorAt(d.pos, fmt.Sprintf("the text unfolds to more than %d bytes", d.room.most))
	}
	return nil
}
