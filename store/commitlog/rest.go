package commitlog

// keepOpen is how many of the newest files keep descriptor and mapping, whoever read them.
const keepOpen = 4

// Rest closes older files that nobody is reading, and says how many. A consumer that catches up opens one file after the other; without
// this each would stay mapped, and its pages count as the process's, until it is deleted. The next read opens the file again.
func (l *Log) Rest() (n int) {
	files := l.dir.Files()
	for _, f := range files[:max(0, len(files)-keepOpen)] {
		if f.End() <= l.flushed.Load() && f.Open() && f.Rest() {
			n++
		}
	}
	return n
}
