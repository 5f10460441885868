package plan

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"lethe/pipeline/policy"
)

// Explain writes what a plan does in words that a privacy officer can sign:
// what leaves, of whom, each column's way, what one person can change, the
// noise, the cost and the guarantee. It is a function of the plan and the
// policy alone, and the same text for the same two.
func Explain(w io.Writer, p *Plan, pol *policy.Policy) error {
	e := &explainer{plan: p, policy: pol}
	e.head()
	e.window()
	e.people()
	e.leaves()
	e.columns()
	e.bounding()
	if err := e.noise(); err != nil {
		return err
	}
	if err := e.cost(); err != nil {
		return err
	}
	e.guarantee()
	if _, err := w.Write(e.out.Bytes()); err != nil {
		return fmt.Errorf("explain dataset %s: %w", p.Dataset, err)
	}
	return nil
}

// explainer writes one explanation.
type explainer struct {
	plan   *Plan
	policy *policy.Policy
	out    bytes.Buffer
}

func (e *explainer) line(format string, args ...any) { fmt.Fprintf(&e.out, format+"\n", args...) }

func (e *explainer) title(s string) { e.line("\n%s", s) }

func (e *explainer) head() {
	p := e.plan
	e.line("DATASET %s", p.Dataset)
	e.line("  A table of %s about population %s, from policy %s version %d.", p.Kind, p.Population, p.Policy.Name, p.Policy.Version)
	if p.Policy.Demo {
		e.line("  !! DEMO BUDGET: for made-up people only. Real people must never be charged this much.")
	}
}

func (e *explainer) window() {
	w := e.plan.Window
	e.title("WHICH DAYS")
	e.line("  %s to %s, %s.", w.Start, iso(day(w.End).AddDate(0, 0, -1)), plural(int64(w.Days()), "day"))
	if d := e.policy.Dataset(e.plan.Dataset); d != nil {
		e.line("  One release every %s, over its last %s, made %s after the end: this one from %s on.",
			d.Every, plural(int64(d.WindowDays), "day"), plural(int64(d.SettleDays), "day"), w.Closed)
	}
	if e.arrived() {
		e.line("  Rows that arrive on %s or later are counted as late and never used.", w.Closed)
	}
}

// people says who is admitted.
func (e *explainer) people() {
	a, ad := e.plan.Admission, e.policy.Admit
	e.title("WHO IS IN IT")
	e.line("  One account counts as one person. An account is in it if, at the moment the job runs,")
	if c := ad.Consent; a.Screened.Consent && c != nil {
		e.line("  - its latest decision in %s for the purpose %s is %s,", c.Table, c.Purpose, strings.Join(c.Granted, " or "))
	}
	if o := ad.Objection; a.Screened.Objection && o != nil {
		purpose := ""
		if o.Purpose != "" {
			purpose = " to the purpose " + o.Purpose
		}
		e.line("  - it has no standing objection%s in %s,", purpose, o.Table)
	}
	if r := ad.Erasure; a.Screened.Erasure != "" && r != nil {
		e.line("  - no erasure is asked for: %s is empty,", r)
	}
	if m := ad.MinimumAge; a.Screened.Age != nil && m != nil {
		unknown := "an account without a date is out"
		if m.Unknown == "admit" {
			unknown = "an account without a date is in"
		}
		e.line("  - by %s it was at least %d years old on %s; %s,", m.From, m.Years, a.Start, unknown)
	}
	for _, x := range ad.Exclude {
		e.line("  - %s is not %s,", x.Column, strings.Join(x.Values, " or "))
	}
	if p := e.policy.Person(); p != nil {
		e.line("  - and %s knows it.", p.Name)
	} else {
		e.line("  - and it has rows in %s.", e.plan.Rows.Scan.Table)
	}
	for _, rule := range []string{"consent", "objection", "erasure", "minimum_age", "exclude"} {
		if why := ad.Off[rule]; why != "" {
			e.line("  The rule %s is turned off: %s.", rule, why)
		}
	}
}

