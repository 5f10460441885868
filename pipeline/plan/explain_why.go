package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lethe/pipeline/policy"
)

// An Unlisted error says that a policy does not know a column.
type Unlisted struct {
	Ref  policy.Ref
	Hint string
}

func (u *Unlisted) Error() string {
	return fmt.Sprintf("the policy does not list %s, and a source that has it stops every job; %s", u.Ref, u.Hint)
}

// Why writes what happens to a source column under a policy, and by whose
// approval. It needs no source. An [Unlisted] column is an error.
func Why(w io.Writer, p *policy.Policy, ref policy.Ref) error {
	if slices.Contains(p.Never, ref.Table) {
		_, err := fmt.Fprintf(w, "%s\n  never read: table %s is under `never`, no job may open it\n  said by policy %s version %d\n", ref, ref.Table, p.Name, p.Version)
		return err
	}
	if p.Table(ref.Table) == nil {
		var names []string
		for _, t := range p.Tables {
			names = append(names, t.Name)
		}
		return &Unlisted{ref, "its tables are " + strings.Join(names, ", ")}
	}
	how, ok := p.Listed(ref.Table)[ref.Column]
	if !ok {
		return &Unlisted{ref, "list it under columns, or under drop"}
	}
	y := &reasons{policy: p, ref: ref}
	y.add("%s", ref)
	switch how {
	case policy.Dropped:
		y.dropped()
	case policy.Published:
		y.listed(p.Column(ref))
	default:
		y.add("  not published: the policy names it for the work of the job alone, and it is thrown away with the job")
	}
	y.rules()
	y.variables()
	y.datasets()
	y.add("  said by policy %s version %d, hash %s", p.Name, p.Version, p.Hash)
	_, err := io.WriteString(w, strings.Join(y.lines, "\n")+"\n")
	return err
}

// reasons gathers what a policy says of one column.
type reasons struct {
	policy *policy.Policy
	ref    policy.Ref
	lines  []string
	names  []string // public names that it goes into
}

func (y *reasons) add(format string, args ...any) {
	y.lines = append(y.lines, fmt.Sprintf(format, args...))
}

func (y *reasons) dropped() {
	for _, d := range y.policy.Drop {
		if d.Table == y.ref.Table && slices.Contains(d.Columns, y.ref.Column) {
			y.add("  dropped (%s): never selected, so never read, by no job", d.Category)
		}
	}
}

func (y *reasons) listed(c *policy.Column) {
	y.names = append(y.names, c.As)
	if c.Approved != "" {
		y.add("  approved by %s: %s", c.Approved, c.Why)
	} else {
		y.add("  no approval of its own: a %s leaves as a bounded aggregate of groups only", strings.Join(c.Use, " and "))
	}
	y.add("  category %s, type %s, for use as %s, public name %s", c.Category, c.Type, strings.Join(c.Use, " and "), c.As)
	if c.Ladder != "" {
		finest := c.Finest
		if finest == "source" {
			finest = "as collected"
		}
		y.add("  leaves only as a group, generalised on ladder %s, never finer than: %s", c.Ladder, finest)
	}
	m := c.Measure
	if m == nil {
		return
	}
	if m.Plausible != nil {
		y.add("  values outside %s to %s are implausible: %s", m.Plausible[0].Text, m.Plausible[1].Text, map[bool]string{true: "clamped", false: "dropped"}[m.Otherwise == "clamp"])
	}
	if m.Bounds != nil {
		y.add("  one person's value is rounded to %s and clamped into %s to %s %s before noise is added", m.Step.Text, m.Bounds[0].Text, m.Bounds[1].Text, m.Unit)
	} else {
		y.add("  has no bounds: an input of variables, never released itself")
	}
}

