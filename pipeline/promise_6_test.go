package pipeline

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
	"lethe/transforms"
)

// distance says where the answers to a plan on neighbouring sources are further apart than the noise of a vector was
// scaled to: some number by more than LInf, or more than L0 numbers at all.
func distance(p *plan.Plan, x, y *duck.Exact) (out []string, moved bool) {
	for _, it := range p.Items {
		for _, v := range it.Vectors {
			a, b := p.Exact(x.Totals, it, v), p.Exact(y.Totals, it, v)
			var cells, worst int64
			for i := range a {
				if d := max(a[i]-b[i], b[i]-a[i]); d > 0 {
					cells++
					worst = max(worst, d)
				}
			}
			moved = moved || cells > 0
			if worst > v.Draw.LInf || cells > v.Draw.L0 {
				out = append(out, fmt.Sprintf("dataset %s, %s: %d cells differ, by up to %d; the noise is for %d and %d", p.Dataset, v.Draw.Name, cells, worst, v.Draw.L0, v.Draw.LInf))
			}
			if int64(len(a)) != v.Draw.Cells {
				out = append(out, fmt.Sprintf("dataset %s, %s: %d cells, charged for %d", p.Dataset, v.Draw.Name, len(a), v.Draw.Cells))
			}
		}
	}
	return out, moved
}

// neighbours takes a random population apart, one account after the other, and compares the answers on each two
// neighbouring sources, for some datasets. It tells the pairs, those with any difference, and what is too far apart.
func neighbours(t *testing.T, p *policy.Policy, seed uint64, accounts int, change func(*plan.Plan), datasets ...string) (pairs, moved int, out []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 6))
	s, ids := population(rng, accounts)
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	dir := s.save(t, t.TempDir())
	l := newLab(t, duck.Options{Source: dir, Threads: 1}, p, change, datasets...)
	x := l.answers(t, "", 1)
	for i, id := range ids {
		s = s.without(id)
		s.save(t, filepath.Join(dir, fmt.Sprint(i+1)))
		y := l.answers(t, fmt.Sprint(i+1), 1)
		some := false
		for _, pl := range l.plans {
			far, any := distance(pl, x[pl.Dataset], y[pl.Dataset])
			some = some || any
			for _, f := range far {
				out = append(out, fmt.Sprintf("seed %d, without account %d: %s", seed, id, f))
			}
		}
		pairs++
		if some {
			moved++
		}
		x = y
	}
	return pairs, moved, out
}

// turn is the dataset, or with -long the three, whose turn it is.
func turn(p *policy.Policy, seed uint64) []string {
	var out []string
	for i := range uint64(3) {
		out = append(out, p.Datasets[(3*seed+i)%uint64(len(p.Datasets))].Name)
	}
	if *long {
		return out
	}
	return out[:1]
}

// TestPromise6Sensitivity: the bounded answers of neighbouring raw sources differ by no more than the sensitivity that
// the noise is scaled to, exactly.
func TestPromise6Sensitivity(t *testing.T) {
	t.Parallel()
	want := 300
	if *long {
		want = 1_000
	}
	p := parsePolicy(t, smallPolicy)
	var mu sync.Mutex
	pairs, moved := 0, 0
	t.Run("seeds", func(t *testing.T) {
		for seed, begun := uint64(0), 0; begun < want || seed < uint64(len(p.Datasets)); seed++ { // every dataset has a turn
			accounts := 48
			if slices.Contains([]string{"sleep", "weight", "pressure"}, turn(p, seed)[0]) && !*long {
				accounts = 22 // these take the longest
			}
			begun += accounts
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				n, m, out := neighbours(t, p, seed, accounts, nil, turn(p, seed)...)
				for _, problem := range out {
					t.Error(problem)
				}
				mu.Lock()
				defer mu.Unlock()
				pairs, moved = pairs+n, moved+m
			})
		}
	})
	if pairs < want {
		t.Errorf("%d pairs, want %d", pairs, want)
	}
	if moved < pairs/3 {
		t.Errorf("only %d of %d pairs differ at all: the sources are too dull", moved, pairs)
	}
	t.Logf("%d neighbouring pairs of raw sources, %d with a difference, %d datasets, no vector over its sensitivity", pairs, moved, len(p.Datasets))
}

