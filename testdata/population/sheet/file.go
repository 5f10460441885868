package sheet

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// Sheet is a table's rows in memory, column by column.
type Sheet struct{ columns []anyColumn }

// New makes an empty sheet of the columns.
func New(columns ...anyColumn) *Sheet { return &Sheet{columns} }

// Rows is the number of rows held.
func (s *Sheet) Rows() int { return s.columns[0].rows() }

// Repeat appends a copy of a row.
func (s *Sheet) Repeat(row int) {
	for _, c := range s.columns {
		c.repeat(row)
	}
}

// dictionaryLimit keeps a dictionary column from falling back to plain pages
// half-way: v15 writes the two encodings' page counts in the order of a Go
// map, and the file would differ from run to run.
const dictionaryLimit = 1 << 30

// File is a Parquet file that grows by row groups.
type File struct {
	path string
	disk *os.File
	buf  *bufio.Writer
	out  *file.Writer
	rows int64
}

// Create starts a Parquet file with the sheet's columns, zstd at the level
// (1 to 22).
func Create(path string, s *Sheet, level int) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	disk, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	fields := make(schema.FieldList, 0, len(s.columns))
	props := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(level),
		parquet.WithDictionaryPageSizeLimit(dictionaryLimit),
		parquet.WithBatchSize(1 << 14),
		parquet.WithCreatedBy("lethe population"),
	}
	for _, c := range s.columns {
		fields = append(fields, c.field())
		path, dictionary, encoding := c.encoding()
		props = append(props, parquet.WithDictionaryFor(path, dictionary))
		if !dictionary {
			props = append(props, parquet.WithEncodingFor(path, encoding))
		}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	buf := bufio.NewWriterSize(disk, 1<<16)
	out := file.NewParquetWriter(buf, root, file.WithWriterProps(parquet.NewWriterProperties(props...)))
	return &File{path: path, disk: disk, buf: buf, out: out}, nil
}

// Append writes the sheet as one row group and empties it. An empty sheet
// writes nothing.
func (f *File) Append(s *Sheet) error {
	if s.Rows() == 0 {
		return nil
	}
	group := f.out.AppendRowGroup()
	for _, c := range s.columns {
		w, err := group.NextColumn()
		if err != nil {
			return fmt.Errorf("append to %s: %w", f.path, err)
		}
		if err := c.write(w); err != nil {
			return fmt.Errorf("append to %s: %w", f.path, err)
		}
	}
	if err := group.Close(); err != nil {
		return fmt.Errorf("append to %s: %w", f.path, err)
	}
	f.rows += int64(s.Rows())
	for _, c := range s.columns {
		c.clear()
	}
	return nil
}

// Rows is the number of rows written.
func (f *File) Rows() int64 { return f.rows }

// Close writes the footer and closes the file.
func (f *File) Close() error {
	if err := f.out.Close(); err != nil {
		return fmt.Errorf("close %s: %w", f.path, err)
	}
	if err := f.buf.Flush(); err != nil {
		return fmt.Errorf("close %s: %w", f.path, err)
	}
	return f.disk.Close()
}
