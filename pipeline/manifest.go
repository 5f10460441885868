package pipeline

import (
	"fmt"

	"lethe/pipeline/plan"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// notCovered is what the guarantee does not speak of.
var notCovered = []string{
	"two accounts of one human are two accounts",
	"what a reader already knows, or learns from other sources",
	"other populations, and releases beyond this population's lifetime cap",
	"side channels of the machine that ran the job",
}

// manifest says what the release is. It is a function of the plan, the policy
// and the ledger, never of the source.
func (j *job) manifest(o Options, book *ledger.Ledger) (release.Manifest, error) {
	p := j.plan
	cost, err := p.Cost()
	if err != nil {
		return release.Manifest{}, err
	}
	delta := plan.ConversionDelta(o.Policy.Budget)
	own, err := release.LossOf(cost, delta)
	if err != nil {
		return release.Manifest{}, err
	}
	seq, hash := j.begun.Token.Charge()
	charged := j.begun.Token.Policy()
	toDate, err := release.LossOf(spentUpTo(book, p.Population, seq), delta)
	if err != nil {
		return release.Manifest{}, err
	}
	proof, err := book.Prove(seq)
	if err != nil {
		return release.Manifest{}, err
	}
	m := release.Manifest{
		Release:        j.begun.Release,
		Dataset:        p.Dataset,
		Kind:           release.Statistics,
		Population:     p.Population,
		Window:         release.Window{Start: p.Window.Start, End: p.Window.End},
		Plan:           p.Hash(),
		Policy:         release.Policy{Name: charged.Name, Version: int(charged.Version), Hash: charged.Hash},
		Guarantee:      release.Guarantee{Variant: "approximate zCDP", Unit: "account", Adjacency: "add-remove one account with all its rows", Loss: own},
		ToDate:         toDate,
		PostProcessing: postProcessing(p),
		Unprotected:    unprotected(p),
		NotCovered:     notCovered,
		Charge:         release.ChargeOf(seq, hash, book.Genesis(), proof),
		Terms:          release.Terms,
	}
	for _, d := range p.Draws() {
		mech, err := release.MechanismOf(d)
		if err != nil {
			return release.Manifest{}, err
		}
		m.Mechanisms = append(m.Mechanisms, mech)
	}
	return m, nil
}

// spentUpTo adds up the charges of a population up to a record: what was
// charged after it does not depend on this release, and would show how it ran.
func spentUpTo(book *ledger.Ledger, population string, seq int64) budget.Cost {
	var sum budget.Cost
	for r, err := range book.Records() {
		if err != nil || r.Seq > seq {
			break
		}
		if (r.Kind == ledger.Charge || r.Kind == ledger.Panelled) && r.Population == population {
			if next, err := sum.Add(r.Cost); err == nil {
				sum = next
			}
		}
	}
	return sum
}

// unprotected is what is published exactly because it is public.
func unprotected(p *plan.Plan) []string {
	out := []string{fmt.Sprintf("that the dataset exists, and its %d groups: the full public domain, whoever is in it", p.Groups)}
	for _, k := range p.Keys {
		out = append(out, fmt.Sprintf("the %d labels of %s", len(k.Labels), k.Name))
	}
	return out
}
