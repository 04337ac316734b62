package properties

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// Format writes one `key=value` line a pair, in the order of the map. Ordinary values come out as MixAll.properties2String of the
// Java broker writes them; a value that Java would spoil (a backslash, a line end, a character beyond ISO-8859-1) is escaped, so
// that Parse, ours or Java's, gives back what was put in.
func Format(m *Map) []byte {
	var b strings.Builder
	for _, k := range m.keys {
		escapeTo(&b, k, true)
		b.WriteByte('=')
		escapeTo(&b, m.values[k], false)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func escapeTo(b *strings.Builder, s string, key bool) {
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t' && (key || i == 0):
			b.WriteString(`\t`)
		case r == '\f' && (key || i == 0):
			b.WriteString(`\f`)
		case r == ' ' && (key || i == 0),
			key && (r == '=' || r == ':'),
			key && i == 0 && (r == '#' || r == '!'):
			b.WriteByte('\\')
			b.WriteRune(r)
		case !key && i == 0 && (r == '=' || r == ':'):
			b.WriteRune(r) // our own '=' stands before it, so Java takes no second separator
		case r < 0x20 && r != '\t' && r != '\f' || r > 0x7e:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04X`, u)
			}
		default:
			b.WriteRune(r)
		}
	}
}
