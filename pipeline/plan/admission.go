package plan

import (
	"fmt"
	"sort"
	"strconv"
	"time"

	"lethe/pipeline/policy"
	"lethe/transforms"
	"lethe/transforms/ladder"
)

// An Admission is who may be in a dataset, and what is known of them: the
// admitted table of one window's start. Datasets with the same start share
// one, so a run builds it once.
type Admission struct {
	Start      string
	Persons    *Chain // reads the person table; nil where the source has none: then every account of Others is a person
	Others     []Chain
	Consents   *Chain
	Objections *Chain
	Decided    *transforms.Decided
	Objected   *transforms.Objected
	Screened   transforms.Screened
	Lookups    []Lookup
}

// Zones is the relation of valid time zones that a Screened step joins.
const Zones = "zones"

// Codes are the names of the keys and measures that the admitted people carry.
func (a *Admission) Codes() []string {
	var out []string
	for _, c := range a.Screened.Codes {
		out = append(out, c.Name)
	}
	for _, m := range a.Screened.Measures {
		out = append(out, m.Name)
	}
	return out
}

// Admitted is the step that the admission ends with.
func (a *Admission) Admitted() transforms.Admitted {
	return transforms.Admitted{Zone: a.Screened.Zone != "", Codes: a.Codes()}
}

// Schema folds the admission's steps.
func (a *Admission) Schema() (transforms.Schema, error) {
	persons := transforms.Schema{}
	for _, c := range append([]Chain{}, a.chains()...) {
		s, err := c.Schema()
		if err != nil {
			return nil, err
		}
		persons = append(persons, s...)
	}
	screened, err := a.Screened.Schema(persons)
	if err != nil {
		return nil, err
	}
	return a.Admitted().Schema(screened)
}

func (a *Admission) chains() []Chain {
	if a.Persons != nil {
		return []Chain{*a.Persons}
	}
	return a.Others[:1]
}

// Schema folds the steps of a chain from its table on.
func (c Chain) Schema() (transforms.Schema, error) {
	var s transforms.Schema
	for _, n := range c.Steps {
		var err error
		if s, err = n.Step.Schema(s); err != nil {
			return nil, fmt.Errorf("table %s: %w", c.Scan.Table, err)
		}
	}
	return s, nil
}

// personColumn is the name that a column of the person table has inside the
// admission. The prefix keeps it apart from the steps' own names.
func personColumn(name string) string { return "c:" + name }

// admission starts the admitted table with the policy's rules; keys and
// measures are added as a dataset asks for them.
func (c *compiler) admission() {
	a := &c.plan.Admission
	a.Start = c.plan.Window.Start
	a.Screened.Start = a.Start
	ad := c.policy.Admit
	if ad.Consent != nil {
		a.Screened.Consent = true
		a.Decided = &transforms.Decided{Purpose: ad.Consent.Purpose, Granted: ad.Consent.Granted}
		a.Consents = c.ruleTable(ad.Consent.Table, map[string]string{
			"purpose": ad.Consent.PurposeColumn, "status": ad.Consent.StatusColumn, "decided_at": ad.Consent.LatestBy})
	}
	if ad.Objection != nil {
		a.Screened.Objection = true
		a.Objected = &transforms.Objected{Purpose: ad.Objection.Purpose, Lifted: ad.Objection.Lifted != ""}
		cols := map[string]string{}
		if ad.Objection.Purpose != "" {
			cols["purpose"] = ad.Objection.PurposeColumn
		}
		if ad.Objection.Lifted != "" {
			cols["lifted_at"] = ad.Objection.Lifted
		}
		a.Objections = c.ruleTable(ad.Objection.Table, cols)
	}
	if ad.Erasure != nil {
		a.Screened.Erasure = c.personText(*ad.Erasure) // whatever stands there asks for erasure
	}
	if m := ad.MinimumAge; m != nil {
		a.Screened.Age = &transforms.MinimumAge{Column: c.personColumn(m.From, transforms.Date), Years: m.Years, Unknown: m.Unknown == "admit"}
	}
	for _, e := range ad.Exclude {
		col := c.personColumn(e.Column, "")
		rule := transforms.Exclusion{Where: transforms.Where{Column: col, Type: c.types[col], Values: e.Values}}
		if c.source.Tables[e.Column.Table].Text && rule.Type != transforms.String {
			rule.Text = c.personText(e.Column)
		}
		a.Screened.Excluded = append(a.Screened.Excluded, rule)
	}
}

