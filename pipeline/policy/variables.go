package policy

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"lethe/transforms/ladder"
)

// functions are the closed set of what a variable is computed by.
var functions = []string{"scale", "bmi", "bp", "season", "weekday", "hour", "ratio"}

// aggregates turn the rows of a window into one value of a subject.
var aggregates = []string{"mean", "last", "max", "min"}

func (r *reader) variables(n *yaml.Node) []Variable {
	var out []Variable
	for _, p := range r.pairs(n, "variables") {
		out = append(out, r.variable(p))
	}
	return out
}

func (r *reader) variable(p pair) Variable {
	known := append([]string{"from", "where", "per", "bands", "use", "why", "approved", "category"}, functions...)
	f := r.fields(p.val, "a variable", append(known, measureKeys...)...)
	v := Variable{
		Pos:      r.pos(p.key),
		Name:     r.public(p.key, p.key, ""),
		Where:    r.where(f.get("where")),
		Bands:    r.numbers(f.get("bands"), "bands", 3, 100),
		Why:      r.text(f.get("why"), "why"),
		Approved: r.text(f.get("approved"), "approved"),
		Category: r.choice(f.get("category"), "category", Categories...),
	}
	r.function(f, &v)
	if v.Func != "" {
		r.variableShape(f, &v)
	}
	return v
}

// function reads the one key that names a closed function, with its arguments.
func (r *reader) function(f fields, v *Variable) {
	for _, fn := range functions {
		n := f.get(fn)
		if n == nil {
			continue
		}
		if v.Func != "" {
			r.fail(n, "make two variables", "a variable has one function, this one has %s and %s", v.Func, fn)
			continue
		}
		v.Func = fn
		switch fn {
		case "scale", "ratio":
			v.Args = r.two(n, fn, func(c *yaml.Node) string { return r.column(c, "a column of "+fn) })
		case "bmi", "bp":
			v.Args = r.two(n, fn, r.arg)
		case "season":
			v.Mode = r.choice(n, fn, "north", "south")
		case "weekday":
			v.Mode = r.choice(n, fn, "day", "type")
		case "hour":
			v.Parts = r.parts(n)
		}
	}
	if v.Func == "" && f.node != nil {
		r.fail(f.node, "known: "+strings.Join(functions, ", "), "a variable needs a function")
	}
}

func (r *reader) two(n *yaml.Node, what string, read func(*yaml.Node) string) []string {
	list := r.items(n, what)
	if n.Kind != yaml.SequenceNode {
		return nil
	}
	if len(list) != 2 {
		r.fail(n, "", "%s has %d arguments, needs 2", what, len(list))
		return nil
	}
	return []string{read(list[0]), read(list[1])}
}

// An Arg is one argument of bmi or bp.
type Arg struct {
	Agg  string // mean, last, max, min; "" for a column of the person table
	Name string // a variable, or "" where Ref is set
	Ref  *Ref   // a listed column
}

// Inputs are the arguments of bmi and bp, taken apart; nil for other functions.
func (v *Variable) Inputs() []Arg {
	if v.Func != "bmi" && v.Func != "bp" {
		return nil
	}
	out := make([]Arg, len(v.Args))
	for i, s := range v.Args {
		out[i], _ = parseArg(s)
	}
	return out
}

// parseArg reads `[agg ]name`, name being a variable or table.column.
func parseArg(s string) (Arg, bool) {
	var a Arg
	if agg, rest, found := strings.Cut(s, " "); found && slices.Contains(aggregates, agg) {
		a.Agg, s = agg, rest
	}
	if ref, ok := parseRef(s); ok {
		a.Ref = &ref
		return a, true
	}
	a.Name = s
	return a, word.MatchString(s)
}

func (r *reader) arg(n *yaml.Node) string {
	s, ok := r.scalar(n, "an argument")
	if !ok {
		return ""
	}
	if _, ok := parseArg(s); !ok {
		r.fail(n, "write `last weight` or `accounts.height`; aggregates are "+strings.Join(aggregates, ", "),
			"%q is not an argument", s)
		return ""
	}
	return s
}

