package duck

import (
	"context"
	"slices"
	"strings"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

// rows makes the views of a chain and gives the last one's name. A chain that
// drops copies of rows is run in two passes, for grouping every row by its keys
// costs several times what the rest costs and holds every row in memory.
//
// The first pass takes each row to be alone and, beside each subject's values,
// notes its days in 64 bits. Copies have equal keys, so equal days: a subject
// with no more rows than days has none, and its values stand. The second pass
// does the whole chain, copies and all, for the other subjects alone. Either
// way a subject's values are what the chain says. Where most people have many
// rows a day, as minutes do, that would be work for nothing, and one pass is run.
func (e *Engine) rows(ctx context.Context, c *conn, ch plan.Chain, name, admitted string) (string, error) {
	at := slices.IndexFunc(ch.Steps, func(n plan.Named) bool { return n.Name == "unit" })
	first, ok := twoPass(ch, at)
	if ok {
		var err error
		if ok, err = e.sparse(ctx, c, ch.Scan, admitted); err != nil {
			return "", err
		}
	}
	if !ok {
		return e.chain(ctx, c, ch, name, admitted)
	}
	all, repeated, units := name+" all", name+" repeated", name+" units"
	view, err := e.chain(ctx, c, first, name, admitted)
	if err != nil {
		return "", err
	}
	if err := c.exec(ctx, "aggregate", "CREATE OR REPLACE TEMP TABLE "+transforms.Ident(all)+" AS SELECT * FROM "+view); err != nil {
		return "", err
	}
	subjects := "SELECT subject FROM " + transforms.Ident(all) + " WHERE rows > bit_count(days)"
	if !together(ch.Steps[:at+1]) {
		subjects = "SELECT subject FROM " + transforms.Ident(all) + " GROUP BY subject HAVING sum(rows) > bit_count(bit_or(days))"
	}
	if err := c.view(ctx, repeated, "SELECT * FROM "+admitted+" WHERE subject IN ("+subjects+")"); err != nil {
		return "", err
	}
	if view, err = e.repeated(ctx, c, ch.Scan, ch.Steps[:at+1], repeated); err != nil {
		return "", err
	}
	unit := ch.Steps[at].Step.(transforms.Unit)
	sql := "SELECT " + unitColumns(unit, "0 AS ") + " FROM " + transforms.Ident(all) + " WHERE subject NOT IN (" + subjects + ")" +
		" UNION ALL SELECT " + unitColumns(unit, "") + " FROM " + view
	if err := c.view(ctx, units, sql); err != nil {
		return "", err
	}
	return e.after(ctx, c, ch.Steps[at+1:], name, transforms.Ident(units), admitted)
}

// sparse says whether a table holds about one row per person and day, so that
// most people have no two rows of a day. It asks the files' footers, so Parquet
// alone can tell.
func (e *Engine) sparse(ctx context.Context, c *conn, s plan.Scan, admitted string) (bool, error) {
	if s.Format != "parquet" {
		return false, nil
	}
	from, err := e.relation(s, s.Files)
	if err != nil {
		return false, err
	}
	rows, err := c.number(ctx, "count rows", "SELECT count(*) FROM "+from)
	if err != nil {
		return false, err
	}
	people, err := c.number(ctx, "count people", "SELECT count(*) FROM "+admitted)
	return rows <= mostRows*people, err
}

// mostRows is how many rows of a table, for each admitted person, still make
// two passes cheaper than one: two a day for two months.
const mostRows = 120

// repeated runs the second pass. Its few rows are held, for dropping copies
// looks at them more than once.
func (e *Engine) repeated(ctx context.Context, c *conn, scan plan.Scan, steps []plan.Named, name string) (string, error) {
	at := slices.IndexFunc(steps, func(n plan.Named) bool { return n.Name == "unique" })
	view, err := e.chain(ctx, c, plan.Chain{Scan: scan, Steps: steps[:at]}, name, transforms.Ident(name))
	if err != nil {
		return "", err
	}
	held := transforms.Ident(name + " rows")
	if err := c.exec(ctx, "aggregate", "CREATE OR REPLACE TEMP TABLE "+held+" AS SELECT * FROM "+view); err != nil {
		return "", err
	}
	return e.after(ctx, c, steps[at:], name, held, "")
}

// twoPass is the chain of the first pass, up to its unit rows; false where
// there are no copies to drop, or days do not tell of them.
func twoPass(ch plan.Chain, at int) (plan.Chain, bool) {
	i := slices.IndexFunc(ch.Steps, func(n plan.Named) bool { return n.Name == "unique" })
	if i < 0 || at < i || !ch.Steps[i].Step.(transforms.Unique).Dated() {
		return plan.Chain{}, false
	}
	unique, unit := ch.Steps[i].Step.(transforms.Unique), ch.Steps[at].Step.(transforms.Unit)
	unique.Alone, unit.Days = true, true
	unit.Sums = slices.DeleteFunc(slices.Clone(unit.Sums), ofCopies)
	steps := slices.Clone(ch.Steps[:at+1])
	steps[i].Step, steps[at].Step = unique, unit
	return plan.Chain{Scan: ch.Scan, Steps: steps}, true
}

// together says whether copies of a row always have the same row keys, so that
// they meet in one unit row of the first pass. Copies of a day may be of
// different hours; copies of an instant are not.
func together(steps []plan.Named) bool {
	unit, instant := steps[len(steps)-1].Step.(transforms.Unit), false
	for _, n := range steps {
		switch s := n.Step.(type) {
		case transforms.Unique:
			instant = slices.Contains(s.Keys, "at")
		case transforms.Derive:
			for _, v := range s.Variables {
				if slices.Contains(unit.Keys, v.Name) && (len(v.Where) > 0 || v.Func == "hour" && !instant) {
					return false
				}
			}
		}
	}
	return true
}

// after makes the views of the steps that follow the unit rows.
func (e *Engine) after(ctx context.Context, c *conn, steps []plan.Named, name, before, admitted string) (string, error) {
	for _, n := range steps {
		sql, err := n.Step.SQL(before, admitted)
		if err != nil {
			return "", err
		}
		view := name + " " + n.Name
		if err := c.view(ctx, view, sql); err != nil {
			return "", err
		}
		before = transforms.Ident(view)
	}
	return before, nil
}

// ofCopies says whether a tally is about copies: the first pass has none.
func ofCopies(tally string) bool { return tally == "copies" || tally == "conflict" }

// unitColumns lists the columns of unit rows, those about copies behind a prefix.
func unitColumns(u transforms.Unit, copies string) string {
	out := []string{"subject"}
	for _, k := range u.Keys {
		out = append(out, transforms.Ident(k))
	}
	for _, v := range u.Values {
		out = append(out, transforms.Ident(v.Name))
	}
	out = append(out, "rows")
	for _, s := range u.Sums {
		if ofCopies(s) {
			s = copies + s
		} else {
			s = transforms.Ident(s)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}
