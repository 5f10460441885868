package policy

import (
	"slices"
	"strings"

	"lethe/transforms/ladder"
)

func (c checker) dataset(d *Dataset, path []string) {
	at := func(keys ...string) []string { return append(path[:len(path):len(path)], keys...) }
	for i, name := range d.From {
		if c.known(name, at("from", itoa(i))...) && c.p.Table(name).Many && c.p.Table(name).Time == nil {
			c.failAt(at("from", itoa(i)), "add time to tables."+name, "table %s has no time, so no window", name)
		}
	}
	if d.Unit == "household" && c.p.Household == nil {
		c.failAt(at("unit"), "add household: {table: …, key: …} at the top", "the policy has no household")
	}
	for i := range d.By {
		c.key(d, &d.By[i], at("by", itoa(i)))
	}
	c.filters(d, at)
	c.margins(d, at)
	for i, it := range d.Release {
		if it.Func != "count" && it.Of != "" {
			c.measure(d, it.Of, true, at("release", itoa(i), it.Func))
			c.bins(it, at("release", itoa(i), "bins"))
		}
	}
	c.within(d, at("spend", "of"))
	if d.Cohort != nil {
		c.cohort(d, at)
	}
}

// key resolves name and level; the level may not be finer than the column's
// finest.
func (c checker) key(d *Dataset, k *Key, path []string) {
	if k.Name == "" {
		return
	}
	if v := c.p.Variable(k.Name); v != nil {
		c.variableKey(d, k, v, path)
		return
	}
	col := c.p.ColumnAs(k.Name)
	if col == nil {
		c.failAt(path, meant(k.Name, c.public("quasi")), "no key %q", k.Name)
		return
	}
	if !col.Has("quasi") {
		c.failAt(path, "add quasi to its use", "column %s is not a quasi-identifier", col.Ref)
		return
	}
	l := c.p.Ladders[col.Ladder]
	if l == nil {
		return
	}
	_, finest, err := l.Level(col.Finest)
	if err != nil {
		return
	}
	if k.Level == "" {
		k.Level = col.Finest
	}
	level, index, err := l.Level(k.Level)
	switch {
	case err != nil:
		c.failAt(path, meant(k.Level, c.levelNames(col.Ladder)), "ladder %s has no level %q", col.Ladder, k.Level)
	case index < finest:
		c.failAt(path, "write "+k.Name+"@"+col.Finest+" or coarser",
			"level %s is finer than %s, the finest that column %s may have", level.Name, col.Finest, col.Ref)
	default:
		k.Level = level.Name
	}
}

func (c checker) variableKey(d *Dataset, k *Key, v *Variable, path []string) {
	switch {
	case v.Func == "":
	case !v.Has("quasi"):
		c.failAt(path, "add quasi to its use", "variable %s is not a quasi-identifier", v.Name)
	case k.Level != "":
		c.failAt(path, "write "+k.Name, "a variable has no levels")
	default:
		c.reached(d, v, path)
	}
}

// reached checks that a variable's rows are among those of the dataset.
func (c checker) reached(d *Dataset, v *Variable, path []string) {
	for _, table := range c.sourceTables(v) {
		if t := c.p.Table(table); t != nil && t.Many && !slices.Contains(d.From, table) {
			c.failAt(path, "add "+table+" to from", "variable %s is computed on %s, which the dataset does not read", v.Name, table)
			return
		}
	}
}

func (c checker) sourceTables(v *Variable) []string {
	if v.From != "" {
		return []string{v.From}
	}
	var out []string
	for _, a := range v.Inputs() {
		if a.Ref != nil {
			out = append(out, a.Ref.Table)
		} else if in := c.p.Variable(a.Name); in != nil {
			out = append(out, in.From)
		}
	}
	return out
}

// public are the public names with a use.
func (c checker) public(use string) []string {
	var out []string
	for i := range c.p.Columns {
		if c.p.Columns[i].Has(use) {
			out = append(out, c.p.Columns[i].As)
		}
	}
	for i := range c.p.Variables {
		if c.p.Variables[i].Has(use) {
			out = append(out, c.p.Variables[i].Name)
		}
	}
	return slices.DeleteFunc(out, func(name string) bool { return name == "" })
}

