package pipeline

import (
	"sort"

	"lethe/pipeline/plan"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
)

// Status says how a dataset of a run ended.
type Status string

// The ways to end.
const (
	Published Status = "published"
	Served    Status = "served again" // published by a run before; nothing was charged or drawn
	Resumed   Status = "finished"     // recorded by a run before, published by this one
	NotBuilt  Status = "not built yet"
	Failed    Status = "failed"
)

// An Outcome is one dataset's end.
type Outcome struct {
	Dataset string
	Status  Status
	Note    string
	Err     error // nil unless Failed
	Release string
	Attempt int
	Window  string
	Cost    budget.Cost
	Rows    int // published groups
	// Cells are published numbers, Unusable those left out as too uncertain,
	// Median the median ratio of a number's 95 % half-width to the number.
	Cells, Unusable int
	Median          float64
}

// A Summary is what an operator sees at the end. Everything in it is public or
// a function of released values.
type Summary struct {
	Policy, Population string
	Demo               bool
	Outcomes           []Outcome
	Caps               budget.Caps
	Schedule           *plan.Schedule // what a year of every dataset takes; nil where none could be planned
	Lifetime, Year     budget.Cost
}

func (s *Summary) add(o Outcome) {
	s.Outcomes = append(s.Outcomes, o)
	sort.SliceStable(s.Outcomes, func(i, j int) bool { return s.Outcomes[i].Dataset < s.Outcomes[j].Dataset })
}

// outcome starts the outcome of a plan.
func outcome(p *plan.Plan) Outcome {
	cost, _ := p.Cost()
	return Outcome{Dataset: p.Dataset, Window: p.Window.String(), Cost: cost}
}

// count tells how much of a table can be used.
func (o *Outcome) count(t *release.Table) {
	var ratios []float64
	o.Rows = t.Rows
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Error == "" {
			continue
		}
		half := &t.Columns[i+1]
		for row := range t.Rows {
			o.Cells++
			if c.Null(row) {
				o.Unusable++
				continue
			}
			if v := value(c, row); v != 0 {
				ratios = append(ratios, half.Floats[row]/max(v, -v))
			}
		}
	}
	if len(ratios) > 0 {
		sort.Float64s(ratios)
		o.Median = ratios[len(ratios)/2]
	}
}

func value(c *release.Column, row int) float64 {
	if c.Kind == release.Int {
		return float64(c.Ints[row])
	}
	return c.Floats[row]
}
