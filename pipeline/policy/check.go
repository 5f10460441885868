package policy

import (
	"slices"

	"lethe/transforms/ladder"
)

// A checker holds the parts of a policy against each other, after each has
// been read by itself. Where a part could not be read its name is empty, and
// nothing more is said about it.
type checker struct {
	*reader
	p *Policy
}

func check(r *reader, p *Policy) {
	c := checker{r, p}
	c.tables()
	c.mentioned()
	c.person()
	c.drops()
	c.columns()
	c.publicNames()
	for i := range p.Variables {
		c.variable(&p.Variables[i])
	}
	c.datasetNames()
	for i := range p.Datasets {
		c.dataset(&p.Datasets[i], []string{"datasets", itoa(i)})
	}
}

// known says whether a table exists, and reports it if not.
func (c checker) known(table string, path ...string) bool {
	switch {
	case table == "":
		return false
	case c.p.Table(table) != nil:
		return true
	case slices.Contains(c.p.Never, table):
		c.failAt(path, "", "table %s is listed under never", table)
	default:
		c.failAt(path, meant(table, c.tableNames()), "no table %q", table)
	}
	return false
}

func (c checker) tableNames() []string {
	return names(c.p.Tables, func(t Table) string { return t.Name })
}

func (c checker) tables() {
	for i, name := range c.p.Never {
		if c.p.Table(name) != nil {
			c.failAt([]string{"never", itoa(i)}, "remove it from one of the two", "table %s is listed under tables and under never", name)
		}
	}
	if c.p.Household != nil {
		c.known(c.p.Household.Table, "household", "table")
	}
	if a := c.p.Admit.Consent; a != nil {
		c.known(a.Table, "admit", "consent", "table")
	}
	if a := c.p.Admit.Objection; a != nil {
		c.known(a.Table, "admit", "objection", "table")
	}
	for i := range c.p.Tables {
		t := &c.p.Tables[i]
		if t.Name != "" && t.Account.Row && c.p.Unit == "account" {
			c.failAt([]string{"tables", t.Name, "account"}, "write `unit: {row: true, why: …}` at the top, or name the account's column",
				"each row is its own account, but the unit is the account")
		}
		if t.Name != "" && !t.Account.Row && t.Account != (Account{}) && c.p.Unit == "row" {
			c.failAt([]string{"tables", t.Name, "account"}, "write account: {row: true}, or unit: account",
				"the unit is the row, but this table has accounts")
		}
	}
}

// mentioned holds every named column against tables, never and drop.
func (c checker) mentioned() {
	for _, m := range c.p.mentions() {
		if !c.tableOf(m) || !c.dropped(m.ref) {
			continue
		}
		c.failAt(m.path, "remove it from drop, or do not use it", "column %s is dropped, so it cannot be read", m.ref)
	}
}

// tableOf is known, for a mention; a table's own columns and the tables of
// consent, objection and household are known or reported elsewhere.
func (c checker) tableOf(m mention) bool {
	if m.path[0] == "household" || len(m.path) > 2 && (m.path[1] == "consent" || m.path[1] == "objection") {
		return c.p.Table(m.ref.Table) != nil
	}
	if m.path[0] == "variables" {
		return c.known(m.ref.Table, "variables", m.path[1], "from")
	}
	return c.known(m.ref.Table, m.path...)
}

func (c checker) dropped(ref Ref) bool {
	return slices.ContainsFunc(c.p.Drop, func(d Drop) bool {
		return d.Table == ref.Table && slices.Contains(d.Columns, ref.Column)
	})
}

// person checks that there is at most one person table and that what is asked
// of a person is asked of it.
func (c checker) person() {
	person := ""
	for _, t := range c.p.Tables {
		switch {
		case t.Many || t.Name == "":
		case person == "":
			person = t.Name
		default:
			c.failAt([]string{"tables", t.Name, "rows"}, "only one table can be the person table; write rows: many",
				"tables %s and %s both have rows: one", person, t.Name)
		}
	}
	ask := func(ref Ref, path ...string) {
		if c.p.Table(ref.Table) == nil || ref.Table == person {
			return
		}
		hint := "name a column of " + person
		if person == "" {
			hint = "this policy has no table with rows: one; turn the rule off with a reason, or add the table"
		}
		c.failAt(path, hint, "column %s is not of the person table", ref)
	}
	if a := c.p.Admit.Erasure; a != nil {
		ask(*a, "admit", "erasure")
	}
	if a := c.p.Admit.MinimumAge; a != nil {
		ask(a.From, "admit", "minimum_age", "from")
	}
	for _, e := range c.p.Admit.Exclude {
		ask(e.Column, "admit", "exclude", e.Column.String())
	}
	for _, t := range c.p.Tables {
		if t.Time != nil && t.Time.ZoneColumn != nil {
			ask(*t.Time.ZoneColumn, "tables", t.Name, "time", "zone")
		}
	}
}

func (c checker) drops() {
	first := map[Ref]bool{}
	for _, d := range c.p.Drop {
		c.known(d.Table, "drop", d.Table)
		for i, name := range d.Columns {
			ref := Ref{d.Table, name}
			path := []string{"drop", d.Table, d.Category, itoa(i)}
			if first[ref] {
				c.failAt(path, "keep one", "column %s is dropped twice", ref)
			}
			if c.p.Column(ref) != nil {
				c.failAt(path, "remove it from one of the two", "column %s is listed under columns and under drop", ref)
			}
			first[ref] = true
		}
	}
}

// publicNames are unique over columns and variables.
func (c checker) publicNames() {
	first := map[string]Pos{}
	add := func(name string, pos Pos, path ...string) {
		if was, twice := first[name]; twice && name != "" {
			c.failAt(path, "give one of them another name with `as`", "public name %q is already on line %d", name, was.Line)
			return
		}
		first[name] = pos
	}
	for _, col := range c.p.Columns {
		add(col.As, col.Pos, "columns", col.Ref.String(), "as")
	}
	for _, v := range c.p.Variables {
		add(v.Name, v.Pos, "variables", v.Name)
	}
}

func (c checker) datasetNames() {
	first := map[string]Pos{}
	for i, d := range c.p.Datasets {
		if was, twice := first[d.Name]; twice && d.Name != "" {
			c.failAt([]string{"datasets", itoa(i), "name"}, "choose another", "dataset %q is already on line %d", d.Name, was.Line)
		}
		first[d.Name] = d.Pos
	}
}

// fits says which types of column a ladder can read.
var fits = map[ladder.Input][]string{
	ladder.Text:   {"string", "int", "bool"},
	ladder.Number: {"int", "decimal"},
	ladder.Date:   {"date", "timestamp"},
	ladder.Age:    {"date"},
}