// ruleTable reads the columns of a consent or objection table.
func (c *compiler) ruleTable(table string, cols map[string]string) *Chain {
	t := c.policy.Table(table)
	if t == nil {
		return nil
	}
	read := transforms.Read{Table: table, Text: c.source.Tables[table].Text, Account: c.account(t)}
	names := make([]string, 0, len(cols))
	for as := range cols {
		names = append(names, as)
	}
	sort.Strings(names)
	for _, as := range names {
		typ := transforms.String
		if as == "decided_at" || as == "lifted_at" {
			typ = transforms.Timestamp
		}
		c.expect(policy.Ref{Table: table, Column: cols[as]}, typ)
		read.Columns = append(read.Columns, transforms.ReadColumn{As: as, Source: cols[as], Type: typ})
	}
	return &Chain{Scan: c.scan(t, read), Steps: []Named{{"read", read}}}
}

// personColumn asks for a column of the person table and gives its inner name.
// An empty type means the source's own.
func (c *compiler) personColumn(ref policy.Ref, typ transforms.Type) string {
	name := personColumn(ref.Column)
	if _, ok := c.types[name]; ok {
		return name
	}
	t := c.policy.Table(ref.Table)
	if t == nil || t.Many {
		c.problem("column %s.%s: only columns of the person table say something of a person", ref.Table, ref.Column)
		return name
	}
	if typ == "" {
		typ = c.typeOf(ref)
	}
	c.expect(ref, typ)
	c.types[name] = typ
	c.persons = append(c.persons, transforms.ReadColumn{As: name, Source: ref.Column, Type: typ})
	return name
}

// personText asks for a column of the person table as text, whatever its type.
func (c *compiler) personText(ref policy.Ref) string {
	name := "t:" + ref.Column
	if _, ok := c.types[name]; !ok {
		c.types[name] = transforms.String
		c.persons = append(c.persons, transforms.ReadColumn{As: name, Source: ref.Column, Type: transforms.String})
	}
	return name
}

// personChain closes the admission: by now every column it needs was asked for.
func (c *compiler) personChain() {
	a := &c.plan.Admission
	t := c.policy.Person()
	if t == nil {
		for _, ch := range append([]Chain{c.plan.Rows}, c.plan.Bands...) {
			read := ch.Steps[0].Step.(transforms.Read)
			only := transforms.Read{Table: read.Table, Text: read.Text, Account: read.Account}
			only.Text = false // only the account is read
			a.Others = append(a.Others, Chain{Scan: ch.Scan, Steps: []Named{{"read", only}}})
		}
		return
	}
	read := transforms.Read{Table: t.Name, Text: c.source.Tables[t.Name].Text, Account: c.account(t), Columns: c.persons}
	a.Persons = &Chain{Scan: c.scan(t, read), Steps: []Named{{"read", read}}}
}

// personKey makes the code of a column of the person table at a level.
func (c *compiler) personKey(col *policy.Column, k policy.Key) string {
	a := &c.plan.Admission
	name := k.Name + "@" + k.Level
	for _, have := range a.Screened.Codes {
		if have.Name == name {
			return name
		}
	}
	l := c.policy.Ladders[col.Ladder]
	level, n, err := l.Level(k.Level)
	if err != nil {
		c.problem("key %s: %v", name, err)
		return name
	}
	code := transforms.Code{Name: name, Input: string(l.Input), Fold: l.Fold, Shape: l.Shape, Prefix: level.Prefix, Other: level.Other, Unknown: level.Unknown()}
	if l.RefuseOther && n < len(l.Levels)-1 {
		code.Other = -1
	}
	typ := transforms.Type("")
	if l.Input == ladder.Text {
		typ = transforms.String
	}
	if l.Input == ladder.Date || l.Input == ladder.Age {
		typ = transforms.Date
	}
	code.Column = c.personColumn(col.Ref, typ)
	switch {
	case level.Values != nil:
		code.Lookup = "ladder:" + col.Ladder + "@" + level.Name
		a.Lookups = append(a.Lookups, Lookup{code.Lookup, level.Values})
	default:
		code.Edges = edges(l.Input, level.Edges)
	}
	if n == len(l.Levels)-1 {
		code.Other, code.Unknown = 0, 0
	}
	a.Screened.Codes = append(a.Screened.Codes, code)
	return name
}

func edges(in ladder.Input, at []float64) []string {
	var out []string
	for _, e := range at {
		if in == ladder.Date {
			out = append(out, iso(time.Unix(int64(e)*86400, 0).UTC()))
			continue
		}
		out = append(out, strconv.FormatFloat(e, 'f', -1, 64))
	}
	return out
}

// personMeasure puts a measure of the person table on its grid.
func (c *compiler) personMeasure(col *policy.Column) {
	a := &c.plan.Admission
	for _, m := range a.Screened.Measures {
		if m.Name == col.As {
			return
		}
	}
	g, ok := c.grid(col.As, col.Measure)
	if !ok {
		return
	}
	inner := c.personColumn(col.Ref, transforms.Type(col.Type))
	a.Screened.Measures = append(a.Screened.Measures, transforms.PersonMeasure{
		FixedMeasure: g.fixed(inner, transforms.Type(col.Type) == transforms.Decimal), Low: g.lo, High: g.hi})
}
