package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// table is a committed table as text, row by row: a second reader's view, with
// nothing of the writer's.
type table struct {
	names []string
	rows  [][]string
}

const null = "∅"

func read(t *testing.T, pattern string) table {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("sample", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no file (%v)", pattern, err)
	}
	var out table
	for _, path := range paths {
		f, err := file.OpenParquetFile(path, false)
		if err != nil {
			t.Fatal(err)
		}
		out.names = nil
		for i := range f.MetaData().Schema.NumColumns() {
			out.names = append(out.names, f.MetaData().Schema.Column(i).Name())
		}
		for g := range f.NumRowGroups() {
			out.rows = append(out.rows, rows(t, f.RowGroup(g))...)
		}
		f.Close()
	}
	return out
}

func rows(t *testing.T, g *file.RowGroupReader) [][]string {
	t.Helper()
	out := make([][]string, g.NumRows())
	for i := range g.NumColumns() {
		c, err := g.Column(i)
		if err != nil {
			t.Fatal(err)
		}
		for r, cell := range cells(t, c, g.NumRows()) {
			out[r] = append(out[r], cell)
		}
	}
	return out
}

func cells(t *testing.T, c file.ColumnChunkReader, n int64) []string {
	t.Helper()
	switch c := c.(type) {
	case *file.Int32ColumnChunkReader:
		return texts(t, n, c.ReadBatch)
	case *file.Int64ColumnChunkReader:
		return texts(t, n, c.ReadBatch)
	case *file.Float64ColumnChunkReader:
		return texts(t, n, c.ReadBatch)
	case *file.BooleanColumnChunkReader:
		return texts(t, n, c.ReadBatch)
	case *file.ByteArrayColumnChunkReader:
		return texts(t, n, c.ReadBatch)
	}
	t.Fatalf("a column of %T", c)
	return nil
}

func texts[T any](t *testing.T, n int64, batch func(int64, []T, []int16, []int16) (int64, int, error)) []string {
	t.Helper()
	var out []string
	for int64(len(out)) < n {
		values, levels := make([]T, n), make([]int16, n)
		total, _, err := batch(n, values, levels, nil)
		if err != nil || total == 0 {
			t.Fatalf("read %d of %d: %v", len(out), n, err)
		}
		for _, level := range levels[:total] {
			if level == 0 {
				out = append(out, null)
				continue
			}
			out = append(out, text(values[0]))
			values = values[1:]
		}
	}
	return out
}

