package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lethe/pipeline/duck"
	"lethe/pipeline/gate"
	"lethe/pipeline/plan"
	"lethe/pipeline/release"
)

// quietly makes the table that would leave if the noise were nothing.
func quietly(t *testing.T, p *plan.Plan, x *duck.Exact) *release.Table {
	t.Helper()
	n := noisy{}
	for i := range p.Items {
		for j := range p.Items[i].Vectors {
			v := &p.Items[i].Vectors[j]
			v.Draw.Sigma = 1e-9
			n[v.Draw.Name] = p.Exact(x.Totals, p.Items[i], *v)
			if int64(len(n[v.Draw.Name])) != v.Draw.Cells {
				t.Errorf("dataset %s, %s: %d numbers, %d are drawn for", p.Dataset, v.Draw.Name, len(n[v.Draw.Name]), v.Draw.Cells)
			}
		}
	}
	table := statistics(p, n)
	if _, err := gate.Statistics(p, table); err != nil {
		t.Error(err)
	}
	return table
}

// TestEveryFunction: the table of each dataset passes the gate with its margins,
// and its columns agree with each other: what is counted in bins adds up to
// margins, a proportion is of bins, a standard deviation is the variance's root,
// quantiles are in order.
func TestEveryFunction(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	s, _ := population(rand.New(rand.NewPCG(5, 5)), 80)
	l := newLab(t, duck.Options{Source: s.save(t, t.TempDir())}, p, nil)
	answers := l.answers(t, "", 2)
	tables := map[string]*release.Table{}
	for _, pl := range l.plans {
		tables[pl.Dataset] = quietly(t, pl, answers[pl.Dataset])
	}
	shapes := tables["shapes"]
	column := func(dataset, name string) *release.Column {
		for i := range tables[dataset].Columns {
			if c := &tables[dataset].Columns[i]; c.Name == name {
				return c
			}
		}
		t.Fatalf("dataset %s has no column %s", dataset, name)
		return nil
	}
	at := func(name string, row int) int64 { return column("shapes", name).Ints[row] }
	weekday, sex, people := column("shapes", "weekday"), column("shapes", "sex"), int64(0)
	for _, bin := range []string{"steps_histogram_0_5000", "steps_histogram_5000_10000", "steps_histogram_10000_24000", "km_histogram_-2.5_0", "km_histogram_0_10"} {
		sums := map[string]int64{}
		for row := range shapes.Rows {
			day, n := weekday.Labels[weekday.Codes[row]], at(bin, row)
			if people += n; sex.Labels[sex.Codes[row]] == plan.All {
				if n != sums[day] {
					t.Errorf("%s on %s: the margin is %d, its groups are %d", bin, day, n, sums[day])
				}
			} else {
				sums[day] += n
			}
		}
	}
	if people == 0 {
		t.Error("nobody is in any bin: the source is too dull")
	}
	low, middle, high := column("shapes", "steps_quantile_0.1"), column("shapes", "steps_quantile_0.5"), column("shapes", "steps_quantile_0.9")
	share := column("shapes", "steps_proportion_8000_24000")
	for row := range shapes.Rows {
		if !low.Null(row) && !middle.Null(row) && !high.Null(row) && !slices.IsSorted([]float64{low.Floats[row], middle.Floats[row], high.Floats[row]}) {
			t.Errorf("row %d: quantiles are not in order", row)
		}
		n := at("steps_histogram_0_5000", row) + at("steps_histogram_5000_10000", row) + at("steps_histogram_10000_24000", row)
		if most := float64(n-at("steps_histogram_0_5000", row)) / float64(max(n, 1)); !share.Null(row) && (share.Floats[row] > most+1e-4 || share.Floats[row] < 0) {
			t.Errorf("row %d: a share of %v where at most %v are above 5000", row, share.Floats[row], most)
		}
	}
	deviation, variance := column("spreads", "height_stddev"), column("spreads", "height_variance")
	for row := range tables["spreads"].Rows {
		if d := deviation.Floats[row]; !deviation.Null(row) && !variance.Null(row) && max(d*d-variance.Floats[row], variance.Floats[row]-d*d) > 1 {
			t.Errorf("row %d: a standard deviation of %v, a variance of %v", row, d, variance.Floats[row])
		}
	}
	for _, c := range shapes.Columns {
		if strings.HasPrefix(c.Name, "steps_histogram_10000") && c.Error != "" && !strings.Contains(fmt.Sprint(c.Done), "from 10000 to 24000, or clamped there") {
			t.Errorf("column %s does not tell its edges: %v", c.Name, c.Done)
		}
	}
}
