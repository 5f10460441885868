package deliver

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"lethe/pipeline/release"
)

// TestNothingHiddenLeaves is the bytes oracle: what no row shows is nowhere in the files, pages decompressed.
func TestNothingHiddenLeaves(t *testing.T) {
	table := sampleTable(2000, true)
	arrowBytes, parquetBytes := encoded(t, table)
	if found := leaks(arrowBytes); len(found) != 0 {
		t.Errorf("data.arrow holds the hidden %v", found)
	}
	if found := leaks(append(pages(t, parquetBytes), parquetBytes...)); len(found) != 0 {
		t.Errorf("data.parquet holds the hidden %v", found)
	}
}

// TestBytesOracleSees: the same scan of a table that is written as it lies there finds what is hidden.
func TestBytesOracleSees(t *testing.T) {
	schema, batch := naive(sampleTable(2000, true))
	defer batch.Release()

	out := writeNaive(t, schema, batch)
	if found := leaks(out); !slices.Equal(found, []string{"float", "int", "label"}) {
		t.Errorf("Arrow: got %v, want all three", found)
	}

	var pq bytes.Buffer
	props := parquet.NewWriterProperties(parquet.WithDictionaryDefault(true))
	w, err := pqarrow.NewFileWriter(schema, &pq, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if found := leaks(pages(t, pq.Bytes())); !slices.Contains(found, "label") {
		t.Errorf("Parquet: got %v, want the label of a dictionary that was not rebuilt", found)
	}
}

func writeNaive(t *testing.T, schema *arrow.Schema, batch arrow.Record) []byte {
	t.Helper()
	out := &buffer{}
	w, err := ipc.NewFileWriter(out, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// leaks names the secrets that bytes hold.
func leaks(b []byte) []string {
	var found []string
	all := secrets()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if bytes.Contains(b, all[name]) {
			found = append(found, name)
		}
	}
	return found
}

// pages returns every page of a Parquet file, decompressed, dictionaries included.
func pages(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for g := range r.NumRowGroups() {
		for c := range r.MetaData().Schema.NumColumns() {
			p, err := r.RowGroup(g).GetColumnPageReader(c)
			if err != nil {
				t.Fatal(err)
			}
			for p.Next() {
				out = append(out, p.Page().Data()...)
			}
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// naive writes down a table the easy way: whole dictionaries, values as they lie under the marks. The region is a slice
// of a longer column.
func naive(table *release.Table) (*arrow.Schema, arrow.Record) {
	region, records, steps := &table.Columns[1], &table.Columns[3], &table.Columns[4]
	labels := array.NewStringBuilder(memory.DefaultAllocator)
	labels.AppendValues(region.Labels, nil)
	codes := array.NewInt32Builder(memory.DefaultAllocator)
	codes.AppendValues(append([]int32{2}, region.Codes...), append([]bool{true}, region.Valid...))
	whole := array.NewDictionaryArray(dictionaryType, codes.NewArray(), labels.NewArray())
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	ints.AppendValues(records.Ints, records.Valid)
	floats := array.NewFloat64Builder(memory.DefaultAllocator)
	floats.AppendValues(steps.Floats, steps.Valid)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "region", Type: dictionaryType, Nullable: true},
		{Name: "records", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "steps", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	return schema, array.NewRecord(schema, []arrow.Array{
		array.NewSlice(whole, 1, int64(table.Rows)+1), ints.NewArray(), floats.NewArray(),
	}, int64(table.Rows))
}

// TestFilesSayOnlyWhatIsAllowed looks at what is neither a value nor a name: metadata, creator, statistics, borders.
func TestFilesSayOnlyWhatIsAllowed(t *testing.T) {
	table := sampleTable(batchRows+1, true)
	arrowBytes, parquetBytes := encoded(t, table)
	own := []string{"lethe.dataset", "lethe.label", "lethe.plan", "lethe.release"}
	if got := readArrow(t, arrowBytes).Schema().Metadata().Keys(); !slices.Equal(slices.Sorted(slices.Values(got)), own) {
		t.Errorf("data.arrow: got metadata %v, want %v", got, own)
	}

	r, err := file.NewParquetReader(bytes.NewReader(parquetBytes))
	if err != nil {
		t.Fatal(err)
	}
	meta := r.MetaData()
	got, want := slices.Sorted(slices.Values(meta.KeyValueMetadata().Keys())), append([]string{"ARROW:schema"}, own...)
	if !slices.Equal(got, want) {
		t.Errorf("data.parquet: got metadata %v, want %v", got, want)
	}
	if meta.GetCreatedBy() != "lethe version 1" {
		t.Errorf("data.parquet: got creator %q", meta.GetCreatedBy())
	}
	if r.NumRowGroups() != 2 || meta.RowGroup(0).NumRows() != batchRows {
		t.Errorf("data.parquet: got %d row groups, the first of %d rows", r.NumRowGroups(), meta.RowGroup(0).NumRows())
	}
	for g := range r.NumRowGroups() {
		for c := range meta.Schema.NumColumns() {
			chunk, err := meta.RowGroup(g).ColumnChunk(c)
			if err != nil {
				t.Fatal(err)
			}
			if set, err := chunk.StatsSet(); err != nil || set {
				t.Errorf("row group %d, column %d: has statistics (%v)", g, c, err)
			}
		}
	}
	checkNoValueUnderMissing(t, arrowBytes)
}

func checkNoValueUnderMissing(t *testing.T, arrowBytes []byte) {
	t.Helper()
	read := readArrow(t, arrowBytes)
	for i := range int(read.NumCols()) {
		for _, chunk := range read.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				if chunk.IsNull(j) && !zeroAt(chunk, j) {
					t.Fatalf("column %d, row %d: something lies under a missing value", i, j)
				}
			}
		}
	}
}

func zeroAt(a arrow.Array, i int) bool {
	switch a := a.(type) {
	case *array.Dictionary:
		return a.GetValueIndex(i) == 0
	case *array.Int64:
		return a.Int64Values()[i] == 0
	case *array.Float64:
		return a.Float64Values()[i] == 0
	}
	return !a.(*array.Boolean).Value(i)
}