// leaves says what a reader of the release sees.
func (e *explainer) leaves() {
	p := e.plan
	e.title("WHAT LEAVES")
	e.line("  A table with %s and nothing of any single person.", plural(e.rows(), "group"))
	for _, k := range p.Keys {
		name := k.Name
		if k.Level != "" {
			name += ", level " + k.Level
		}
		e.line("  Key %s: %s.", name, short(k.Labels))
	}
	for _, keys := range p.Tables()[1:] {
		e.line("  Also added up %s.", e.by(keys))
	}
	for _, f := range p.Cells.Filters {
		e.line("  Only of people with %s.", e.filter(f.Name, f.Index))
	}
	if len(p.Keys) > 0 {
		e.line("  All groups are published, whoever is in them: that a group is there says nothing.")
	}
	for _, it := range p.Released() {
		for i, name := range it.Columns() {
			e.line("  Column %s: %s.", name, e.aggregate(it, i))
		}
	}
	e.line("  Beside each of them its 95 %% error, and a flag where the number is too uncertain and is left out.")
}

func (e *explainer) rows() int64 {
	var n int64
	for _, keys := range e.plan.Tables() {
		n += e.plan.GroupsOf(keys)
	}
	return n
}

func (e *explainer) by(keys []int) string {
	if len(keys) == 0 {
		return "over all people"
	}
	var names []string
	for _, k := range keys {
		names = append(names, e.plan.Keys[k].Name)
	}
	return "by " + strings.Join(names, " and ")
}

// filter names the labels of a filter that is not a key.
func (e *explainer) filter(name string, index []int) string {
	for _, f := range e.policy.Dataset(e.plan.Dataset).Filter {
		if f.Key.Name == name || f.Key.Name+"@"+f.Key.Level == name {
			return f.Key.Name + " " + strings.Join(f.Labels, " or ")
		}
	}
	return fmt.Sprintf("%d labels of %s", len(index), name)
}

func (e *explainer) aggregate(it Item, i int) string {
	m := e.plan.Measure(it.Of)
	if m == nil {
		return "how many people are in the group"
	}
	of := it.Of
	if m.Unit != "" {
		of += " in " + m.Unit
	}
	what := it.Func + " over the group's people of " + of
	switch it.Func {
	case "stddev":
		what = "standard deviation over the group's people of " + of
	case "variance":
		what = "variance over the group's people of " + it.Of
	case "histogram":
		what = fmt.Sprintf("how many of the group's people have %s %s", of, it.bin(m, i))
	case "proportion":
		what = fmt.Sprintf("share of the group's people with %s %s", of, it.bin(m, i))
	case "quantiles":
		what = fmt.Sprintf("the least value that a share of %s of the group's people or more are not above, of %s, to %s", it.At[i].Text, of, e.amount(m, it.Tree.Leaf))
	}
	if m.Agg != "" {
		what += fmt.Sprintf(", each counting once, with the %s of the rows", m.Agg)
	}
	return what
}

// bounding says what one person can change at most, which is what the noise hides.
func (e *explainer) bounding() {
	p := e.plan
	e.title("WHAT ONE PERSON CAN CHANGE AT MOST")
	in := "1 group"
	if p.Touched > 1 {
		in = fmt.Sprintf("%d groups (%s)", p.Touched, e.rowKeys())
	}
	e.line("  Whatever its rows hold, and however many there are, an account is in at most %s,", in)
	e.line("  and changes there, before the noise,")
	for _, it := range p.Released() {
		e.line("  - %s", e.change(it))
	}
}

func (e *explainer) rowKeys() string {
	var names []string
	for _, k := range e.plan.Keys {
		if k.Row {
			names = append(names, fmt.Sprintf("one for each %s", k.Name))
		}
	}
	return strings.Join(names, ", ")
}

