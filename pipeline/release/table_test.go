package release

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sampleTable has a column of each kind, missing values, and an error column.
func sampleTable() *Table {
	return &Table{Rows: 3, Columns: []Column{
		{Name: "sex", Kind: Category, Labels: []string{"F", "M", "unknown"}, Codes: []int32{0, 1, 0}, Category: "identity",
			Done: []string{"as collected"}},
		{Name: "subjects", Kind: Int, Ints: []int64{41, 37, -2}, Done: []string{"count", "Gaussian noise"}},
		{Name: "steps", Kind: Decimal, Floats: []float64{7012.5, math.NaN(), 0}, Valid: []bool{true, false, true},
			Decimals: 1, Unit: "{steps}", Code: "55423-8", Category: "activity", Error: "steps_error"},
		{Name: "steps_error", Kind: Decimal, Floats: []float64{120, 130, 140}},
		{Name: "steps_unusable", Kind: Bool, Bools: []bool{false, true, false}},
	}}
}

func TestCheckTable(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Table)
		want  string // "" for a table that passes
	}{
		{"sample", func(*Table) {}, ""},
		{"code under a missing value", func(t *Table) {
			t.Columns[0].Valid, t.Columns[0].Codes = []bool{true, false, true}, []int32{0, -1, 2}
		}, ""},
		{"no rows", func(t *Table) { *t = Table{Columns: []Column{{Name: "n", Kind: Int}}} }, ""},
		{"no columns", func(t *Table) { t.Columns = nil }, "no columns"},
		{"negative rows", func(t *Table) { t.Rows = -1 }, "-1 rows"},
		{"short", func(t *Table) { t.Columns[1].Ints = t.Columns[1].Ints[:2] }, "2 values for 3 rows"},
		{"short marks", func(t *Table) { t.Columns[2].Valid = []bool{true} }, "1 validity marks"},
		{"two kinds of values", func(t *Table) { t.Columns[1].Floats = []float64{1} }, "holds values of kind decimal"},
		{"labels of a number", func(t *Table) { t.Columns[1].Labels = []string{"F"} }, "has labels"},
		{"unknown kind", func(t *Table) { t.Columns[1].Kind = 9 }, "unknown kind(9)"},
		{"code above", func(t *Table) { t.Columns[0].Codes[1] = 3 }, "outside"},
		{"code below", func(t *Table) { t.Columns[0].Codes[1] = -1 }, "outside"},
		{"label twice", func(t *Table) { t.Columns[0].Labels[1] = "F" }, "repeats"},
		{"label not UTF-8", func(t *Table) { t.Columns[0].Labels[1] = "\xff" }, "UTF-8"},
		{"NaN", func(t *Table) { t.Columns[3].Floats[0] = math.NaN() }, "finite"},
		{"infinity", func(t *Table) { t.Columns[3].Floats[0] = math.Inf(-1) }, "finite"},
		{"digits below", func(t *Table) { t.Columns[3].Floats[0] = 120.25 }, "rounded to 0 decimals"},
		{"negative zero", func(t *Table) { t.Columns[3].Floats[0] = math.Copysign(0, -1) }, "rounded"},
		{"decimals", func(t *Table) { t.Columns[3].Decimals = -1 }, "-1 decimals"},
		{"name in other case", func(t *Table) { t.Columns[1].Name = "SEX" }, "taken"},
		{"no name", func(t *Table) { t.Columns[1].Name = "" }, "no name"},
		{"its own error", func(t *Table) { t.Columns[3].Error = "steps_error" }, "no error column"},
		{"error column missing", func(t *Table) { t.Columns[2].Error = "sd" }, "no error column"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := sampleTable()
			c.spoil(table)
			err := table.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
	if err := (*Table)(nil).Check(); err == nil {
		t.Error("no table at all passes")
	}
}

func TestRoundIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, decimals := rapid.Float64().Draw(t, "v"), rapid.IntRange(0, 15).Draw(t, "decimals")
		once := Round(v, decimals)
		if twice := Round(once, decimals); math.Float64bits(twice) != math.Float64bits(once) {
			t.Errorf("got %v, then %v", once, twice)
		}
		if math.Abs(once-v) > math.Abs(v)*1e-15+0.5*math.Pow10(-decimals) {
			t.Errorf("got %v", once)
		}
	})
}
