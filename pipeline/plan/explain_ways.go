package plan

import (
	"fmt"
	"slices"
	"strings"

	"lethe/pipeline/policy"
	"lethe/transforms"
)

// A way is what becomes of one source column in one use.
type way struct {
	ref    policy.Ref
	leaves bool // something that was computed from it is published
	steps  []string
}

// columns tells every column's way: those that something published is computed
// from, those that are used and thrown away, those that are never read.
func (e *explainer) columns() {
	ways := e.ways()
	e.title("THE WAY OF EACH COLUMN")
	e.line("  Read, and published in groups only:")
	e.print(ways, true)
	e.line("  Read, used inside the job, and thrown away with it:")
	e.print(ways, false)
	e.line("  Never read:")
	e.unread(ways)
}

func (e *explainer) print(ways []way, leaves bool) {
	shown := map[policy.Ref]bool{}
	none := true
	for _, w := range ways {
		if shown[w.ref] || published(ways, w.ref) != leaves {
			continue
		}
		shown[w.ref], none = true, false
		e.one(w.ref, ways)
	}
	if none {
		e.line("    none")
	}
}

// one tells all ways of one column; a single short one on the column's line.
func (e *explainer) one(ref policy.Ref, ways []way) {
	var lines []string
	for _, w := range ways {
		line := strings.Join(append([]string{"read"}, w.steps...), " → ")
		if w.ref == ref && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	head := ref.String() + e.approval(ref)
	if len(lines) == 1 && head == ref.String() {
		e.line("    %s: %s", head, lines[0])
		return
	}
	e.line("    %s", head)
	for _, l := range lines {
		e.line("      %s", l)
	}
}

func published(ways []way, ref policy.Ref) bool {
	return slices.ContainsFunc(ways, func(w way) bool { return w.ref == ref && w.leaves })
}

// approval is a listed column's category and who approved its use.
func (e *explainer) approval(ref policy.Ref) string {
	c := e.policy.Column(ref)
	if c == nil {
		return ""
	}
	out := " (" + c.Category + ")"
	if c.Approved != "" {
		out += ", approved by " + c.Approved + ": " + c.Why
	}
	return out
}

func (e *explainer) unread(ways []way) {
	for _, t := range e.policy.Tables {
		var names []string
		opened := false
		for name := range e.policy.Listed(t.Name) {
			ref := policy.Ref{Table: t.Name, Column: name}
			if slices.ContainsFunc(ways, func(w way) bool { return w.ref == ref }) {
				opened = true
			} else {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		switch {
		case !opened:
			e.line("    table %s: this dataset does not open it", t.Name)
		case len(names) > 0:
			e.line("    of %s: %s", t.Name, strings.Join(names, ", "))
		}
	}
	if len(e.policy.Never) > 0 {
		e.line("    %s: no job may open them", strings.Join(e.policy.Never, ", "))
	}
}

// ways are those of all columns that the plan reads, admission first.
func (e *explainer) ways() []way {
	a := &e.plan.Admission
	var out []way
	for _, ch := range a.chains() {
		out = append(out, e.personWays(ch)...)
	}
	for _, rule := range []struct {
		chain *Chain
		name  string
	}{{a.Consents, "consent"}, {a.Objections, "objection"}} {
		if rule.chain != nil {
			out = append(out, e.ruleWays(*rule.chain, rule.name)...)
		}
	}
	out = append(out, e.rowWays(e.plan.Rows, nil)...)
	for _, ch := range e.plan.Bands {
		banded := ch.Steps[len(ch.Steps)-1].Step.(transforms.Banded)
		out = append(out, e.rowWays(ch, &banded)...)
	}
	return out
}

// readOf is the read that a chain starts with; a chain of people has none.
func readOf(ch Chain) (transforms.Read, bool) {
	if len(ch.Steps) == 0 {
		return transforms.Read{}, false
	}
	read, ok := ch.Steps[0].Step.(transforms.Read)
	return read, ok
}

const unlinked = "exchanged for a random number that dies with the run"

func accountWay(read transforms.Read) []way {
	if read.Account.Column == "" {
		return nil
	}
	return []way{{policy.Ref{Table: read.Table, Column: read.Account.Column}, false, []string{unlinked}}}
}

// personWays are those of the person table.
func (e *explainer) personWays(ch Chain) []way {
	read, ok := readOf(ch)
	if !ok {
		return nil
	}
	out := accountWay(read)
	s := &e.plan.Admission.Screened
	for _, c := range read.Columns {
		add := func(leaves bool, steps ...string) {
			out = append(out, way{policy.Ref{Table: read.Table, Column: c.Source}, leaves, steps})
		}
		for _, code := range s.Codes {
			if code.Column == c.As {
				add(e.codeWay(code.Name))
			}
		}
		for _, m := range s.Measures {
			if m.Column == c.As {
				for _, steps := range e.measureWays(m.Name) {
					add(true, steps...)
				}
			}
		}
		if s.Age != nil && s.Age.Column == c.As {
			add(false, fmt.Sprintf("admission: %d years or older on %s", s.Age.Years, s.Start))
		}
		if s.Erasure == c.As {
			add(false, "admission: out if not empty")
		}
		for _, x := range s.Excluded {
			if x.Column == c.As {
				add(false, "admission: out if "+strings.Join(x.Values, " or "))
			}
		}
		if s.Zone == c.As {
			add(false, "tells which civil day a row is of; "+s.Fallback+" where it names no zone")
		}
	}
	return out
}

// codeWay is what becomes of a person's code: a published key, or a filter.
func (e *explainer) codeWay(name string) (leaves bool, step string) {
	for _, k := range e.plan.Keys {
		if k.Name+"@"+k.Level == name {
			return true, strings.Join(k.Done, " → ") + " → key " + k.Name
		}
	}
	return true, "generalised to " + name + " → decides whether the person is counted"
}

// measureWays are the ways of a measure of a person: into aggregates, or into
// the class of a window variable.
func (e *explainer) measureWays(name string) [][]string {
	var out [][]string
	if m := e.plan.Measure(name); m != nil {
		out = append(out, append(slices.Clone(m.Done), e.into(name)))
	}
	for _, ch := range e.plan.Bands {
		b := ch.Steps[len(ch.Steps)-1]
		for _, arg := range b.Step.(transforms.Banded).Args {
			if arg.Person && arg.Column == name {
				out = append(out, []string{"class of " + b.Step.(transforms.Banded).Func, "key " + b.Name})
			}
		}
	}
	return out
}

// into names the aggregates of a measure.
func (e *explainer) into(name string) string {
	var columns []string
	for _, it := range e.plan.Released() {
		if it.Of == name {
			columns = append(columns, title(it))
		}
	}
	return "noise → " + strings.Join(columns, ", ")
}

// ruleWays are those of a table of consents or objections.
func (e *explainer) ruleWays(ch Chain, rule string) []way {
	read, _ := readOf(ch)
	out := accountWay(read)
	for _, c := range read.Columns {
		out = append(out, way{policy.Ref{Table: read.Table, Column: c.Source}, false, []string{"admission: " + rule}})
	}
	return out
}

// rowWays are those of a table of rows: the dataset's own, or of a window variable.
func (e *explainer) rowWays(ch Chain, banded *transforms.Banded) []way {
	read, ok := readOf(ch)
	if !ok {
		return nil
	}
	out := accountWay(read)
	add := func(column string, leaves bool, steps ...string) {
		out = append(out, way{policy.Ref{Table: read.Table, Column: column}, leaves, steps})
	}
	r := rowSteps(ch)
	if read.Time != nil {
		add(read.Time.Source, false, "civil day, in the zone of "+r.zone(), "rows of other days are dropped")
		for _, d := range r.derived {
			if d.IsKey() {
				add(read.Time.Source, true, d.Func+" of the row", "key "+d.Name)
			}
		}
	}
	if read.Arrived != nil {
		add(read.Arrived.Source, false, "rows that came too late are dropped")
	}
	for _, c := range read.Columns {
		for _, u := range e.rowUses(r, c.As, banded) {
			add(c.Source, u.leaves, u.steps...)
		}
	}
	return out
}

// rowsOf is what the steps of a chain do with columns.
type rowsOf struct {
	civil   transforms.Civil
	unique  []string
	derived []transforms.Derived
	fixed   []transforms.FixedMeasure
	aggs    map[string]string
}

func rowSteps(ch Chain) rowsOf {
	r := rowsOf{aggs: map[string]string{}}
	for _, n := range ch.Steps {
		switch s := n.Step.(type) {
		case transforms.Civil:
			r.civil = s
		case transforms.Unique:
			r.unique = s.Keys
		case transforms.Derive:
			r.derived = s.Variables
		case transforms.Fixed:
			r.fixed = s.Measures
		case transforms.Unit:
			for _, v := range s.Values {
				r.aggs[v.Name] = v.Agg
			}
		}
	}
	return r
}

func (r rowsOf) zone() string {
	switch {
	case r.civil.PersonZone:
		return "the person"
	case r.civil.Instant():
		return r.civil.Zone
	}
	return "the row"
}

// rowUses are the uses of one column of a row, by its name inside the chain.
func (e *explainer) rowUses(r rowsOf, inner string, banded *transforms.Banded) []way {
	var out []way
	if slices.Contains(r.unique, inner) {
		out = append(out, way{steps: []string{"tells copies of a row apart"}})
	}
	for _, d := range r.derived {
		for _, w := range d.Where {
			if w.Column == inner {
				out = append(out, way{steps: []string{"picks the rows of " + d.Name + ": " + strings.Join(w.Values, " or ")}})
			}
		}
		if slices.Contains(d.Args, inner) {
			out = append(out, e.fixedWays(r, d.Name, banded, formula[d.Func]+", as "+d.Name)...)
		}
	}
	return append(out, e.fixedWays(r, inner, banded)...)
}

var formula = map[string]string{"scale": "value × 10^unit", "ratio": "first ÷ second"}

// fixedWays are those of the measures that are made of a column of the chain.
func (e *explainer) fixedWays(r rowsOf, column string, banded *transforms.Banded, before ...string) []way {
	var out []way
	for _, f := range r.fixed {
		if f.Column != column {
			continue
		}
		steps := slices.Clone(before)
		if banded == nil {
			if m := e.plan.Measure(f.Name); m != nil {
				steps = append(append(steps, m.Done...), e.into(f.Name))
			}
			out = append(out, way{leaves: true, steps: steps})
			continue
		}
		what := "dropped"
		if f.Clamp {
			what = "clamped"
		}
		steps = append(steps, fmt.Sprintf("values outside [%s, %s] %s", f.Lo, f.Hi, what), r.aggs[f.Name]+" of each subject's rows",
			"class of "+banded.Func, "key "+banded.Name)
		out = append(out, way{leaves: true, steps: steps})
	}
	return out
}
