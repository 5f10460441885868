package plan

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"lethe/pipeline/policy"
	"lethe/transforms"
)

// rawColumn is the name that a source column has inside a chain.
func rawColumn(name string) string { return "r:" + name }

// rows makes the dataset's own chain.
func (c *compiler) rows() {
	t := c.policy.Table(c.dataset.From[0])
	if !t.Many {
		people := transforms.People{}
		for _, m := range c.plan.Measures {
			people.Values = append(people.Values, m.Name)
		}
		c.plan.Rows = Chain{Steps: []Named{{"people", people}}}
		return
	}
	b := &chain{compiler: c, table: t, agg: c.dataset.Contribute.Value}
	for _, m := range c.plan.Measures {
		b.measure(m.Name)
	}
	for _, k := range c.plan.Keys {
		if k.Row {
			b.key(k.Name)
		}
	}
	for _, f := range c.dataset.Filter {
		if v := c.policy.Variable(f.Key.Name); v != nil && v.Per != "window" {
			b.key(f.Key.Name)
		}
	}
	c.plan.Rows = b.build()
}

// chain gathers what one table's rows must give.
type chain struct {
	*compiler
	table    *policy.Table
	agg      string
	aggs     map[string]string // per value, where not agg; set for a window variable
	raw      []transforms.ReadColumn
	derived  []transforms.Derived
	measures []transforms.FixedMeasure
	values   []transforms.UnitValue
	keys     []string
}

// column asks for a source column and gives its inner name.
func (b *chain) column(name string, typ transforms.Type) string {
	as := rawColumn(name)
	for _, r := range b.raw {
		if r.As == as {
			return as
		}
	}
	ref := policy.Ref{Table: b.table.Name, Column: name}
	if typ == "" {
		typ = b.typeOf(ref)
	}
	b.expect(ref, typ)
	b.raw = append(b.raw, transforms.ReadColumn{As: as, Source: name, Type: typ})
	return as
}

// measure asks for a measure of a column or a variable of the table.
func (b *chain) measure(name string) {
	m := b.policy.Measure(name)
	if b.aggs != nil {
		m = b.banding(name)
	}
	g, ok := b.grid(name, m)
	if !ok {
		return
	}
	var inner string
	float := true
	if col := b.policy.ColumnAs(name); col != nil {
		if col.Ref.Table != b.table.Name {
			b.problem("measure %s is a column of table %s, not of %s", name, col.Ref.Table, b.table.Name)
			return
		}
		inner = b.column(col.Ref.Column, transforms.Type(col.Type))
		float = transforms.Type(col.Type) == transforms.Decimal
	} else {
		v := b.policy.Variable(name)
		if v.From != b.table.Name {
			b.problem("measure %s is computed on table %s, not on %s", name, v.From, b.table.Name)
			return
		}
		inner = b.variable(v)
	}
	for _, m := range b.measures {
		if m.Name == name {
			return
		}
	}
	agg := b.agg
	if a := b.aggs[name]; a != "" {
		agg = a
	}
	b.measures = append(b.measures, g.fixed(inner, float))
	b.values = append(b.values, transforms.UnitValue{Name: name, Agg: agg, Lo: g.lo, Hi: g.hi, Small: g.small})
}

// key asks for a variable that is a key of the row.
func (b *chain) key(name string) {
	v := b.policy.Variable(name)
	if v.From != b.table.Name {
		b.problem("key %s is computed on table %s, not on %s", name, v.From, b.table.Name)
		return
	}
	if !slices.Contains(b.keys, name) {
		b.keys = append(b.keys, b.variable(v))
	}
}

