package release

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Table is what would leave: columns of released values and nothing else. Its row order is the order in the files.
type Table struct {
	Rows    int // 0 or more
	Columns []Column
}

// A Kind is the type of a column's values.
type Kind int

const (
	Category Kind = iota + 1 // one of a finite list of labels
	Int                      // int64
	Decimal                  // float64, a multiple of 10^-Decimals
	Bool
)

// String returns the kind's name in a manifest.
func (k Kind) String() string {
	switch k {
	case Category:
		return "category"
	case Int:
		return "int"
	case Decimal:
		return "decimal"
	case Bool:
		return "bool"
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// A Column is one column of a Table. Exactly the slices of its kind are set.
type Column struct {
	Name string // Required. Unique in the table, letter case aside.
	Kind Kind   // Required.

	Labels []string  // Category: what Codes points into, in order, each once. It may hold labels that no row uses.
	Codes  []int32   // Category
	Ints   []int64   // Int
	Floats []float64 // Decimal: each as [Round] leaves it
	Bools  []bool    // Bool
	Valid  []bool    // false: the value is missing, and what lies in its slot is never read. Nil: none is missing.

	Decimals int // Decimal: digits after the point, 0 to 15

	Unit     string   // UCUM
	Code     string   // for example LOINC
	Category string   // the privacy policy's category of data
	Done     []string // what was done to it, in words, in order
	Error    string   // name of the column that holds its error; "" for none
}

// Null says whether the value of a row is missing.
func (c *Column) Null(row int) bool { return c.Valid != nil && !c.Valid[row] }

// Round returns v with so many digits after the point: the float64 nearest to its decimal text. Digits below those that
// are meant to be released carry traces of what they were computed from, and so does the sign of zero.
func Round(v float64, decimals int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', decimals, 64), 64)
	if err != nil || r == 0 { // text of FormatFloat parses; -0 becomes 0
		return 0
	}
	return r
}

// Check refuses, naming every problem, a table that cannot be written: a column without a name or with that of another,
// slices of another length than Rows or of another kind, a code outside its labels, labels that repeat or are not UTF-8,
// a number that is not finite or not rounded, an error column that is not there. It never panics. Slots of missing
// values are not looked at.
func (t *Table) Check() error {
	if t == nil {
		return errors.New("check table: there is none")
	}
	var problems []error
	if t.Rows < 0 {
		problems = append(problems, fmt.Errorf("%d rows", t.Rows))
	}
	if len(t.Columns) == 0 {
		problems = append(problems, errors.New("no columns"))
	}
	names, folded := map[string]bool{}, map[string]bool{}
	for i := range t.Columns {
		c := &t.Columns[i]
		lower := strings.ToLower(c.Name)
		if folded[lower] {
			problems = append(problems, fmt.Errorf("column %q: the name is taken", c.Name))
		}
		names[c.Name], folded[lower] = true, true
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Error != "" && (c.Error == c.Name || !names[c.Error]) {
			problems = append(problems, fmt.Errorf("column %q: no error column %q", c.Name, c.Error))
		}
		if err := c.check(t.Rows); err != nil {
			problems = append(problems, fmt.Errorf("column %q: %w", c.Name, err))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("check table: %w", errors.Join(problems...))
	}
	return nil
}

func (c *Column) check(rows int) error {
	for _, s := range append([]string{c.Name, c.Unit, c.Code, c.Category}, c.Done...) {
		if !printable(s) {
			return errors.New("its name or description is not printable UTF-8")
		}
	}
	if c.Name == "" {
		return errors.New("no name")
	}
	if err := c.checkShape(rows); err != nil {
		return err
	}
	switch c.Kind {
	case Category:
		return c.checkCodes()
	case Decimal:
		return c.checkFloats()
	}
	return nil
}

// checkShape compares lengths; slices of other kinds than the column's have to be empty.
func (c *Column) checkShape(rows int) error {
	if c.Valid != nil && len(c.Valid) != rows {
		return fmt.Errorf("%d validity marks for %d rows", len(c.Valid), rows)
	}
	if c.Kind < Category || c.Kind > Bool {
		return fmt.Errorf("unknown %v", c.Kind)
	}
	for i, n := range []int{len(c.Codes), len(c.Ints), len(c.Floats), len(c.Bools)} {
		kind := Category + Kind(i)
		switch {
		case kind == c.Kind && n != rows:
			return fmt.Errorf("%d values for %d rows", n, rows)
		case kind != c.Kind && n != 0:
			return fmt.Errorf("is %v and holds values of kind %v", c.Kind, kind)
		}
	}
	if c.Kind != Category && len(c.Labels) != 0 {
		return fmt.Errorf("is %v and has labels", c.Kind)
	}
	if c.Kind != Decimal && c.Decimals != 0 {
		return fmt.Errorf("is %v and has decimals", c.Kind)
	}
	return nil
}

func (c *Column) checkCodes() error {
	if len(c.Labels) > math.MaxInt32 {
		return fmt.Errorf("%d labels", len(c.Labels))
	}
	seen := make(map[string]bool, len(c.Labels))
	for _, l := range c.Labels {
		if seen[l] || !printable(l) {
			return errors.New("a label repeats or is not printable UTF-8")
		}
		seen[l] = true
	}
	for i, code := range c.Codes {
		if !c.Null(i) && (code < 0 || int(code) >= len(c.Labels)) {
			return fmt.Errorf("row %d: a code outside the %d labels", i, len(c.Labels))
		}
	}
	return nil
}

func (c *Column) checkFloats() error {
	if c.Decimals < 0 || c.Decimals > 15 {
		return fmt.Errorf("%d decimals: want 0 to 15", c.Decimals)
	}
	for i, v := range c.Floats {
		switch {
		case c.Null(i):
		case math.IsNaN(v) || math.IsInf(v, 0):
			return fmt.Errorf("row %d: not a finite number", i)
		case math.Float64bits(v) != math.Float64bits(Round(v, c.Decimals)):
			return fmt.Errorf("row %d: not rounded to %d decimals", i, c.Decimals)
		}
	}
	return nil
}

// printable says whether a text is UTF-8 without control characters, in which a writer or a terminal could see more
// than text.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
