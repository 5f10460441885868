package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// A relation is a source table in a test's hands: named, typed columns, and rows of nil, int64, float64, string, bool,
// arrow.Date32, arrow.Timestamp (µs) or, for a nested column, []any.
type relation struct {
	cols []arrow.Field
	rows [][]any
}

// Types of columns.
var (
	tInt    = arrow.PrimitiveTypes.Int64
	tInt32  = arrow.PrimitiveTypes.Int32
	tFloat  = arrow.PrimitiveTypes.Float64
	tText   = arrow.BinaryTypes.String
	tBool   = arrow.FixedWidthTypes.Boolean
	tDate   = arrow.FixedWidthTypes.Date32
	tMoment = &arrow.TimestampType{Unit: arrow.Microsecond}
)

// table makes an empty relation of names and types in turns.
func table(pairs ...any) *relation {
	r := &relation{}
	for i := 0; i < len(pairs); i += 2 {
		r.cols = append(r.cols, arrow.Field{Name: pairs[i].(string), Type: pairs[i+1].(arrow.DataType), Nullable: true})
	}
	return r
}

func (r *relation) add(values ...any) {
	if len(values) != len(r.cols) {
		panic(fmt.Sprintf("%d values for %d columns", len(values), len(r.cols)))
	}
	r.rows = append(r.rows, values)
}

// at is the number of a column.
func (r *relation) at(name string) int {
	i := slices.IndexFunc(r.cols, func(f arrow.Field) bool { return f.Name == name })
	if i < 0 {
		panic("no column " + name)
	}
	return i
}

// texts are the values of a column, as text.
func (r *relation) texts(name string) []string {
	var out []string
	at := r.at(name)
	for _, row := range r.rows {
		if row[at] != nil {
			out = append(out, fmt.Sprint(row[at]))
		}
	}
	return out
}

// where keeps the rows that a test of one column wants.
func (r *relation) where(name string, want func(any) bool) *relation {
	out := &relation{cols: r.cols}
	at := r.at(name)
	for _, row := range r.rows {
		if want(row[at]) {
			out.rows = append(out.rows, row)
		}
	}
	return out
}

func (r *relation) clone() *relation {
	out := &relation{cols: slices.Clone(r.cols)}
	for _, row := range r.rows {
		out.rows = append(out.rows, slices.Clone(row))
	}
	return out
}

// widened has one column more, whose values are value(row number).
func (r *relation) widened(name string, typ arrow.DataType, value func(int) any) *relation {
	out := r.clone()
	out.cols = append(out.cols, arrow.Field{Name: name, Type: typ, Nullable: true})
	for i := range out.rows {
		out.rows[i] = append(out.rows[i], value(i))
	}
	return out
}

func (r *relation) renamed(from, to string) *relation {
	out := r.clone()
	out.cols[r.at(from)].Name = to
	return out
}

func (r *relation) without(name string) *relation {
	out := r.clone()
	at := r.at(name)
	out.cols = slices.Delete(out.cols, at, at+1)
	for i := range out.rows {
		out.rows[i] = slices.Delete(out.rows[i], at, at+1)
	}
	return out
}

// shuffled has the same rows in another order.
func (r *relation) shuffled(rng *rand.Rand) *relation {
	out := &relation{cols: r.cols, rows: slices.Clone(r.rows)}
	rng.Shuffle(len(out.rows), func(i, j int) { out.rows[i], out.rows[j] = out.rows[j], out.rows[i] })
	return out
}

