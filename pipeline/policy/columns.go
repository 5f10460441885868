package policy

import (
	"math/big"

	"go.yaml.in/yaml/v4"
)

// Uses of a published column.
var uses = []string{"quasi", "measure", "sensitive"}

// types of a source column.
var types = []string{"date", "string", "int", "decimal", "bool", "timestamp"}

// measureKeys are the keys that make a measure.
var measureKeys = []string{"plausible", "otherwise", "bounds", "step", "unit", "code"}

func (r *reader) columns(n *yaml.Node) []Column {
	var out []Column
	for _, p := range r.pairs(n, "columns") {
		out = append(out, r.listed(p))
	}
	return out
}

func (r *reader) listed(p pair) Column {
	f := r.fields(p.val, "a column", append([]string{
		"category", "type", "use", "as", "ladder", "finest", "why", "approved"}, measureKeys...)...)
	c := Column{
		Pos:      r.pos(p.key),
		Category: r.choice(f.need("category"), "category", Categories...),
		Type:     r.choice(f.need("type"), "type", types...),
		Use:      r.uses(f.need("use")),
		Ladder:   r.name(f.get("ladder"), "ladder", slug),
		Finest:   r.text(f.get("finest"), "finest"),
		Why:      r.text(f.get("why"), "why"),
		Approved: r.text(f.get("approved"), "approved"),
	}
	if ref := r.ref(p.key, "column"); ref != nil {
		c.Ref = *ref
	}
	c.As = r.public(f.get("as"), p.key, c.Ref.Column)
	r.columnUses(f, &c)
	return c
}

func (r *reader) uses(n *yaml.Node) []string {
	return r.list(n, "use", 1, func(c *yaml.Node) string {
		if c.Value == "drop" {
			r.fail(c, "list the column under drop instead", "use cannot be %q", "drop")
			return ""
		}
		return r.choice(c, "use", uses...)
	})
}

// reserved cannot be public names: release items say `count: subjects`.
var reserved = map[string]bool{"subjects": true, "records": true, "unknown": true}

// public is the public name of a column: `as`, or its own name if that is one.
func (r *reader) public(as, key *yaml.Node, own string) string {
	name := own
	at := key
	if as != nil {
		name, at = r.name(as, "as", word), as
	} else if own != "" && !word.MatchString(own) {
		r.fail(key, "add `as: <name>`, of a-z, 0-9 and _", "column name %q cannot be a public name", own)
		return ""
	}
	if reserved[name] {
		r.fail(at, "choose another with `as`", "public name %q has a meaning of its own", name)
	}
	return name
}

// columnUses holds a column's keys against its uses.
func (r *reader) columnUses(f fields, c *Column) {
	if n := f.get("use"); n == nil || len(c.Use) != len(n.Content) {
		return // reported; what is missing or too much cannot be told
	}
	if c.Has("quasi") {
		for _, key := range []string{"ladder", "finest", "why", "approved"} {
			f.need(key)
		}
	} else if !c.Has("sensitive") {
		f.refuse("add quasi to use, or remove it", "without use quasi or sensitive", "ladder", "finest")
	}
	if (f.get("ladder") == nil) != (f.get("finest") == nil) && !c.Has("quasi") {
		r.fail(f.node, "", "a column needs %q and %q together", "ladder", "finest")
	}
	if !c.Has("measure") {
		f.refuse("add measure to use, or remove it", "without use measure", measureKeys...)
		return
	}
	if c.Type != "" && c.Type != "int" && c.Type != "decimal" {
		r.fail(f.get("type"), "a measure is int or decimal", "a measure cannot be of type %s", c.Type)
	}
	c.Measure = r.measure(f)
}

// measure reads range and grid; nil if none of their keys is there.
func (r *reader) measure(f fields) *Measure {
	m := &Measure{
		Plausible: r.rangeOf(f.get("plausible"), "plausible"),
		Bounds:    r.rangeOf(f.get("bounds"), "bounds"),
		Unit:      r.text(f.get("unit"), "unit"),
		Code:      r.text(f.get("code"), "code"),
	}
	m.Otherwise = r.choice(f.get("otherwise"), "otherwise", "drop", "clamp")
	if f.get("plausible") == nil {
		f.refuse("give plausible, or remove it", `without "plausible"`, "otherwise")
	} else {
		f.need("otherwise")
	}
	if f.get("bounds") == nil {
		f.refuse("give bounds, or remove it", `without "bounds"`, "step")
		return m
	}
	if step, ok := r.numberIn(f.need("step"), "step", "0", "1e15", false); ok {
		m.Step = &step
		r.grid(f, m)
	}
	return m
}

// grid checks that bounds lie on the grid of step and that the whole range is
// exact in an int64 as in a float64: at most 2^53 steps.
func (r *reader) grid(f fields, m *Measure) {
	if m.Bounds == nil {
		return
	}
	for i, b := range m.Bounds {
		if !multiple(b, *m.Step) {
			r.fail(f.get("bounds").Content[i], "move the bound onto the grid", "bound %s is no multiple of step %s", b.Text, m.Step.Text)
		}
	}
	steps := new(big.Rat).Sub(m.Bounds[1].Rat, m.Bounds[0].Rat)
	steps.Quo(steps, m.Step.Rat)
	for _, v := range []*big.Rat{steps, abs(m.Bounds[0].Rat, m.Step.Rat), abs(m.Bounds[1].Rat, m.Step.Rat)} {
		if v.Cmp(new(big.Rat).SetInt64(1<<53)) > 0 {
			r.fail(f.get("step"), "take a coarser step", "bounds span more than 2^53 steps of %s", m.Step.Text)
			return
		}
	}
}

func abs(bound, step *big.Rat) *big.Rat {
	v := new(big.Rat).Quo(bound, step)
	return v.Abs(v)
}
