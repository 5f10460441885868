package policy

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// everyDataset are the keys of a dataset of any kind.
var everyDataset = []string{"name", "kind", "unit", "from", "every", "window", "settle"}

// kinds are the keys that each kind has beside them.
var kinds = map[string][]string{
	"statistics": {"filter", "by", "margins", "contribute", "release", "weights", "spend"},
	"synthetic":  {"filter", "by", "margins", "contribute", "spend"},
	"cohort": {"consent", "assessment", "workspace", "expires", "panels", "quasi", "scheme",
		"sensitive", "features"},
}

func (r *reader) datasets(n *yaml.Node) []Dataset {
	out := []Dataset{}
	for _, c := range r.items(n, "datasets") {
		out = append(out, r.dataset(c))
	}
	return out
}

func (r *reader) dataset(n *yaml.Node) Dataset {
	d := Dataset{Pos: r.pos(n), Kind: r.kind(n)}
	known := everyDataset
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if d.Kind == kind || d.Kind == "" {
			known = append(known[:len(known):len(known)], kinds[kind]...)
		}
	}
	f := r.fields(n, strings.TrimSpace("a "+d.Kind+" dataset"), known...)
	if n.Kind != yaml.MappingNode {
		return d
	}
	f.need("kind")
	r.head(f, &d)
	switch d.Kind {
	case "statistics":
		r.groups(f, &d)
		r.statistics(f, &d)
		d.Spend = r.spend(f.need("spend"))
	case "synthetic":
		r.groups(f, &d)
		f.need("by")
		d.Spend = r.spend(f.need("spend"))
	case "cohort":
		d.Cohort = r.cohort(f)
	}
	return d
}

// kind is read first: it decides which keys there can be.
func (r *reader) kind(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for _, p := range r.pairs(n, "a dataset") {
		if p.key.Value == "kind" {
			return r.choice(p.val, "kind", "statistics", "cohort", "synthetic")
		}
	}
	return ""
}

func (r *reader) head(f fields, d *Dataset) {
	d.Name = r.name(f.need("name"), "dataset", slug)
	d.Unit = "account"
	if n := f.get("unit"); n != nil {
		d.Unit = r.choice(n, "unit", "account", "household")
	}
	d.From = r.list(f.need("from"), "from", 1, r.tableName)
	every := []string{"day", "week", "month", "quarter"}
	if d.Kind == "cohort" {
		every = []string{"quarter", "year"}
	}
	d.Every = r.choice(f.need("every"), "every", every...)
	d.WindowDays = r.days(f.need("window"), "window", 1, 3660)
	d.SettleDays = r.days(f.need("settle"), "settle", 0, 366)
}

// groups reads what decides the groups of a dataset and what a subject adds.
func (r *reader) groups(f fields, d *Dataset) {
	for _, p := range r.pairs(f.get("filter"), "filter") {
		d.Filter = append(d.Filter, Filter{
			Pos: r.pos(p.key), Key: r.key(p.key), Labels: r.texts(p.val, "filter", 1)})
	}
	d.By = r.keys(f.get("by"), "by")
	for _, m := range r.items(f.get("margins"), "margins") {
		d.Margins = append(d.Margins, r.list(m, "a margin", 0, func(c *yaml.Node) string {
			return r.name(c, "margin", word)
		}))
	}
	d.Contribute = Contribute{Value: "mean", Groups: 1}
	c := r.fields(f.get("contribute"), "contribute", "value", "groups")
	if n := c.get("value"); n != nil {
		d.Contribute.Value = r.choice(n, "value", "mean", "median", "sum", "max", "last")
	}
	if n := c.get("groups"); n != nil {
		d.Contribute.Groups = r.int(n, "groups", 1, 1000)
	}
}

// keys is a list of `name` or `name@level`, no name twice.
func (r *reader) keys(n *yaml.Node, what string) []Key {
	var out []Key
	for _, c := range r.items(n, what) {
		k := r.key(c)
		if k.Name != "" && slices.ContainsFunc(out, func(have Key) bool { return have.Name == k.Name }) {
			r.fail(c, "keep one", "key %q stands twice in %s", k.Name, what)
			continue
		}
		out = append(out, k)
	}
	return out
}

