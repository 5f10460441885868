package door

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"lethe/privacy/budget"
)

// line writes one message.
func (d *Door) line(format string, args ...any) { fmt.Fprintf(d.Err, format+"\n", args...) }

// hidden says whether a rune is not simply printed: control and format
// characters, private ones, and blanks other than a space.
func hidden(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

func escape(r rune) string {
	q := strconv.QuoteRuneToASCII(r)
	return q[1 : len(q)-1]
}

// JSON writes a value to standard output, indented.
func (d *Door) JSON(v any) error {
	e := json.NewEncoder(d.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return With(Input, fmt.Errorf("write to standard output: %w", err))
	}
	return nil
}

// Table writes rows in columns to standard output, the first row is the head.
func (d *Door) Table(rows [][]string) error {
	w := tabwriter.NewWriter(d.Out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return With(Input, fmt.Errorf("write to standard output: %w", err))
	}
	return nil
}

// Rho is an amount of ρ to three digits, never less than it is.
func Rho(r budget.Rho) string { return budget.Rho(rounded(uint64(r), true)).String() }

// Epsilon is an ε to three digits, never less than it is.
func Epsilon(e budget.Epsilon) string { return budget.Epsilon(rounded(uint64(e), true)).String() }

// EpsilonLeft is an ε to three digits, never more than it is.
func EpsilonLeft(e budget.Epsilon) string { return budget.Epsilon(rounded(uint64(e), false)).String() }

// RhoLeft is an amount of ρ to three digits, never more than it is.
func RhoLeft(r budget.Rho) string { return budget.Rho(rounded(uint64(r), false)).String() }

// rounded is a count of units to three significant digits.
func rounded(u uint64, up bool) uint64 {
	unit := uint64(1)
	for u/unit >= 1000 {
		unit *= 10
	}
	out := u / unit * unit
	if up && out < u && out <= math.MaxUint64-unit {
		out += unit
	}
	return out
}

// Percent is a share as a percentage to two digits, or three from 10 % on.
func Percent(share float64) string {
	switch {
	case share*100 >= 10:
		return fmt.Sprintf("%.0f %%", share*100)
	case share*100 >= 0.1 || share == 0:
		return fmt.Sprintf("%.1f %%", share*100)
	}
	return "under 0.1 %"
}

// Count is a number with its noun, which takes an s where there is not one.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(int64(n)) + " " + noun + "s"
}

// Thousands is a whole number with commas.
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
