package plan

// All is the label of a key in a row that adds up over all its labels.
const All = "*"

// Tables are the sets of keys that the plan publishes: all keys, then the margins.
func (p *Plan) Tables() [][]int {
	var out [][]int
	for _, it := range p.Items {
		if it.Func != p.Items[0].Func || it.Of != p.Items[0].Of {
			break
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

// Fold adds an exact total over all keys up to one over a set of keys.
func (p *Plan) Fold(full []int64, keys []int) []int64 {
	if len(keys) == len(p.Keys) {
		return full
	}
	out := make([]int64, p.GroupsOf(keys))
	for g, v := range full {
		out[p.project(int64(g), keys)] += v
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
		out = append(out, it.Column(), it.Column()+"_error95", it.Column()+"_unusable")
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

// Column is the released column's name.
func (it Item) Column() string {
	if it.Func == "count" {
		return it.Of
	}
	return it.Of + "_" + it.Func
}
