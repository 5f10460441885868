package duck

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

var update = flag.Bool("update", false, "write what engine and oracle agree on into the spec files")

// stepOf gives an empty step of a name, to read a spec into.
func stepOf(name string) (transforms.Step, func() transforms.Step) {
	switch name {
	case "read":
		s := &transforms.Read{}
		return s, func() transforms.Step { return *s }
	case "decided":
		s := &transforms.Decided{}
		return s, func() transforms.Step { return *s }
	case "objected":
		s := &transforms.Objected{}
		return s, func() transforms.Step { return *s }
	case "screened":
		s := &transforms.Screened{}
		return s, func() transforms.Step { return *s }
	case "admitted":
		s := &transforms.Admitted{}
		return s, func() transforms.Step { return *s }
	case "unlink":
		s := &transforms.Unlink{}
		return s, func() transforms.Step { return *s }
	case "civil":
		s := &transforms.Civil{}
		return s, func() transforms.Step { return *s }
	case "unique":
		s := &transforms.Unique{}
		return s, func() transforms.Step { return *s }
	case "derive":
		s := &transforms.Derive{}
		return s, func() transforms.Step { return *s }
	case "fixed":
		s := &transforms.Fixed{}
		return s, func() transforms.Step { return *s }
	case "unit":
		s := &transforms.Unit{}
		return s, func() transforms.Step { return *s }
	case "people":
		s := &transforms.People{}
		return s, func() transforms.Step { return *s }
	case "banded":
		s := &transforms.Banded{}
		return s, func() transforms.Step { return *s }
	case "cells":
		s := &transforms.Cells{}
		return s, func() transforms.Step { return *s }
	}
	return nil, nil
}

// A spec is one case of a file of testdata/specs, which is named after the
// step: CASE/step is the step, CASE/in and CASE/in2 … its relations in order,
// CASE/@NAME a public table, CASE/out the rows that come out, in any order.
type spec struct {
	step   transforms.Step
	from   []table
	named  map[string]table
	out    *txtar.File
	reason *txtar.File // instead of out: why Schema refuses the step
}

func readSpecs(t *testing.T, file string, a *txtar.Archive) (names []string, specs map[string]*spec) {
	specs = map[string]*spec{}
	step := strings.TrimSuffix(filepath.Base(file), ".txtar")
	for i := range a.Files {
		f := &a.Files[i]
		name, part, ok := strings.Cut(f.Name, "/")
		if !ok {
			t.Fatalf("%s: section %s is no CASE/part", file, f.Name)
		}
		s := specs[name]
		if s == nil {
			s = &spec{named: map[string]table{}}
			specs[name] = s
			names = append(names, name)
		}
		switch {
		case part == "step":
			into, get := stepOf(step)
			d := json.NewDecoder(bytes.NewReader(f.Data))
			d.DisallowUnknownFields()
			if err := d.Decode(into); err != nil {
				t.Fatalf("%s: %s: %v", file, f.Name, err)
			}
			s.step = get()
		case part == "out":
			s.out = f
		case part == "refused":
			s.reason = f
		case strings.HasPrefix(part, "@"):
			s.named[part[1:]] = readTable(t, string(f.Data))
		default:
			s.from = append(s.from, readTable(t, string(f.Data)))
		}
	}
	return names, specs
}

