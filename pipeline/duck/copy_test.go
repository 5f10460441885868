package duck

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"
)

// A copied is one type of column: its SQL over the row number i, and the same
// value computed by Go.
type copied struct {
	sql  string
	want func(i int64) string // as the Arrow array shows it
}

const wide = "more than twelve bytes, so not inside the cell: "

var kinds = map[string]copied{
	"bool":      {"i % 3 = 0", func(i int64) string { return fmt.Sprint(i%3 == 0) }},
	"int8":      {"CAST(i % 256 - 128 AS TINYINT)", func(i int64) string { return fmt.Sprint(i%256 - 128) }},
	"int16":     {"CAST(i % 65536 - 32768 AS SMALLINT)", func(i int64) string { return fmt.Sprint(i%65536 - 32768) }},
	"int32":     {"CAST(i * 7919 - 2147483648 AS INTEGER)", func(i int64) string { return fmt.Sprint(i*7919 - 2147483648) }},
	"int64":     {"i * 46000000000000 - 9223372036854775807", func(i int64) string { return fmt.Sprint(i*46000000000000 - 9223372036854775807) }},
	"uint8":     {"CAST(i % 256 AS UTINYINT)", func(i int64) string { return fmt.Sprint(i % 256) }},
	"uint16":    {"CAST(i % 65536 AS USMALLINT)", func(i int64) string { return fmt.Sprint(i % 65536) }},
	"uint32":    {"CAST(4294967295 - i AS UINTEGER)", func(i int64) string { return fmt.Sprint(4294967295 - i) }},
	"uint64":    {"CAST(18446744073709551615 - i AS UBIGINT)", func(i int64) string { return fmt.Sprint(18446744073709551615 - uint64(i)) }},
	"float":     {"CAST(i AS FLOAT) / 4", func(i int64) string { return fmt.Sprint(float32(i) / 4) }},
	"double":    {"CAST(i AS DOUBLE) / 3", func(i int64) string { return fmt.Sprint(float64(i) / 3) }},
	"date":      {"DATE '2020-01-01' + CAST(i AS INTEGER)", func(i int64) string { return fmt.Sprint(arrow.Date32(18262 + i)) }},
	"timestamp": {"make_timestamp(i * 1000003)", func(i int64) string { return fmt.Sprint(arrow.Timestamp(i * 1000003)) }},
	"hugeint":   {"CAST(i AS HUGEINT) - 9223372036854775808", func(i int64) string { return fmt.Sprint(i + (-9223372036854775808)) }},
	"short":     {"CAST(i AS VARCHAR)", func(i int64) string { return fmt.Sprint(i) }},
	"long":      {"'" + wide + "' || i", func(i int64) string { return wide + fmt.Sprint(i) }},
	"empty":     {"repeat('é', i % 14)", func(i int64) string { return strings.Repeat("é", int(i%14)) }},
	"enum8":     {"CAST('a' || i % 3 AS few)", func(i int64) string { return "a" + strconv.Itoa(int(i%3)) }},
	"enum16":    {"CAST('b' || i % 290 AS many)", func(i int64) string { return "b" + strconv.Itoa(int(i%290)) }},
	"enum32":    {"CAST('c' || i % 69000 AS more)", func(i int64) string { return "c" + strconv.Itoa(int(i%69000)) }},
	"nothing":   {"CAST(NULL AS BIGINT)", nil},
}

// enums makes types of which the queries use only some labels.
func enums(t testing.TB, c *conn) {
	c.must(t, "CREATE TYPE few AS ENUM ('unused', 'a2', 'a1', 'a0', 'unused too')")
	c.must(t, "CREATE TYPE many AS ENUM (SELECT 'b' || i FROM range(300) t(i))")
	c.must(t, "CREATE TYPE more AS ENUM (SELECT 'c' || i FROM range(70000) t(i))")
}

// TestCopierProperty draws tables of every type, with nulls of any density,
// around the sizes of vectors and batches, and holds each cell against what Go
// computes for it.
func TestCopierProperty(t *testing.T) {
	c := scratch(t)
	enums(t, c)
	var all []string
	for k := range kinds {
		all = append(all, k)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.SampledFrom([]int{0, 1, 63, 64, 65, 2047, 2048, 2049, batchRows - 1, batchRows, batchRows + 1}), rapid.IntRange(0, 5000)).Draw(t, "rows")
		every := rapid.SampledFrom([]int64{1, 2, 3, 7, 1000, 1 << 40}).Draw(t, "a null every")
		names := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 5, rapid.ID).Draw(t, "columns")
		compareCopy(t, c, n, every, names)
	})
}