// filters resolve like keys; their labels are public and of the key's domain.
func (c checker) filters(d *Dataset, at func(...string) []string) {
	for i := range d.Filter {
		f := &d.Filter[i]
		written := f.Key.String()
		path := at("filter", written)
		before := len(c.found)
		c.key(d, &f.Key, path)
		domain := c.p.Domain(f.Key)
		if len(c.found) > before || domain == nil {
			continue
		}
		for j, label := range f.Labels {
			if !slices.Contains(domain, label) {
				c.failAt(at("filter", written, itoa(j)), meant(label, domain), "%s has no label %q", f.Key, label)
			}
		}
	}
}

func (c checker) margins(d *Dataset, at func(...string) []string) {
	by := names(d.By, func(k Key) string { return k.Name })
	seen := map[string]bool{}
	for i, m := range d.Margins {
		for j, name := range m {
			if !slices.Contains(by, name) {
				c.failAt(at("margins", itoa(i), itoa(j)), meant(name, by), "margin %q is no key of by", name)
			}
		}
		sorted := slices.Sorted(slices.Values(m))
		id := strings.Join(sorted, " ")
		if seen[id] {
			c.failAt(at("margins", itoa(i)), "each margin is priced: keep one", "margin [%s] stands twice", strings.Join(m, ", "))
		}
		if len(m) > 0 && slices.Equal(sorted, slices.Sorted(slices.Values(by))) {
			c.failAt(at("margins", itoa(i)), "it is released anyway: remove it", "margin [%s] is the whole of by", strings.Join(m, ", "))
		}
		seen[id] = true
	}
}

// measure resolves what a release item or feature speaks of.
func (c checker) measure(d *Dataset, name string, bounded bool, path []string) {
	col, v := c.p.ColumnAs(name), c.p.Variable(name)
	switch {
	case col == nil && v == nil:
		c.failAt(path, meant(name, c.public("measure")), "no measure %q", name)
		return
	case c.p.Measure(name) == nil:
		c.failAt(path, "add measure to its use", "%s is no measure", name)
		return
	case bounded && c.p.Measure(name).Bounds == nil:
		c.failAt(path, "give it bounds and step", "measure %s has no bounds, so no noise could hide one person", name)
	}
	if v != nil {
		c.reached(d, v, path)
	} else if t := c.p.Table(col.Ref.Table); t != nil && t.Many && !slices.Contains(d.From, t.Name) {
		c.failAt(path, "add "+t.Name+" to from", "measure %s is a column of %s, which the dataset does not read", name, t.Name)
	}
}

// bins lie inside the measure's bounds.
func (c checker) bins(it Item, path []string) {
	m := c.p.Measure(it.Of)
	if m == nil || m.Bounds == nil || len(it.Bins) == 0 {
		return
	}
	if it.Bins[0].Rat.Cmp(m.Bounds[0].Rat) < 0 || it.Bins[len(it.Bins)-1].Rat.Cmp(m.Bounds[1].Rat) > 0 {
		c.failAt(path, "", "bins leave the bounds [%s, %s] of %s", m.Bounds[0].Text, m.Bounds[1].Text, it.Of)
	}
}

// within speaks of one of the released items.
func (c checker) within(d *Dataset, path []string) {
	if d.Spend.Within == nil || d.Spend.Within.Item == "" {
		return
	}
	items := names(d.Release, func(it Item) string { return it.Func + " " + it.Of })
	if d.Kind == "statistics" && !slices.Contains(items, d.Spend.Within.Item) {
		c.failAt(path, meant(d.Spend.Within.Item, items), "%q is no item of release", d.Spend.Within.Item)
	}
}

func (c checker) cohort(d *Dataset, at func(...string) []string) {
	for i := range d.Cohort.Quasi {
		c.key(d, &d.Cohort.Quasi[i], at("quasi", itoa(i)))
	}
	for i, name := range d.Cohort.Sensitive {
		col := c.p.ColumnAs(name)
		switch {
		case col == nil:
			c.failAt(at("sensitive", itoa(i)), meant(name, c.public("sensitive")), "no sensitive column %q", name)
		case !col.Has("sensitive"):
			c.failAt(at("sensitive", itoa(i)), "add sensitive to its use", "column %s is not sensitive", col.Ref)
		}
	}
	for i, f := range d.Cohort.Features {
		if f.Of != "" {
			c.measure(d, f.Of, true, at("features", itoa(i), f.Func))
		}
	}
	for i, k := range d.Cohort.Quasi {
		if k.Level == ladder.Top {
			c.failAt(at("quasi", itoa(i)), "remove the key", "key %s tells nothing", k)
		}
	}
}
