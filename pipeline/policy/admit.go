package policy

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// rules are the admit rules; each is required.
var rules = []string{"consent", "objection", "erasure", "minimum_age", "exclude"}

func (r *reader) admit(n *yaml.Node) Admit {
	f := r.fields(n, "admit", rules...)
	a := Admit{Off: map[string]string{}}
	for _, rule := range rules {
		r.rule(f, rule, &a)
	}
	return a
}

func (r *reader) rule(f fields, rule string, a *Admit) {
	if f.node != nil && f.get(rule) == nil {
		r.fail(f.node, "to turn it off, write `"+rule+": {none: true, why: …}`", "admit needs %q", rule)
		return
	}
	n := f.get(rule)
	if why, off := r.off(n); off {
		a.Off[rule] = why
		return
	}
	switch rule {
	case "consent":
		a.Consent = r.consent(n)
	case "objection":
		a.Objection = r.objection(n)
	case "erasure":
		a.Erasure = r.ref(n, "erasure")
	case "minimum_age":
		a.MinimumAge = r.minimumAge(n)
	case "exclude":
		a.Exclude = r.exclude(n)
	}
}

// off reads {none: true, why: …}.
func (r *reader) off(n *yaml.Node) (why string, off bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		return "", false
	}
	if !slices.ContainsFunc(r.pairs(n, ""), func(p pair) bool { return p.key.Value == "none" }) {
		return "", false
	}
	f := r.fields(n, "a rule that is off", "none", "why")
	if none := f.get("none"); !r.flag(none, "none") && none.Value == "false" {
		r.fail(none, "write true, or set the rule", "none cannot be false")
	}
	return r.text(f.need("why"), "why"), true
}

func (r *reader) consent(n *yaml.Node) *Consent {
	if n == nil {
		return nil
	}
	f := r.fields(n, "consent", "table", "purpose", "latest_by", "purpose_column", "status_column", "granted")
	return &Consent{
		Pos:           r.pos(n),
		Table:         r.tableName(f.need("table")),
		Purpose:       r.text(f.need("purpose"), "purpose"),
		LatestBy:      r.column(f.need("latest_by"), "latest_by"),
		PurposeColumn: r.columnOr(f.get("purpose_column"), "purpose_column", "purpose"),
		StatusColumn:  r.columnOr(f.get("status_column"), "status_column", "status"),
		Granted:       r.texts(f.need("granted"), "granted", 1),
	}
}

func (r *reader) objection(n *yaml.Node) *Objection {
	if n == nil {
		return nil
	}
	f := r.fields(n, "objection", "table", "purpose", "purpose_column", "lifted")
	if f.get("purpose") == nil {
		f.refuse("name the purpose, or remove it", `without "purpose"`, "purpose_column")
	}
	return &Objection{
		Pos:           r.pos(n),
		Table:         r.tableName(f.need("table")),
		Purpose:       r.text(f.get("purpose"), "purpose"),
		PurposeColumn: r.columnOr(f.get("purpose_column"), "purpose_column", "purpose"),
		Lifted:        r.column(f.get("lifted"), "lifted"),
	}
}

func (r *reader) minimumAge(n *yaml.Node) *MinimumAge {
	if n == nil {
		return nil
	}
	f := r.fields(n, "minimum_age", "from", "years", "unknown")
	m := &MinimumAge{
		Pos:     r.pos(n),
		Years:   r.int(f.need("years"), "years", 1, 120),
		Unknown: "refuse",
	}
	if from := r.ref(f.need("from"), "from"); from != nil {
		m.From = *from
	}
	if u := f.get("unknown"); u != nil {
		m.Unknown = r.choice(u, "unknown", "refuse", "admit")
	}
	return m
}

func (r *reader) exclude(n *yaml.Node) []Exclude {
	out := []Exclude{}
	for _, p := range r.pairs(n, "exclude") {
		e := Exclude{Pos: r.pos(p.key), Values: r.texts(p.val, "exclude", 1)}
		if ref := r.ref(p.key, "exclude"); ref != nil {
			e.Column = *ref
		}
		out = append(out, e)
	}
	if n != nil && n.Kind == yaml.MappingNode && len(out) == 0 {
		r.fail(n, "to turn it off, write `exclude: {none: true, why: …}`", "exclude names no column")
	}
	return out
}

func (r *reader) columnOr(n *yaml.Node, what, otherwise string) string {
	if n == nil {
		return otherwise
	}
	return r.column(n, what)
}
