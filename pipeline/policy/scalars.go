package policy

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	// Civil days must not depend on which zone files a machine has.
	_ "time/tzdata"

	"go.yaml.in/yaml/v4"
)

var (
	slug    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`) // policy, dataset, ladder
	word    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)  // table, variable, public name
	decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,18})?([eE]-?[0-9]{1,2})?$`)
	integer = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})$`)
	days    = regexp.MustCompile(`^(0|[1-9][0-9]{0,4})d$`)
	expiry  = regexp.MustCompile(`^[1-9][0-9]{0,2} (days|months|years)$`)
)

// mostText bounds a text, in bytes; reasons and notes fit well.
const mostText = 1000

// scalar is the text of a scalar as written, whatever YAML thinks its type is.
func (r *reader) scalar(n *yaml.Node, what string) (string, bool) {
	if n == nil {
		return "", false
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "", "%s must be one value, not a map or a list", what)
		return "", false
	}
	plain := isPlain(n)
	if plain && (n.Value == "" || n.Value == "~" || strings.EqualFold(n.Value, "null")) {
		r.fail(n, "write a value, or quote it if it is text", "%s has no value", what)
		return "", false
	}
	if len(n.Value) > mostText {
		r.fail(n, "", "%s has %d bytes, at most %d are allowed", what, len(n.Value), mostText)
		return "", false
	}
	return n.Value, true
}

// isPlain says whether a scalar stands without quotes on one line.
func isPlain(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// bare is a scalar that must stand without quotes: a number, a date, a switch.
func (r *reader) bare(n *yaml.Node, what string) (string, bool) {
	s, ok := r.scalar(n, what)
	if ok && !isPlain(n) {
		r.fail(n, "remove the quotes", "%s must not be quoted", what)
		return "", false
	}
	return s, ok
}

// text is any text but an empty one.
func (r *reader) text(n *yaml.Node, what string) string {
	s, ok := r.scalar(n, what)
	if !ok {
		return ""
	}
	s = strings.TrimSpace(s)
	if s == "" {
		r.fail(n, "", "%s is empty", what)
	}
	return s
}

// name is a text of a fixed alphabet, because it becomes part of a file name,
// a ledger scope or a column.
func (r *reader) name(n *yaml.Node, what string, form *regexp.Regexp) string {
	s, ok := r.scalar(n, what)
	if ok && !form.MatchString(s) {
		r.fail(n, "a name is "+strings.Trim(form.String(), "^$"), "%s %q is not a name", what, s)
		return ""
	}
	return s
}

// choice is one of a closed set of words.
func (r *reader) choice(n *yaml.Node, what string, known ...string) string {
	s, ok := r.scalar(n, what)
	if ok && !slices.Contains(known, s) {
		r.fail(n, meant(s, known), "%s cannot be %q", what, s)
		return ""
	}
	return s
}

// flag is true or false; YAML's other spellings (yes, on) are refused.
func (r *reader) flag(n *yaml.Node, what string) bool {
	s, ok := r.bare(n, what)
	if ok && s != "true" && s != "false" {
		r.fail(n, "write true or false", "%s cannot be %q", what, s)
	}
	return s == "true"
}

// int is a whole number from lo to hi.
func (r *reader) int(n *yaml.Node, what string, lo, hi int) int {
	s, ok := r.bare(n, what)
	if !ok {
		return 0
	}
	v, err := strconv.Atoi(s)
	if err != nil || !integer.MatchString(s) {
		r.fail(n, "write digits only", "%s %q is not a whole number", what, s)
		return 0
	}
	if v < lo || v > hi {
		r.fail(n, "", "%s is %d, must be from %d to %d", what, v, lo, hi)
		return 0
	}
	return v
}

// number is an exact decimal.
func (r *reader) number(n *yaml.Node, what string) (Number, bool) {
	s, ok := r.bare(n, what)
	if !ok {
		return Number{}, false
	}
	v, ok := parseNumber(s)
	if !ok {
		r.fail(n, "write it like 12, 0.5 or 1e-9: at most 15 digits before the point and 18 after",
			"%s %q is not a decimal number", what, s)
	}
	return v, ok
}

// numberIn is a number above lo, or at lo if atLo, and at most hi.
func (r *reader) numberIn(n *yaml.Node, what, lo, hi string, atLo bool) (Number, bool) {
	v, ok := r.number(n, what)
	if !ok {
		return Number{}, false
	}
	if c := v.Rat.Cmp(exact(lo)); c < 0 || c == 0 && !atLo || v.Rat.Cmp(exact(hi)) > 0 {
		from := "above "
		if atLo {
			from = "at least "
		}
		r.fail(n, "", "%s is %s, must be %s%s and at most %s", what, v.Text, from, lo, hi)
		return Number{}, false
	}
	return v, true
}

// share is `25%` or `0.25`, as a number from 0 to 1.
func (r *reader) share(n *yaml.Node, what string) (Number, bool) {
	s, ok := r.bare(n, what)
	if !ok {
		return Number{}, false
	}
	body, percent := strings.CutSuffix(s, "%")
	v, ok := parseNumber(body)
	if ok && percent {
		v, ok = canonical(new(big.Rat).Quo(v.Rat, big.NewRat(100, 1)))
	}
	if !ok || v.Rat.Sign() < 0 || v.Rat.Cmp(exact("1")) > 0 {
		r.fail(n, "write it like 25% or 0.25", "%s %q is not a share from 0 to 1", what, s)
		return Number{}, false
	}
	return v, true
}

// days is a duration in whole days, `7d`.
func (r *reader) days(n *yaml.Node, what string, lo, hi int) int {
	s, ok := r.bare(n, what)
	if !ok {
		return 0
	}
	if !days.MatchString(s) {
		r.fail(n, "write whole days, like 7d", "%s %q is not a duration", what, s)
		return 0
	}
	v, _ := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if v < lo || v > hi {
		r.fail(n, "", "%s is %dd, must be from %dd to %dd", what, v, lo, hi)
		return 0
	}
	return v
}

// date is a civil day, `2026-03-01`, as midnight UTC.
func (r *reader) date(n *yaml.Node, what string) time.Time {
	s, ok := r.bare(n, what)
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		r.fail(n, "write it like 2026-03-01", "%s %q is not a date", what, s)
	}
	return t
}

// zone is an IANA time zone.
func (r *reader) zone(n *yaml.Node, what string) *time.Location {
	s := r.text(n, what)
	if s == "" {
		return nil
	}
	z, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		r.fail(n, "write an IANA name, like Europe/Paris or UTC", "%s %q is not a time zone", what, s)
		return nil
	}
	return z
}

// column is the name of a source column: what a source may call one.
func (r *reader) column(n *yaml.Node, what string) string {
	s, ok := r.scalar(n, what)
	if !ok {
		return ""
	}
	if why := badColumn(s); why != "" {
		r.fail(n, "", "%s %q %s", what, s, why)
		return ""
	}
	return s
}

// ref is `table.column`.
func (r *reader) ref(n *yaml.Node, what string) *Ref {
	s, ok := r.scalar(n, what)
	if !ok {
		return nil
	}
	ref, ok := parseRef(s)
	if !ok {
		r.fail(n, "write table.column", "%s %q does not name a column", what, s)
		return nil
	}
	return &ref
}
