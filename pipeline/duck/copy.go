package duck

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// batchRows is how many rows a batch holds at most.
const batchRows = 64 << 10

// A copier turns chunks into Arrow batches that own their memory. It copies
// what can be seen and nothing else: a slot under a null is zero, a dictionary
// holds the labels in use, and a HUGEINT that does not fit 64 bits is an error.
type copier struct {
	schema *arrow.Schema
	cols   []column
	rows   int
	emit   func(arrow.Record) error
}

// column gathers one column's values over several chunks.
type column interface {
	add(v mapping.Vector, rows int) error
	take() arrow.Array
}

func newCopier(names []string, chunk mapping.DataChunk, emit func(arrow.Record) error) (*copier, error) {
	c := &copier{emit: emit}
	fields := make([]arrow.Field, len(names))
	for i, name := range names {
		t := mapping.VectorGetColumnType(mapping.DataChunkGetVector(chunk, mapping.IdxT(i)))
		col, typ, err := newColumn(t)
		mapping.DestroyLogicalType(&t)
		if err != nil {
			return nil, fmt.Errorf("copy column %s: %w", name, err)
		}
		c.cols = append(c.cols, col)
		fields[i] = arrow.Field{Name: name, Type: typ, Nullable: true}
	}
	c.schema = arrow.NewSchema(fields, nil)
	return c, nil
}

func newColumn(t mapping.LogicalType) (column, arrow.DataType, error) {
	switch id := mapping.GetTypeId(t); id {
	case mapping.TypeBoolean:
		return &bools{b: array.NewBooleanBuilder(memory.DefaultAllocator)}, arrow.FixedWidthTypes.Boolean, nil
	case mapping.TypeTinyInt:
		return newFixed[int8](arrow.PrimitiveTypes.Int8)
	case mapping.TypeSmallInt:
		return newFixed[int16](arrow.PrimitiveTypes.Int16)
	case mapping.TypeInteger:
		return newFixed[int32](arrow.PrimitiveTypes.Int32)
	case mapping.TypeBigInt:
		return newFixed[int64](arrow.PrimitiveTypes.Int64)
	case mapping.TypeUTinyInt:
		return newFixed[uint8](arrow.PrimitiveTypes.Uint8)
	case mapping.TypeUSmallInt:
		return newFixed[uint16](arrow.PrimitiveTypes.Uint16)
	case mapping.TypeUInteger:
		return newFixed[uint32](arrow.PrimitiveTypes.Uint32)
	case mapping.TypeUBigInt:
		return newFixed[uint64](arrow.PrimitiveTypes.Uint64)
	case mapping.TypeFloat:
		return newFixed[float32](arrow.PrimitiveTypes.Float32)
	case mapping.TypeDouble:
		return newFixed[float64](arrow.PrimitiveTypes.Float64)
	case mapping.TypeDate:
		return newFixed[int32](arrow.FixedWidthTypes.Date32)
	case mapping.TypeTimestamp:
		return newFixed[int64](&arrow.TimestampType{Unit: arrow.Microsecond})
	case mapping.TypeHugeInt:
		return &huge{fixed[int64]{typ: arrow.PrimitiveTypes.Int64}}, arrow.PrimitiveTypes.Int64, nil
	case mapping.TypeVarchar:
		return &texts{b: array.NewStringBuilder(memory.DefaultAllocator)}, arrow.BinaryTypes.String, nil
	case mapping.TypeEnum:
		return newEnum(t), &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, nil
	default:
		return nil, nil, fmt.Errorf("type %d has no copy", id)
	}
}

// add copies a chunk and emits a batch when one is full.
func (c *copier) add(chunk mapping.DataChunk) error {
	n := int(mapping.DataChunkGetSize(chunk))
	for i, col := range c.cols {
		if err := col.add(mapping.DataChunkGetVector(chunk, mapping.IdxT(i)), n); err != nil {
			return fmt.Errorf("copy column %s: %w", c.schema.Field(i).Name, err)
		}
	}
	c.rows += n
	if c.rows+int(mapping.VectorSize()) > batchRows {
		return c.flush()
	}
	return nil
}

// flush emits what is gathered.
func (c *copier) flush() error {
	if c.rows == 0 {
		return nil
	}
	arrays := make([]arrow.Array, len(c.cols))
	for i, col := range c.cols {
		arrays[i] = col.take()
	}
	rec := array.NewRecord(c.schema, arrays, int64(c.rows))
	for _, a := range arrays {
		a.Release()
	}
	c.rows = 0
	defer rec.Release()
	return c.emit(rec)
}

// fixed copies vectors of fixed width.
type fixed[T any] struct {
	typ   arrow.DataType
	vals  []T
	valid []byte // bitmap; nil while all are valid
	nulls int
}

func newFixed[T any](typ arrow.DataType) (column, arrow.DataType, error) {
	return &fixed[T]{typ: typ}, typ, nil
}

func (f *fixed[T]) add(v mapping.Vector, rows int) error {
	data := unsafe.Slice((*T)(mapping.VectorGetData(v)), rows)
	at := len(f.vals)
	f.vals = append(f.vals, data...)
	var zero T
	eachNull(v, rows, func(i int) {
		f.vals[at+i] = zero
		f.null(at + i)
	})
	return nil
}

// null clears a bit, growing the bitmap to hold it.
func (f *fixed[T]) null(i int) {
	for len(f.valid)*8 <= i {
		f.valid = append(f.valid, 0xff)
	}
	f.valid[i/8] &^= 1 << (i % 8)
	f.nulls++
}