func (r *reader) key(n *yaml.Node) Key {
	s, ok := r.scalar(n, "a key")
	if !ok {
		return Key{Pos: r.pos(n)}
	}
	name, level, at := strings.Cut(s, "@")
	if !word.MatchString(name) || at && badColumn(level) != "" {
		r.fail(n, "write name or name@level", "%q is not a key", s)
		return Key{Pos: r.pos(n)}
	}
	return Key{Pos: r.pos(n), Name: name, Level: level}
}

func (r *reader) statistics(f fields, d *Dataset) {
	list := r.items(f.need("release"), "release")
	for _, c := range list {
		d.Release = append(d.Release, r.item(c))
	}
	if n := f.get("release"); n != nil && n.Kind == yaml.SequenceNode && len(list) == 0 {
		r.fail(n, "write [{count: subjects}]", "release is empty")
	}
	n := f.get("weights")
	for _, c := range r.items(n, "weights") {
		w, _ := r.numberIn(c, "weight", "0", "1000", false)
		d.Weights = append(d.Weights, w)
	}
	if n != nil && n.Kind == yaml.SequenceNode && len(d.Weights) != len(d.Release) {
		r.fail(n, "one for each item of release, in its order", "%d weights for %d released items", len(d.Weights), len(d.Release))
	}
}

// released are the functions of a release item.
var released = []string{"count", "sum", "mean", "variance", "stddev", "quantiles", "histogram", "proportion"}

func (r *reader) item(n *yaml.Node) Item {
	it := Item{Pos: r.pos(n)}
	f := r.fields(n, "a release item", append(released[:len(released):len(released)], "at", "bins")...)
	for _, fn := range released {
		v := f.get(fn)
		switch {
		case v == nil:
		case it.Func != "":
			r.fail(v, "make two items", "a release item has one function, this one has %s and %s", it.Func, fn)
		case fn == "count":
			it.Func, it.Of = fn, r.choice(v, fn, "subjects", "records")
		default:
			it.Func, it.Of = fn, r.name(v, fn, word)
		}
	}
	if it.Func == "" {
		if f.node != nil {
			r.fail(n, "write {count: subjects} or {mean: steps}; known: "+strings.Join(released, ", "), "a release item needs a function")
		}
		return it
	}
	r.itemNumbers(f, &it)
	return it
}

func (r *reader) itemNumbers(f fields, it *Item) {
	if it.Func == "quantiles" {
		it.At = r.numbers(f.need("at"), "at", 1, 99)
		for i, q := range it.At {
			if q.Rat.Sign() <= 0 || q.Rat.Cmp(exact("1")) >= 0 {
				r.fail(f.get("at").Content[i], "", "quantile %s must be above 0 and below 1", q.Text)
			}
		}
	} else {
		f.refuse("", "for "+it.Func, "at")
	}
	switch it.Func {
	case "histogram":
		it.Bins = r.numbers(f.need("bins"), "bins", 2, 1000)
	case "proportion":
		it.Bins = r.numbers(f.need("bins"), "bins", 2, 2)
	default:
		f.refuse("", "for "+it.Func, "bins")
	}
}

// spend is {rho: …} or {within: …, of: …, at: …}.
func (r *reader) spend(n *yaml.Node) Spend {
	if n == nil {
		return Spend{}
	}
	s := Spend{Pos: r.pos(n)}
	f := r.fields(n, "spend", "rho", "within", "of", "at")
	if f.node == nil {
		return s
	}
	if (f.get("rho") == nil) == (f.get("within") == nil) {
		r.fail(n, "write {rho: 0.0005} or {within: 200, of: mean steps, at: 95%}", "spend needs either %q or %q", "rho", "within")
		return s
	}
	if f.get("rho") != nil {
		f.refuse("", "beside rho", "of", "at")
		s.Rho = r.rho(f.get("rho"))
		return s
	}
	w := &Within{Item: r.text(f.need("of"), "of")}
	w.Amount, _ = r.numberIn(f.get("within"), "within", "0", "1e15", false)
	at := f.need("at")
	if v, ok := r.share(at, "at"); ok {
		if v.Rat.Cmp(exact("0.5")) < 0 || v.Rat.Cmp(exact("0.999")) > 0 {
			r.fail(at, "", "at is %s, must be from 0.5 to 0.999", v.Text)
		}
		w.At = v
	}
	s.Within = w
	return s
}
