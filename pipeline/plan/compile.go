package plan

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"lethe/pipeline/policy"
	"lethe/transforms"
)

// NotBuilt says that a dataset is written in a valid way that this program
// does not run yet.
type NotBuilt struct {
	Dataset, What string
}

func (n *NotBuilt) Error() string {
	return fmt.Sprintf("dataset %s: %s: not built yet", n.Dataset, n.What)
}

// compiler gathers one plan and everything that is wrong with it.
type compiler struct {
	policy   *policy.Policy
	dataset  *policy.Dataset
	source   *Source
	plan     *Plan
	types    map[string]transforms.Type // of person columns, by inner name
	persons  []transforms.ReadColumn
	problems []error
}

func (c *compiler) problem(format string, args ...any) {
	err := fmt.Errorf("dataset %s: "+format, append([]any{c.dataset.Name}, args...)...)
	for _, have := range c.problems {
		if have.Error() == err.Error() {
			return
		}
	}
	c.problems = append(c.problems, err)
}

func (c *compiler) notBuilt(format string, args ...any) {
	c.problems = append(c.problems, &NotBuilt{c.dataset.Name, fmt.Sprintf(format, args...)})
}

// Compile makes the plan of one dataset for its last window that is closed on
// date. It reads the schema of the source, never a row. The error joins every
// problem; one that wraps *NotBuilt is of a dataset for a later version.
func Compile(p *policy.Policy, d *policy.Dataset, src *Source, date time.Time) (*Plan, error) {
	c := &compiler{policy: p, dataset: d, source: src, types: map[string]transforms.Type{}}
	c.plan = &Plan{
		Version:    version,
		Policy:     PolicyRef{p.Name, p.Version, p.Hash, p.Budget.Demo},
		Population: p.Population,
		Unit:       p.Unit,
		Dataset:    d.Name,
		Kind:       d.Kind,
		Window:     LastClosed(d, date),
		Unusable:   p.Floors.UnusableOver.Text,
		Retries:    p.Budget.Retries,
	}
	if c.unbuilt(); len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	c.problems = append(c.problems, src.Check(p)...)
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	c.admission()
	c.keys()
	c.measures()
	c.rows()
	c.personChain()
	c.cells()
	c.bins()
	c.items()
	if len(c.problems) == 0 {
		c.fold()
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return c.plan, nil
}

// unbuilt refuses what the grammar knows and later issues build.
func (c *compiler) unbuilt() {
	d := c.dataset
	switch {
	case d.Kind != "statistics":
		c.notBuilt("kind %s", d.Kind)
		return
	case d.Unit == "household":
		c.notBuilt("the household as the protected unit")
		return
	case c.policy.Unit == "row":
		c.notBuilt("the row as the protected unit")
	case len(d.From) != 1:
		c.notBuilt("several tables in from; make one dataset for each table")
	}
	for _, it := range d.Release {
		if it.Func == "count" && it.Of != "subjects" {
			c.notBuilt("count of %s: the grammar has no bound for how many one person may add", it.Of)
		}
	}
	if w := d.Spend.Within; w != nil {
		c.notBuilt("spend within an accuracy; give rho")
	}
}

// fold runs the schemas of all steps, so that no chain carries an account to
// its end or sums what is not bounded.
func (c *compiler) fold() {
	p := c.plan
	if _, err := p.Admission.Schema(); err != nil {
		c.problem("%v", err)
	}
	unit, err := c.chainSchema(p.Rows)
	if err != nil {
		c.problem("%v", err)
		return
	}
	for _, b := range p.Bands {
		if _, err := c.chainSchema(b); err != nil {
			c.problem("%v", err)
		}
	}
	out, err := p.Cells.Schema(unit)
	if err != nil {
		c.problem("%v", err)
	}
	for _, col := range out {
		switch col.Role {
		case transforms.Key, transforms.Total, transforms.Tally:
		default:
			c.problem("column %s would leave as %s", col.Name, col.Role)
		}
	}
}

// chainSchema folds a chain; the chain of a dataset about people starts with
// the admitted table instead of files.
func (c *compiler) chainSchema(ch Chain) (transforms.Schema, error) {
	if len(ch.Steps) > 0 {
		if people, ok := ch.Steps[0].Step.(transforms.People); ok {
			admitted, err := c.plan.Admission.Schema()
			if err != nil {
				return nil, err
			}
			return people.Schema(admitted)
		}
	}
	return ch.Schema()
}

// typeOf is the type that a source column is handled as: what the policy says
// of a listed column, else the source's own, else text.
func (c *compiler) typeOf(ref policy.Ref) transforms.Type {
	if col := c.policy.Column(ref); col != nil {
		return transforms.Type(col.Type)
	}
	if col, ok := c.source.Tables[ref.Table].Find(ref.Column); ok && col.Native != "" {
		return Type(col.Native)
	}
	return transforms.String
}

// expect checks that a column of a typed source can be read as typ.
func (c *compiler) expect(ref policy.Ref, typ transforms.Type) {
	t, ok := c.source.Tables[ref.Table]
	if !ok {
		c.problem("table %s is not in the source", ref.Table)
		return
	}
	col, ok := t.Find(ref.Column)
	if !ok || t.Text {
		return // missing columns are reported with the schema; text is parsed
	}
	have := Type(col.Native)
	fits := have == typ || typ == transforms.Decimal && have == transforms.Int || typ == transforms.Timestamp && have == transforms.Date ||
		typ == transforms.Date && have == transforms.Timestamp
	if !fits {
		c.problem("column %s.%s is %s in the source, the policy needs %s: correct its type in the policy", ref.Table, ref.Column, col.Native, typ)
	}
}

// account says how rows of a table name their account.
func (c *compiler) account(t *policy.Table) transforms.AccountKey {
	return transforms.AccountKey{Column: t.Account.Column, Constant: t.Account.Constant, Type: c.accountType()}
}

// accountType is Int where every table of the policy has integer keys. One
// text table makes them all text, so that they compare.
func (c *compiler) accountType() transforms.Type {
	for _, t := range c.policy.Tables {
		src, ok := c.source.Tables[t.Name]
		if !ok {
			continue
		}
		if t.Account.Constant != "" || src.Text {
			return transforms.String
		}
		if col, ok := src.Find(t.Account.Column); ok && Type(col.Native) != transforms.Int {
			return transforms.String
		}
	}
	return transforms.Int
}

// scan names the files of a table and, for text, the columns to ask for.
func (c *compiler) scan(t *policy.Table, read transforms.Read) Scan {
	need := map[string]bool{}
	add := func(n string) {
		if n != "" {
			need[n] = true
		}
	}
	add(read.Account.Column)
	if read.Time != nil {
		add(read.Time.Source)
	}
	if read.Arrived != nil {
		add(read.Arrived.Source)
	}
	for _, col := range read.Columns {
		add(col.Source)
	}
	s := Scan{Table: t.Name, Files: t.Files, Format: t.Format, CSV: t.CSV, Unnest: t.Unnest, Children: c.source.Tables[t.Name].Children}
	for n := range need {
		s.Columns = append(s.Columns, n)
	}
	sort.Strings(s.Columns)
	return s
}
