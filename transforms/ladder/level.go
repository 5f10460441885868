package ladder

import (
	"fmt"
	"math"
	"regexp"
	"sort"
	"strings"
	"unicode"
)

// Level returns the level of the given name and its index in Levels. "0" is
// another name of "source". The error lists the names there are.
func (l *Ladder) Level(name string) (Level, int, error) {
	if name == "0" {
		name = Source
	}
	names := make([]string, len(l.Levels))
	for n, level := range l.Levels {
		if level.Name == name {
			return level, n, nil
		}
		names[n] = level.Name
	}
	return Level{}, 0, fmt.Errorf("ladder %s has no level %q: it has %s", l.Name, name, strings.Join(names, ", "))
}

// Finite says whether the level has a domain, without which it cannot be
// published.
func (v *Level) Finite() bool { return len(v.Labels) > 0 }

// Unknown is the index of the label of missing values: the last one, which for
// Top is its only one. It is -1 where the level has no domain.
func (v *Level) Unknown() int { return len(v.Labels) - 1 }

// IndexNumber maps x of an Age, Date or Number ladder to an index into the
// level's labels; !ok and NaN are a missing value. It returns -1 where the
// level has no domain. It is the meaning of a ladder in one line of code, for
// tests to hold an engine against.
func (v *Level) IndexNumber(x float64, ok bool) int {
	if !ok || math.IsNaN(x) || v.Edges == nil {
		return v.Unknown()
	}
	return sort.Search(len(v.Edges), func(n int) bool { return v.Edges[n] > x })
}

// IndexText maps a value of a Text ladder to an index into the labels of level
// n; !ok is a missing value. It returns -1 where the level has no domain. Like
// IndexNumber it is for tests and for small public tables, not for speed.
func (l *Ladder) IndexText(n int, s string, ok bool) int {
	v := &l.Levels[n]
	s = l.Canonical(s)
	if !ok || v.Values == nil || !l.shaped(s) {
		return v.Unknown()
	}
	if v.Prefix > 0 {
		s = s[:min(v.Prefix, len(s))]
	}
	if index, found := v.Values[s]; found {
		return index
	}
	return v.Other
}

// Canonical is the form in which a collected text is compared: without the
// space separators (Unicode Zs) around it, as SQL's trim leaves it, and
// upper-cased if Fold is set.
func (l *Ladder) Canonical(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Zs, r) })
	if l.Fold {
		s = strings.ToUpper(s)
	}
	return s
}

func (l *Ladder) shaped(s string) bool {
	return l.Shape == "" || regexp.MustCompile(l.Shape).MatchString(s)
}

// open is level 0 of a ladder over an open domain.
func open() Level { return Level{Name: Source} }

// top is the last level of every ladder.
func top() Level { return Level{Name: Top, Labels: []string{Top}} }
