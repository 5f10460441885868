package transforms

import "slices"

// Unique makes one row of the copies of a row: rows of one subject with equal
// Keys. Where the copies do not agree in all of Values, either the last to
// arrive wins as a whole (Last, ties by value), or the row stays as a conflict
// without values, which later steps count and do not use.
type Unique struct {
	Keys   []string // beside the subject: raw columns, "day" or "at"
	Values []string
	Last   bool
	Sums   []string // tallies to carry
	// Alone says that every row is known to be the only one with its keys:
	// nothing is grouped, and the answer is the same.
	Alone bool
}

// Dated says whether equal keys have an equal day. Then a subject with no more
// rows than days has no copies.
func (u Unique) Dated() bool { return u.Daily() || slices.Contains(u.Keys, "at") }

// Schema adds copies, the number of rows dropped, and conflict, 0 or 1.
func (u Unique) Schema(in Schema) (Schema, error) {
	carried := append(slices.Clone(u.Others()), u.Values...)
	if err := in.with("unique", append(slices.Clone(u.Keys), u.Values...), Raw); err != nil {
		return nil, err
	}
	if err := in.with("unique", u.Sums, Tally); err != nil {
		return nil, err
	}
	if u.Last {
		if err := in.with("unique", []string{"arrived"}, Raw); err != nil {
			return nil, err
		}
	}
	out, err := keep("unique", in, carried)
	if err != nil {
		return nil, err
	}
	for _, n := range u.Sums {
		out = append(out, Column{n, Int, Tally})
	}
	out = append(out, Column{"copies", Int, Tally}, Column{"conflict", Int, Tally})
	return out.distinct("unique")
}

// Daily says whether the day is one of the keys.
func (u Unique) Daily() bool { return slices.Contains(u.Keys, "day") }

// Others are the keys beside the day.
func (u Unique) Others() []string {
	return slices.DeleteFunc(slices.Clone(u.Keys), func(k string) bool { return k == "day" })
}

// SQL renders the SELECT over the rows of the window.
func (u Unique) SQL(from ...string) (string, error) { return render("unique.sql", u, from) }
