package ledger

import (
	"errors"
	"fmt"
	"slices"
)

// state is what the records amount to. It is rebuilt at Open and grows with each append; check and apply are the only
// rules, the same for a record that is about to be written and for one that is read back.
type state struct {
	genesis  string // hash of the record
	keys     keys
	accounts map[Account]*account
	policies map[policyKey]policyVersion // the newest
	versions map[string]PolicyVersion    // every one, by hash
	requests map[string]*requestState
	cuts     map[cutKey]*cut
	slots    map[slotKey]*slot
	releases map[string]*attempt
}

func newState() *state {
	return &state{
		accounts: map[Account]*account{},
		policies: map[policyKey]policyVersion{},
		versions: map[string]PolicyVersion{},
		requests: map[string]*requestState{},
		cuts:     map[cutKey]*cut{},
		slots:    map[slotKey]*slot{},
		releases: map[string]*attempt{},
	}
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
	policy  string
	number  int64
	seq     int64
	hash    string
	state   attemptState
	terms   terms
	draws   []Draw // until RESULT
	files   []File // from RESULT on
}

// terms are what else a charge was made for.
type terms struct {
	project, request string
	panel            Panel
}

func (r *Record) terms() terms { return terms{r.Project, r.Request, r.Panel} }

type attemptState string

const (
	charged   attemptState = "charged"
	drawn     attemptState = "drawn"
	resulted  attemptState = "resulted"
	published attemptState = "published"
	burned    attemptState = "burned"
	withdrawn attemptState = "withdrawn"
)

// next says from which states a record leads on.
var next = map[Kind][]attemptState{
	Drawn:     {charged},
	Resulted:  {drawn},
	Published: {resulted},
	Burned:    {drawn, resulted},
	Withdraw:  {published},
}

// check says why r cannot be the next record.
func (s *state) check(r *Record) error {
	if (r.Kind == Genesis) != (r.Seq == 0) {
		return errors.New("GENESIS is the first record, and only the first")
	}
	switch r.Kind {
	case Genesis:
		return checkGenesis(r)
	case Budget:
		return s.checkBudget(r)
	case Policy:
		return s.checkPolicy(r)
	case Charge, Panelled:
		return s.checkCharge(r)
	case Approve:
		return s.checkApprove(r)
	case KeyRotated:
		return s.checkRotation(r)
	case Annotate:
		return checkNoteOf(r)
	case Withdraw:
		if r.Release == "" {
			return s.checkWithdrawRequest(r)
		}
	}
	return s.checkStep(r)
}

// checkStep: a release goes on from where it is.
func (s *state) checkStep(r *Record) error {
	a := s.releases[r.Release]
	if a == nil || a.slot.current != a && r.Kind != Withdraw {
		return fmt.Errorf("%w: %s of a release that is not current", ErrOrder, r.Kind)
	}
	if !slices.Contains(next[r.Kind], a.state) {
		return fmt.Errorf("%w: %s of a release that is %s", ErrOrder, r.Kind, a.state)
	}
	if r.Kind == Drawn {
		return s.checkApproved(a.terms.request, a.plan, r.Time)
	}
	return checkContent(r)
}

func (s *state) checkRequest(r *Record) error { return s.checkApproved(r.Request, r.PlanHash, r.Time) }

func checkContent(r *Record) error {
	switch r.Kind {
	case Resulted:
		return checkFiles(r.Files)
	case Burned, Withdraw:
		if r.Reason == "" {
			return errors.New("there is no reason")
		}
		if r.Request != "" {
			return errors.New("it is of a release and of a request")
		}
	}
	return nil
}

func (s *state) checkCharge(r *Record) error {
	if err := errors.Join(checkSubject(r), checkDraws(r)); err != nil {
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
	for _, rule := range []func(*Record) error{s.checkSlot, s.checkCaps, s.checkOnRecord, s.checkRequest, s.checkPanel} {
		if err := rule(r); err != nil {
			return err
		}
	}
	return nil
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

// apply takes in a record that check let through.
func (s *state) apply(r *Record) error {
	if err := s.check(r); err != nil {
		return err
	}
	switch r.Kind {
	case Genesis:
		return s.applyGenesis(r)
	case Budget:
		s.applyBudget(r)
	case Policy:
		s.policies[policyKey{r.Population, r.Policy}] = policyVersion{r.Version, r.PolicyHash}
		s.versions[r.PolicyHash] = PolicyVersion{r.Policy, r.Version, r.PolicyHash}
	case Charge, Panelled:
		return s.applyCharge(r)
	case Approve:
		s.applyApprove(r)
	case KeyRotated:
		return s.keys.rotate(r)
	case Annotate:
	case Withdraw:
		if r.Release == "" {
			s.requests[r.Request] = newRequest(r.Hash)
			return nil
		}
		s.releases[r.Release].state = withdrawn
	default:
		s.releases[r.Release].apply(r)
	}
	return nil
}

func (s *state) applyCharge(r *Record) error {
	if err := s.debit(r); err != nil {
		return err
	}
	if r.Kind == Panelled {
		s.use(r)
	}
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
		slot: sl, release: r.Release, plan: r.PlanHash, policy: r.PolicyHash, number: r.Attempt,
		seq: r.Seq, hash: r.Hash, state: charged, terms: r.terms(), draws: r.Draws,
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

func checkGenesis(r *Record) error {
	if _, err := newKeys(r); err != nil {
		return err
	}
	return nil
}

func (s *state) applyGenesis(r *Record) error {
	k, err := newKeys(r)
	s.genesis, s.keys = r.Hash, k
	return err
}

func checkNoteOf(r *Record) error {
	if r.About >= r.Seq || r.Text == "" {
		return errors.New("a note is about an earlier record, and says something")
	}
	return nil
}
