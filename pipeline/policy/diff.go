package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Direction says what a change does to the people in the source.
type Direction string

const (
	Loosened  Direction = "loosened"  // more leaves, of more people, or at a lower price
	Tightened Direction = "tightened" // less does
	Other     Direction = "other"     // a person must judge
)

// A Change is one difference between two policies that a privacy officer must
// look at.
type Change struct {
	Direction Direction
	Path      []string // where, for example columns, accounts.sex, finest
	Old, New  string   // canonical values; "" for a thing that was added or removed as a whole, or is absent
	What      string   // one phrase
}

// String prints `loosened: columns accounts.sex finest: 10y became 5y`.
func (c Change) String() string {
	return fmt.Sprintf("%s: %s: %s", c.Direction, strings.Join(c.Path, " "), c.What)
}

// Diff is every difference between two checked policies, in the order of their
// paths. A difference that no rule judges is Other, so none is left out.
// Things that were added or removed as a whole are one Change.
func Diff(old, new *Policy) []Change {
	was, is := values(old), values(new)
	var out []Change
	whole := map[string]bool{}
	for _, key := range sortedKeys(was, is) {
		path := strings.Split(key, "\x00")
		if is[key] == was[key] {
			continue
		}
		if n := item(path); n > 0 && exists(was, path[:n]) != exists(is, path[:n]) {
			id := strings.Join(path[:n], "\x00")
			if !whole[id] {
				whole[id] = true
				out = append(out, appeared(path[:n], exists(is, path[:n])))
			}
			continue
		}
		c := Change{Path: path, Old: was[key], New: is[key]}
		c.Direction = judge(old, new, c)
		c.What = phrase(c.Old, c.New)
		out = append(out, c)
	}
	return append(out, versions(old, new, len(out) > 0)...)
}

// versions says that a changed policy did not grow its version.
func versions(old, new *Policy, changed bool) []Change {
	if !changed || new.Version > old.Version {
		return nil
	}
	return []Change{{Direction: Other, Path: []string{"version"}, Old: itoa(old.Version), New: itoa(new.Version),
		What: fmt.Sprintf("a changed policy needs a version above %d", old.Version)}}
}

func values(p *Policy) map[string]string {
	out := map[string]string{}
	for _, l := range p.leaves() {
		out[strings.Join(l.path, "\x00")] = l.value
	}
	return out
}

func sortedKeys(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// item is the length of the path that names a thing which comes and goes as a
// whole; 0 where there is none.
func item(path []string) int {
	switch path[0] {
	case "tables", "drop", "ladders", "columns", "variables", "datasets":
		return 2
	case "admit":
		if path[1] == "exclude" || path[1] == "off" {
			return min(3, len(path))
		}
		return 2
	}
	return 0
}

func exists(values map[string]string, path []string) bool {
	id := strings.Join(path, "\x00")
	for key := range values {
		if key == id || strings.HasPrefix(key, id+"\x00") {
			return true
		}
	}
	return false
}

// appeared judges a thing that was added or removed as a whole.
func appeared(path []string, added bool) Change {
	c := Change{Path: path, What: "removed", Direction: Tightened}
	if added {
		c.What, c.Direction = "added", Loosened
	}
	switch {
	case path[0] == "ladders":
		c.Direction = Other
	case path[0] == "admit" && path[1] == "off":
		c.What = map[bool]string{true: "turned off", false: "no longer off"}[added]
	case path[0] == "drop" || path[0] == "admit":
		c.Direction = opposite(c.Direction)
	}
	return c
}

func opposite(d Direction) Direction {
	switch d {
	case Loosened:
		return Tightened
	case Tightened:
		return Loosened
	}
	return Other
}

func phrase(old, new string) string {
	switch {
	case old == "":
		return pretty(new) + " added"
	case new == "":
		return pretty(old) + " removed"
	}
	return pretty(old) + " became " + pretty(new)
}

// pretty prints a canonical list without its quotes.
func pretty(s string) string {
	if !strings.HasPrefix(s, `["`) {
		return s
	}
	return "[" + strings.Join(entries(s), ", ") + "]"
}