// variable adds a row variable and gives its name inside the chain.
func (b *chain) variable(v *policy.Variable) string {
	for _, d := range b.derived {
		if d.Name == v.Name {
			return v.Name
		}
	}
	d := transforms.Derived{Name: v.Name, Func: v.Func, Mode: v.Mode, Parts: v.Parts}
	for i, a := range v.Args {
		typ := transforms.Decimal
		if v.Func == "scale" && i == 1 {
			typ = transforms.Int
		}
		d.Args = append(d.Args, b.column(a, typ))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Where)) {
		typ := b.typeOf(policy.Ref{Table: b.table.Name, Column: name})
		d.Where = append(d.Where, transforms.Where{Column: b.column(name, typ), Type: typ, Values: v.Where[name]})
	}
	if v.Func == "hour" && b.table.Time != nil && b.table.Time.Type == "date" {
		b.problem("variable %s: table %s has dates without a time of day", v.Name, b.table.Name)
	}
	b.derived = append(b.derived, d)
	return v.Name
}

// build puts the steps in order.
func (b *chain) build() Chain {
	if b.table.Time == nil {
		b.problem("table %s has no time column, so its rows are in no window; give it `time`", b.table.Name)
		return Chain{}
	}
	text := b.source.Tables[b.table.Name].Text
	unique := b.unique()
	read := transforms.Read{Table: b.table.Name, Text: text, Account: b.account(b.table), Columns: b.raw, Time: b.time()}
	if b.table.Received != "" {
		read.Arrived = &transforms.ReadColumn{As: "arrived", Source: b.table.Received, Type: transforms.Timestamp}
		b.expect(policy.Ref{Table: b.table.Name, Column: b.table.Received}, transforms.Timestamp)
	}
	var names []string
	for _, r := range b.raw {
		names = append(names, r.As)
	}
	carried := slices.Clone(names)
	var tallies []string
	keep := append([]string{"at"}, carried...)
	if text {
		keep = append(keep, "misread") // counted there: a row whose time is misread goes no further
	}
	if read.Arrived != nil {
		keep = append(keep, "arrived")
	}
	if unique != nil && unique.Last {
		carried = append(carried, "arrived")
	}
	civil := b.civil(carried)
	steps := []Named{
		{"read", read},
		{"unlink", transforms.Unlink{Keep: keep, Only: b.only(), Zone: civil.Instant() && civil.PersonZone}},
		{"civil", civil},
	}
	if unique != nil {
		unique.Sums = tallies
		steps = append(steps, Named{"unique", *unique})
		tallies = append(slices.Clone(tallies), "copies", "conflict")
	}
	steps = append(steps, Named{"derive", transforms.Derive{Variables: b.derived, Keep: append(slices.Clone(names), tallies...)}})
	steps = append(steps, Named{"fixed", transforms.Fixed{Measures: b.measures, Keep: append(slices.Clone(b.keys), tallies...)}})
	sums := slices.Clone(tallies)
	for _, m := range b.measures {
		sums = append(sums, "bad:"+m.Name)
	}
	steps = append(steps, Named{"unit", transforms.Unit{Keys: b.keys, Values: b.values, Sums: sums}})
	return Chain{Scan: b.scan(b.table, read), Steps: steps}
}

// only are the rows that the chain's values are made of, where each value is a
// variable that picks its rows. A row that none picks says nothing, not even
// that its subject has one.
func (b *chain) only() [][]transforms.Where {
	var out [][]transforms.Where
	for _, m := range b.measures {
		i := slices.IndexFunc(b.derived, func(d transforms.Derived) bool { return d.Name == m.Name })
		if i < 0 || len(b.derived[i].Where) == 0 {
			return nil
		}
		out = append(out, b.derived[i].Where)
	}
	return out
}

// unique makes one row of copies where the policy says what names a row. A
// chain without values only asks whether a subject has a row, which copies do
// not change.
func (b *chain) unique() *transforms.Unique {
	if b.table.Unique == nil || len(b.measures) == 0 {
		return nil
	}
	u := &transforms.Unique{Last: b.table.Last}
	for _, k := range b.table.Unique {
		switch {
		case k == b.table.Account.Column:
		case k == b.table.Time.Column && b.table.Time.Type == "date":
			u.Keys = append(u.Keys, "day")
		case k == b.table.Time.Column:
			u.Keys = append(u.Keys, "at")
		default:
			u.Keys = append(u.Keys, b.column(k, ""))
		}
	}
	for _, r := range b.raw {
		if !slices.Contains(u.Keys, r.As) {
			u.Values = append(u.Values, r.As)
		}
	}
	return u
}

