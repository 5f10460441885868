package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"lethe/pipeline/release"
)

// samples are tables around the borders: nothing, one row, pqarrow's 1,024, one row more than a batch, and columns
// without a value.
func samples() map[string]*release.Table {
	tables := map[string]*release.Table{}
	for _, rows := range []int{0, 1, 7, 1025, batchRows + 1} {
		tables[fmt.Sprint(rows)] = sampleTable(rows, true)
	}
	missing := sampleTable(5, true)
	for i := range missing.Columns {
		missing.Columns[i].Valid = make([]bool, 5)
	}
	tables["missing"] = missing
	return tables
}

func TestReadBack(t *testing.T) {
	for name, table := range samples() {
		t.Run(name, func(t *testing.T) {
			arrowBytes, parquetBytes := encoded(t, table)
			checkRead(t, "Arrow", table, readArrow(t, arrowBytes))
			checkRead(t, "Arrow as a stream", table, readStream(t, arrowBytes))
			checkRead(t, "Parquet", table, readParquet(t, parquetBytes))
		})
	}
}

func readArrow(t *testing.T, b []byte) arrow.Table {
	r, err := ipc.NewFileReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var batches []arrow.Record
	for i := range r.NumRecords() {
		batch, err := r.RecordAt(i)
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, batch)
	}
	return array.NewTableFromRecords(r.Schema(), batches)
}

// readStream reads an Arrow file as the stream that follows its 8 bytes of magic and ends before its footer.
func readStream(t *testing.T, b []byte) arrow.Table {
	r, err := ipc.NewReader(bytes.NewReader(b[8:]))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var batches []arrow.Record
	for r.Next() {
		r.Record().Retain()
		batches = append(batches, r.Record())
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return array.NewTableFromRecords(r.Schema(), batches)
}

func readParquet(t *testing.T, b []byte) arrow.Table {
	f, err := file.NewParquetReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// checkRead compares names, types, descriptions, and every slot.
func checkRead(t *testing.T, format string, table *release.Table, got arrow.Table) {
	t.Helper()
	if int(got.NumRows()) != table.Rows || int(got.NumCols()) != len(table.Columns) {
		t.Fatalf("%s: got %d rows, %d columns", format, got.NumRows(), got.NumCols())
	}
	columns := visibleColumns(table)
	for i := range table.Columns {
		c, f := &table.Columns[i], got.Schema().Field(i)
		said := f.Metadata.ToMap()
		delete(said, "PARQUET:field_id") // the reader's own addition
		if wanted := columns[i].field(); f.Name != wanted.Name || f.Nullable != wanted.Nullable ||
			f.Type.Fingerprint() != wanted.Type.Fingerprint() || !maps.Equal(said, wanted.Metadata.ToMap()) {
			t.Errorf("%s: got field %v, want %v", format, f, wanted)
		}
		row := 0
		for _, chunk := range got.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				if g, w := slot(chunk, j), want(c, row); g != w {
					t.Fatalf("%s: %s row %d: got %v, want %v", format, c.Name, row, g, w)
				}
				row++
			}
		}
	}
}

func slot(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return a.Dictionary().(*array.String).Value(a.GetValueIndex(i))
	case *array.Float64:
		return fmt.Sprint(math.Float64bits(a.Value(i)))
	}
	return a.ValueStr(i)
}

// TestPythonReaders has pyarrow and polars read both files and compare them with the table and with each other.
func TestPythonReaders(t *testing.T) {
	if err := exec.Command("python3", "-c", "import pyarrow, polars").Run(); err != nil {
		t.Skip("python3 with pyarrow and polars is not here")
	}
	dir := t.TempDir()
	for name, table := range samples() {
		arrowBytes, parquetBytes := encoded(t, table)
		base := filepath.Join(dir, name)
		write(t, base+".arrow", arrowBytes)
		write(t, base+".parquet", parquetBytes)
		write(t, base+".json", expected(t, table))
	}
	out, err := exec.Command("python3", "testdata/readers.py", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// expected is the table as readers.py wants it: rows of values, the dictionaries, the descriptions.
func expected(t *testing.T, table *release.Table) []byte {
	type column struct {
		Name       string            `json:"name"`
		Kind       string            `json:"kind"`
		Values     []any             `json:"values"`
		Dictionary []string          `json:"dictionary"`
		Metadata   map[string]string `json:"metadata"`
	}
	var out []column
	columns := visibleColumns(table)
	for i := range table.Columns {
		c, meta := &table.Columns[i], columns[i].field().Metadata
		e := column{c.Name, c.Kind.String(), []any{}, columns[i].labels, meta.ToMap()}
		for row := range table.Rows {
			var v any
			switch {
			case c.Null(row):
			case c.Kind == release.Category:
				v = c.Labels[c.Codes[row]]
			case c.Kind == release.Int:
				v = c.Ints[row]
			case c.Kind == release.Decimal:
				v = c.Floats[row]
			case c.Kind == release.Bool:
				v = c.Bools[row]
			}
			e.Values = append(e.Values, v)
		}
		out = append(out, e)
	}
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSameRowsSameBytes: the files are a function of what can be seen, of nothing that lies hidden and of no run.
func TestSameRowsSameBytes(t *testing.T) {
	arrow1, parquet1 := encoded(t, sampleTable(2000, true))
	arrow2, parquet2 := encoded(t, sampleTable(2000, false))
	if !slices.Equal(arrow1, arrow2) || !slices.Equal(parquet1, parquet2) {
		t.Error("the same visible rows gave other bytes")
	}
}