// TestPromise6Control: plans that do not bound are caught by the same comparison.
func TestPromise6Control(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	rows := func(p *plan.Plan, change func(transforms.Step) transforms.Step) {
		for i := range p.Rows.Steps {
			p.Rows.Steps[i].Step = change(p.Rows.Steps[i].Step)
		}
	}
	for _, c := range []struct {
		name, dataset string
		change        func(*plan.Plan)
	}{
		{"no clamp of a unit's value", "steps", func(p *plan.Plan) {
			rows(p, func(s transforms.Step) transforms.Step {
				if u, ok := s.(transforms.Unit); ok {
					for i := range u.Values {
						u.Values[i].Hi = 1 << 50
					}
				}
				return s
			})
		}},
		{"a group for each row key of a unit that may be in one", "steps-by-weekday", func(p *plan.Plan) {
			for i := range p.Items {
				for j := range p.Items[i].Vectors {
					p.Items[i].Vectors[j].Draw.L0 = 1
				}
			}
		}},
		{"half the sensitivity", "steps", func(p *plan.Plan) {
			for i := range p.Items {
				for j := range p.Items[i].Vectors {
					p.Items[i].Vectors[j].Draw.LInf /= 2
				}
			}
		}},
		{"a divisor that is too small", "shapes", func(p *plan.Plan) {
			for i := range p.Cells.Values {
				p.Cells.Values[i].Divide = max(1, p.Cells.Values[i].Divide*3/4)
			}
		}},
		{"squares of what is not clamped", "spreads", func(p *plan.Plan) {
			for i := range p.Admission.Screened.Measures {
				p.Admission.Screened.Measures[i].High = 1 << 50
			}
			p.Cells.Bins = slices.DeleteFunc(p.Cells.Bins, func(b transforms.CellBins) bool { return b.Width > 0 })
			p.Items = slices.DeleteFunc(p.Items, func(it plan.Item) bool { return it.Func != "variance" })
		}},
		{"one group fewer for bins than a unit is in", "shapes", func(p *plan.Plan) {
			p.Items = slices.DeleteFunc(p.Items, func(it plan.Item) bool { return it.Func != "histogram" })
			for i := range p.Items {
				p.Items[i].Vectors[0].Draw.L0--
			}
		}},
		{"one group fewer for a level of a tree", "shapes", func(p *plan.Plan) {
			p.Items = slices.DeleteFunc(p.Items, func(it plan.Item) bool { return it.Func != "quantiles" })
			for i := range p.Items {
				p.Items[i].Vectors[1].Draw.L0--
			}
		}},
		{"a bin for each day of a person, not for each person", "shapes", func(p *plan.Plan) {
			p.Items = slices.DeleteFunc(p.Items, func(it plan.Item) bool { return it.Func != "proportion" })
			p.Cells.Keys = p.Cells.Keys[1:]
			p.Keys = p.Keys[1:]
			p.Groups /= 7
			for i := range p.Items {
				p.Items[i].Keys = []int{0}
				p.Items[i].Vectors[0].Draw.Cells /= 7
			}
		}},
		{"no clamp of a person's value", "people", func(p *plan.Plan) {
			for i := range p.Admission.Screened.Measures {
				p.Admission.Screened.Measures[i].High = 1 << 50
			}
		}},
	} {
		caught := 0
		for seed := uint64(1); seed <= 9 && caught == 0; seed++ {
			_, _, out := neighbours(t, p, seed, 8, c.change, c.dataset)
			caught += len(out)
		}
		if caught == 0 {
			t.Errorf("%s: not caught", c.name)
		}
	}
}

// TestPromise6Sample takes some of the sample's people out of it: a whale, a person with repeated rows, one with rows in
// every table.
func TestPromise6Sample(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, samplePolicy)
	all := loadSample(t)
	rows := map[int64]int{}
	for path, r := range all {
		if strings.Contains(path, "/") {
			for _, row := range r.rows {
				if id, ok := row[r.at("account_id")].(int64); ok {
					rows[id]++
				}
			}
		}
	}
	var whale, median int64
	for id, n := range rows {
		if n > rows[whale] {
			whale = id
		}
		if n == 30 && id > 10_000_000 {
			median = id
		}
	}
	base := all.few(2500)
	dir := base.save(t, t.TempDir())
	l := newLab(t, duck.Options{Source: dir}, p, nil)
	x := l.answers(t, "", 1)
	for _, id := range []int64{whale, median} {
		base.without(id).save(t, filepath.Join(dir, fmt.Sprint(id)))
		y := l.answers(t, fmt.Sprint(id), 1)
		for _, pl := range l.plans {
			far, _ := distance(pl, x[pl.Dataset], y[pl.Dataset])
			for _, f := range far {
				t.Errorf("an account with %d rows: %s", rows[id], f)
			}
		}
	}
	t.Logf("a whale of %d rows and an account of %d", rows[whale], rows[median])
}
