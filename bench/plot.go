package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// One panel of the plot: horizontal bars on a logarithmic axis, a group a row, a bar a server.
type panel struct {
	title, value string
	rows         []row
}

const (
	plotWidth  = 900
	labelWidth = 330
	barHeight  = 11
	groupGap   = 9
)

var barColour = map[string]string{"skylark": "#2563eb", "no-op": "#9ca3af", "Java 5.5.0": "#ea580c"}

// plot draws CPU a message and 99th percentiles as an SVG. Shorter is better.
func (t *tables) plot() string {
	cpu := panel{title: "CPU of the server a message, µs (shorter is better, logarithmic)", value: cpuMicros}
	late := panel{title: "Latency, 99th percentile, ms (shorter is better, logarithmic)", value: p99}
	for _, r := range t.rows {
		if r.shown != nil || !r.core {
			continue
		}
		cpu.rows = append(cpu.rows, r)
		if len(t.figures(r.name, "skylark", p99)) > 0 {
			late.rows = append(late.rows, r)
		}
	}
	var b strings.Builder
	y := 16
	for _, p := range []panel{cpu, late} {
		if len(p.rows) > 0 {
			y = t.drawPanel(&b, p, y)
		}
	}
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n%s</svg>\n", plotWidth, y, b.String())
}

func (t *tables) drawPanel(b *strings.Builder, p panel, y int) int {
	low, high := t.axis(p)
	x := func(v float64) float64 {
		return labelWidth + (math.Log10(v)-low)/(high-low)*(plotWidth-labelWidth-70)
	}
	fmt.Fprintf(b, "<text x=\"10\" y=\"%d\" font-size=\"14\" font-weight=\"bold\">%s</text>\n", y+6, html.EscapeString(p.title))
	at := plotWidth - 240.0
	for _, s := range servers {
		fmt.Fprintf(b, "<rect x=\"%.0f\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/><text x=\"%.0f\" y=\"%d\">%s</text>\n", at, y-3, barColour[s], at+14, y+6, s)
		at += 80
	}
	top := y + 14
	y = top + 8
	var bars strings.Builder
	for _, r := range p.rows {
		begin := y
		for _, s := range servers {
			v := t.figures(r.name, s, p.value)
			if len(v) == 0 || median(v) <= 0 {
				continue
			}
			m := median(v)
			fmt.Fprintf(&bars, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", labelWidth, y, max(x(m)-labelWidth, 1), barHeight-2, barColour[s])
			fmt.Fprintf(&bars, "<path d=\"M%.1f %dH%.1f\" stroke=\"black\"/>", x(v[0]), y+4, x(v[len(v)-1]))
			fmt.Fprintf(&bars, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", x(v[len(v)-1])+4, y+barHeight-2, short(m))
			y += barHeight
		}
		fmt.Fprintf(&bars, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelWidth-6, (begin+y)/2+4, html.EscapeString(r.name))
		y += groupGap
	}
	for e := low; e <= high; e++ {
		fmt.Fprintf(b, "<path d=\"M%.1f %dV%d\" stroke=\"#e5e7eb\"/><text x=\"%.1f\" y=\"%d\" fill=\"#6b7280\" text-anchor=\"middle\">%g</text>\n",
			x(math.Pow(10, e)), top+4, y, x(math.Pow(10, e)), y+8, math.Pow(10, e))
	}
	b.WriteString(bars.String())
	return y + 34
}

// axis is the range of whole powers of ten that all bars of a panel fit in.
func (t *tables) axis(p panel) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, r := range p.rows {
		for _, s := range servers {
			for _, v := range t.figures(r.name, s, p.value) {
				if v > 0 {
					low, high = min(low, math.Floor(math.Log10(v))), max(high, math.Ceil(math.Log10(v)))
				}
			}
		}
	}
	if high <= low {
		high = low + 1
	}
	return low, high
}
