package policy

import "go.yaml.in/yaml/v4"

// numbers is an ascending list of at least least numbers.
func (r *reader) numbers(n *yaml.Node, what string, least, most int) []Number {
	list := r.items(n, what)
	out := make([]Number, 0, len(list))
	for _, c := range list {
		v, ok := r.number(c, "a number of "+what)
		if !ok {
			return nil
		}
		if len(out) > 0 && out[len(out)-1].Rat.Cmp(v.Rat) >= 0 {
			r.fail(c, "", "%s must ascend", what)
			return nil
		}
		out = append(out, v)
	}
	if n != nil && n.Kind == yaml.SequenceNode && (len(out) < least || len(out) > most) {
		r.fail(n, "", "%s has %d numbers, needs %d to %d", what, len(out), least, most)
		return nil
	}
	return out
}

// rangeOf is [low, high], low below high.
func (r *reader) rangeOf(n *yaml.Node, what string) *[2]Number {
	list := r.numbers(n, what, 2, 2)
	if len(list) != 2 {
		return nil
	}
	return &[2]Number{list[0], list[1]}
}

// texts is a list of texts, none twice, at least least of them.
func (r *reader) texts(n *yaml.Node, what string, least int) []string {
	return r.list(n, what, least, func(c *yaml.Node) string { return r.text(c, "an entry of "+what) })
}

// list reads each entry of a list of different texts.
func (r *reader) list(n *yaml.Node, what string, least int, read func(*yaml.Node) string) []string {
	nodes := r.items(n, what)
	if n != nil && n.Kind == yaml.SequenceNode && len(nodes) < least {
		r.fail(n, "", "%s needs at least %d", what, least)
	}
	out := make([]string, 0, len(nodes))
	seen := make(map[string]bool, len(nodes))
	for _, c := range nodes {
		s := read(c)
		if s == "" {
			continue
		}
		if seen[s] {
			r.fail(c, "keep one", "%q stands twice in %s", s, what)
			continue
		}
		seen[s] = true
		out = append(out, s)
	}
	return out
}
