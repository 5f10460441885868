package transforms

import "fmt"

// Unit makes one row per subject and row key: the contribution of that
// subject to that group in the window. The order is aggregate, round, clamp,
// so what bounds the sensitivity is the clamp of the aggregate itself:
// each value ends as an integer in [0, Hi-Lo].
type Unit struct {
	Keys   []string // row keys, e.g. the weekday
	Values []UnitValue
	Sums   []string // tallies to carry
	Days   bool     // add the column days: bit n is set if a row is of a day that is n modulo 64
}

// UnitValue is how a subject's rows become one value.
type UnitValue struct {
	Name   string
	Agg    string // mean (rounded half up), median (lower), sum, max, min, last (by local time, ties by value)
	Lo, Hi int64  // on the grid
	Small  bool   // no value is above 2^28 or below -2^28, so that any sum of a subject's rows fits 64 bits
}

// Schema gives the subject, keys, bounded values and tallies. A value that is
// not on the grid, or whose bounds are not in order, is refused: it could not
// be summed.
func (u Unit) Schema(in Schema) (Schema, error) {
	out := Schema{{"subject", Int, Subject}}
	if err := in.with("unit", []string{"subject"}, Subject); err != nil {
		return nil, err
	}
	if err := in.with("unit", u.Keys, Key); err != nil {
		return nil, err
	}
	if err := in.with("unit", u.Sums, Tally); err != nil {
		return nil, err
	}
	for _, k := range u.Keys {
		out = append(out, Column{k, Int, Key})
	}
	for _, v := range u.Values {
		if err := in.with("unit", []string{v.Name}, Grid); err != nil {
			return nil, err
		}
		if v.Lo >= v.Hi {
			return nil, fmt.Errorf("step unit: the bounds of %s are not in order", v.Name)
		}
		out = append(out, Column{v.Name, Int, Bounded})
	}
	out = append(out, Column{"rows", Int, Tally})
	for _, s := range u.Sums {
		out = append(out, Column{s, Int, Tally})
	}
	if u.Days {
		out = append(out, Column{"days", Int, Tally})
	}
	return out.distinct("unit")
}

// Conflicts says whether rows in conflict are among the tallies: they are not
// rows of the subject.
func (u Unit) Conflicts() bool {
	for _, s := range u.Sums {
		if s == "conflict" {
			return true
		}
	}
	return false
}

// SQL renders the SELECT over the rows.
func (u Unit) SQL(from ...string) (string, error) { return render("unit.sql", u, from) }
