package deliver

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"lethe/pipeline/release"
)

// A visible column is the copy of a column that writers see: values of rows that have one, zero in the slots of those
// that have none, labels that a row shows. Writers never get the column itself.
type visible struct {
	release.Column // its description, without a value
	rows           int
	valid          []bool // nil: all
	labels         []string
	codes          []int32
	ints           []int64
	floats         []float64
	bools          []bool
}

func visibleColumns(t *release.Table) []visible {
	columns := make([]visible, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		v := visible{Column: description(c), rows: t.Rows}
		if c.Valid != nil {
			v.valid = append([]bool(nil), c.Valid...)
		}
		switch c.Kind {
		case release.Category:
			v.labels, v.codes = usedLabels(c)
		case release.Int:
			v.ints = shown(c, c.Ints)
		case release.Decimal:
			v.floats = shown(c, c.Floats)
		case release.Bool:
			v.bools = shown(c, c.Bools)
		}
		columns[i] = v
	}
	return columns
}

func description(c *release.Column) release.Column {
	return release.Column{Name: c.Name, Kind: c.Kind, Decimals: c.Decimals, Unit: c.Unit, Code: c.Code,
		Category: c.Category, Done: c.Done, Error: c.Error}
}

// shown copies values, leaving zero where there is none.
func shown[T any](c *release.Column, values []T) []T {
	out := make([]T, len(values))
	for i, v := range values {
		if !c.Null(i) {
			out[i] = v
		}
	}
	return out
}

// usedLabels returns the labels that rows show, in the order of Labels, and each row's code among them.
func usedLabels(c *release.Column) ([]string, []int32) {
	used := make([]bool, len(c.Labels))
	for i, code := range c.Codes {
		if !c.Null(i) {
			used[code] = true
		}
	}
	var labels []string
	recode := make([]int32, len(c.Labels))
	for old, u := range used {
		if u {
			recode[old] = int32(len(labels))
			labels = append(labels, c.Labels[old])
		}
	}
	codes := make([]int32, len(c.Codes))
	for i, code := range c.Codes {
		if !c.Null(i) {
			codes[i] = recode[code]
		}
	}
	return labels, codes
}

// window cuts a slice to rows [from, to) for a builder; nil stays nil.
func window[T any](s []T, from, to int) []T {
	if s == nil {
		return nil
	}
	return s[from:to]
}

// array builds rows [from, to) as an Arrow array; dict is the column's dictionary, of a Category only.
func (v *visible) array(from, to int, dict arrow.Array) arrow.Array {
	valid := window(v.valid, from, to)
	switch v.Kind {
	case release.Category:
		b := array.NewInt32Builder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(v.codes[from:to], valid)
		codes := b.NewArray()
		defer codes.Release()
		return array.NewDictionaryArray(dictionaryType, codes, dict)
	case release.Int:
		b := array.NewInt64Builder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(v.ints[from:to], valid)
		return b.NewArray()
	case release.Decimal:
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(v.floats[from:to], valid)
		return b.NewArray()
	default: // Bool: Check lets no other kind through
		b := array.NewBooleanBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(v.bools[from:to], valid)
		return b.NewArray()
	}
}

// dictionary builds the dictionary of a Category; nil for other kinds.
func (v *visible) dictionary() arrow.Array {
	if v.Kind != release.Category {
		return nil
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(v.labels, nil)
	return b.NewArray()
}