// parquet is the relation as a file.
func (r *relation) parquet(t testing.TB) []byte {
	t.Helper()
	schema := arrow.NewSchema(r.cols, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, row := range r.rows {
		for i, v := range row {
			appendValue(b.Field(i), v)
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func appendValue(b array.Builder, v any) {
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(v.(int64))
	case *array.Int32Builder:
		b.Append(int32(v.(int64)))
	case *array.Float64Builder:
		b.Append(v.(float64))
	case *array.StringBuilder:
		b.Append(v.(string))
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case *array.Date32Builder:
		b.Append(v.(arrow.Date32))
	case *array.TimestampBuilder:
		b.Append(v.(arrow.Timestamp))
	case *array.ListBuilder:
		b.Append(true)
		for _, x := range v.([]any) {
			appendValue(b.ValueBuilder(), x)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i, x := range v.([]any) {
			appendValue(b.FieldBuilder(i), x)
		}
	default:
		panic(fmt.Sprintf("no way to append to %T", b))
	}
}

// save writes the relation below a source folder.
func (r *relation) save(t testing.TB, source, path string) {
	t.Helper()
	put(t, filepath.Join(source, path), r.parquet(t))
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// load reads a file of the sample.
func load(t testing.TB, path string) *relation {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tbl, err := pqarrow.ReadTable(context.Background(), f, parquet.NewReaderProperties(nil), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer tbl.Release()
	r := &relation{rows: make([][]any, tbl.NumRows())}
	for i := range int(tbl.NumCols()) {
		field := tbl.Schema().Field(i)
		r.cols = append(r.cols, arrow.Field{Name: field.Name, Type: plain(field.Type), Nullable: true})
		row := 0
		for _, chunk := range tbl.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				r.rows[row] = append(r.rows[row], cell(chunk, j))
				row++
			}
		}
	}
	return r
}

func plain(t arrow.DataType) arrow.DataType {
	if t.ID() == arrow.TIMESTAMP {
		return tMoment
	}
	return t
}

func cell(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return cell(a.Dictionary(), a.GetValueIndex(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.Boolean:
		return a.Value(i)
	case *array.Date32:
		return a.Value(i)
	case *array.Timestamp:
		return a.Value(i)
	}
	panic(fmt.Sprintf("no way to read %T", a))
}

// tables are a source: relations by the path of their file.
type tables map[string]*relation

func (s tables) save(t testing.TB, dir string) string {
	t.Helper()
	for path, r := range s {
		r.save(t, dir, path)
	}
	return dir
}

// saveChanged saves tables of which many are those that were saved before, and linked here.
func (s tables) saveChanged(t testing.TB, base tables, saved, dir string) string {
	t.Helper()
	for path, r := range s {
		if base[path] != r {
			r.save(t, dir, path)
			continue
		}
		to := filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Link(filepath.Join(saved, path), to)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadSample reads every Parquet file of the sample but minutes, which no policy opens. The rows are shared: they are
// not to be changed in place.
func loadSample(t testing.TB) tables {
	t.Helper()
	loadOnce.Do(func() { loaded = readSample(t) })
	return maps.Clone(loaded)
}

var (
	loadOnce sync.Once
	loaded   tables
)

func readSample(t testing.TB) tables {
	t.Helper()
	out := tables{}
	for _, glob := range []string{"*.parquet", "*/*/*.parquet"} {
		paths, _ := filepath.Glob(filepath.Join(sampleSource, glob))
		for _, path := range paths {
			rel, _ := filepath.Rel(sampleSource, path)
			if filepath.Dir(filepath.Dir(rel)) != "minutes" {
				out[rel] = load(t, path)
			}
		}
	}
	if len(out) < 30 {
		t.Fatalf("the sample has %d files", len(out))
	}
	return out
}

// of are the tables with the rows of some accounts alone.
func (s tables) of(keep func(account any) bool) tables {
	out := tables{}
	for path, r := range s {
		out[path] = r.where("account_id", keep)
	}
	return out
}

// few are the sample's first accounts, and rows of nobody.
func (s tables) few(n int) tables {
	in := map[any]bool{nil: true}
	for _, row := range s["accounts.parquet"].rows[:n] {
		in[row[0]] = true
	}
	return s.of(func(a any) bool { return in[a] })
}

func date(iso string) arrow.Date32 {
	d, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		panic(err)
	}
	return arrow.Date32FromTime(d)
}

func moment(iso string) arrow.Timestamp {
	m, err := time.Parse(time.DateTime, iso)
	if err != nil {
		panic(err)
	}
	return arrow.Timestamp(m.UnixMicro())
}