// time reads the table's time column, pruned to the window padded by a day on
// each side: no time zone shifts a day further.
func (b *chain) time() *transforms.ReadTime {
	t := b.table.Time
	w := b.plan.Window
	out := &transforms.ReadTime{Source: t.Column, Kind: t.Type, Format: t.Format,
		From: iso(day(w.Start).AddDate(0, 0, -1)), To: iso(day(w.End).AddDate(0, 0, 1))}
	if t.Type == "date" {
		out.From, out.To = w.Start, w.End
	}
	if t.Expect != nil {
		out.Expect = []string{iso(t.Expect[0]), iso(t.Expect[1])}
	}
	typ := transforms.Timestamp
	switch t.Type {
	case "date":
		typ = transforms.Date
	case "epoch_s", "epoch_ms":
		typ = transforms.Int
	}
	b.expect(policy.Ref{Table: b.table.Name, Column: t.Column}, typ)
	if col, ok := b.source.Tables[b.table.Name].Find(t.Column); ok && typ != transforms.Int {
		out.Native = Type(col.Native) == typ
	}
	return out
}

// civil cuts the window in the zone that the table names.
func (b *chain) civil(carried []string) transforms.Civil {
	t, w := b.table.Time, b.plan.Window
	out := transforms.Civil{Kind: t.Type, Zone: b.policy.Zone.String(), Start: w.Start, End: w.End, Keep: append([]string{"at"}, carried...)}
	if b.table.Received != "" {
		out.Closed = w.Closed
	}
	switch {
	case t.ZoneColumn != nil:
		out.PersonZone = true
		if out.Instant() {
			s := &b.plan.Admission.Screened
			s.Zone = b.personColumn(*t.ZoneColumn, transforms.String)
			s.Fallback, s.Zones = b.policy.Zone.String(), Zones
		}
	case t.Zone != nil:
		out.Zone = t.Zone.String()
	}
	return out
}

// maxWidth keeps any total of two thousand million people below 2^53, where
// noise stays exact: whether a total fits is then no question of who is in it.
const maxWidth = 1 << 22

// grid is a measure's fixed-point form: an integer g stands for g × over/times.
type grid struct {
	name        string
	lo, hi      int64
	times, over int64
	plausible   [2]string
	clamp       bool
	small       bool
}

// grid checks that a measure can be summed: bounded, on a step, within 2^53.
func (c *compiler) grid(name string, m *policy.Measure) (grid, bool) {
	if m == nil || m.Bounds == nil || m.Step == nil {
		c.problem("measure %s has no bounds and step, so one person could change a sum without limit: give `bounds` and `step`", name)
		return grid{}, false
	}
	g := grid{name: name, clamp: m.Otherwise == "clamp"}
	step := m.Step.Rat
	if !step.Num().IsInt64() || !step.Denom().IsInt64() {
		c.problem("measure %s: step %s is too fine", name, m.Step.Text)
		return grid{}, false
	}
	g.over, g.times = step.Num().Int64(), step.Denom().Int64()
	lo, okLo := units(m.Bounds[0].Rat, step)
	hi, okHi := units(m.Bounds[1].Rat, step)
	if !okLo || !okHi || lo >= hi {
		c.problem("measure %s: bounds must be multiples of the step, in order, and within 2^53 steps", name)
		return grid{}, false
	}
	if hi-lo > maxWidth {
		c.problem("measure %s: its bounds are %d steps apart, more than %d: take a coarser step", name, hi-lo, maxWidth)
		return grid{}, false
	}
	g.lo, g.hi = lo, hi
	most := new(big.Rat).Mul(step, new(big.Rat).SetInt64(1<<53))
	g.plausible = [2]string{"-" + most.FloatString(0), most.FloatString(0)}
	g.small = m.Plausible != nil
	if m.Plausible != nil {
		g.plausible = [2]string{m.Plausible[0].Text, m.Plausible[1].Text}
		for _, p := range m.Plausible {
			g.small = g.small && new(big.Rat).Abs(p.Rat).Cmp(new(big.Rat).Mul(step, big.NewRat(1<<28, 1))) <= 0
			if new(big.Rat).Abs(p.Rat).Cmp(most) > 0 {
				c.problem("measure %s: plausible values are within 2^53 steps", name)
			}
		}
	}
	return g, true
}