// TestCopierBatches copies every type over several batches.
func TestCopierBatches(t *testing.T) {
	c := scratch(t)
	enums(t, c)
	var all []string
	for k := range kinds {
		all = append(all, k)
	}
	compareCopy(t, c, 3*batchRows+17, 5, all)
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

func compareCopy(t failer, c *conn, n int, every int64, names []string) {
	t.Helper()
	isNull := func(i int64, col int) bool { return every == 1 || (i+int64(col))%every == 0 }
	sel := []string{"i"}
	for col, k := range names {
		sel = append(sel, fmt.Sprintf("CASE WHEN NOT (%d = 1 OR (i + %d) %% %d = 0) THEN %s END AS %s", every, col, every, kinds[k].sql, k))
	}
	rows, seen := 0, make([]bool, n)
	err := c.batches(context.Background(), "copy", "SELECT "+strings.Join(sel, ", ")+" FROM range("+strconv.Itoa(n)+") t(i)", append([]string{"i"}, names...), func(r arrow.Record) error {
		if r.NumRows() > batchRows {
			t.Fatalf("a batch has %d rows", r.NumRows())
		}
		rows += int(r.NumRows())
		ids := r.Column(0).(*array.Int64)
		for col, k := range names {
			a := r.Column(col + 1)
			if err := clean(a); err != nil {
				t.Fatalf("column %s: %v", k, err)
			}
			for j := range int(r.NumRows()) {
				i := ids.Value(j)
				if k == "nothing" || isNull(i, col) {
					if !a.IsNull(j) {
						t.Fatalf("column %s of row %d is not null", k, i)
					}
					continue
				}
				if got, want := show(a, j), kinds[k].want(i); a.IsNull(j) || got != want {
					t.Fatalf("column %s of row %d: got %s, want %s", k, i, got, want)
				}
			}
		}
		for j := range ids.Len() {
			if seen[ids.Value(j)] {
				t.Fatalf("row %d came twice", ids.Value(j))
			}
			seen[ids.Value(j)] = true
		}
		return nil
	})
	if err != nil || rows != n {
		t.Fatalf("got %d rows of %d: %v", rows, n, err)
	}
}

// show is one cell, by the typed value and not by ValueStr, which formats.
func show(a arrow.Array, i int) string {
	switch a := a.(type) {
	case *array.Boolean:
		return fmt.Sprint(a.Value(i))
	case *array.Int8:
		return fmt.Sprint(a.Value(i))
	case *array.Int16:
		return fmt.Sprint(a.Value(i))
	case *array.Int32:
		return fmt.Sprint(a.Value(i))
	case *array.Int64:
		return fmt.Sprint(a.Value(i))
	case *array.Uint8:
		return fmt.Sprint(a.Value(i))
	case *array.Uint16:
		return fmt.Sprint(a.Value(i))
	case *array.Uint32:
		return fmt.Sprint(a.Value(i))
	case *array.Uint64:
		return fmt.Sprint(a.Value(i))
	case *array.Float32:
		return fmt.Sprint(a.Value(i))
	case *array.Float64:
		return fmt.Sprint(a.Value(i))
	case *array.Date32:
		return fmt.Sprint(a.Value(i))
	case *array.Timestamp:
		return fmt.Sprint(a.Value(i))
	case *array.String:
		return a.Value(i)
	case *array.Dictionary:
		return a.Dictionary().(*array.String).Value(a.GetValueIndex(i))
	}
	return fmt.Sprintf("%T", a)
}

// clean says whether an array shows all that its buffers hold: zeros under
// nulls, no label without a row, nothing past the end.
func clean(a arrow.Array) error {
	data, n := a.Data(), a.Len()
	if data.Offset() != 0 {
		return fmt.Errorf("it is a slice")
	}
	switch a := a.(type) {
	case *array.Dictionary:
		used := make([]bool, a.Dictionary().Len())
		for i := range n {
			if !a.IsNull(i) {
				used[a.GetValueIndex(i)] = true
			}
		}
		for l, u := range used {
			if !u {
				return fmt.Errorf("label %d of %d is not used", l, len(used))
			}
		}
		return clean(a.Indices())
	case *array.String:
		for i := range n {
			if a.IsNull(i) && a.ValueOffset(i) != a.ValueOffset(i+1) {
				return fmt.Errorf("bytes under the null %d", i)
			}
		}
		if got, want := data.Buffers()[2].Len(), a.ValueOffset(n); got != want && n > 0 {
			return fmt.Errorf("%d bytes of text, %d shown", got, want)
		}
		return nil
	case *array.Boolean:
		bits := data.Buffers()[1].Bytes()
		for i := range len(bits) * 8 {
			if (i >= n || a.IsNull(i)) && bits[i/8]>>(i%8)&1 == 1 {
				return fmt.Errorf("a bit under the null %d", i)
			}
		}
		return nil
	}
	width := a.DataType().(arrow.FixedWidthDataType).BitWidth() / 8
	raw := data.Buffers()[1].Bytes()
	for i := 0; i*width < len(raw); i++ {
		if i < n && !a.IsNull(i) {
			continue
		}
		for _, b := range raw[i*width : (i+1)*width] {
			if b != 0 {
				return fmt.Errorf("bytes under the null or past the end at %d", i)
			}
		}
	}
	return nil
}

// TestCleanSeesLeftovers is the control of clean: what a plain copy, a slice
// and a borrowed dictionary leave behind is found.
func TestCleanSeesLeftovers(t *testing.T) {
	valid := memory.NewBufferBytes([]byte{0b101})
	raw := memory.NewBufferBytes([]byte{1, 2, 3})
	plain := array.MakeFromData(array.NewData(arrow.PrimitiveTypes.Int8, 3, []*memory.Buffer{valid, raw}, nil, 1, 0))
	offsets := memory.NewBufferBytes([]byte{0, 0, 0, 0, 5, 0, 0, 0})
	text := array.MakeFromData(array.NewData(arrow.BinaryTypes.String, 1, []*memory.Buffer{memory.NewBufferBytes([]byte{0}), offsets, memory.NewBufferBytes([]byte("alice"))}, nil, 1, 0))
	labels := array.NewStringBuilder(memory.DefaultAllocator)
	labels.AppendValues([]string{"shown", "suppressed"}, nil)
	index := array.NewInt32Builder(memory.DefaultAllocator)
	index.Append(0)
	dict := array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, index.NewArray(), labels.NewArray())
	for name, a := range map[string]arrow.Array{"under a null": plain, "text under a null": text, "an unused label": dict, "a slice": array.NewSlice(plain, 1, 2)} {
		if clean(a) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// TestHugeTotals: a total that does not fit is an error, never another number,
// and the error does not show it.
func TestHugeTotals(t *testing.T) {
	c := scratch(t)
	for total, fits := range map[string]bool{
		"9223372036854775807": true, "9223372036854775808": false, "-9223372036854775808": true, "-9223372036854775809": false,
		"18446744073709551616": false, "-170141183460469231731687303715884105728": false,
	} {
		got := ""
		err := c.batches(context.Background(), "aggregate", "SELECT CAST('"+total+"' AS HUGEINT)", []string{"t:steps"}, func(r arrow.Record) error {
			got = show(r.Column(0), 0)
			return nil
		})
		if fits != (err == nil) || fits && got != total {
			t.Errorf("total %s: got %s, %v", total, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), total) || !strings.Contains(err.Error(), "t:steps")) {
			t.Errorf("the error says %q", err)
		}
	}
	c.must(t, "CREATE TABLE a AS SELECT 9223372036854775807::BIGINT AS v FROM range(2)")
	if err := c.batches(context.Background(), "aggregate", "SELECT sum(v) FROM a", []string{"v"}, func(arrow.Record) error { return nil }); err == nil {
		t.Error("SUM(BIGINT) beyond 64 bits passed")
	}
}

func TestCopierTypes(t *testing.T) {
	c := scratch(t)
	for _, typ := range []string{"INTERVAL", "UUID", "BLOB", "TIME", "TIMESTAMPTZ", "DECIMAL(9,2)", "INTEGER[]", "STRUCT(a INTEGER)", "UHUGEINT", "TIMESTAMP_NS"} {
		err := c.batches(context.Background(), "copy", "SELECT CAST(NULL AS "+typ+")", []string{"x"}, func(arrow.Record) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "copy column x") {
			t.Errorf("%s: got %v, want an error that names the column", typ, err)
		}
	}
}

const benchSQL = "SELECT i AS a, i * 3 AS b, CAST(i AS DOUBLE) / 7 AS c, CASE WHEN i %% 5 = 0 THEN NULL ELSE i END AS d, 'label ' || i %% 10 AS e, DATE '2026-01-01' + CAST(i %% 365 AS INTEGER) AS f FROM range(%d) t(i)"

// BenchmarkCopier prints rows/s of the copier and, in the same run, of the
// usual way, one Scan a row.
func BenchmarkCopier(b *testing.B) {
	const rows = 1_000_000
	b.Run("batches", func(b *testing.B) {
		c := scratch(b)
		for b.Loop() {
			n := int64(0)
			if err := c.batches(context.Background(), "copy", fmt.Sprintf(benchSQL, rows), []string{"a", "b", "c", "d", "e", "f"}, func(r arrow.Record) error {
				n += r.NumRows()
				return nil
			}); err != nil || n != rows {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("scan per row", func(b *testing.B) {
		db, err := sql.Open("duckdb", "")
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		for b.Loop() {
			res, err := db.Query(fmt.Sprintf(benchSQL, rows/10))
			if err != nil {
				b.Fatal(err)
			}
			for res.Next() {
				var x, y int64
				var z float64
				var d sql.NullInt64
				var e string
				var f sql.NullTime
				if err := res.Scan(&x, &y, &z, &d, &e, &f); err != nil {
					b.Fatal(err)
				}
			}
			res.Close()
		}
		b.ReportMetric(rows/10*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
