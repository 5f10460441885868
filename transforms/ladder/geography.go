package ladder

import (
	"errors"
	"fmt"
	"io"
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
	for n, row := range rows[1:] {
		line := lines[n+1]
		if len(row) != len(rows[0]) {
			p.add(line, "%d fields where the header has %d", len(row), len(rows[0]))
			continue
		}
		if q := o.place(&p, line, row, at); q.key != "" {
			places = append(places, q)
			share[q.place]++
		}
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

// place reads one row. Without a key it is not looked at.
func (o GeographyOptions) place(p *problems, line int, row []string, at map[string]int) place {
	q := place{line: line, key: row[at[o.Key]]}
	if q.key == "" {
		return q
	}
	var err error
	if q.people, err = inhabitants(row[at[o.Population]]); err != nil {
		p.add(line, "column %s: %w", o.Population, err)
	}
	if o.Place != "" {
		q.place = row[at[o.Place]]
	}
	for _, c := range o.Levels {
		unit := row[at[c]]
		if unit == "" || unit == Unknown || unit == Top || unit == rest || strings.HasSuffix(unit, ", "+rest) {
			p.add(line, "column %s: %q is empty or a label that the ladder makes itself", c, unit)
		}
		q.units = append(q.units, unit)
	}
	return q
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
