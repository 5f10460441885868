package duck

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
)

// Describe reads the schema of every table of a policy: of Parquet the
// footers, of CSV the header, of JSON the keys. No value of a row is kept.
// Problems of all tables are joined.
func (e *Engine) Describe(ctx context.Context, p *policy.Policy) (*plan.Source, error) {
	c, err := e.connect()
	if err != nil {
		return nil, err
	}
	defer c.close()
	out := &plan.Source{Tables: map[string]plan.SourceTable{}}
	var problems []error
	for _, t := range p.Tables {
		table, err := e.describe(ctx, c, t)
		if err != nil {
			problems = append(problems, fmt.Errorf("table %s: %w", t.Name, err))
			continue
		}
		out.Tables[t.Name] = table
	}
	return out, errors.Join(problems...)
}

func (e *Engine) describe(ctx context.Context, c *conn, t policy.Table) (plan.SourceTable, error) {
	s := plan.Scan{Table: t.Name, Files: t.Files, Format: t.Format, CSV: t.CSV, Unnest: t.Unnest}
	files, err := e.files(s.Files)
	if err != nil {
		return plan.SourceTable{}, err
	}
	for i, f := range files {
		if strings.HasSuffix(f, ".gz") && !e.unpacks(f) {
			return plan.SourceTable{}, fmt.Errorf("file %d of %d, %q: read the schema: it is not a whole gzip file; fetch or pack it again", i+1, len(files), shown(s.Files, f))
		}
	}
	out := plan.SourceTable{Text: s.Format != "parquet"}
	out.Columns, err = e.columns(ctx, c, s, files, "*")
	if err != nil {
		return out, e.blame(ctx, c, s, files, err)
	}
	if s.Format != "json" { // of JSON all files were looked at together
		if err := e.alike(ctx, c, s, files); err != nil {
			return out, err
		}
	}
	if s.Unnest == "" {
		return strip(out), nil
	}
	children, err := e.columns(ctx, c, s, files, "unnest("+unnested(s.Unnest)+", max_depth := 2)")
	if err != nil {
		return out, fmt.Errorf("it has no array of objects at %q to unnest", s.Unnest)
	}
	head, _, _ := strings.Cut(s.Unnest, ".")
	for i, col := range out.Columns {
		if col.Name == head {
			out.Columns = append(out.Columns[:i], out.Columns[i+1:]...)
			break
		}
	}
	for _, col := range children {
		if _, both := out.Find(col.Name); both {
			return out, fmt.Errorf("the elements of %q and their parent both have %q; such a table cannot be unnested without telling them apart", s.Unnest, col.Name)
		}
		out.Children = append(out.Children, col.Name)
	}
	out.Columns = append(out.Columns, children...)
	return strip(out), nil
}

// strip takes the types of a text table away: it declares its own.
func strip(t plan.SourceTable) plan.SourceTable {
	for i := range t.Columns {
		if t.Text {
			t.Columns[i].Native = ""
		}
	}
	return t
}

func (e *Engine) columns(ctx context.Context, c *conn, s plan.Scan, files []string, what string) ([]plan.SourceColumn, error) {
	var out []plan.SourceColumn
	sql := "SELECT column_name, column_type FROM (DESCRIBE SELECT " + what + " FROM " + e.relationOf(s, files) + ")"
	err := c.batches(ctx, "read the schema", sql, []string{"name", "type"}, func(r arrow.Record) error {
		names, types := r.Column(0).(*array.String), r.Column(1).(*array.String)
		for i := range names.Len() {
			out = append(out, plan.SourceColumn{Name: names.Value(i), Native: types.Value(i)})
		}
		return nil
	})
	return out, err
}

// blame names the first file that cannot be opened by itself.
func (e *Engine) blame(ctx context.Context, c *conn, s plan.Scan, files []string, err error) error {
	for i, f := range files {
		if _, bad := e.columns(ctx, c, s, []string{f}, "*"); bad != nil {
			return fmt.Errorf("file %d of %d, %q: %w", i+1, len(files), shown(s.Files, f), unreadable(s.Format, bad))
		}
	}
	return err
}

// unreadable says of a fault of one file what may be wrong with it.
func unreadable(format string, err error) error {
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != BadShape && fault.Kind != Unreadable {
		return err
	}
	return fmt.Errorf("%s: it cannot be read as %s: it is empty, cut short, closed to this user, or something else; fetch it again, or move it out of the source",
		fault.Doing, map[string]string{"parquet": "Parquet", "csv": "CSV", "json": "JSON"}[format])
}

// unpacks reads a gzip file to its end and checksum, which DuckDB passes over:
// of a file cut short it would take what is there for the whole.
func (e *Engine) unpacks(file string) bool {
	f, err := os.Open(filepath.Join(e.source, file))
	if err != nil {
		return false
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, z)
	return err == nil
}

// alike refuses files of one table with different columns: DuckDB would take
// the first file's and pass over what another has beside them.
func (e *Engine) alike(ctx context.Context, c *conn, s plan.Scan, files []string) error {
	var first map[string]string
	for i, f := range files {
		cols, err := e.columns(ctx, c, s, []string{f}, "*")
		if err != nil {
			return fmt.Errorf("file %d of %d, %q: %w", i+1, len(files), shown(s.Files, f), unreadable(s.Format, err))
		}
		have := map[string]string{}
		for _, col := range cols {
			have[col.Name] = col.Native
		}
		if first == nil {
			first = have
		}
		if !maps.Equal(first, have) {
			return fmt.Errorf("file %d of %d, %q: its columns or their types are not those of %q; all files of a table must have the same", i+1, len(files), shown(s.Files, f), shown(s.Files, files[0]))
		}
	}
	return nil
}

// batches runs a query and hands out its result in Arrow batches whose columns
// have the given names.
func (c *conn) batches(ctx context.Context, doing, sql string, names []string, emit func(arrow.Record) error) error {
	var cp *copier
	err := c.query(ctx, doing, sql, func(chunk dataChunk) error {
		var err error
		if cp == nil {
			if cp, err = newCopier(names, chunk, emit); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		}
		return cp.add(chunk)
	})
	if err != nil || cp == nil {
		return err
	}
	return cp.flush()
}
