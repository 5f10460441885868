package ledger

import (
	"errors"
	"fmt"
	"time"

	"lethe/privacy/budget"
)

// state is what the records amount to. It is rebuilt at Open and grows with each append; check and apply are the only
// rules, the same for a record that is about to be written and for one that is read back.
type state struct {
	id          string // of GENESIS
	populations map[string]*population
	slots       map[slotKey]*slot
	releases    map[string]*attempt
}

type population struct {
	caps     budget.Caps
	lifetime budget.Cost
	years    map[int]budget.Cost
}

// A slot is one dataset and window of one population. It holds at most one current release.
type slotKey struct {
	population, dataset, window string
}

type slot struct {
	current  *attempt
	attempts map[string]int64 // plan hash → how many so far
	burned   int              // attempts burned since the current plan became current
}

// attempt is one charge and what became of it.
type attempt struct {
	slot    *slot
	release string
	plan    string
	number  int64
	seq     int64
	hash    string
	state   attemptState
	draws   []Draw // until published
	files   []File // from RESULT on
}

type attemptState string

const (
	charged   attemptState = "charged"
	drawn     attemptState = "drawn"
	resulted  attemptState = "resulted"
	published attemptState = "published"
	burned    attemptState = "burned"
)

// next says from which states a record leads on.
var next = map[Kind][]attemptState{
	Drawn:     {charged},
	Resulted:  {drawn},
	Published: {resulted},
	Burned:    {drawn, resulted},
}

func newState() *state {
	return &state{
		populations: map[string]*population{},
		slots:       map[slotKey]*slot{},
		releases:    map[string]*attempt{},
	}
}

// check says why r cannot be the next record.
func (s *state) check(r *Record) error {
	if (r.Kind == Genesis) != (r.Seq == 0) {
		return errors.New("GENESIS is the first record, and only the first")
	}
	switch r.Kind {
	case Genesis:
		if len(r.ID) != 32 || !lowerHex([]byte(r.ID)) {
			return errors.New("the ledger's id is not 32 hex digits")
		}
		return nil
	case Budget:
		return s.checkBudget(r)
	case Charge:
		return s.checkCharge(r)
	}
	a := s.releases[r.Release]
	if a == nil || a.slot.current != a {
		return fmt.Errorf("%w: %s of a release that is not current", ErrOrder, r.Kind)
	}
	for _, from := range next[r.Kind] {
		if a.state == from {
			return checkContent(r)
		}
	}
	return fmt.Errorf("%w: %s of a release that is %s", ErrOrder, r.Kind, a.state)
}

func checkContent(r *Record) error {
	switch r.Kind {
	case Resulted:
		return checkFiles(r.Files)
	case Burned:
		if r.Reason == "" {
			return errors.New("a burned release has no reason")
		}
	}
	return nil
}

func (s *state) checkBudget(r *Record) error {
	if !validID(r.Population) {
		return errID("population")
	}
	if p := s.populations[r.Population]; p != nil && !lower(r.Caps, p.caps) {
		return ErrRaise
	}
	return nil
}

func lower(a, b budget.Caps) bool {
	return a.Lifetime.Within(b.Lifetime) && a.Year.Within(b.Year)
}

func (s *state) checkCharge(r *Record) error {
	if err := errors.Join(checkSubject(r), checkDraws(r.Draws)); err != nil {
		return err
	}
	if id, err := releaseID(r); err != nil || id != r.Release {
		return errors.Join(errors.New("the release id is not that of the charge"), err)
	}
	if cost, err := total(r.Draws); err != nil || cost != r.Cost {
		return errors.Join(errors.New("the charge is not the sum of its draws"), err)
	}
	if s.releases[r.Release] != nil { // two charges whose ids agree in 80 bits
		return errors.New("the release was charged before")
	}
	if err := s.checkSlot(r); err != nil {
		return err
	}
	return s.checkCaps(r)
}