// rules are the places outside datasets that use the column.
func (y *reasons) rules() {
	a := y.policy.Admit
	is := func(table, column string) bool { return y.ref == policy.Ref{Table: table, Column: column} }
	if c := a.Consent; c != nil && (is(c.Table, c.LatestBy) || is(c.Table, c.PurposeColumn) || is(c.Table, c.StatusColumn)) {
		y.add("  decides who is admitted: consent for the purpose %s", c.Purpose)
	}
	if o := a.Objection; o != nil && (o.Purpose != "" && is(o.Table, o.PurposeColumn) || is(o.Table, o.Lifted)) {
		y.add("  decides who is admitted: a standing objection is out")
	}
	if a.Erasure != nil && *a.Erasure == y.ref {
		y.add("  decides who is admitted: out if it is not empty")
	}
	if m := a.MinimumAge; m != nil && m.From == y.ref {
		y.add("  decides who is admitted: %d years or older at the window's start", m.Years)
	}
	for _, x := range a.Exclude {
		if x.Column == y.ref {
			y.add("  decides who is admitted: out if %s", strings.Join(x.Values, " or "))
		}
	}
	if h := y.policy.Household; h != nil && *h == y.ref {
		y.add("  tells which accounts share a household")
	}
	y.table(y.policy.Table(y.ref.Table))
}

func (y *reasons) table(t *policy.Table) {
	switch y.ref.Column {
	case t.Account.Column:
		y.add("  links the rows of a person: exchanged for a random number first of all, which dies with the run; cannot be published")
	case t.Received:
		y.add("  tells which rows came too late for their window")
	}
	if t.Time != nil && t.Time.Column == y.ref.Column {
		y.add("  tells which civil day, and so which window, a row is of")
	}
	if slices.Contains(t.Unique, y.ref.Column) {
		y.add("  tells copies of a row apart")
	}
	for _, other := range y.policy.Tables {
		if other.Time != nil && other.Time.ZoneColumn != nil && *other.Time.ZoneColumn == y.ref {
			y.add("  is the time zone in which the days of %s are cut", other.Name)
		}
	}
}

// variables are those that are computed from the column, and from those.
func (y *reasons) variables() {
	for range y.policy.Variables { // as deep as they can be nested
		for i := range y.policy.Variables {
			v := &y.policy.Variables[i]
			if !slices.Contains(y.names, v.Name) && y.feeds(v) {
				y.names = append(y.names, v.Name)
				y.add("  goes into the variable %s (%s)", v.Name, v.Func)
			}
		}
	}
}

func (y *reasons) feeds(v *policy.Variable) bool {
	if v.From == y.ref.Table {
		if _, picks := v.Where[y.ref.Column]; picks || slices.Contains(v.Args, y.ref.Column) {
			return true
		}
		t := y.policy.Table(v.From)
		if len(v.Args) == 0 && t != nil && t.Time != nil && t.Time.Column == y.ref.Column {
			return true
		}
	}
	for _, in := range v.Inputs() {
		if in.Ref != nil && *in.Ref == y.ref || in.Ref == nil && slices.Contains(y.names, in.Name) {
			return true
		}
	}
	return false
}

func (y *reasons) datasets() {
	found := false
	for i := range y.policy.Datasets {
		d := &y.policy.Datasets[i]
		if as := uses(d, y.names); as != "" {
			y.add("  leaves in dataset %s: %s", d.Name, as)
			found = true
		}
	}
	if !found {
		y.add("  leaves in no dataset of this policy")
	}
}

// uses tells where in a dataset one of the public names is.
func uses(d *policy.Dataset, names []string) string {
	var out []string
	has := func(name string) bool { return slices.Contains(names, name) }
	keys := slices.Clone(d.By)
	for _, f := range d.Filter {
		if has(f.Key.Name) && !slices.ContainsFunc(d.By, func(k policy.Key) bool { return k.Name == f.Key.Name }) {
			out = append(out, "filter "+keyText(f.Key))
		}
	}
	if d.Cohort != nil {
		keys = append(keys, d.Cohort.Quasi...)
		for _, f := range d.Cohort.Features {
			if has(f.Of) {
				out = append(out, f.Func+" "+f.Of)
			}
		}
	}
	for _, k := range keys {
		if has(k.Name) {
			out = append(out, "key "+keyText(k))
		}
	}
	for _, it := range d.Release {
		if has(it.Of) {
			out = append(out, it.Func+" "+it.Of)
		}
	}
	return strings.Join(out, ", ")
}
