package policy

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseNumber reads an exact decimal. What YAML or Go would also take for a
// number (.inf, NaN, 0x10, 1_0, +1, 007, .5) is none here, so that a reviewer
// and the program always read the same.
func parseNumber(s string) (Number, bool) {
	if !decimal.MatchString(s) {
		return Number{}, false
	}
	v, ok := new(big.Rat).SetString(s)
	if !ok {
		return Number{}, false
	}
	return canonical(v)
}

// canonical is v in plain decimal; false if v needs more than 15 digits before
// the point or 18 after it.
func canonical(v *big.Rat) (Number, bool) {
	text := v.FloatString(18)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	back, _ := new(big.Rat).SetString(text)
	if back == nil || back.Cmp(v) != 0 || new(big.Rat).Abs(v).Cmp(exact("1e15")) >= 0 {
		return Number{}, false
	}
	return Number{Text: text, Rat: v}, true
}

// exact is a decimal literal of this package.
func exact(s string) *big.Rat {
	v, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("policy: " + s + " is not a number")
	}
	return v
}

// Float is the nearest float64; for labels and reports, never for a bound.
func (n Number) Float() float64 {
	if n.Rat == nil {
		return 0
	}
	f, _ := n.Rat.Float64()
	return f
}

// parseRef splits `table.column` at the first point; a column's own name may
// hold more.
func parseRef(s string) (Ref, bool) {
	table, column, found := strings.Cut(s, ".")
	if !found || !word.MatchString(table) || badColumn(column) != "" {
		return Ref{}, false
	}
	return Ref{table, column}, true
}

// badColumn says why s cannot be the name of a source column, or nothing.
func badColumn(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 63:
		return "has more than 63 bytes, the longest column name"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space"
	case strings.ContainsRune(s, '"'):
		return "holds a double quote"
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsGraphic(c) }):
		return "holds an invisible character"
	}
	return ""
}

// String is `table.column`.
func (r Ref) String() string { return r.Table + "." + r.Column }

// String is `name@level`, or the name alone for a variable.
func (k Key) String() string {
	if k.Level == "" {
		return k.Name
	}
	return k.Name + "@" + k.Level
}

// multiple says whether v is a whole number of steps.
func multiple(v, step Number) bool {
	return new(big.Rat).Quo(v.Rat, step.Rat).IsInt()
}

func itoa(n int) string { return strconv.Itoa(n) }
