package policy

import (
	"slices"
	"strings"
)

func (c checker) columns() {
	for i := range c.p.Columns {
		col := &c.p.Columns[i]
		if !c.known(col.Ref.Table, "columns", col.Ref.String()) {
			continue
		}
		c.linkage(col)
		if col.Ladder != "" {
			c.climb(col)
		}
	}
}

// linkage refuses to publish what links to an account.
func (c checker) linkage(col *Column) {
	path := []string{"columns", col.Ref.String()}
	if c.p.Table(col.Ref.Table).Account.Column == col.Ref.Column {
		c.failAt(path, "remove it: the account key never leaves", "column %s is the account key", col.Ref)
	}
	if c.p.Household != nil && *c.p.Household == col.Ref {
		c.failAt(path, "remove it: the household key never leaves", "column %s is the household key", col.Ref)
	}
	if col.Category == "identity" && (col.Has("measure") || col.Ladder == "" && !col.Has("quasi")) {
		c.failAt(append(path, "use"), "use it as quasi or sensitive with a ladder, or drop it",
			"an identity column leaves only by a ladder")
	}
}

// climb resolves a column's ladder and its finest level.
func (c checker) climb(col *Column) {
	path := []string{"columns", col.Ref.String()}
	l, known := c.p.Ladders[col.Ladder]
	if !known {
		c.failAt(append(path, "ladder"), meant(col.Ladder, c.ladderNames()), "no ladder %q", col.Ladder)
	}
	if l == nil {
		return
	}
	if col.Type != "" && !slices.Contains(fits[l.Input], col.Type) {
		c.failAt(append(path, "ladder"), "it reads "+strings.Join(fits[l.Input], ", "), "ladder %s cannot read type %s", col.Ladder, col.Type)
	}
	if col.Finest == "" {
		return
	}
	level, _, err := l.Level(col.Finest)
	if err != nil {
		c.failAt(append(path, "finest"), meant(col.Finest, c.levelNames(col.Ladder)), "ladder %s has no level %q", col.Ladder, col.Finest)
		return
	}
	if !level.Finite() {
		c.failAt(append(path, "finest"), "choose a level with a domain: "+strings.Join(c.finite(col.Ladder), ", "),
			"level %s of ladder %s has no finite domain", level.Name, col.Ladder)
		return
	}
	col.Finest = level.Name
}

func (c checker) ladderNames() []string {
	var out []string
	for name := range c.p.Ladders {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (c checker) levelNames(name string) []string {
	var out []string
	for _, v := range c.p.Ladders[name].Levels {
		out = append(out, v.Name)
	}
	return out
}

func (c checker) finite(name string) []string {
	var out []string
	for _, v := range c.p.Ladders[name].Levels {
		if v.Finite() {
			out = append(out, v.Name)
		}
	}
	return out
}

func (c checker) variable(v *Variable) {
	if v.Name == "" || v.Func == "" {
		return
	}
	path := []string{"variables", v.Name}
	if v.From != "" && c.known(v.From, append(path, "from")...) {
		c.clock(v, c.p.Table(v.From))
	}
	var from []string // categories of the inputs
	for i, a := range v.Inputs() {
		from = append(from, c.input(v, a, append(path[:2:2], v.Func, itoa(i))))
	}
	if v.Category == "" {
		v.Category = derived(v.Func, from)
	}
}

// clock checks that a calendar function has a time to look at.
func (c checker) clock(v *Variable, t *Table) {
	path := []string{"variables", v.Name, v.Func}
	switch {
	case v.Func != "season" && v.Func != "weekday" && v.Func != "hour":
	case t.Time == nil:
		c.failAt(path, "add time to tables."+t.Name, "table %s has no time", t.Name)
	case v.Func == "hour" && t.Time.Type == "date":
		c.failAt(path, "", "time of table %s is a date, it has no hour", t.Name)
	}
}

// input resolves one argument of bmi or bp and returns its category.
func (c checker) input(v *Variable, a Arg, path []string) string {
	if a.Ref == nil {
		return c.variableInput(a, path)
	}
	if !c.known(a.Ref.Table, path...) {
		return ""
	}
	col := c.p.Column(*a.Ref)
	switch many := c.p.Table(a.Ref.Table).Many; {
	case col == nil:
		c.failAt(path, "list it under columns with use: [measure]", "column %s is not listed", a.Ref)
	case !col.Has("measure"):
		c.failAt(path, "add measure to its use", "column %s is no measure", a.Ref)
	case many && a.Agg == "":
		c.failAt(path, "write for example `last "+a.Ref.String()+"`", "table %s has many rows per account: say which value counts", a.Ref.Table)
	case !many && a.Agg != "":
		c.failAt(path, "write "+a.Ref.String(), "table %s has one row per account: there is nothing to aggregate", a.Ref.Table)
	default:
		return col.Category
	}
	return ""
}

func (c checker) variableInput(a Arg, path []string) string {
	in := c.p.Variable(a.Name)
	switch {
	case a.Name == "":
	case in == nil:
		known := names(c.p.Variables, func(v Variable) string { return v.Name })
		c.failAt(path, meant(a.Name, known), "no variable %q", a.Name)
	case in.Func == "":
	case in.Measure == nil || in.Per != "row":
		c.failAt(path, "name a scale or a ratio", "variable %s is no number per row", a.Name)
	case a.Agg == "":
		c.failAt(path, "write for example `last "+a.Name+"`", "variable %s has a value per row: say which one counts", a.Name)
	default:
		return in.Category
	}
	return ""
}

// derived is the category of a variable that names none: environmental if an
// input is, else that of its first input, else what its function speaks of.
func derived(fn string, inputs []string) string {
	if slices.Contains(inputs, "environmental") {
		return "environmental"
	}
	for _, in := range inputs {
		if in != "" {
			return in
		}
	}
	if fn == "season" || fn == "weekday" || fn == "hour" {
		return "technical"
	}
	return "physiological"
}