func (f *fixed[T]) take() arrow.Array {
	n := len(f.vals)
	var bitmap *memory.Buffer
	if f.nulls > 0 {
		for len(f.valid)*8 < n {
			f.valid = append(f.valid, 0xff)
		}
		if n%8 != 0 {
			f.valid[n/8] &= 1<<(n%8) - 1
		}
		bitmap = memory.NewBufferBytes(f.valid[:(n+7)/8])
	}
	var zero T
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f.vals))), n*int(unsafe.Sizeof(zero)))
	data := array.NewData(f.typ, n, []*memory.Buffer{bitmap, memory.NewBufferBytes(raw)}, nil, f.nulls, 0)
	defer data.Release()
	f.vals, f.valid, f.nulls = nil, nil, 0
	return array.MakeFromData(data)
}

// eachNull calls f for each null slot.
func eachNull(v mapping.Vector, rows int, f func(int)) {
	mask := mapping.VectorGetValidity(v)
	if mask == nil {
		return
	}
	words := unsafe.Slice((*uint64)(mask), (rows+63)/64)
	for w, word := range words {
		for gone := ^word; gone != 0; gone &= gone - 1 {
			if i := w*64 + bits.TrailingZeros64(gone); i < rows {
				f(i)
			}
		}
	}
}

// huge narrows 128-bit integers.
type huge struct{ fixed[int64] }

func (h *huge) add(v mapping.Vector, rows int) error {
	type hugeInt struct {
		lower uint64
		upper int64
	}
	at := len(h.vals)
	null := make(map[int]bool)
	eachNull(v, rows, func(i int) { null[i] = true })
	for i, x := range unsafe.Slice((*hugeInt)(mapping.VectorGetData(v)), rows) {
		switch narrow := int64(x.lower); {
		case null[i]:
			h.vals = append(h.vals, 0)
			h.null(at + i)
		case narrow>>63 != x.upper:
			return fmt.Errorf("a total does not fit 64 bits")
		default:
			h.vals = append(h.vals, narrow)
		}
	}
	return nil
}

// bools, texts and enums go through Arrow's own builders.
type bools struct{ b *array.BooleanBuilder }

func (b *bools) add(v mapping.Vector, rows int) error {
	mask := mapping.VectorGetValidity(v)
	for i, x := range unsafe.Slice((*bool)(mapping.VectorGetData(v)), rows) {
		if isNull(mask, i) {
			b.b.AppendNull()
		} else {
			b.b.Append(x)
		}
	}
	return nil
}

func (b *bools) take() arrow.Array { return b.b.NewArray() }

type texts struct{ b *array.StringBuilder }

func (t *texts) add(v mapping.Vector, rows int) error {
	mask := mapping.VectorGetValidity(v)
	cells := unsafe.Slice((*textCell)(mapping.VectorGetData(v)), rows)
	for i := range cells {
		if isNull(mask, i) {
			t.b.AppendNull()
		} else {
			t.b.Append(string(cells[i].bytes()))
		}
	}
	return nil
}

func (t *texts) take() arrow.Array { return t.b.NewArray() }

// textCell is DuckDB's 16-byte string: a length, then up to 12 bytes inline,
// or a 4-byte prefix and a pointer.
type textCell struct {
	length uint32
	inline [12]byte
}

func (c *textCell) bytes() []byte {
	if c.length <= 12 {
		return c.inline[:c.length]
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&c.inline[4])), c.length)
}

func isNull(mask unsafe.Pointer, i int) bool {
	return mask != nil && *(*uint64)(unsafe.Add(mask, i/64*8))&(1<<(i%64)) == 0
}

// enum keeps codes and, at the end, the labels that they use.
type enum struct {
	labels []string
	width  int
	codes  []int32 // -1 for null
}

func newEnum(t mapping.LogicalType) *enum {
	e := &enum{width: 1}
	for i := range mapping.EnumDictionarySize(t) {
		e.labels = append(e.labels, mapping.EnumDictionaryValue(t, mapping.IdxT(i)))
	}
	switch mapping.EnumInternalType(t) {
	case mapping.TypeUSmallInt:
		e.width = 2
	case mapping.TypeUInteger:
		e.width = 4
	}
	return e
}

func (e *enum) add(v mapping.Vector, rows int) error {
	mask, data := mapping.VectorGetValidity(v), mapping.VectorGetData(v)
	for i := range rows {
		code := int32(-1)
		if !isNull(mask, i) {
			switch p := unsafe.Add(data, i*e.width); e.width {
			case 1:
				code = int32(*(*uint8)(p))
			case 2:
				code = int32(*(*uint16)(p))
			default:
				code = int32(*(*uint32)(p))
			}
		}
		e.codes = append(e.codes, code)
	}
	return nil
}

func (e *enum) take() arrow.Array {
	used := make([]int32, len(e.labels))
	values := array.NewStringBuilder(memory.DefaultAllocator)
	defer values.Release()
	index := array.NewInt32Builder(memory.DefaultAllocator)
	defer index.Release()
	for _, c := range e.codes {
		if c < 0 {
			index.AppendNull()
			continue
		}
		if used[c] == 0 {
			values.Append(e.labels[c])
			used[c] = int32(values.Len())
		}
		index.Append(used[c] - 1)
	}
	e.codes = nil
	dict, idx := values.NewArray(), index.NewArray()
	defer dict.Release()
	defer idx.Release()
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, idx, dict)
}
