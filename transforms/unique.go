package transforms

// Unique makes one row of the copies of a row: rows of one subject with equal
// Keys. Where the copies do not agree in all of Values, either the latest by
// local time wins (Last, ties by value), or the row stays as a conflict
// without values, which later steps count and do not use.
type Unique struct {
	Keys   []string // beside the subject; "day" and "local" stand for the time column
	Values []string
	Last   bool
	Sums   []string // tallies to carry
}

// Schema adds copies, the number of rows dropped, and conflict, 0 or 1.
func (u Unique) Schema(in Schema) (Schema, error) {
	if err := in.with("unique", append(append([]string{}, u.Keys...), u.Values...), Raw); err != nil {
		return nil, err
	}
	if err := in.with("unique", u.Sums, Tally); err != nil {
		return nil, err
	}
	out := Schema{{"subject", Int, Subject}}
	for _, n := range []string{"day", "local"} {
		c, _ := in.Find(n)
		out = append(out, c)
	}
	for _, n := range append(append([]string{}, u.Keys...), u.Values...) {
		if n == "day" || n == "local" {
			continue
		}
		c, _ := in.Find(n)
		out = append(out, c)
	}
	for _, n := range u.Sums {
		out = append(out, Column{n, Int, Tally})
	}
	return append(out, Column{"copies", Int, Tally}, Column{"conflict", Int, Tally}), nil
}

// Timed says whether local is one of the keys, so that it is the same in all copies.
func (u Unique) Timed() bool {
	for _, k := range u.Keys {
		if k == "local" {
			return true
		}
	}
	return false
}

// Others are the keys that are columns of the table, not its time.
func (u Unique) Others() []string {
	var out []string
	for _, k := range u.Keys {
		if k != "day" && k != "local" {
			out = append(out, k)
		}
	}
	return out
}

// SQL renders the SELECT over the rows of the window.
func (u Unique) SQL(from ...string) (string, error) { return render("unique.sql", u, from) }