func (g grid) fixed(column string, float bool) transforms.FixedMeasure {
	return transforms.FixedMeasure{Name: g.name, Column: column, Lo: g.plausible[0], Hi: g.plausible[1],
		Clamp: g.clamp, Times: g.times, Over: g.over, Float: float, Small: g.small}
}

// units is v / step as an integer.
func units(v, step *big.Rat) (int64, bool) {
	q := new(big.Rat).Quo(v, step)
	if !q.IsInt() || q.Num().BitLen() > 53 {
		return 0, false
	}
	return q.Num().Int64(), true
}

// bandChain makes the chain of a window variable and gives its number.
func (c *compiler) bandChain(v *policy.Variable) int {
	for i, b := range c.plan.Bands {
		if b.Steps[len(b.Steps)-1].Name == v.Name {
			return i + 1
		}
	}
	step := transforms.Banded{Name: v.Name, Func: v.Func}
	for i := 1; i+1 < len(v.Bands); i++ {
		step.Edges = append(step.Edges, v.Bands[i].Text)
	}
	var b *chain
	for _, in := range v.Inputs() {
		arg, table, name := c.bandInput(v, in)
		if table != nil {
			if b == nil {
				b = &chain{compiler: c, table: table, aggs: map[string]string{}}
			}
			if b.table != table {
				c.notBuilt("variable %s: inputs from two tables", v.Name)
				return 0
			}
			b.aggs[name] = in.Agg
			b.measure(name)
		}
		step.Args = append(step.Args, arg)
	}
	if b == nil {
		c.notBuilt("variable %s: inputs from the person table alone", v.Name)
		return 0
	}
	ch := b.build()
	ch.Steps = append(ch.Steps, Named{v.Name, step})
	c.plan.Bands = append(c.plan.Bands, ch)
	return len(c.plan.Bands)
}

// bandInput resolves one input of a window variable.
func (c *compiler) bandInput(v *policy.Variable, in policy.Arg) (transforms.BandedArg, *policy.Table, string) {
	name := in.Name
	var col *policy.Column
	if in.Ref != nil {
		if col = c.policy.Column(*in.Ref); col == nil {
			c.problem("variable %s: column %s.%s is not listed as a measure", v.Name, in.Ref.Table, in.Ref.Column)
			return transforms.BandedArg{}, nil, ""
		}
		name = col.As
	}
	g, ok := c.grid(name, c.banding(name))
	if !ok {
		return transforms.BandedArg{}, nil, ""
	}
	arg := transforms.BandedArg{Column: name, Lo: g.lo, Times: g.times, Over: g.over}
	if col != nil && !c.policy.Table(col.Ref.Table).Many {
		arg.Person = true
		c.personMeasure(col)
		return arg, nil, name
	}
	if col != nil {
		return arg, c.policy.Table(col.Ref.Table), name
	}
	w := c.policy.Variable(name)
	if w == nil {
		c.problem("variable %s: there is no measure %s", v.Name, fmt.Sprintf("%q", name))
		return arg, nil, name
	}
	return arg, c.policy.Table(w.From), name
}

// banding is a measure as a window variable reads it. One that is not released
// needs no bounds: its plausible range serves, on a grid of hundredths.
func (c *compiler) banding(name string) *policy.Measure {
	m := c.policy.Measure(name)
	if m == nil {
		if v := c.policy.Variable(name); v != nil {
			m = v.Measure
		}
	}
	if m == nil || m.Bounds != nil || m.Plausible == nil {
		return m
	}
	wide := *m
	wide.Bounds = m.Plausible
	wide.Step = &policy.Number{Text: "0.01", Rat: big.NewRat(1, 100)}
	return &wide
}
