package policy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v4"
)

// Load reads and checks the policy at path. File names in it are relative to
// its folder and cannot leave it.
func Load(path string) (*Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("load policy %s: %w", path, err)
	}
	return Parse(path, data, filepath.Dir(path))
}

// Parse reads and checks a policy. file is what problems call it, dir the
// folder of the public tables that it names; with an empty dir it can name
// none. The error is nil or joins a [*Problem] for everything that is wrong.
func Parse(file string, data []byte, dir string) (*Policy, error) {
	r := &reader{problems: problems{file: file}, dir: dir}
	root := r.tree(data)
	if root == nil {
		return nil, r.err()
	}
	p := r.policy(root)
	check(r, p)
	if err := r.err(); err != nil {
		return nil, err
	}
	p.Hash = p.hash()
	return p, nil
}

func (r *reader) policy(root *yaml.Node) *Policy {
	f := r.fields(root, "a policy", "policy", "version", "population", "zone", "unit", "household", "tables",
		"never", "admit", "drop", "ladders", "columns", "variables", "floors", "budget", "datasets")
	p := &Policy{
		Name:       r.name(f.need("policy"), "policy", slug),
		Version:    r.int(f.need("version"), "version", 1, 1_000_000),
		Population: r.name(f.need("population"), "population", slug),
		Zone:       r.zone(f.need("zone"), "zone"),
		Household:  r.household(f.get("household")),
		Tables:     r.tables(f.need("tables")),
		Never:      r.list(f.get("never"), "never", 0, r.tableName),
		Admit:      r.admit(f.need("admit")),
		Drop:       r.drops(f.get("drop")),
		Columns:    r.columns(f.get("columns")),
		Variables:  r.variables(f.get("variables")),
		Floors:     r.floors(f.need("floors")),
		Budget:     r.budget(f.need("budget")),
		Datasets:   r.datasets(f.get("datasets")),
		Dir:        r.dir,
	}
	p.Unit, p.UnitWhy = r.unit(f.get("unit"))
	p.Ladders, p.sources = r.ladders(f.get("ladders"))
	return p
}

// unit is `account`, the default, or {row: true, why: …}.
func (r *reader) unit(n *yaml.Node) (unit, why string) {
	if n == nil {
		return "account", ""
	}
	if n.Kind != yaml.MappingNode {
		s := r.choice(n, "unit", "account", "row")
		if s == "row" {
			r.fail(n, "write {row: true, why: …}", "unit row needs a reason why one row is one person")
			return "", ""
		}
		return s, ""
	}
	f := r.fields(n, "unit", "row", "why")
	if row := f.need("row"); !r.flag(row, "row") && row != nil && row.Value == "false" {
		r.fail(row, "write unit: account", "unit row cannot be false")
	}
	return "row", r.text(f.need("why"), "why")
}

func (r *reader) household(n *yaml.Node) *Ref {
	if n == nil {
		return nil
	}
	f := r.fields(n, "household", "table", "key")
	return &Ref{r.tableName(f.need("table")), r.column(f.need("key"), "key")}
}

func (r *reader) tableName(n *yaml.Node) string { return r.name(n, "table", word) }

// Table is the table of that name, nil if there is none.
func (p *Policy) Table(name string) *Table {
	return find(p.Tables, func(t *Table) bool { return t.Name == name })
}

// Person is the person table: the one with `rows: one`, which the others join
// on their account key. It is nil where the source has none.
func (p *Policy) Person() *Table { return find(p.Tables, func(t *Table) bool { return !t.Many }) }

// Column is the listed column at ref, nil if `columns` does not list it.
func (p *Policy) Column(ref Ref) *Column {
	return find(p.Columns, func(c *Column) bool { return c.Ref == ref })
}

// ColumnAs is the listed column with that public name, nil if there is none.
func (p *Policy) ColumnAs(name string) *Column {
	return find(p.Columns, func(c *Column) bool { return c.As == name })
}

// Variable is the variable of that name, nil if there is none.
func (p *Policy) Variable(name string) *Variable {
	return find(p.Variables, func(v *Variable) bool { return v.Name == name })
}

// Dataset is the dataset of that name, nil if there is none.
func (p *Policy) Dataset(name string) *Dataset {
	return find(p.Datasets, func(d *Dataset) bool { return d.Name == name })
}

// Measure is the measure with that public name, of a column or a variable, nil
// if there is none.
func (p *Policy) Measure(name string) *Measure {
	if c := p.ColumnAs(name); c != nil && c.Has("measure") {
		return c.Measure
	}
	if v := p.Variable(name); v != nil && v.Has("measure") {
		return v.Measure
	}
	return nil
}

// Domain is every label that a key can have, in publishing order, Unknown
// last; nil if the key does not resolve or its level has an open domain.
func (p *Policy) Domain(k Key) []string {
	if v := p.Variable(k.Name); v != nil {
		return v.Labels()
	}
	c := p.ColumnAs(k.Name)
	if c == nil || p.Ladders[c.Ladder] == nil {
		return nil
	}
	level, _, err := p.Ladders[c.Ladder].Level(k.Level)
	if err != nil {
		return nil
	}
	return level.Labels
}

func find[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// names are the public names of a list, for hints.
func names[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = name(v)
	}
	return out
}

// dateOnly prints a civil day.
func dateOnly(t time.Time) string { return t.Format(time.DateOnly) }
