package policy

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A rule judges two values of one path.
type rule func(old, new string) Direction

// ruled are the paths that have a rule; "*" stands for one name. What has none
// is for a person to judge.
var ruled = []struct {
	path string
	rule rule
}{
	{"unit", ordered("account", "row")},
	{"never", fewer},
	{"columns * use", more},
	{"columns * measure bounds", wider},
	{"columns * measure plausible", wider},
	{"columns * measure step", lower},
	{"variables * use", more},
	{"variables * measure bounds", wider},
	{"variables * measure plausible", wider},
	{"variables * measure step", lower},
	{"drop * columns", fewer},
	{"ladders * floor", lower},
	{"admit consent granted", more},
	{"admit minimum_age years", lower},
	{"admit minimum_age unknown", ordered("refuse", "admit")},
	{"admit exclude * values", fewer},
	{"admit objection lifted", set},
	{"admit objection purpose", set},
	{"floors k", lower},
	{"floors l", lower},
	{"budget lifetime_epsilon", higher},
	{"budget lifetime_delta", higher},
	{"budget year_epsilon", higher},
	{"budget retries", higher},
	{"datasets * kind", ordered("synthetic", "statistics", "cohort")},
	{"datasets * unit", ordered("household", "account")},
	{"datasets * every", ordered("year", "quarter", "month", "week", "day")},
	{"datasets * spend rho", higher},
	{"datasets * by", more},
	{"datasets * cohort quasi", more},
	{"datasets * cohort sensitive", more},
	{"datasets * cohort panels", lower},
}

func judge(old, new *Policy, c Change) Direction {
	if c.Path[0] == "columns" && c.Path[len(c.Path)-1] == "finest" {
		return finest(old, new, c)
	}
	for _, r := range ruled {
		if matches(c.Path, strings.Fields(r.path)) {
			return r.rule(c.Old, c.New)
		}
	}
	return Other
}

func matches(path, pattern []string) bool {
	return slices.EqualFunc(path, pattern, func(have, want string) bool { return want == "*" || have == want })
}

// finest compares levels of one ladder; over two ladders it says nothing.
func finest(old, new *Policy, c Change) Direction {
	ref, _ := parseRef(c.Path[1])
	a, b := old.Column(ref), new.Column(ref)
	if a == nil || b == nil || a.Ladder != b.Ladder || old.Ladders[a.Ladder] == nil || new.Ladders[b.Ladder] == nil {
		return Other
	}
	_, was, err := new.Ladders[b.Ladder].Level(c.Old)
	_, is, err2 := new.Ladders[b.Ladder].Level(c.New)
	if err != nil || err2 != nil {
		return Other
	}
	return sign(was - is)
}

// sign is Loosened for n > 0, Tightened for n < 0.
func sign(n int) Direction {
	switch {
	case n > 0:
		return Loosened
	case n < 0:
		return Tightened
	}
	return Other
}

// higher loosens.
func higher(old, new string) Direction {
	a, okA := rational(old)
	b, okB := rational(new)
	if !okA || !okB {
		return Other
	}
	return sign(b.Cmp(a))
}

func lower(old, new string) Direction { return opposite(higher(old, new)) }

func rational(s string) (*big.Rat, bool) { return new(big.Rat).SetString(s) }

// more loosens: a list that gained entries and lost none.
func more(old, new string) Direction {
	a, b := entries(old), entries(new)
	switch lost, gained := without(a, b), without(b, a); {
	case lost == gained:
		return Other
	case gained:
		return Loosened
	}
	return Tightened
}

func fewer(old, new string) Direction { return opposite(more(old, new)) }

// set loosens: a condition narrows what keeps people out.
func set(old, new string) Direction {
	switch {
	case old == "":
		return Loosened
	case new == "":
		return Tightened
	}
	return Other
}

// ordered loosens from left to right.
func ordered(words ...string) rule {
	return func(old, new string) Direction {
		a, b := slices.Index(words, old), slices.Index(words, new)
		if a < 0 || b < 0 {
			return Other
		}
		return sign(b - a)
	}
}

// wider loosens: a range that contains the old one.
func wider(old, new string) Direction {
	a, b := entries(old), entries(new)
	if len(a) != 2 || len(b) != 2 {
		return set(old, new)
	}
	low, high := higher(b[0], a[0]), higher(a[1], b[1])
	switch {
	case low == high || high == Other:
		return low
	case low == Other:
		return high
	}
	return Other
}

// entries takes a canonical list apart.
func entries(s string) []string {
	var out []string
	for s = strings.TrimPrefix(s, "["); s != "" && s != "]"; s = strings.TrimPrefix(s, ", ") {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return out
		}
		entry, _ := strconv.Unquote(quoted)
		out = append(out, entry)
		s = s[len(quoted):]
	}
	return out
}

// without says whether a has an entry that b lacks.
func without(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
