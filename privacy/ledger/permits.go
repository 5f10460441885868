package ledger

import (
	"errors"
	"fmt"
	"time"
)

// A policy is known to a population by its name.
type policyKey struct {
	population, name string
}

type policyVersion struct {
	version int64
	hash    string
}

// PolicyVersion is a version of a policy, as POLICY has it.
type PolicyVersion struct {
	Name    string
	Version int64
	Hash    string
}

// checkPolicy: the version grows.
func (s *state) checkPolicy(r *Record) error {
	if !validID(r.Population) || !validID(r.Policy) {
		return errID("population or policy")
	}
	if r.Version < 1 || !validHash(r.PolicyHash) {
		return errors.New("the policy's version is at least 1 and its hash is 64 lower-case hex digits")
	}
	if had, known := s.policies[policyKey{r.Population, r.Policy}]; known && r.Version <= had.version {
		return fmt.Errorf("%w: policy %s has version %d on record", ErrPolicyVersion, r.Policy, had.version)
	}
	return nil
}

// checkOnRecord: the charge is under the newest version of a policy.
func (s *state) checkOnRecord(r *Record) error {
	for key, had := range s.policies {
		if key.population == r.Population && had.hash == r.PolicyHash {
			return nil
		}
	}
	return ErrNoPolicy
}

// requestState is a request as far as officers have to do with it.
type requestState struct {
	after     string              // hash of its last WITHDRAW, or empty
	approvals map[string]approval // by officer: the last
	said      map[signedText]bool // what an officer signed counts once, whoever keeps the signature
}

type signedText struct {
	key  string // the officer's verifier key
	text Statement
}

type approval struct {
	plan    string
	expires time.Time
}

// requestOf returns the request of that name, made if need be.
func (s *state) requestOf(name string) *requestState {
	if s.requests[name] == nil {
		s.requests[name] = newRequest("")
	}
	return s.requests[name]
}

func newRequest(after string) *requestState {
	return &requestState{after, map[string]approval{}, map[signedText]bool{}}
}

// approveStatement is what an officer signs to approve a request next.
func (s *state) approveStatement(name, plan string, expires time.Time) Statement {
	after := s.genesis
	if q := s.requests[name]; q != nil && q.after != "" {
		after = q.after
	}
	return approveStatement(s.genesis, after, name, plan, expires)
}

func (s *state) checkApprove(r *Record) error {
	if !validID(r.Request) || !validHash(r.PlanHash) {
		return errID("request, or the plan hash,")
	}
	if len(r.Signatures) != 1 {
		return fmt.Errorf("%w: one officer approves in one record", ErrSignature)
	}
	said := s.approveStatement(r.Request, r.PlanHash, r.Expires)
	if q := s.requests[r.Request]; q != nil && q.said[signedText{s.keys.vkeys[r.Signatures[0].Name], said}] {
		return fmt.Errorf("%w: this approval is on record", ErrOrder)
	}
	return s.signedByOfficers(said, r.Signatures, 1)
}

func (s *state) applyApprove(r *Record) {
	q, officer := s.requestOf(r.Request), r.Signatures[0].Name
	q.said[signedText{s.keys.vkeys[officer], s.approveStatement(r.Request, r.PlanHash, r.Expires)}] = true
	q.approvals[officer] = approval{r.PlanHash, r.Expires}
}

func (s *state) checkWithdrawRequest(r *Record) error {
	if !validID(r.Request) || r.Reason == "" {
		return errID("request, or the reason,")
	}
	if s.requests[r.Request] == nil {
		return fmt.Errorf("%w: nobody approved the request", ErrOrder)
	}
	return nil
}

// checkApproved: what is done for a request has two officers behind its plan, whose word holds at that time.
func (s *state) checkApproved(request, plan string, at time.Time) error {
	if request == "" {
		return nil
	}
	valid := 0
	if q := s.requests[request]; q != nil {
		for _, a := range q.approvals {
			if a.plan == plan && at.Before(a.expires) {
				valid++
			}
		}
	}
	if valid < 2 {
		return fmt.Errorf("request %s: %w: %d", request, ErrNotApproved, valid)
	}
	return nil
}

// A cut is a population's panels of one year.
type cutKey struct {
	population string
	year       int64
}

type cut struct {
	of   int64
	used map[int64]string // panel → release
}

// checkPanel: a PANEL takes a panel that is not used, of the one cut of its year.
func (s *state) checkPanel(r *Record) error {
	p := r.Panel
	if r.Kind != Panelled {
		return nil
	}
	if p.Of < 1 || p.Number < 0 || p.Number >= p.Of {
		return errors.New("the panel is not one of those that its year is cut into")
	}
	end, err := time.Parse(time.DateOnly, r.Window[len(r.Window)-len(time.DateOnly):])
	if err != nil || p.Year != int64(end.AddDate(0, 0, -1).Year()) {
		return errors.New("the panel is not of the year of the window's last day")
	}
	c := s.cuts[cutKey{r.Population, p.Year}]
	switch {
	case c == nil:
	case c.of != p.Of:
		return fmt.Errorf("%w: the year %d of population %s is cut into %d", ErrPanelUsed, p.Year, r.Population, c.of)
	case c.used[p.Number] != "":
		return fmt.Errorf("%w: panel %d of the year %d is used by release %s", ErrPanelUsed, p.Number, p.Year, c.used[p.Number])
	}
	return nil
}

func (s *state) use(r *Record) {
	key := cutKey{r.Population, r.Panel.Year}
	if s.cuts[key] == nil {
		s.cuts[key] = &cut{r.Panel.Of, map[int64]string{}}
	}
	s.cuts[key].used[r.Panel.Number] = r.Release
}
