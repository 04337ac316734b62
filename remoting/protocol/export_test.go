package protocol

// Knows says whether a frame has a shape that the decoder has learned.
func (d *Decoder) Knows(frame []byte) bool {
	var c Command
	head, err := begin(frame, &c)
	if err != nil {
		return false
	}
	s := d.slots[(len(head)+int(c.Serialize))%shapeSlots].shape
	return s != nil && s.read(head, &c)
}
