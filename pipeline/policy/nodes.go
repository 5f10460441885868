package policy

import "go.yaml.in/yaml/v4"

// A pair is one entry of a mapping.
type pair struct{ key, val *yaml.Node }

// pairs are the entries of a mapping with free keys.
func (r *reader) pairs(n *yaml.Node, what string) []pair {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "write `key: value` lines below it, or {key: value}", "%s must be a map", what)
		return nil
	}
	out := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, pair{n.Content[i], n.Content[i+1]})
	}
	return out
}

// items are the entries of a list.
func (r *reader) items(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "write it as [a, b]", "%s must be a list", what)
		return nil
	}
	return n.Content
}

// fields is a mapping whose keys are a closed set.
type fields struct {
	r    *reader
	what string
	node *yaml.Node // nil if it was no mapping
	vals map[string]*yaml.Node
}

// fields reads a mapping and reports every key that is not known.
func (r *reader) fields(n *yaml.Node, what string, known ...string) fields {
	f := fields{r: r, what: what, vals: map[string]*yaml.Node{}}
	if n == nil {
		return f
	}
	for _, p := range r.pairs(n, what) {
		f.vals[p.key.Value] = p.val
		if !contains(known, p.key.Value) {
			r.fail(p.key, meant(p.key.Value, known), "unknown key %q in %s", p.key.Value, what)
		}
	}
	if n.Kind == yaml.MappingNode {
		f.node = n
	}
	return f
}

// get is the value of a key, nil if it is absent.
func (f fields) get(key string) *yaml.Node { return f.vals[key] }

// need is the value of a key whose absence is a problem.
func (f fields) need(key string) *yaml.Node {
	if f.node != nil && f.vals[key] == nil {
		f.r.fail(f.node, "", "%s needs %q", f.what, key)
	}
	return f.vals[key]
}

// refuse reports each of keys that is there.
func (f fields) refuse(hint, because string, keys ...string) {
	for _, k := range keys {
		if n := f.vals[k]; n != nil {
			f.r.fail(n, hint, "%q has no meaning %s", k, because)
		}
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}