func text(v any) string {
	if b, ok := v.(parquet.ByteArray); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// cell is a named cell of a row.
func (t table) cell(row []string, name string) string { return row[slices.Index(t.names, name)] }

// count is the rows in which a column's text satisfies is.
func (t table) count(name string, is func(string) bool) int {
	n := 0
	for _, row := range t.rows {
		if is(t.cell(row, name)) {
			n++
		}
	}
	return n
}

// numbers is a column without what is NULL.
func (t table) numbers(name string) []float64 {
	var out []float64
	for _, row := range t.rows {
		var x float64
		if _, err := fmt.Sscan(t.cell(row, name), &x); err == nil && !math.IsNaN(x) {
			out = append(out, x)
		}
	}
	return out
}

func equals(want ...string) func(string) bool {
	return func(got string) bool { return slices.Contains(want, got) }
}

func after(day string) func(string) bool {
	limit, err := time.Parse(time.DateOnly, day)
	return func(got string) bool {
		var us int64
		_, bad := fmt.Sscan(got, &us)
		return err == nil && bad == nil && us > limit.UnixMicro()
	}
}

func TestTheDirtIsThere(t *testing.T) {
	accounts, consents := read(t, "accounts.parquet"), read(t, "consents.parquet")
	activity, sleep := read(t, "activity/*/*.parquet"), read(t, "sleep/*/*.parquet")
	measures, environment := read(t, "measures/*/*.parquet"), read(t, "environment/*/*.parquet")
	known := map[string]bool{}
	for _, row := range accounts.rows {
		known[accounts.cell(row, "account_id")] = true
	}
	if len(known) != len(accounts.rows) {
		t.Errorf("%d accounts have %d ids, want one each", len(accounts.rows), len(known))
	}
	stranger := func(id string) bool { return id != null && !known[id] }
	for _, c := range []struct {
		what string
		got  int
		most int
	}{
		{"sex in lower case", accounts.count("sex", equals("f")), 1000},
		{"sex X", accounts.count("sex", equals("X")), 200},
		{"sex NULL", accounts.count("sex", equals(null)), 500},
		{"height NULL", accounts.count("height", equals(null)), 1000},
		{"height 17", accounts.count("height", equals("17")), 100},
		{"birth date NULL", accounts.count("birth_date", equals(null)), 200},
		{"country in mixed case", accounts.count("country", equals("fr", "Fr")), 1500},
		{"country abroad", accounts.count("country", equals("BE", "DE")), 400},
		{"zone wrong, empty, NULL", accounts.count("timezone", equals("Europe/Pari", "", null)), 100},
		{"zone Reunion", accounts.count("timezone", equals("Indian/Reunion")), 300},
		{"test accounts", accounts.count("is_test", equals("true")), 200},
		{"erasure requests", accounts.count("erasure_requested_at", func(s string) bool { return s != null }), 300},
		{"decisions of yesterday", consents.count("decided_at", after("2026-04-01")), 300},
		{"steps -1", activity.count("steps", equals("-1")), 100},
		{"steps 9,999,999", activity.count("steps", equals("9999999")), 50},
		{"steps NULL", activity.count("steps", equals(null)), 500},
		{"distance NaN", activity.count("distance_m", equals("NaN")), 500},
		{"late activity", activity.count("received_at", after("2026-04-02")), 1000},
		{"late sleep", sleep.count("received_at", after("2026-04-02")), 1000},
		{"heart rate NULL", sleep.count("hr_average", equals(null)), 2000},
		{"temperature NaN", environment.count("temperature_c", equals("NaN")), 100},
		{"weight 2 kg", measures.count("value", equals("2000")), 100},
		{"ambiguous weighings", measures.count("attribution", equals("1")), 5000},
		{"activity of strangers", activity.count("account_id", stranger), 200},
		{"activity of nobody", activity.count("account_id", equals(null)), 100},
		{"measures of strangers", measures.count("account_id", stranger), 300},
		{"measures of nobody", measures.count("account_id", equals(null)), 200},
		{"activity twice", twice(activity), 1000},
		{"sleep twice", twice(sleep), 1000},
		{"measures twice", twice(measures), 2000},
		{"measures in conflict", conflicts(measures, 3), 300},
		{"whales", whales(measures, 1500), 3},
		{"codes of one person", alone(accounts), 2000},
	} {
		if c.got < 1 || c.got > c.most {
			t.Errorf("%s: got %d, want 1 to %d", c.what, c.got, c.most)
		}
	}
}

// twice is the rows that are exact copies of earlier ones.
func twice(t table) int { return conflicts(t, len(t.names)) }

// conflicts is the rows whose first n cells an earlier row has; with n less
// than all cells, only those that differ in the rest.
func conflicts(t table, n int) int {
	seen, found := map[string]string{}, 0
	for _, row := range t.rows {
		key, rest := strings.Join(row[:n], "|"), strings.Join(row[n:], "|")
		earlier, ok := seen[key]
		if ok && (n == len(row) || earlier != rest) {
			found++
		}
		seen[key] = rest
	}
	return found
}

// whales is the accounts with more than n rows.
func whales(t table, n int) int {
	rows, found := map[string]int{}, 0
	for _, row := range t.rows {
		rows[t.cell(row, "account_id")]++
	}
	for _, k := range rows {
		if k > n {
			found++
		}
	}
	return found
}

// alone is the postal codes with one account.
func alone(accounts table) int {
	people, found := map[string]int{}, 0
	for _, row := range accounts.rows {
		people[accounts.cell(row, "postal_code")]++
	}
	for _, k := range people {
		if k == 1 {
			found++
		}
	}
	return found
}

func TestTheSampleIsPlausible(t *testing.T) {
	activity, sleep, consents := read(t, "activity/*/*.parquet"), read(t, "sleep/*/*.parquet"), read(t, "consents.parquet")
	asleep := 0.0
	for _, name := range []string{"deep_s", "light_s", "rem_s"} {
		asleep += mean(sleep.numbers(name)) / 3600
	}
	latest, stamp := map[string]string{}, map[string]string{}
	for _, row := range consents.rows {
		id, at := consents.cell(row, "account_id"), consents.cell(row, "decided_at")
		if consents.cell(row, "purpose") == "health-research" && at >= stamp[id] { // 16 digits each
			latest[id], stamp[id] = consents.cell(row, "status"), at
		}
	}
	granted := 0
	for _, status := range latest {
		if status == "granted" {
			granted++
		}
	}
	for _, c := range []struct {
		what        string
		got, lo, hi float64
	}{
		{"median of steps", median(activity.numbers("steps")), 6000, 7000},
		{"hours asleep", asleep, 6.5, 7.5},
		{"heart rate asleep", mean(sleep.numbers("hr_average")), 58, 68},
		{"share granted", float64(granted) / 12_000, 0.78, 0.82},
	} {
		if c.got < c.lo || c.got > c.hi {
			t.Errorf("%s: got %.2f, want %g to %g", c.what, c.got, c.lo, c.hi)
		}
	}
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
