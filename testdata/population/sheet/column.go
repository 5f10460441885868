// Package sheet holds rows as columns in memory and writes them as Parquet,
// one row group at a time, with the column writers of arrow/go/v15 and
// nothing between them and the slices: no record batches, no builders.
//
// Every column is optional in the file, as in a warehouse export. Timestamps
// are microseconds without a zone (DuckDB: TIMESTAMP), dates are days since
// 1970-01-01. The bytes of a file depend on the rows and the compression
// level alone.
package sheet

import (
	"fmt"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// value is what a cell can be in memory; Parquet's own four plus text.
type value interface {
	~bool | ~int32 | ~int64 | ~float64 | parquet.ByteArray
}

// anyColumn is a column whose value type is forgotten.
type anyColumn interface {
	field() schema.Node
	encoding() (path string, dictionary bool, e parquet.Encoding)
	rows() int
	clear()
	repeat(row int)
	write(w file.ColumnChunkWriter) error
}

// Column is one named column: a slot per row, and whether the slot is filled.
type Column[T value] struct {
	node   schema.Node
	coded  bool // dictionary; otherwise enc
	enc    parquet.Encoding
	values []T
	levels []int16 // 1 filled, 0 NULL
	nulls  int
	dense  []T // scratch: the filled slots
}

// Add appends a row with a value.
func (c *Column[T]) Add(v T) {
	c.values = append(c.values, v)
	c.levels = append(c.levels, 1)
}

// Null appends a row without a value.
func (c *Column[T]) Null() {
	var zero T
	c.values = append(c.values, zero)
	c.levels = append(c.levels, 0)
	c.nulls++
}

// Maybe appends v, or NULL if ok is false.
func (c *Column[T]) Maybe(v T, ok bool) {
	if ok {
		c.Add(v)
	} else {
		c.Null()
	}
}

// Set replaces the last row's value.
func (c *Column[T]) Set(v T) {
	last := len(c.values) - 1
	if c.levels[last] == 0 {
		c.nulls--
	}
	c.values[last], c.levels[last] = v, 1
}

// SetNull empties the last row.
func (c *Column[T]) SetNull() {
	last := len(c.values) - 1
	if c.levels[last] == 1 {
		c.nulls++
	}
	c.levels[last] = 0
}

// At returns a row's value; zero or stale if the row is NULL.
func (c *Column[T]) At(row int) T { return c.values[row] }

func (c *Column[T]) field() schema.Node { return c.node }
func (c *Column[T]) rows() int          { return len(c.levels) }

func (c *Column[T]) encoding() (string, bool, parquet.Encoding) {
	return c.node.Name(), c.coded, c.enc
}

func (c *Column[T]) clear() {
	clear(c.values) // lets go of texts
	clear(c.dense)
	c.values, c.levels, c.nulls = c.values[:0], c.levels[:0], 0
}

func (c *Column[T]) repeat(row int) {
	c.values = append(c.values, c.values[row])
	c.levels = append(c.levels, c.levels[row])
	if c.levels[row] == 0 {
		c.nulls++
	}
}

// filled is the values without the empty slots, as Parquet wants them.
func (c *Column[T]) filled() []T {
	if c.nulls == 0 {
		return c.values
	}
	c.dense = c.dense[:0]
	for i, l := range c.levels {
		if l == 1 {
			c.dense = append(c.dense, c.values[i])
		}
	}
	return c.dense
}

func (c *Column[T]) write(w file.ColumnChunkWriter) error {
	var err error
	switch values := any(c.filled()).(type) {
	case []bool:
		_, err = w.(*file.BooleanColumnChunkWriter).WriteBatch(values, c.levels, nil)
	case []int32:
		_, err = w.(*file.Int32ColumnChunkWriter).WriteBatch(values, c.levels, nil)
	case []int64:
		_, err = w.(*file.Int64ColumnChunkWriter).WriteBatch(values, c.levels, nil)
	case []float64:
		_, err = w.(*file.Float64ColumnChunkWriter).WriteBatch(values, c.levels, nil)
	case []parquet.ByteArray:
		_, err = w.(*file.ByteArrayColumnChunkWriter).WriteBatch(values, c.levels, nil)
	default:
		err = fmt.Errorf("no writer for %T", values)
	}
	if err != nil {
		return fmt.Errorf("write column %s: %w", c.node.Name(), err)
	}
	return nil
}
