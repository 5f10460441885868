package main

import (
	"fmt"

	"lethe/privacy/budget"
)

// accountName is a population, or a project of one.
type accountName struct{ population, project string }

func (n accountName) String() string {
	if n.project == "" {
		return n.population
	}
	return n.population + "/" + n.project
}

// An account is what its charges add up to, and its caps.
type account struct {
	lifetimeCap, yearCap amounts
	setBy                string // hash of the BUDGET
	lifetime             amounts
	years                map[int]amounts
}

func (a *account) year(y int) amounts {
	if _, known := a.years[y]; !known {
		a.years[y] = zero()
	}
	return a.years[y]
}

// enter sets caps. Two officers raise them, and set the first ones where there
// are officers.
func (r *budgetBody) enter(b *books, hash string) {
	name := accountName{r.Population, r.Project}
	if !identifier.MatchString(r.Population) || r.Project != "" && !identifier.MatchString(r.Project) {
		b.fault(r.Seq, "the population or project is no name")
	}
	if r.Project != "" && b.accounts[accountName{r.Population, ""}] == nil {
		b.fault(r.Seq, "project %s has caps before its population", name)
	}
	lifetime, year := r.Lifetime.amounts(), r.Year.amounts()
	a := b.accounts[name]
	after := b.genesis
	free := a == nil && len(b.keyring.officers) == 0
	if a != nil {
		after = a.setBy
		free = lifetime.within(a.lifetimeCap) && year.within(a.yearCap)
	}
	if !(free && len(r.Signatures) == 0) && !b.twoOfficers(r.statement(b.genesis, after), r.Signatures) {
		b.fault(r.Seq, "the caps of %s are raised without the signatures of two officers", name)
	}
	if a == nil {
		a = &account{lifetime: zero(), years: map[int]amounts{}}
		b.accounts[name] = a
	}
	a.lifetimeCap, a.yearCap, a.setBy = lifetime, year, hash
}

// statement is what the officers sign.
func (r *budgetBody) statement(genesis, after string) string {
	project := r.Project
	if project == "" {
		project = "-"
	}
	return fmt.Sprintf("lethe budget\nledger %s\nafter %s\npopulation %s\nproject %s\nlifetime %s\nyear %s\n",
		genesis, after, r.Population, project, r.Lifetime.text(), r.Year.text())
}

func (c costBody) text() string {
	return fmt.Sprintf("rho %v delta %v epsilon %v", budget.Rho(c.Rho), budget.Delta(c.Delta), budget.Epsilon(c.Epsilon))
}

// debit adds a charge to its accounts, and holds them against their caps.
func (r *chargeBody) debit(b *books) {
	when, err := readTime(r.Time)
	if err != nil {
		return // which read has refused
	}
	names := []accountName{{r.Population, ""}}
	if r.Project != "" {
		names = append(names, accountName{r.Population, r.Project})
	}
	for _, name := range names {
		a := b.accounts[name]
		if a == nil {
			b.fault(r.Seq, "%s is charged and has no caps", name)
			continue
		}
		a.lifetime.add(r.Cost.amounts())
		a.year(when.Year()).add(r.Cost.amounts())
		if !a.lifetime.within(a.lifetimeCap) {
			b.fault(r.Seq, "the charge passes the lifetime cap of %s", name)
		}
		if !a.year(when.Year()).within(a.yearCap) {
			b.fault(r.Seq, "the charge passes the cap of %s for the year %d", name, when.Year())
		}
	}
}
