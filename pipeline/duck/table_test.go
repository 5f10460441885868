package duck

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"lethe/transforms"
)

// A table is a relation as a person would write it down: typed columns, and
// rows of nil, int64, float64, string, bool or time.Time (dates too).
//
// In a file it is CSV. The header says `name type role`, the role being raw
// where it is left out. An empty cell is missing, two single quotes are an
// empty text.
type table struct {
	cols transforms.Schema
	rows []row
}

type row map[string]any

// Times beyond the calendar, as DuckDB has them.
var (
	farFuture = time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)
	farPast   = time.Date(-300000, 1, 1, 0, 0, 0, 0, time.UTC)
)

func readTable(t testing.TB, text string) table {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	lines, err := r.ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("read a table: %v", err)
	}
	var out table
	for _, h := range lines[0] {
		f := strings.Split(h, " ")
		n := len(f)
		for n > 0 && f[n-1] == "" {
			n--
		}
		c := transforms.Column{Role: transforms.Raw}
		switch {
		case n >= 3 && isRole(f[n-1]):
			c.Name, c.Type, c.Role = strings.Join(f[:n-2], " "), transforms.Type(f[n-2]), transforms.Role(f[n-1])
		case n >= 2:
			c.Name, c.Type = strings.Join(f[:n-1], " "), transforms.Type(f[n-1])
		default:
			c.Name, c.Type = f[0], transforms.String
		}
		out.cols = append(out.cols, c)
	}
	for _, l := range lines[1:] {
		r := row{}
		for i, c := range out.cols {
			v, err := parseCell(c.Type, l[i])
			if err != nil {
				t.Fatalf("column %s: %v", c.Name, err)
			}
			r[c.Name] = v
		}
		out.rows = append(out.rows, r)
	}
	return out
}

func isRole(s string) bool {
	switch transforms.Role(s) {
	case transforms.Account, transforms.Raw, transforms.Zone, transforms.Subject, transforms.Key, transforms.Grid,
		transforms.Bounded, transforms.Tally, transforms.Total:
		return true
	}
	return false
}

func parseCell(typ transforms.Type, s string) (any, error) {
	switch s {
	case "":
		return nil, nil
	case "''":
		s = ""
	}
	switch typ {
	case transforms.Int:
		return strconv.ParseInt(s, 10, 64)
	case transforms.Decimal:
		return strconv.ParseFloat(s, 64)
	case transforms.Bool:
		return strconv.ParseBool(s)
	case transforms.String:
		return s, nil
	}
	switch s {
	case "infinity":
		return farFuture, nil
	case "-infinity":
		return farPast, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%q is not a time", s)
}

// cellText is how a value is compared and shown.
func cellText(typ transforms.Type, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			return "''"
		}
		return v
	case float64:
		if math.IsNaN(v) {
			return "NaN"
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		switch {
		case v.Equal(farFuture):
			return "infinity"
		case v.Equal(farPast):
			return "-infinity"
		case typ == transforms.Date:
			return v.Format(time.DateOnly)
		}
		return v.Format("2006-01-02 15:04:05.999999")
	}
	return fmt.Sprint(v)
}

// text is the table's rows, sorted, under the names of its columns.
func (x table) text() string {
	var names []string
	for _, c := range x.cols {
		names = append(names, c.Name)
	}
	var lines []string
	for _, r := range x.rows {
		var cells []string
		for _, c := range x.cols {
			cells = append(cells, cellText(c.Type, r[c.Name]))
		}
		lines = append(lines, strings.Join(cells, ","))
	}
	sort.Strings(lines)
	return strings.Join(append([]string{strings.Join(names, ",")}, lines...), "\n") + "\n"
}

var duckTypes = map[transforms.Type]string{transforms.Int: "BIGINT", transforms.Decimal: "DOUBLE", transforms.String: "VARCHAR",
	transforms.Date: "DATE", transforms.Timestamp: "TIMESTAMP", transforms.Bool: "BOOLEAN"}

// put makes a table of the engine.
func (c *conn) put(t failer, name string, x table) {
	t.Helper()
	var cols, values []string
	for _, col := range x.cols {
		cols = append(cols, transforms.Ident(col.Name)+" "+duckTypes[col.Type])
	}
	c.must(t, "CREATE OR REPLACE TABLE "+transforms.Ident(name)+" ("+strings.Join(cols, ", ")+")")
	for _, r := range x.rows {
		var cells []string
		for _, col := range x.cols {
			cells = append(cells, literalOf(col.Type, r[col.Name]))
		}
		values = append(values, "("+strings.Join(cells, ", ")+")")
	}
	for len(values) > 0 {
		n := min(200, len(values))
		c.must(t, "INSERT INTO "+transforms.Ident(name)+" VALUES "+strings.Join(values[:n], ", "))
		values = values[n:]
	}
}

func (c *conn) must(t failer, sql string) {
	t.Helper()
	if err := c.exec(context.Background(), "test", sql); err != nil {
		t.Fatalf("%v: %s", err, sql)
	}
}

// get runs a query. Types of integers of any width are Int.
func (c *conn) get(t failer, sql string) table {
	t.Helper()
	var out table
	err := c.batches(context.Background(), "describe", "SELECT column_name, column_type FROM (DESCRIBE "+sql+")", []string{"name", "type"}, func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			typ := transforms.Int
			switch native := r.Column(1).(*array.String).Value(i); native {
			case "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN":
				for k, v := range duckTypes {
					if v == native {
						typ = k
					}
				}
			}
			out.cols = append(out.cols, transforms.Column{Name: r.Column(0).(*array.String).Value(i), Type: typ})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, sql)
	}
	var names, texts []string
	for _, col := range out.cols {
		names = append(names, col.Name)
		texts = append(texts, "CAST("+transforms.Ident(col.Name)+" AS VARCHAR)")
	}
	err = c.batches(context.Background(), "run", "SELECT "+strings.Join(texts, ", ")+" FROM ("+sql+")", names, func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			got := row{}
			for j, col := range out.cols {
				a := r.Column(j).(*array.String)
				if a.IsNull(i) {
					continue
				}
				s := a.Value(i)
				if s == "" {
					s = "''"
				}
				v, err := parseCell(col.Type, strings.TrimPrefix(s, "-nan"))
				if s == "-nan" {
					v, err = math.NaN(), nil
				}
				if err != nil {
					return fmt.Errorf("column %s: %w", col.Name, err)
				}
				got[col.Name] = v
			}
			out.rows = append(out.rows, got)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, sql)
	}
	return out
}

// literalOf is a value in SQL.
func literalOf(typ transforms.Type, v any) string {
	switch v {
	case nil:
		return "NULL"
	case "":
		return "''"
	}
	return "CAST(" + transforms.Literal(cellText(typ, v)) + " AS " + duckTypes[typ] + ")"
}
