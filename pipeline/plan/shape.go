package plan

import "slices"

// All is the label of a key in a row that adds up over all its labels.
const All = "*"

// Tables are the sets of keys that the plan publishes: all keys, then the margins.
func (p *Plan) Tables() [][]int {
	var out [][]int
	for i, it := range p.Items {
		if i > 0 && slices.Equal(it.Keys, p.Items[0].Keys) {
			break // of the next aggregate
		}
		out = append(out, it.Keys)
	}
	return out
}

// GroupsOf is how many groups a set of keys has.
func (p *Plan) GroupsOf(keys []int) int64 {
	n := int64(1)
	for _, k := range keys {
		n *= int64(len(p.Keys[k].Labels))
	}
	return n
}

// Label is key k's label in group g of a set of keys, the last key counting
// fastest; All for a key that is not in the set.
func (p *Plan) Label(keys []int, k int, g int64) string {
	for i := len(keys) - 1; i >= 0; i-- {
		n := int64(len(p.Keys[keys[i]].Labels))
		if keys[i] == k {
			return p.Keys[k].Labels[g%n]
		}
		g /= n
	}
	return All
}

// Exact is the exact answer that a vector's noise is added to: its total, with
// bins put together and groups added up as the item's keys say. Bins of one group
// lie side by side.
func (p *Plan) Exact(totals map[string][]int64, it Item, v Vector) []int64 {
	full := totals[v.Total]
	if v.Of > 1 {
		full = together(full, int64(len(full))/p.Groups, v.Of)
	}
	if len(it.Keys) == len(p.Keys) {
		return full
	}
	bins := int64(len(full)) / p.Groups
	out := make([]int64, p.GroupsOf(it.Keys)*bins)
	for i, n := range full {
		g, b := int64(i)/bins, int64(i)%bins
		out[p.project(g, it.Keys)*bins+b] += n
	}
	return out
}

// together adds up each so many of a group's bins.
func together(full []int64, bins, each int64) []int64 {
	nodes := (bins + each - 1) / each
	out := make([]int64, int64(len(full))/bins*nodes)
	for i, n := range full {
		g, b := int64(i)/bins, int64(i)%bins
		out[g*nodes+b/each] += n
	}
	return out
}

// project is the group of a set of keys that a group of all keys falls into.
func (p *Plan) project(g int64, keys []int) int64 {
	digits := make([]int64, len(p.Keys))
	for i := len(p.Keys) - 1; i >= 0; i-- {
		n := int64(len(p.Keys[i].Labels))
		digits[i], g = g%n, g/n
	}
	var out int64
	for _, k := range keys {
		out = out*int64(len(p.Keys[k].Labels)) + digits[k]
	}
	return out
}

// Columns are the names of the released columns in order: the keys, then for
// each aggregate its value, its 95 % half-width and whether it is unusable.
func (p *Plan) Columns() []string {
	var out []string
	for _, k := range p.Keys {
		out = append(out, k.Name)
	}
	for _, it := range p.Released() {
		for _, name := range it.Columns() {
			out = append(out, name, name+"_error95", name+"_unusable")
		}
	}
	return out
}

// Released are the aggregates, each once, whatever number of tables they are in.
func (p *Plan) Released() []Item {
	var out []Item
	step := len(p.Tables())
	for i := 0; i < len(p.Items); i += step {
		out = append(out, p.Items[i])
	}
	return out
}

// Columns are the names of the item's released values: one, but for a histogram
// one for each bin, and for quantiles one for each share.
func (it Item) Columns() []string {
	name := it.Column()
	switch it.Func {
	case "proportion":
		return []string{name + "_" + it.Edges[0].Text + "_" + it.Edges[1].Text}
	case "histogram":
		var out []string
		for i := range it.Edges[1:] {
			out = append(out, name+"_"+it.Edges[i].Text+"_"+it.Edges[i+1].Text)
		}
		return out
	case "quantiles":
		var out []string
		for _, q := range it.At {
			out = append(out, it.Of+"_quantile_"+q.Text)
		}
		return out
	}
	return []string{name}
}

// Column is the name that the item's columns have or begin with.
func (it Item) Column() string {
	if it.Func == "count" {
		return it.Of
	}
	return it.Of + "_" + it.Func
}