// parts are the first hours of the parts of a day; the last part runs on to
// the first.
func (r *reader) parts(n *yaml.Node) []int {
	var out []int
	for _, c := range r.items(n, "hour") {
		before := len(r.found)
		h := r.int(c, "an hour", 0, 23)
		if len(out) > 0 && h <= out[len(out)-1] && len(r.found) == before {
			r.fail(c, "", "hours must ascend")
		}
		out = append(out, h)
	}
	if n.Kind == yaml.SequenceNode && len(out) < 2 {
		r.fail(n, "write the first hour of each part, like [0, 6, 12, 18]", "hour needs at least two parts")
	}
	return out
}

// where is a map of columns to the values of which a row must have one.
func (r *reader) where(n *yaml.Node) map[string][]string {
	if n == nil {
		return nil
	}
	out := map[string][]string{}
	for _, p := range r.pairs(n, "where") {
		if name := r.column(p.key, "a column of where"); name != "" {
			out[name] = r.texts(p.val, "where", 1)
		}
	}
	return out
}

// variableShape holds a variable's keys against its function.
func (r *reader) variableShape(f fields, v *Variable) {
	perRow := v.Func != "bmi" && v.Func != "bp"
	numeric := v.Func == "scale" || v.Func == "ratio" || v.Func == "bmi"
	v.Per = "window"
	if perRow {
		v.Per = "row"
		v.From = r.name(f.need("from"), "from", word)
	} else {
		f.refuse("its arguments name their tables", "for "+v.Func, "from", "where")
	}
	if per := r.choice(f.get("per"), "per", "row", "window"); per != "" && per != v.Per {
		r.fail(f.get("per"), "write per: "+v.Per+", or nothing", "%s is computed per %s", v.Func, v.Per)
	}
	if numeric {
		v.Measure = r.measure(f)
	} else {
		f.refuse("", "for "+v.Func, append([]string{"bands"}, measureKeys...)...)
	}
	r.variableUse(f, v, numeric)
}

// variableUse defaults to measure where there are bounds, and to quasi where
// the function has labels of its own.
func (r *reader) variableUse(f fields, v *Variable, numeric bool) {
	if n := f.get("use"); n != nil {
		v.Use = r.list(n, "use", 0, func(c *yaml.Node) string { return r.choice(c, "use", "measure", "quasi") })
	} else if !numeric {
		v.Use = []string{"quasi"}
	} else if f.get("bounds") != nil {
		v.Use = []string{"measure"}
	}
	switch {
	case v.Has("measure") && !numeric:
		r.fail(f.get("use"), "use it as quasi", "%s has labels, it is no measure", v.Func)
	case v.Has("measure"):
		f.need("bounds")
	}
	switch {
	case v.Has("quasi") && numeric:
		f.need("bands")
	case numeric:
		f.refuse("add quasi to use, or remove it", "without use quasi", "bands")
	}
}

// Has says whether the variable may be put to a use.
func (v *Variable) Has(use string) bool { return slices.Contains(v.Use, use) }

// Labels is the domain of the variable as a key, in publishing order, Unknown
// last; nil if it has none.
//
//	bmi, scale, ratio  the bands, as [ladder.Cuts] labels them
//	bp                 the office classes of the 2018 ESC/ESH guideline (Williams et al., Table 3)
//	season             winter spring summer autumn, by whole months: winter is December to February in the north
//	weekday            mon … sun, or workday weekend
//	hour               "00-05" … : first and last full hour of a part
func (v *Variable) Labels() []string {
	var out []string
	switch {
	case len(v.Bands) > 0:
		return v.bands()
	case v.Func == "bp":
		out = []string{"optimal", "normal", "high-normal", "grade 1", "grade 2", "grade 3"}
	case v.Func == "season":
		out = []string{"winter", "spring", "summer", "autumn"}
	case v.Func == "weekday" && v.Mode == "type":
		out = []string{"workday", "weekend"}
	case v.Func == "weekday":
		out = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	case v.Func == "hour":
		for i, h := range v.Parts {
			next := v.Parts[(i+1)%len(v.Parts)]
			out = append(out, fmt.Sprintf("%02d-%02d", h, (next+23)%24))
		}
	default:
		return nil
	}
	return append(out, ladder.Unknown)
}

func (v *Variable) bands() []string {
	l, err := ladder.Cuts(v.Name, floats(v.Bands))
	if err != nil {
		return nil
	}
	return l.Levels[1].Labels
}
