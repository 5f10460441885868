package deliver

import (
	"bytes"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// arrowFile returns an uncompressed Arrow IPC file of the columns: a dictionary for each Category, then batches of
// batchRows.
func arrowFile(columns []visible, schema *arrow.Schema) ([]byte, error) {
	out := &buffer{}
	w, err := ipc.NewFileWriter(out, ipc.WithSchema(schema), ipc.WithAllocator(memory.DefaultAllocator))
	if err != nil {
		return nil, fmt.Errorf("write Arrow: %w", err)
	}
	dicts := make([]arrow.Array, len(columns))
	for i := range columns {
		if dicts[i] = columns[i].dictionary(); dicts[i] != nil {
			defer dicts[i].Release()
		}
	}
	rows := columns[0].rows
	for from := 0; from == 0 || from < rows; from += batchRows { // a table without rows is one empty batch
		if err := writeBatch(w, schema, columns, dicts, from, min(from+batchRows, rows)); err != nil {
			return nil, fmt.Errorf("write Arrow, rows from %d: %w", from, err)
		}
	}
	out.Write(endOfStream)
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write Arrow footer: %w", err)
	}
	return out.Bytes(), nil
}

// endOfStream stands between the last batch and the footer by the Arrow columnar format. The writer leaves it out
// (apache/arrow#43837), and readers that treat a file as a stream miss it.
var endOfStream = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

func writeBatch(w *ipc.FileWriter, schema *arrow.Schema, columns []visible, dicts []arrow.Array, from, to int) error {
	arrays := make([]arrow.Array, len(columns))
	for i := range columns {
		arrays[i] = columns[i].array(from, to, dicts[i])
		defer arrays[i].Release()
	}
	batch := array.NewRecord(schema, arrays, int64(to-from))
	defer batch.Release()
	return w.Write(batch)
}

// A buffer is a file in memory that tells its writer where it is. Memory cannot run full half-way as a disk can.
type buffer struct{ bytes.Buffer }

func (b *buffer) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, fmt.Errorf("seek to %d, %d: only asked where it is", offset, whence)
	}
	return int64(b.Len()), nil
}
