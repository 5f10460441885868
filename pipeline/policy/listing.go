package policy

import (
	"maps"
	"slices"
	"strings"
)

// Listing says how a policy lists a source column. Plan refuses a source that
// has a column without one.
type Listing string

const (
	Dropped   Listing = "drop"    // never selected, so never read
	Published Listing = "columns" // listed under columns
	Named     Listing = "named"   // named by a table, an admit rule, a variable or the household; read, never published
)

// Listed is every column of a table that counts as listed. A column that is
// both named and published is Published.
func (p *Policy) Listed(table string) map[string]Listing {
	out := map[string]Listing{}
	for _, m := range p.mentions() {
		if m.ref.Table == table {
			out[m.ref.Column] = Named
		}
	}
	for _, d := range p.Drop {
		if d.Table == table {
			for _, c := range d.Columns {
				out[c] = Dropped
			}
		}
	}
	for _, c := range p.Columns {
		if c.Ref.Table == table {
			out[c.Ref.Column] = Published
		}
	}
	return out
}

// A mention is a place of the policy, columns and drop aside, that names a
// source column.
type mention struct {
	ref  Ref
	path []string
}

// mentions are all of them, in the order of the file.
func (p *Policy) mentions() []mention {
	var out []mention
	add := func(table, column string, path ...string) {
		if table != "" && column != "" {
			out = append(out, mention{Ref{table, column}, path})
		}
	}
	if p.Household != nil {
		add(p.Household.Table, p.Household.Column, "household", "key")
	}
	for i := range p.Tables {
		p.Tables[i].mentions(add)
	}
	p.Admit.mentions(add)
	for i := range p.Variables {
		p.Variables[i].mentions(add)
	}
	return out
}

func (t *Table) mentions(add func(table, column string, path ...string)) {
	at := []string{"tables", t.Name}
	in := func(column string, key ...string) { add(t.Name, column, append(at[:2:2], key...)...) }
	in(t.Account.Column, "account")
	in(t.Received, "received")
	array, _, _ := strings.Cut(t.Unnest, ".")
	in(array, "unnest")
	for i, c := range t.Unique {
		in(c, "unique", itoa(i))
	}
	if t.Time == nil {
		return
	}
	in(t.Time.Column, "time", "column")
	if z := t.Time.ZoneColumn; z != nil {
		add(z.Table, z.Column, append(at[:2:2], "time", "zone")...)
	}
}

func (a *Admit) mentions(add func(table, column string, path ...string)) {
	if c := a.Consent; c != nil {
		add(c.Table, c.LatestBy, "admit", "consent", "latest_by")
		add(c.Table, c.PurposeColumn, "admit", "consent", "purpose_column")
		add(c.Table, c.StatusColumn, "admit", "consent", "status_column")
	}
	if o := a.Objection; o != nil {
		if o.Purpose != "" {
			add(o.Table, o.PurposeColumn, "admit", "objection", "purpose_column")
		}
		add(o.Table, o.Lifted, "admit", "objection", "lifted")
	}
	if a.Erasure != nil {
		add(a.Erasure.Table, a.Erasure.Column, "admit", "erasure")
	}
	if m := a.MinimumAge; m != nil {
		add(m.From.Table, m.From.Column, "admit", "minimum_age", "from")
	}
	for _, e := range a.Exclude {
		add(e.Column.Table, e.Column.Column, "admit", "exclude", e.Column.String())
	}
}

func (v *Variable) mentions(add func(table, column string, path ...string)) {
	for _, c := range slices.Sorted(maps.Keys(v.Where)) {
		add(v.From, c, "variables", v.Name, "where", c)
	}
	for i, s := range v.Args {
		if v.Func == "scale" || v.Func == "ratio" {
			add(v.From, s, "variables", v.Name, v.Func, itoa(i))
		}
	}
}
