package ladder

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// GeographyOptions describe a ladder over a public table of places.
type GeographyOptions struct {
	// Key is the column that collected values are compared with, for example a
	// postal code. Default: Levels[0].
	Key string
	// Levels are the columns to publish, finest first. Required. The first may
	// be Key itself.
	Levels []string
	// Floor is the fewest inhabitants that may stand behind a label, >= 1.
	// Required. They are the inhabitants of the public table, never accounts.
	Floor int64
	// Population is the column with a row's inhabitants, a whole number >= 0;
	// an empty field counts as 0. Default "population".
	Population string
	// Place is the column that names the place (commune) a row speaks of. Where
	// a place has several rows, one per postal code for example, each row tells
	// the inhabitants of the whole place; given Place they are counted once, in
	// equal shares rounded down. Default: each row's inhabitants are its own.
	Place string
}

// rest is the label of what pools.
const rest = "rest"

// Geography reads a Text ladder from a public comma-separated table with a
// header. Level 0 is the key as collected, without a domain; the next levels are
// named like their columns.
//
// A key with rows in several units goes to the unit with more inhabitants, on
// equality to the first by name; it is the only thing that may lie in two
// units: any other unit with two parents is an error. A unit's inhabitants are
// those of the keys that go to it.
//
// At each level the units that share a label on the next level are siblings.
// Those under the floor pool as "<label>, rest"; if the pool is under the floor
// too, or if every sibling is in it, all siblings have the label itself. On the
// last level those under the floor pool as "rest", and as Unknown if that is
// under the floor. So no label but Unknown has fewer inhabitants than Floor,
// which is a floor on inhabitants and no statement about accounts.
//
// A label is a unit's name. Where a column shares a name with a finer one (the
// French region 01 and the département 01), every label of the column begins
// with the column's name, "region 01", so that no label has two meanings.
//
// A row without a key is left out: no collected value can meet it. The error
// names every problem (at most twenty) with its line.
func Geography(name string, r io.Reader, o GeographyOptions) (*Ladder, error) {
	o = o.defaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	rows, lines, err := readCSV(r, ',')
	if err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	places, err := o.places(rows, lines)
	if err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	units, err := settle(places, len(o.Levels))
	if err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	l := &Ladder{Name: name, Input: Text, Levels: []Level{open()}}
	l.Fold, units = foldKeys(units)
	qualify(units, o.Levels)
	labels := pool(units, len(o.Levels), o.Floor)
	for n, column := range o.Levels {
		v, err := lookup(column, units, labels[n])
		if err != nil {
			return nil, fmt.Errorf("ladder %s: %w", name, err)
		}
		l.Levels = append(l.Levels, v)
	}
	l.Levels = append(l.Levels, top())
	return l, l.Validate()
}

func (o GeographyOptions) defaults() GeographyOptions {
	if o.Key == "" && len(o.Levels) > 0 {
		o.Key = o.Levels[0]
	}
	if o.Population == "" {
		o.Population = "population"
	}
	return o
}

func (o GeographyOptions) check() error {
	var errs []error
	if len(o.Levels) == 0 {
		errs = append(errs, errors.New("no level: give at least one column"))
	}
	if o.Floor < 1 {
		errs = append(errs, fmt.Errorf("floor %d is under 1", o.Floor))
	}
	for n, c := range o.Levels {
		if c == "" || c == Source || c == Top || c == "0" || slices.Contains(o.Levels[:n], c) {
			errs = append(errs, fmt.Errorf("level %q is empty, reserved or listed twice", c))
		}
		if n > 0 && c == o.Key {
			errs = append(errs, fmt.Errorf("level %s is the key and not the finest level", c))
		}
	}
	return errors.Join(errs...)
}

// A place is one row of the table: (key, units from the finest level, inhabitants).
type place struct {
	line       int
	key, place string
	units      []string
	people     int64
}

// places reads the rows and shares out the inhabitants of places with several.
func (o GeographyOptions) places(rows [][]string, lines []int) ([]place, error) {
	if len(rows) < 2 {
		return nil, errors.New("the table has no rows")
	}
	at, err := o.columns(rows[0])
	if err != nil {
		return nil, err
	}
	var p problems
	places := make([]place, 0, len(rows)-1)
	share := map[string]int64{} // place → its rows
	for n, row := range rows {
		if n == 0 {
			continue
		}
		if len(row) != len(rows[0]) {
			p.add(lines[n], "%d fields where the header has %d", len(row), len(rows[0]))
			continue
		}
		q := place{line: lines[n], key: row[at[o.Key]]}
		if q.key == "" {
			continue
		}
		if q.people, err = inhabitants(row[at[o.Population]]); err != nil {
			p.add(lines[n], "column %s: %w", o.Population, err)
		}
		for _, c := range o.Levels {
			unit := row[at[c]]
			if unit == "" || unit == Unknown || unit == Top || unit == rest || strings.HasSuffix(unit, ", "+rest) {
				p.add(lines[n], "column %s: %q is empty or a label that the ladder makes itself", c, unit)
			}
			q.units = append(q.units, unit)
		}
		if o.Place != "" {
			q.place = row[at[o.Place]]
			share[q.place]++
		}
		places = append(places, q)
	}
	if len(places) == 0 {
		p.add(lines[0], "no row below has a %s", o.Key)
	}
	if o.Place != "" {
		for n, q := range places {
			places[n].people /= share[q.place]
		}
	}
	return places, p.err()
}

// inhabitants reads a count; none given is none counted.
func inhabitants(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1e11 {
		return 0, fmt.Errorf("%q is not a number of inhabitants", s)
	}
	return n, nil
}

// columns finds the columns that the options name.
func (o GeographyOptions) columns(header []string) (map[string]int, error) {
	at := map[string]int{}
	for _, c := range append([]string{o.Key, o.Population, o.Place}, o.Levels...) {
		n := slices.Index(header, c)
		if n < 0 && c != "" {
			return nil, fmt.Errorf("line 1: no column %q: there are %s", c, strings.Join(header, ", "))
		}
		at[c] = n
	}
	return at, nil
}

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
