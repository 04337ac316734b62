package stats

// Scheduled counts messages that a delay level gave back: as those of a group, but
// not as ones that a consumer got.
func (t *Table) Scheduled(group, topic []byte, messages, size int) {
	if row := t.group(group, topic); row != nil {
		row.getNums.Add(int64(messages), 1)
		row.getSize.Add(int64(size), 1)
	}
}
