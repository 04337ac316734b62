package check

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
)

// logFiles are the files of the log in all its directories, by what their names say.
// Others are reported.
func (c *checker) logFiles(want int64) (found []sizedFile, err error) {
	dirs, again := c.namedLogDirs()
	for _, dir := range again {
		p := c.report.add(Error, BadName, dir, -1, "the settings name this directory of the log by two names: this broker does not start with it, Java does")
		p.starts, p.wayOut = &starts{java: true}, "name it by one of them in storePathCommitLog and readOnlyCommitLogStorePaths"
	}
	for _, dir := range dirs {
		entries, err := c.fs.ReadDir(dir)
		if err != nil && !notThere(err) {
			return nil, err
		}
		for _, e := range entries {
			if e.Dir {
				continue
			}
			path := filepath.Join(dir, e.Name)
			info, err := c.fs.Stat(path)
			if c.gone(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			f := sizedFile{path, 0, info.Size}
			var ok bool
			if f.start, ok = startOf(e.Name); !ok || f.misplaced(want) {
				c.strangeName(f, e.Name, want)
				continue
			}
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b sizedFile) int { return cmp.Compare(a.start, b.start) })
	once := found[:0]
	for _, f := range found {
		n := len(once)
		if n == 0 || once[n-1].start != f.start {
			once = append(once, f)
			continue
		}
		if once[n-1].has != want && f.has == want { // the better one counts
			once[n-1], f = f, once[n-1]
		}
		c.report.add(Error, BadName, f.path, -1, "it begins where %s does: this broker does not start with both, Java reads either", once[n-1].path).starts = &starts{java: true}
		c.report.damage.strangers = append(c.report.damage.strangers, f.path)
	}
	return once, nil
}

// misplaced: no file of the wanted size begins there. Where one of its own size does,
// the size is wrong, and not the name.
func (f sizedFile) misplaced(want int64) bool {
	return f.start%want != 0 && (f.has == want || f.has == 0 || f.start%f.has != 0)
}

func (c *checker) strangeName(f sizedFile, name string, want int64) {
	if _, err := strconv.ParseInt(name, 10, 64); err != nil || name[0] == '-' {
		c.report.add(Error, BadName, f.path, -1, "no file of the log has such a name: neither broker starts with it here")
	} else {
		c.report.add(Error, BadName, f.path, -1, "no file of the log has such a name: they have 20 digits, and are of %d bytes each; both brokers start with it, and do not find what is in it", want).starts = &starts{ours: true, java: true}
	}
	c.report.damage.strangers = append(c.report.damage.strangers, f.path)
}
