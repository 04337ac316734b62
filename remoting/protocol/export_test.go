package protocol

// Knows says whether a frame has a shape that the decoder has learned.
func (d *Decoder) Knows(frame []byte) bool {
	var c Command
	head, err := begin(frame, &c)
	if err != nil {
		return false
	}
	slot := d.slot(head, c.Serialize)
	return slot != nil && slot.shape != nil && slot.shape.read(head, &c)
}

// Shapes is how many layouts it keeps.
func (d *Decoder) Shapes() int { return d.shapes }
