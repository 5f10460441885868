package transforms

import (
	"fmt"
	"slices"
	"strings"
)

// Cells adds the subjects' rows up to exact integers, one row per group that
// has any. The cell number is the mixed-radix number of its keys, the last key
// counting fastest, over the labels that are published.
type Cells struct {
	Keys    []CellKey
	Filters []CellKey // groups outside Index are left out, nothing is published of the key
	Values  []CellValue
	Sums    []string // tallies
}

// CellKey is one key: Index lists the codes that are published, in order.
type CellKey struct {
	Name   string
	Person bool // a key of the person, otherwise of the unit's row
	Banded int  // for a key made by a Banded step: which of the relations from the third on, 1 up; 0 otherwise
	Codes  int  // size of the key's domain
	Index  []int
	None   int // code of a subject that the Banded step gives no row
}

// All says whether every code is published in its own order.
func (k CellKey) All() bool { return len(k.Index) == k.Codes }

// Last is the largest code.
func (k CellKey) Last() int { return k.Codes - 1 }

// CellValue is one measure. Its totals are "n:NAME", how many subjects have a
// value; "c:NAME", the sum of value-Centre; and "t:NAME", the sum of value+Lo.
type CellValue struct {
	Name       string
	Centre, Lo int64
}

// Schema gives totals only: whatever is not a key's number or a sum over
// subjects ends here.
func (c Cells) Schema(in Schema) (Schema, error) {
	if err := in.with("cells", []string{"subject"}, Subject); err != nil {
		return nil, err
	}
	out := Schema{{"cell", Int, Key}, {"subjects", Int, Total}}
	for _, k := range append(append([]CellKey{}, c.Keys...), c.Filters...) {
		if len(k.Index) == 0 || len(k.Index) > k.Codes {
			return nil, fmt.Errorf("step cells: key %s publishes %d of %d labels", k.Name, len(k.Index), k.Codes)
		}
		if k.Person || k.Banded > 0 {
			continue
		}
		if err := in.with("cells", []string{k.Name}, Key); err != nil {
			return nil, err
		}
	}
	for _, v := range c.Values {
		if err := in.with("cells", []string{v.Name}, Bounded); err != nil {
			return nil, err
		}
		for _, p := range []string{"n:", "c:", "t:"} {
			out = append(out, Column{p + v.Name, Int, Total})
		}
	}
	if err := in.with("cells", c.Sums, Tally); err != nil {
		return nil, err
	}
	for _, s := range c.Sums {
		out = append(out, Column{s, Int, Tally})
	}
	return out, nil
}

// Relations are the banded relations that the SQL joins, each once.
func (c Cells) Relations() []int {
	var out []int
	for _, k := range append(append([]CellKey{}, c.Keys...), c.Filters...) {
		if k.Banded > 0 && !slices.Contains(out, k.Banded) {
			out = append(out, k.Banded)
		}
	}
	return out
}

// Opens are the brackets that Horner's rule opens.
func (c Cells) Opens() string { return strings.Repeat("(", max(0, len(c.Keys)-1)) }

// SQL renders the SELECT over the unit rows, the admitted people, and the
// banded relations in order.
func (c Cells) SQL(from ...string) (string, error) { return render("cells.sql", c, from) }
