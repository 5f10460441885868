package ladder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settle gives every key one row of units. First it checks that units other
// than keys have one parent, then it follows each key from the finest level.
func settle(places []place, levels int) ([]place, error) {
	var p problems
	parents := make([]map[string]place, levels) // unit → first row with it
	people := map[string]map[string]int64{}     // key → finest unit → inhabitants
	total := map[string]int64{}                 // key → inhabitants
	keyed := places[0].key == places[0].units[0] && !slices.ContainsFunc(places, func(q place) bool { return q.key != q.units[0] })
	home := 0 // the level at which a key chooses
	if keyed && levels > 1 {
		home = 1
	}
	for n := range parents {
		parents[n] = map[string]place{}
	}
	for _, q := range places {
		for n := home; n+1 < levels; n++ {
			first, seen := parents[n][q.units[n]]
			if !seen {
				parents[n][q.units[n]] = q
			} else if first.units[n+1] != q.units[n+1] {
				p.add(q.line, "%q lies in %q here and in %q on line %d: the levels do not nest",
					q.units[n], q.units[n+1], first.units[n+1], first.line)
			}
		}
		if people[q.key] == nil {
			people[q.key] = map[string]int64{}
		}
		people[q.key][q.units[home]] += q.people
		total[q.key] += q.people
	}
	chosen := map[string]place{}
	for _, q := range places {
		if q.units[home] == most(people[q.key]) {
			q.people = total[q.key]
			chosen[q.key] = q
		}
	}
	return slices.SortedFunc(maps.Values(chosen), func(a, b place) int { return cmp.Compare(a.key, b.key) }), p.err()
}

// most is the unit with the most inhabitants, on equality the first by name.
func most(people map[string]int64) string {
	return slices.MinFunc(slices.Collect(maps.Keys(people)), func(a, b string) int {
		return cmp.Or(cmp.Compare(people[b], people[a]), cmp.Compare(a, b))
	})
}

// foldKeys upper-cases the keys if all are ASCII and stay different.
func foldKeys(units []place) (bool, []place) {
	folded := slices.Clone(units)
	seen := map[string]bool{}
	for n, u := range folded {
		key := strings.ToUpper(u.key)
		if seen[key] || strings.ContainsFunc(key, func(r rune) bool { return r > '~' }) {
			return false, units
		}
		seen[key] = true
		folded[n].key = key
	}
	return true, folded
}

// qualify puts the column's name before the names of a column that shares one
// with a finer column.
func qualify(units []place, columns []string) {
	finer := map[string]bool{}
	for n, column := range columns {
		own := map[string]bool{}
		for _, u := range units {
			own[u.units[n]] = true
		}
		shared := false
		for name := range own {
			shared = shared || finer[name]
		}
		for _, u := range units {
			finer[u.units[n]] = true
			if shared {
				u.units[n] = column + " " + u.units[n]
				finer[u.units[n]] = true
			}
		}
	}
}

// pool returns the label of each key at each level: labels[level][n] is that of
// units[n]. It works from the coarsest level down, so that siblings are those
// whose label, not only whose parent, is the same.
func pool(units []place, levels int, floor int64) [][]string {
	labels := make([][]string, levels+1)
	labels[levels] = slices.Repeat([]string{Top}, len(units))
	for n := levels - 1; n >= 0; n-- {
		parent := labels[n+1]
		alone := map[string]int64{} // unit → inhabitants
		for _, u := range units {
			alone[u.units[n]] += u.people
		}
		small, large := map[string]int64{}, map[string]bool{} // by parent's label
		for at, u := range units {
			if alone[u.units[n]] < floor {
				small[parent[at]] += u.people
			} else {
				large[parent[at]] = true
			}
		}
		labels[n] = make([]string, len(units))
		for at, u := range units {
			pooled, some := small[parent[at]]
			switch {
			case parent[at] == Unknown:
				labels[n][at] = Unknown
			case parent[at] == Top && alone[u.units[n]] < floor && pooled < floor:
				labels[n][at] = Unknown
			case parent[at] == Top && alone[u.units[n]] < floor:
				labels[n][at] = rest
			case parent[at] == Top:
				labels[n][at] = u.units[n]
			case some && pooled < floor || !large[parent[at]]:
				labels[n][at] = parent[at]
			case alone[u.units[n]] < floor:
				labels[n][at] = parent[at] + ", " + rest
			default:
				labels[n][at] = u.units[n]
			}
		}
	}
	return labels[:levels]
}

// lookup makes a level from the label of each key.
func lookup(column string, units []place, labels []string) (Level, error) {
	v := Level{Name: column, Values: make(map[string]int, len(units))}
	v.Labels = slices.Compact(slices.Sorted(slices.Values(labels)))
	v.Labels = append(slices.DeleteFunc(v.Labels, func(s string) bool { return s == Unknown }), Unknown)
	if len(v.Labels)-1 > MaxLabels {
		return Level{}, fmt.Errorf("level %s has %d labels: at most %d", column, len(v.Labels)-1, MaxLabels)
	}
	index := make(map[string]int, len(v.Labels))
	for n, label := range v.Labels {
		index[label] = n
	}
	for n, u := range units {
		v.Values[u.key] = index[labels[n]]
	}
	v.Other = v.Unknown()
	return v, nil
}