// checkSlot: a charge begins a slot, follows a burned attempt of its plan, or supersedes another plan.
func (s *state) checkSlot(r *Record) error {
	sl := s.slots[r.slot()]
	switch {
	case sl == nil && r.Attempt == 1 && r.Supersedes == "":
	case sl == nil:
		return errors.New("the first charge of a dataset and window is attempt 1 and supersedes nothing")
	case r.Attempt != sl.attempts[r.PlanHash]+1:
		return fmt.Errorf("attempt %d follows attempt %d", r.Attempt, sl.attempts[r.PlanHash])
	case sl.current.plan == r.PlanHash && (r.Supersedes != "" || sl.current.state != burned):
		return errors.New("a further attempt follows a burned one")
	case sl.current.plan != r.PlanHash && r.Supersedes != sl.current.plan:
		return errors.New("another plan supersedes the current one by its hash")
	}
	return nil
}

// checkCaps: all or nothing over the lifetime and the calendar year.
func (s *state) checkCaps(r *Record) error {
	p := s.populations[r.Population]
	if p == nil {
		return ErrNoCaps
	}
	year := r.Time.UTC().Year()
	return fits(r, p.caps, p.lifetime, p.years[year], year)
}

// fits says whether a charge fits into caps of which lifetime and year are out.
func fits(r *Record, caps budget.Caps, lifetime, inYear budget.Cost, year int) error {
	for _, scope := range []struct {
		name       string
		limit, out budget.Cost
	}{
		{"lifetime", caps.Lifetime, lifetime},
		{fmt.Sprintf("year %d", year), caps.Year, inYear},
	} {
		if !r.Cost.Fits(scope.out, scope.limit) {
			return &OverBudget{r.Population, scope.name, r.Cost, scope.limit.Left(scope.out)}
		}
	}
	return nil
}

// apply takes in a record that check let through.
func (s *state) apply(r *Record) error {
	if err := s.check(r); err != nil {
		return err
	}
	switch r.Kind {
	case Genesis:
		s.id = r.ID
	case Budget:
		if s.populations[r.Population] == nil {
			s.populations[r.Population] = &population{years: map[int]budget.Cost{}}
		}
		s.populations[r.Population].caps = r.Caps
	case Charge:
		return s.applyCharge(r)
	default:
		s.releases[r.Release].apply(r)
	}
	return nil
}

func (s *state) applyCharge(r *Record) error {
	p := s.populations[r.Population]
	year := r.Time.UTC().Year()
	lifetime, err1 := p.lifetime.Add(r.Cost)
	inYear, err2 := p.years[year].Add(r.Cost)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p.lifetime, p.years[year] = lifetime, inYear

	sl := s.slots[r.slot()]
	if sl == nil {
		sl = &slot{attempts: map[string]int64{}}
		s.slots[r.slot()] = sl
	}
	if r.Supersedes != "" {
		sl.burned = 0
	}
	sl.attempts[r.PlanHash] = r.Attempt
	sl.current = &attempt{
		slot: sl, release: r.Release, plan: r.PlanHash, number: r.Attempt,
		seq: r.Seq, hash: r.Hash, state: charged, draws: r.Draws,
	}
	s.releases[r.Release] = sl.current
	return nil
}

func (a *attempt) apply(r *Record) {
	switch r.Kind {
	case Drawn:
		a.state = drawn
	case Resulted:
		a.state, a.files, a.draws = resulted, r.Files, nil
	case Published:
		a.state = published
	case Burned:
		a.state, a.files, a.draws = burned, nil, nil
		a.slot.burned++
	}
}

func (r *Record) slot() slotKey { return slotKey{r.Population, r.Dataset, r.Window} }

// spent returns what a population spent in its life and in the calendar year of now.
func (s *state) spent(name string, now time.Time) (lifetime, year budget.Cost) {
	if p := s.populations[name]; p != nil {
		return p.lifetime, p.years[now.UTC().Year()]
	}
	return budget.Cost{}, budget.Cost{}
}