// TestSpecs holds the SQL of every step, and the oracle, against what a person
// wrote down.
func TestSpecs(t *testing.T) {
	c := scratch(t)
	files, err := filepath.Glob("testdata/specs/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no specs: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names, specs := readSpecs(t, file, a)
		for _, name := range names {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) { specs[name].run(t, c) })
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (s *spec) run(t *testing.T, c *conn) {
	in := transforms.Schema{}
	if len(s.from) > 0 {
		in = s.from[0].cols
	}
	if s.reason != nil {
		_, err := s.step.Schema(in)
		if want := strings.TrimSpace(string(s.reason.Data)); err == nil || err.Error() != want {
			t.Errorf("Schema says %v, want %s", err, want)
		}
		return
	}
	sql, schema := s.sql(t, c)
	got := c.get(t, sql)
	if err := sameColumns(schema, got.cols); err != nil {
		t.Error(err)
	}
	want := table{schema, oracle(s.step, s.from, s.named)}
	got.cols = schema
	if got.text() != want.text() {
		t.Errorf("engine and oracle differ\nengine:\n%s\noracle:\n%s", got.text(), want.text())
		return
	}
	if *update {
		s.out.Data = []byte(got.text())
	}
	if strings.TrimSpace(string(s.out.Data)) != strings.TrimSpace(got.text()) {
		t.Errorf("got\n%s\nwant\n%s", got.text(), s.out.Data)
	}
}

// sql makes the relations of a spec and renders its step over them.
func (s *spec) sql(t *testing.T, c *conn) (string, transforms.Schema) {
	t.Helper()
	schema, err := s.step.Schema(s.from[0].cols)
	if err != nil {
		t.Fatal(err)
	}
	var from []string
	for i, x := range s.from {
		name := fmt.Sprintf("in%d", i+1)
		c.put(t, name, x)
		from = append(from, transforms.Ident(name))
	}
	if civil, ok := s.step.(transforms.Civil); ok && civil.Instant() && civil.PersonZone {
		from = append(from, c.periodsOf(t, s.from[0].rows, civil))
	}
	for len(from) < 3 {
		from = append(from, "")
	}
	for name, x := range s.named {
		c.put(t, name, x)
	}
	sql, err := s.step.SQL(from...)
	if err != nil {
		t.Fatal(err)
	}
	return sql, schema
}

// TestSpecsSeeBrokenSteps is the control of TestSpecs: for each way in which the
// SQL of a step could be wrong, some spec gives other rows than are written.
func TestSpecsSeeBrokenSteps(t *testing.T) {
	c := scratch(t)
	for _, m := range []struct{ step, right, wrong string }{
		{"admitted", "WHERE s.refused IS NULL", "WHERE true"},
		{"banded", "< 25", "<= 25"},
		{"banded", "greatest(CASE", "least(CASE"},
		{"cells", "WHERE u.rows > 0", "WHERE true"},
		{"cells", "BETWEEN 0 AND", "BETWEEN -1 AND"},
		{"cells", "LEFT JOIN", "JOIN"},
		{"cells", "< 50 THEN 0", "<= 50 THEN 0"},
		{"cells", "IS NULL THEN -1", "IS NULL THEN 1"},
		{"cells", "+ 4) //", "+ 3) //"},
		{"cells", "// 30", "// 29"},
		{"cells", "(cell, \"share:x\")", "(cell, \"tree:x\", \"share:x\")"},
		{"civil", "< TIMESTAMP '2026-04-02'", "<= TIMESTAMP '2026-04-02'"},
		{"civil", "arrived IS NULL OR", ""},
		{"civil", "z.shift", "0"},
		{"civil", "'Europe/Paris'", "'UTC'"},
		{"decided", "infinity')) FILTER", "epoch')) FILTER"},
		{"decided", "     > coalesce", "     >= coalesce"},
		{"decided", "decided_at <= TIMESTAMP", "true OR decided_at <= TIMESTAMP"},
		{"derive", "IS NULL THEN NULL", "IS NULL THEN 0"},
		{"derive", ", -30)", ", -300)"},
		{"derive", "isodow(day) > 5", "isodow(day) > 6"},
		{"derive", "<> 0", "IS NOT NULL"},
		{"fixed", "NOT BETWEEN", "BETWEEN"},
		{"fixed", "round(", "floor("},
		{"fixed", "AND NOT isnan", "OR isnan"},
		{"objected", "lifted_at IS NULL OR", "false OR"},
		{"objected", "> TIMESTAMP", ">= TIMESTAMP"},
		{"objected", "OR purpose IS NULL", ""},
		{"read", "[0-9]{1,18}", ".*"},
		{"read", "2[0-3]", "2[0-4]"},
		{"read", ">= DATE '2016-03-01'", "> DATE '2016-03-01'"},
		{"read", "trim(", "("},
		{"screened", "copies > 1", "copies > 2"},
		{"screened", "d.account IS NULL", "false"},
		{"screened", "o.account IS NOT NULL", "false"},
		{"screened", "* 100 + day", "* 100 - day"},
		{"screened", "< 18, true)", "< 18, false)"},
		{"screened", "isfinite", "true OR isfinite"},
		{"screened", "'nan'", "'inf'"},
		{"unique", "IS NOT DISTINCT FROM", "IS DISTINCT FROM"},
		{"unique", "IN (0, count(*))", "IN (0, 1, 2)"},
		{"unique", "count(*) - 1", "count(*)"},
		{"unit", "- CAST(sum(conflict) AS BIGINT)", ""},
		{"unit", "quantile_disc", "max"},
		{"unit", "% (2 * count", "// (2 * count"},
		{"unlink", "r.account = p.account", "lower(r.account) = lower(p.account)"},
	} {
		a, err := txtar.ParseFile("testdata/specs/" + m.step + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		_, specs := readSpecs(t, m.step+".txtar", a)
		tried, seen := false, false
		for _, s := range specs {
			if s.reason != nil {
				continue
			}
			sql, schema := s.sql(t, c)
			broken := strings.ReplaceAll(sql, m.right, m.wrong)
			if broken == sql {
				continue
			}
			tried = true
			if c.exec(context.Background(), "test", broken) != nil {
				seen = true // an error is seen too
				continue
			}
			got := c.get(t, broken)
			got.cols = schema
			seen = seen || strings.TrimSpace(got.text()) != strings.TrimSpace(string(s.out.Data))
		}
		if !tried || !seen {
			t.Errorf("%s: %q for %q: in a spec's SQL: %t, seen: %t", m.step, m.wrong, m.right, tried, seen)
		}
	}
}

// periodsOf makes the relation of zones that a Civil step joins.
func (c *conn) periodsOf(t failer, in []row, s transforms.Civil) string {
	zones := table{cols: transforms.Schema{{Name: "value", Type: transforms.String}}}
	seen := map[any]bool{}
	for _, r := range in {
		if !seen[r["zone"]] {
			seen[r["zone"]] = true
			zones.rows = append(zones.rows, row{"value": r["zone"]})
		}
	}
	c.put(t, "used zones", zones)
	if err := c.periods(context.Background(), "used zones", "periods", plan.Window{Start: s.Start, End: s.End}); err != nil {
		t.Fatalf("make the periods of zones: %v", err)
	}
	return "periods"
}

// sameColumns says whether a step's SQL gives what its Schema promises.
func sameColumns(schema, got transforms.Schema) error {
	if len(schema) != len(got) {
		return fmt.Errorf("the SQL gives %d columns, Schema %d", len(got), len(schema))
	}
	for i := range schema {
		if schema[i].Name != got[i].Name || schema[i].Type != got[i].Type {
			return fmt.Errorf("column %d is %s %s in SQL, %s %s in Schema", i+1, got[i].Name, got[i].Type, schema[i].Name, schema[i].Type)
		}
	}
	return nil
}

// scratch is a connection of an engine with an empty source.
func scratch(t testing.TB) *conn {
	t.Helper()
	e, err := Open(Options{Source: t.TempDir(), Memory: "1GiB", Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close(); e.Close() })
	return c
}
