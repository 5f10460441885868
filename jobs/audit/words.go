package main

import (
	"fmt"

	"lethe/jobs/door"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// shown says what is wrong with what a manifest shows of the ledger: a
// checkpoint that the ledger's key signed, of records that it still has.
func (a *audit) shown(c release.Charge) (kind, what string) {
	point, err := c.Checkpoint()
	switch {
	case err != nil:
		return untrue, err.Error()
	case !a.own.keyring.signedPoint(point, a.own.size):
		return untrue, "its checkpoint is not signed by the ledger's key of then"
	case point.Size > a.own.size:
		return setBack, fmt.Sprintf("it was paid for by record %d, and the ledger ends with record %d", c.Seq, a.own.size-1)
	case point.Root != a.own.rootOf(point.Size):
		return setBack, fmt.Sprintf("the ledger's key signed other records 0 to %d than it has now: its history was written anew", point.Size-1)
	}
	return "", ""
}

// signedPoint says whether a checkpoint bears the signature of the ledger's key
// of then, or, if it is ahead of the ledger, of any that it had.
func (k *keyring) signedPoint(point ledger.Checkpoint, size int64) bool {
	may := []*publicKey{k.ledger}
	for _, f := range k.former {
		may = append(may, f.key)
	}
	if point.Size <= size {
		may = []*publicKey{k.at(point.Size - 1)}
	}
	for _, key := range may {
		if key != nil && point.Origin == key.name && point.SignedBy(key.text) == nil {
			return true
		}
	}
	return false
}

// words says in what a manifest differs from the charge that paid for it.
func (a *audit) words(m release.Manifest, l *life) (wrong []string) {
	r := l.charge
	switch {
	case m.Charge.Seq != r.Seq:
		wrong = append(wrong, fmt.Sprintf("it names record %d for its charge, which is record %d", m.Charge.Seq, r.Seq))
	case m.Charge.Hash != l.hash:
		wrong = append(wrong, fmt.Sprintf("its charge, record %d, has another hash", r.Seq))
	}
	if point, err := m.Charge.Checkpoint(); err == nil && point.Size != m.Charge.Seq+1 {
		wrong = append(wrong, fmt.Sprintf("its proof is under a checkpoint of %d records, not the one that ends with its charge", point.Size))
	}
	if !a.own.versions[policyOnRecord{r.Population, m.Policy.Name, int64(m.Policy.Version), m.Policy.Hash}] {
		wrong = append(wrong, fmt.Sprintf("policy %s, version %d, with the hash that it names was never on record", m.Policy.Name, m.Policy.Version))
	}
	differs := func(what string, have, want any) {
		if have != want {
			wrong = append(wrong, fmt.Sprintf("it says %s %v, and the charge, record %d, %v", what, have, r.Seq, want))
		}
	}
	differs("population", m.Population, r.Population)
	differs("dataset", m.Dataset, r.Dataset)
	differs("window", m.Window.Start+"/"+m.Window.End, r.Window)
	differs("plan", m.Plan, r.Plan)
	differs("policy", m.Policy.Hash, r.Policy)
	differs("loss in ρ", m.Guarantee.Rho, release.Rho(r.Cost.Rho))
	differs("loss in δ", m.Guarantee.Delta, release.Delta(r.Cost.Delta))
	differs("population to date, ρ", m.ToDate.Rho.String(), decimal(l.toDate[0], 0))
	differs("population to date, δ", m.ToDate.Delta.String(), decimal(l.toDate[1], 1))
	wrong = append(wrong, converted("the release", m.Guarantee.Loss)...)
	wrong = append(wrong, converted("the population to date", m.ToDate)...)
	return append(wrong, mechanisms(m.Mechanisms, r)...)
}

// converted says where an ε is not the one that follows from ρ at its δ.
func converted(whose string, l release.Loss) []string {
	if l.At < l.Delta {
		return []string{fmt.Sprintf("%s has an ε at a δ below its own", whose)}
	}
	want := release.Epsilon(budget.EpsilonOf(budget.Rho(l.Rho), budget.Delta(l.At-l.Delta)))
	if l.Epsilon != want {
		return []string{fmt.Sprintf("%s has ε %v at δ %v, and from its ρ and δ follows ε %v", whose, l.Epsilon, l.At, want)}
	}
	return nil
}

// mechanisms says where the mechanisms are not the draws that were paid for.
func mechanisms(have []release.Mechanism, r *chargeBody) (wrong []string) {
	if len(have) != len(r.Draws) {
		return []string{fmt.Sprintf("it has %s, and the charge, record %d, %s", door.Count(len(have), "mechanism"), r.Seq, door.Count(len(r.Draws), "draw"))}
	}
	for i, m := range have {
		d := r.Draws[i]
		sigma, err := d.Sigma.Float64()
		if err != nil || m.Name != d.Name || m.Mechanism != d.Mechanism || m.Cells != d.Cells || m.L0 != d.L0 || m.LInf != d.LInf ||
			m.Sigma != sigma || uint64(m.Rho) != d.Cost.Rho || uint64(m.Delta) != d.Cost.Delta {
			wrong = append(wrong, fmt.Sprintf("its mechanism %q is not the draw %q of the charge, record %d", m.Name, d.Name, r.Seq))
		}
	}
	return wrong
}
