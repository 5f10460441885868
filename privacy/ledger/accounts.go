package ledger

import (
	"errors"
	"fmt"
	"time"

	"lethe/privacy/budget"
)

// An Account is a population, or a project within one. A charge debits its population's account and, where it has a
// project, that one too.
type Account struct {
	Population string // Required.
	Project    string // Default: the population itself.
}

func (a Account) String() string {
	if a.Project == "" {
		return "population " + a.Population
	}
	return "project " + a.Project + " in population " + a.Population
}

type account struct {
	caps     budget.Caps
	setBy    string // hash of the BUDGET
	lifetime budget.Cost
	years    map[int]budget.Cost
}

// checkBudget: caps that are not lower need two officers, as do the first ones where there are officers.
func (s *state) checkBudget(r *Record) error {
	if !validID(r.Population) {
		return errID("population")
	}
	if r.Project != "" && !validID(r.Project) {
		return errID("project")
	}
	if r.Project != "" && s.accounts[Account{Population: r.Population}] == nil {
		return fmt.Errorf("%w of the population before that of its project", ErrNoCaps)
	}
	a := s.accounts[r.account()]
	free := a == nil && len(s.keys.officers) == 0 || a != nil && lower(r.Caps, a.caps)
	if free && len(r.Signatures) == 0 {
		return nil
	}
	if len(s.keys.officers) == 0 {
		return ErrRaise
	}
	if err := s.signedByOfficers(s.budgetStatement(r.account(), r.Caps), r.Signatures, 2); err != nil {
		return fmt.Errorf("%w: %w", ErrRaise, err)
	}
	return nil
}

// budgetStatement is what officers sign to set these caps next.
func (s *state) budgetStatement(of Account, c budget.Caps) Statement {
	after := s.genesis
	if a := s.accounts[of]; a != nil {
		after = a.setBy
	}
	return budgetStatement(s.genesis, after, of, c)
}

// signedByOfficers: every signature is an officer's under the statement, and they are at least so many people.
func (s *state) signedByOfficers(said Statement, signatures []Signature, least int) error {
	who := map[string]bool{}
	for _, sig := range signatures {
		if err := said.signedBy(sig, s.keys.officers[sig.Name]); err != nil {
			return err
		}
		if who[sig.Name] {
			return fmt.Errorf("%w: %s signed twice", ErrSignature, sig.Name)
		}
		who[sig.Name] = true
	}
	if len(who) < least {
		return fmt.Errorf("%w: %d of %d officers signed", ErrSignature, len(who), least)
	}
	return nil
}

func lower(a, b budget.Caps) bool {
	return a.Lifetime.Within(b.Lifetime) && a.Year.Within(b.Year)
}

func (s *state) applyBudget(r *Record) {
	key := r.account()
	if s.accounts[key] == nil {
		s.accounts[key] = &account{years: map[int]budget.Cost{}}
	}
	s.accounts[key].caps, s.accounts[key].setBy = r.Caps, r.Hash
}

func (r *Record) account() Account { return Account{r.Population, r.Project} }

// touched are the accounts that a charge debits.
func (r *Record) touched() []Account {
	if r.Project == "" {
		return []Account{r.account()}
	}
	return []Account{{Population: r.Population}, r.account()}
}

// checkCaps: all or nothing over the lifetimes and calendar years of every account that the charge touches.
func (s *state) checkCaps(r *Record) error {
	year := r.Time.UTC().Year()
	for _, key := range r.touched() {
		a := s.accounts[key]
		if a == nil {
			return fmt.Errorf("%s has %w", key, ErrNoCaps)
		}
		if err := fits(r, key.Project, a.caps, a.lifetime, a.years[year], year); err != nil {
			return err
		}
	}
	return nil
}

// fits says whether a charge fits into caps of which lifetime and year are out.
func fits(r *Record, project string, caps budget.Caps, lifetime, inYear budget.Cost, year int) error {
	for _, scope := range []struct {
		name       string
		limit, out budget.Cost
	}{
		{"lifetime", caps.Lifetime, lifetime},
		{fmt.Sprintf("year %d", year), caps.Year, inYear},
	} {
		if !r.Cost.Fits(scope.out, scope.limit) {
			return &OverBudget{r.Population, project, scope.name, r.Cost, scope.limit.Left(scope.out)}
		}
	}
	return nil
}

// debit adds a charge to every account that it touches.
func (s *state) debit(r *Record) error {
	year := r.Time.UTC().Year()
	for _, key := range r.touched() {
		a := s.accounts[key]
		lifetime, err1 := a.lifetime.Add(r.Cost)
		inYear, err2 := a.years[year].Add(r.Cost)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		a.lifetime, a.years[year] = lifetime, inYear
	}
	return nil
}

// spent returns what an account spent in its life and in the calendar year of now.
func (s *state) spent(of Account, now time.Time) (lifetime, year budget.Cost) {
	if a := s.accounts[of]; a != nil {
		return a.lifetime, a.years[now.UTC().Year()]
	}
	return budget.Cost{}, budget.Cost{}
}
