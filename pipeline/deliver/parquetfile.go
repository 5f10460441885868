package deliver

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"lethe/pipeline/release"
)

// parquetFile returns the columns as Parquet with zstd, a row group every batchRows. It uses the column writers below
// pqarrow: they take the values that are there and no others, so nothing lies under a missing one, and pqarrow drops the
// errors of boolean columns and cannot write nullable dictionaries of more than 1,024 rows. Statistics are off: nobody
// prunes a few groups, and what is not there need not be proven right. The Arrow schema (names, types, descriptions, no
// value) is stored, so that Arrow readers get categories and descriptions back.
func parquetFile(columns []visible, as *arrow.Schema) (_ []byte, err error) {
	defer func() { // the library panics where a type or a count is not what it expects
		if r := recover(); r != nil {
			err = fmt.Errorf("write Parquet: %v", r)
		}
	}()
	root, props, err := parquetSchema(columns)
	if err != nil {
		return nil, fmt.Errorf("write Parquet schema: %w", err)
	}
	meta, err := keyValues(as)
	if err != nil {
		return nil, fmt.Errorf("write Parquet schema: %w", err)
	}
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(props), file.WithWriteMetadata(meta))
	for from := 0; from < columns[0].rows; from += batchRows {
		if err := writeRowGroup(w, columns, from, min(from+batchRows, columns[0].rows)); err != nil {
			return nil, fmt.Errorf("write Parquet, rows from %d: %w", from, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write Parquet footer: %w", err)
	}
	return out.Bytes(), nil
}

func parquetSchema(columns []visible) (*schema.GroupNode, *parquet.WriterProperties, error) {
	options := []parquet.WriterProperty{
		parquet.WithCreatedBy("lethe version 1"),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithStats(false),
		parquet.WithDictionaryDefault(false),
	}
	var fields schema.FieldList
	for i := range columns {
		v := &columns[i]
		rep := parquet.Repetitions.Required
		if v.valid != nil {
			rep = parquet.Repetitions.Optional
		}
		var n schema.Node
		var err error
		switch v.Kind {
		case release.Category:
			n, err = schema.NewPrimitiveNodeLogical(v.Name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
			options = append(options, parquet.WithDictionaryPath(parquet.ColumnPath{v.Name}, true))
		case release.Int:
			n = schema.NewInt64Node(v.Name, rep, -1)
		case release.Decimal:
			n = schema.NewFloat64Node(v.Name, rep, -1)
		default: // Bool
			n = schema.NewBooleanNode(v.Name, rep, -1)
		}
		if err != nil {
			return nil, nil, err
		}
		fields = append(fields, n)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	return root, parquet.NewWriterProperties(options...), err
}

// keyValues are the file's own words: those of the Arrow schema, and that schema as Arrow readers look for it.
func keyValues(as *arrow.Schema) (metadata.KeyValueMetadata, error) {
	var stream bytes.Buffer
	if err := ipc.NewWriter(&stream, ipc.WithSchema(as)).Close(); err != nil {
		return nil, err
	}
	meta := metadata.NewKeyValueMetadata()
	for i, k := range as.Metadata().Keys() {
		if err := meta.Append(k, as.Metadata().Values()[i]); err != nil {
			return nil, err
		}
	}
	return meta, meta.Append("ARROW:schema", base64.StdEncoding.EncodeToString(stream.Bytes()))
}

func writeRowGroup(w *file.Writer, columns []visible, from, to int) error {
	group := w.AppendRowGroup()
	for i := range columns {
		c, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := columns[i].writeChunk(c, from, to); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return group.Close()
}

// writeChunk writes rows [from, to): a level 1 or 0 for each row that has a value or not, and the values.
func (v *visible) writeChunk(c file.ColumnChunkWriter, from, to int) (err error) {
	var levels []int16
	if v.valid != nil {
		levels = make([]int16, to-from)
		for i, ok := range v.valid[from:to] {
			if ok {
				levels[i] = 1
			}
		}
	}
	switch c := c.(type) {
	case *file.ByteArrayColumnChunkWriter:
		var texts []parquet.ByteArray
		for _, code := range present(v, v.codes, from, to) {
			texts = append(texts, parquet.ByteArray(v.labels[code]))
		}
		_, err = c.WriteBatch(texts, levels, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = c.WriteBatch(present(v, v.ints, from, to), levels, nil)
	case *file.Float64ColumnChunkWriter:
		_, err = c.WriteBatch(present(v, v.floats, from, to), levels, nil)
	case *file.BooleanColumnChunkWriter:
		_, err = c.WriteBatch(present(v, v.bools, from, to), levels, nil)
	default:
		err = fmt.Errorf("no writer for %v", v.Kind)
	}
	return err
}

// present returns the values of rows [from, to) that have one.
func present[T any](v *visible, values []T, from, to int) []T {
	if v.valid == nil {
		return values[from:to]
	}
	out := make([]T, 0, to-from)
	for i := from; i < to; i++ {
		if v.valid[i] {
			out = append(out, values[i])
		}
	}
	return out
}
