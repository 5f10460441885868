package ledger

import (
	"errors"
	"fmt"
	"slices"

	"lethe/privacy/budget"
)

// auditor is the memory of somebody who saw every answer of every process, and whom no crash befalls.
type auditor struct {
	hashes  map[int64]string // by seq: the records that an answer vouched for
	meters  map[string]bool  // the releases whose meter was handed out
	results map[string]bool  // the releases whose RESULT was acknowledged
	live    map[string]*process
}

func newAuditor() *auditor {
	return &auditor{map[int64]string{}, map[string]bool{}, map[string]bool{}, map[string]*process{}}
}

// vouched: a call answered, so that this record is on the disk, with all before it, for ever.
func (a *auditor) vouched(seq int64, hash string) error {
	if had := a.hashes[seq]; had != "" && had != hash {
		return fmt.Errorf("record %d was one, and is another", seq)
	}
	a.hashes[seq] = hash
	return nil
}

// metered: a process was handed the meter of a release.
func (a *auditor) metered(release string) error {
	if a.meters[release] {
		return fmt.Errorf("release %s was drawn a second time", release)
	}
	a.meters[release] = true
	return nil
}

// begun: a process was handed a token.
func (a *auditor) begun(release string, status Status, p *process) error {
	if holder := a.live[release]; holder != nil && !holder.killed {
		return fmt.Errorf("release %s is worked on by two", release)
	}
	if status == Granted && (a.meters[release] || a.results[release]) {
		return fmt.Errorf("release %s is granted, and was drawn", release)
	}
	a.live[release] = p
	return nil
}

// check holds a ledger that was opened after a crash against what was seen. The rules are written down here a second
// time, apart from state.go.
func (a *auditor) check(all []Record, lifetime budget.Cost) error {
	seen := map[string]bool{}
	for n, r := range all {
		if r.Seq != int64(n) || seen[r.Hash] {
			return fmt.Errorf("record %d is there twice, or in another's place", n)
		}
		seen[r.Hash] = true
	}
	for seq, hash := range a.hashes {
		if seq >= int64(len(all)) || all[seq].Hash != hash {
			return fmt.Errorf("record %d was acknowledged, and is lost", seq)
		}
	}
	b := book{caps: map[string]budget.Caps{}, spent: map[string]budget.Cost{}, of: map[string]*chapter{}, current: map[slotKey]*chapter{}}
	for _, r := range all {
		if err := b.read(&r); err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
	}
	for release := range a.meters {
		if c := b.of[release]; c == nil || !c.has(Drawn) {
			return fmt.Errorf("release %s was drawn, and no record says so", release)
		}
	}
	for release := range a.results {
		if c := b.of[release]; c == nil || !c.has(Resulted) {
			return fmt.Errorf("the result of release %s is lost", release)
		}
	}
	if got := b.spent["eu"]; got != lifetime {
		return fmt.Errorf("the ledger says %v is spent, its charges are %v", lifetime, got)
	}
	return nil
}

// book is what an auditor makes of the records.
type book struct {
	caps    map[string]budget.Caps
	spent   map[string]budget.Cost // by population, and population and year
	of      map[string]*chapter    // by release
	current map[slotKey]*chapter
}

// chapter is the records of one release, in order.
type chapter struct {
	plan  string
	kinds []Kind
}

func (c *chapter) has(k Kind) bool { return slices.Contains(c.kinds, k) }

func (b *book) read(r *Record) error {
	switch r.Kind {
	case Budget:
		b.caps[r.Population] = r.Caps
	case Charge:
		return b.charge(r)
	case Drawn, Resulted, Published, Burned, Withdraw:
		c := b.of[r.Release]
		if c == nil || c.has(r.Kind) {
			return fmt.Errorf("a second %s, or one without a charge", r.Kind)
		}
		c.kinds = append(c.kinds, r.Kind)
	}
	return nil
}

func (b *book) charge(r *Record) error {
	if b.of[r.Release] != nil {
		return errors.New("the release is charged twice")
	}
	if c := b.current[r.slot()]; c != nil && c.plan == r.PlanHash && !c.has(Burned) {
		return errors.New("a release that is not burned is charged again")
	}
	b.of[r.Release] = &chapter{plan: r.PlanHash, kinds: []Kind{Charge}}
	b.current[r.slot()] = b.of[r.Release]
	for account, limit := range map[string]budget.Cost{
		r.Population:                            b.caps[r.Population].Lifetime,
		fmt.Sprint(r.Population, r.Time.Year()): b.caps[r.Population].Year,
	} {
		rho, delta := b.spent[account].Rho+r.Cost.Rho, b.spent[account].Delta+r.Cost.Delta
		if rho > limit.Rho || delta > limit.Delta {
			return fmt.Errorf("the charge passes the cap of %s", account)
		}
		b.spent[account] = budget.Cost{Rho: rho, Delta: delta}
	}
	return nil
}
