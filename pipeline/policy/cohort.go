package policy

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// cohort reads the keys of a record-level dataset.
func (r *reader) cohort(f fields) *Cohort {
	consent := r.fields(f.need("consent"), "consent", "purpose")
	c := &Cohort{
		Consent:    r.text(consent.need("purpose"), "purpose"),
		Assessment: r.text(f.need("assessment"), "assessment"),
		Workspace:  r.name(f.need("workspace"), "workspace", slug),
		Expires:    r.expires(f.need("expires")),
		Panels:     8,
		Quasi:      r.keys(f.need("quasi"), "quasi"),
		Scheme:     r.choice(f.need("scheme"), "scheme", "fixed", "global", "local", "private"),
		Sensitive: r.list(f.get("sensitive"), "sensitive", 0, func(n *yaml.Node) string {
			return r.name(n, "sensitive", word)
		}),
	}
	if n := f.get("panels"); n != nil {
		c.Panels = r.int(n, "panels", 2, 1024)
	}
	for _, n := range r.items(f.get("features"), "features") {
		c.Features = append(c.Features, r.feature(n))
	}
	return c
}

// expires is a span like `24 months`.
func (r *reader) expires(n *yaml.Node) string {
	s := r.text(n, "expires")
	if s != "" && !expiry.MatchString(s) {
		r.fail(n, "write it like 24 months", "expires %q is not a span", s)
	}
	return s
}

// featured are the functions of a cohort's feature.
var featured = []string{"mean", "median", "sum", "max", "min", "last"}

// feature is {median: weight, step: 2, laplace: 2}.
func (r *reader) feature(n *yaml.Node) Feature {
	var v Feature
	f := r.fields(n, "a feature", append(featured[:len(featured):len(featured)], "step", "laplace")...)
	for _, fn := range featured {
		of := f.get(fn)
		switch {
		case of == nil:
		case v.Func != "":
			r.fail(of, "make two features", "a feature has one function, this one has %s and %s", v.Func, fn)
		default:
			v.Func, v.Of = fn, r.name(of, fn, word)
		}
	}
	if v.Func == "" && f.node != nil {
		r.fail(n, "known: "+strings.Join(featured, ", "), "a feature needs a function")
	}
	v.Step, _ = r.numberIn(f.need("step"), "step", "0", "1e15", false)
	v.Laplace, _ = parseNumber("0")
	if l := f.get("laplace"); l != nil {
		v.Laplace, _ = r.numberIn(l, "laplace", "0", "1e15", true)
	}
	return v
}