func (e *explainer) change(it Item) string {
	m := e.plan.Measure(it.Of)
	switch {
	case m == nil:
		return fmt.Sprintf("%s: by 1", it.Column())
	case it.Func == "sum":
		return fmt.Sprintf("%s: by %s", it.Column(), e.amount(m, it.Vectors[0].Draw.LInf))
	}
	name, bounds := it.Columns()[0], fmt.Sprintf("values are clamped into %s to %s", m.Bounds[0].Text, m.Bounds[1].Text)
	switch it.Func {
	case "proportion":
		return fmt.Sprintf("%s: the number of people inside or the one outside by 1: %s", name, bounds)
	case "histogram":
		return fmt.Sprintf("%s: one of its %s by 1: %s", it.Column(), plural(int64(len(it.Edges)-1), "number"), bounds)
	case "quantiles":
		return fmt.Sprintf("%s: %s in each of %s of bins by 1: %s", it.Column(), "one number", plural(int64(len(it.Vectors)), "size"), bounds)
	case "variance", "stddev":
		return fmt.Sprintf("%s: the number of people with a value by 1, the sum by %s, and the sum of squares by the square of %s: %s and counted from the middle",
			name, e.amount(m, it.Vectors[1].Draw.LInf), e.amount(m, m.reach()), bounds)
	}
	return fmt.Sprintf("%s: the number of people with a value by 1, and the sum by %s: %s and counted from the middle",
		name, e.amount(m, it.Vectors[1].Draw.LInf), bounds)
}

// amount is a number of steps in the measure's unit.
func (e *explainer) amount(m *Measure, steps int64) string {
	return strings.TrimSpace(figure(float64(steps)*stepOf(m)) + " " + m.Unit)
}

func (e *explainer) guarantee() {
	p, b := e.plan, e.policy.Budget
	cost, _ := p.Cost()
	eps := Epsilon(b, cost)
	delta := ConversionDelta(b) + cost.Delta
	factor := math.Exp(float64(eps) / 1e9)
	e.title("GUARANTEE, IN A SENTENCE THAT CAN BE REPEATED")
	e.line("  Whatever somebody already knows, this release makes no conclusion about a person more than %s times as likely,", figure(factor))
	e.line("  or as unlikely, as it were had the person's account not been there at all; but for a chance of %v.", up3(delta))
	e.line("  In the terms of the field: (ε %v, δ %v)-differential privacy, by %v-zCDP, for adding or removing one account", up3(eps), up3(delta), up3(cost.Rho))
	e.line("  with all its rows in all tables. With every other release of population %s it stays under ε %v, δ %v for life.",
		p.Population, b.LifetimeEpsilon, b.LifetimeDelta)
	e.line("  Not covered: a human with two accounts; that a group exists; what other sources tell.")
}

func (e *explainer) cost() error {
	p, b := e.plan, e.policy.Budget
	cost, err := p.Cost()
	if err != nil {
		return err
	}
	caps, err := Caps(b)
	if err != nil {
		return err
	}
	e.title("COST")
	e.line("  One release: ρ %v, which is ε %v at δ %v.", up3(cost.Rho), up3(Epsilon(b, cost)), ConversionDelta(b))
	d := e.policy.Dataset(p.Dataset)
	if d == nil {
		return nil
	}
	n := PerYear(d.Every)
	year := cost
	for range n - 1 {
		if year, err = year.Add(cost); err != nil {
			return err
		}
	}
	e.line("  A year of up to %s: ρ %v, which is %s of the year's cap and %s of the lifetime's.",
		plural(n, "release"), up3(year.Rho), percent(Share(year, caps.Year)), percent(Share(year, caps.Lifetime)))
	e.line("  It is charged before the first row is read, and never given back.")
	if p.Retries > 0 {
		e.line("  A job that dies after drawing its noise is paid for again, at most %s.", times(p.Retries))
	}
	return nil
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// arrived says whether the rows' table tells when a row came in.
func (e *explainer) arrived() bool {
	for _, ch := range append([]Chain{e.plan.Rows}, e.plan.Bands...) {
		if read, ok := readOf(ch); ok && read.Arrived != nil {
			return true
		}
	}
	return false
}

// short lists labels, all of them if they are few.
func short(labels []string) string {
	if len(labels) <= 12 {
		return strings.Join(labels, ", ")
	}
	return fmt.Sprintf("%d labels, from %s to %s", len(labels), labels[0], labels[len(labels)-1])
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", math.Ceil(share*1000)/10) }
