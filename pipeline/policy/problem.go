package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Problem is one thing that is wrong in a policy file. [Load] and [Parse]
// return all of them, joined; errors.As finds the first.
type Problem struct {
	Pos     Pos
	Msg     string // what is wrong
	Excerpt string // the line of the file and a caret below it; empty if the file has no such line
	Hint    string // what to do next; may be empty
}

// Error prints the problem over several lines: place and message, excerpt, hint.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Pos, p.Msg)
	if p.Excerpt != "" {
		for line := range strings.SplitSeq(p.Excerpt, "\n") {
			b.WriteString("\n    " + line)
		}
	}
	if p.Hint != "" {
		b.WriteString("\n  " + p.Hint)
	}
	return b.String()
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// mostProblems bounds what a hostile file can make us say.
const mostProblems = 100

// problems gathers what is wrong in one file.
type problems struct {
	file  string
	lines []string
	found []*Problem
}

func (ps *problems) add(line, col int, hint, format string, args ...any) {
	pos := Pos{File: ps.file, Line: max(line, 1), Col: max(col, 1)}
	msg := fmt.Sprintf(format, args...)
	for _, have := range ps.found {
		if have.Pos == pos && have.Msg == msg {
			return
		}
	}
	if len(ps.found) <= mostProblems {
		ps.found = append(ps.found, &Problem{Pos: pos, Msg: msg, Hint: hint, Excerpt: ps.excerpt(pos)})
	}
}

// err is every problem in the order of the file, or nil.
func (ps *problems) err() error {
	slices.SortStableFunc(ps.found, func(a, b *Problem) int {
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		return a.Pos.Col - b.Pos.Col
	})
	if len(ps.found) > mostProblems {
		last := ps.found[mostProblems]
		last.Msg, last.Hint = fmt.Sprintf("more than %d problems", mostProblems), "solve the ones above first"
		ps.found = ps.found[:mostProblems+1]
	}
	all := make([]error, len(ps.found))
	for i, p := range ps.found {
		all[i] = p
	}
	return errors.Join(all...)
}

// excerptWidth is the most characters of a line that are shown.
const excerptWidth = 100

// excerpt is the line at pos, cut to a readable width, and a caret below it.
func (ps *problems) excerpt(pos Pos) string {
	if pos.Line > len(ps.lines) {
		return ""
	}
	line := []rune(strings.ReplaceAll(strings.TrimRight(ps.lines[pos.Line-1], " \t\r"), "\t", " "))
	caret := min(pos.Col-1, len(line))
	if start := caret - excerptWidth/2; start > 0 && len(line) > excerptWidth {
		line = append([]rune("…"), line[start:]...)
		caret -= start - 1
	}
	if len(line) > excerptWidth {
		line = append(line[:excerptWidth:excerptWidth], '…')
	}
	return string(line) + "\n" + strings.Repeat(" ", caret) + "^"
}

// meant is the hint for a name that is not one of known: the nearest one if it
// is near, else all of them if they are few.
func meant(got string, known []string) string {
	best, bestAt := "", 3
	for _, k := range known {
		if d := distance(got, k); d < bestAt && d <= utf8.RuneCountInString(k)/3 {
			best, bestAt = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0 || len(known) > 24:
		return ""
	}
	return "known here: " + strings.Join(known, ", ")
}

// distance is the optimal string alignment distance, so that two swapped
// letters count as one mistake.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}
