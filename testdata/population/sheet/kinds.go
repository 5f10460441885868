package sheet

import (
	"fmt"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// The kinds of column. Keys and times stand in nearly sorted order, so they
// are stored as differences; what has few distinct values is Coded. What may
// be NULL throughout a batch must be stored Plainly: v15's difference encoder
// reads a nil pointer when a column's first batch has no value.

// BigInt is a BIGINT.
func BigInt(name string) *Column[int64] {
	return &Column[int64]{node: leaf(name, nil, parquet.Types.Int64), enc: parquet.Encodings.DeltaBinaryPacked}
}

// Integer is an INTEGER.
func Integer(name string) *Column[int32] {
	return &Column[int32]{node: leaf(name, nil, parquet.Types.Int32), enc: parquet.Encodings.Plain}
}

// Double is a DOUBLE.
func Double(name string) *Column[float64] {
	return &Column[float64]{node: leaf(name, nil, parquet.Types.Double), enc: parquet.Encodings.Plain}
}

// Boolean is a BOOLEAN.
func Boolean(name string) *Column[bool] {
	return &Column[bool]{node: leaf(name, nil, parquet.Types.Boolean), enc: parquet.Encodings.Plain}
}

// Date is a DATE, in days since 1970-01-01.
func Date(name string) *Column[int32] {
	return &Column[int32]{node: leaf(name, schema.DateLogicalType{}, parquet.Types.Int32), enc: parquet.Encodings.Plain}
}

// Timestamp is a TIMESTAMP: microseconds since 1970-01-01 in UTC, no zone.
func Timestamp(name string) *Column[int64] {
	kind := schema.NewTimestampLogicalTypeForce(false, schema.TimeUnitMicros)
	return &Column[int64]{node: leaf(name, kind, parquet.Types.Int64), enc: parquet.Encodings.DeltaBinaryPacked}
}

// Text is a VARCHAR.
func Text(name string) *Words {
	return &Words{Column[parquet.ByteArray]{node: leaf(name, schema.StringLogicalType{}, parquet.Types.ByteArray), enc: parquet.Encodings.Plain}}
}

// Coded stores the column through a dictionary of its distinct values.
func (c *Column[T]) Coded() *Column[T] {
	c.coded = true
	return c
}

// Plainly stores the values as they are.
func (c *Column[T]) Plainly() *Column[T] {
	c.enc = parquet.Encodings.Plain
	return c
}

// Words is a text column that takes Go strings.
type Words struct{ Column[parquet.ByteArray] }

// AddText appends a row with s.
func (c *Words) AddText(s string) { c.Add(parquet.ByteArray(s)) }

// Coded stores the column through a dictionary of its distinct values.
func (c *Words) Coded() *Words {
	c.coded = true
	return c
}

// leaf is an optional column of a physical type and, if not nil, a logical
// one. Names and types are constants of this program.
func leaf(name string, logical schema.LogicalType, physical parquet.Type) schema.Node {
	if logical == nil {
		return schema.MustPrimitive(schema.NewPrimitiveNode(name, parquet.Repetitions.Optional, physical, -1, -1))
	}
	node, err := schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Optional, logical, physical, -1, -1)
	if err != nil {
		panic(fmt.Sprintf("column %s: %v", name, err))
	}
	return node
}
