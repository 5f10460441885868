package pipeline

import (
	"fmt"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
	"lethe/privacy/dp"
	"lethe/privacy/ledger"
)

// noisy holds what was drawn, per draw of the plan.
type noisy map[string][]int64

// addNoise draws once for each vector of the plan. A margin is drawn for by
// itself, from its own exact totals.
func addNoise(m *ledger.Meter, p *plan.Plan, x *duck.Exact) (noisy, error) {
	out := noisy{}
	for _, it := range p.Items {
		for _, v := range it.Vectors {
			drawn, err := dp.Noise(m, v.Draw.Name, p.Exact(x.Totals, it, v))
			if err != nil {
				return nil, fmt.Errorf("add noise to %s: %w", v.Draw.Name, err)
			}
			out[v.Draw.Name] = drawn
		}
	}
	return out, nil
}
