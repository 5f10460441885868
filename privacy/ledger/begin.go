package ledger

import (
	"errors"
	"fmt"
	"slices"

	"lethe/privacy/budget"
)

// Begin looks up the release of a population, dataset and window, and charges for it where it has to; the package doc
// has the table. When it returns Granted, the charge is on the disk. Its errors are [*OverBudget], [*Superseded],
// [ErrNoCaps], [ErrNoPolicy], [ErrNotApproved], [ErrPanelUsed], [ErrBurned], [ErrWithdrawn], [ErrInProgress], and those of
// every append; except that BURNED may have been appended for the attempt before, nothing is charged when it fails.
func (l *Ledger) Begin(r Request) (*Begun, error) {
	want := &Record{
		Kind: Charge, Population: r.Population, Project: r.Project, Request: r.Approved, Dataset: r.Dataset, Window: r.Window,
		PlanHash: r.PlanHash, PolicyHash: r.PolicyHash, Draws: slices.Clone(r.Draws),
	}
	if r.Panel != nil {
		want.Kind, want.Panel = Panelled, *r.Panel
	}
	err := errors.Join(checkSubject(want), checkDraws(want))
	if err == nil {
		want.Cost, err = total(want.Draws)
	}
	if err == nil && r.Retries < 0 {
		err = errors.New("retries are below 0")
	}
	var b *Begun
	if err == nil {
		err = l.exclusive(func() error {
			b, err = l.begin(want, r)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("begin dataset %s, window %s: %w", r.Dataset, r.Window, err)
	}
	return b, nil
}

func (l *Ledger) begin(want *Record, r Request) (*Begun, error) {
	sl := l.state.slots[want.slot()]
	if sl == nil {
		return l.charge(want, 1, r.Limit)
	}
	a := sl.current
	if a.plan != r.PlanHash {
		return l.supersede(want, sl, r)
	}
	made := a.state == published || a.state == resulted
	if made && a.terms.panel != (Panel{}) && a.terms != want.terms() {
		return nil, errors.New("the release is of another project, request or panel, and record-level data is not shared")
	}
	switch a.state {
	case withdrawn:
		return nil, ErrWithdrawn
	case published:
		return &Begun{Status: Served, Release: a.release, Attempt: int(a.number), Files: slices.Clone(a.files)}, nil
	case charged, resulted:
		return l.goOn(a, want)
	case drawn:
		if err := l.burnDead(a); err != nil {
			return nil, err
		}
	}
	if sl.burned > r.Retries {
		return nil, ErrBurned
	}
	return l.charge(want, a.number+1, r.Limit)
}

// charge appends CHARGE for an attempt and hands out its token.
func (l *Ledger) charge(want *Record, number int64, limit *budget.Caps) (*Begun, error) {
	if limit != nil {
		now := l.clock()
		lifetime, year := l.state.spent(Account{Population: want.Population}, now)
		if err := fits(want, "", *limit, lifetime, year, now.UTC().Year()); err != nil {
			return nil, err
		}
	}
	want.Attempt = number
	release, err := releaseID(want)
	if err != nil {
		return nil, err
	}
	want.Release, want.Time = release, l.clock()
	// What cannot be charged is refused before a run lock is made for it.
	if err := l.checkInForce(); err != nil {
		return nil, err
	}
	if err := l.state.checkCaps(want); err != nil {
		return nil, err
	}
	run, err := lockRun(l.disk, l.dir, release)
	if err != nil {
		return nil, err
	}
	if err := l.append(want); err != nil {
		return nil, errors.Join(err, run.release())
	}
	return l.begun(Granted, l.state.releases[release], run), nil
}

// supersede charges anew for another plan, unless a live process works on the current one.
func (l *Ledger) supersede(want *Record, sl *slot, r Request) (*Begun, error) {
	a := sl.current
	if !r.Supersede {
		return nil, &Superseded{want.Dataset, want.Window, a.plan, want.PlanHash}
	}
	old, err := lockRun(l.disk, l.dir, a.release)
	if err != nil {
		return nil, err
	}
	defer old.release() // at worst an empty file is left, which locks nothing
	want.Supersedes = a.plan
	return l.charge(want, sl.attempts[want.PlanHash]+1, r.Limit)
}

// goOn hands out a token for a charge that was not drawn from, or for a result that was not published.
func (l *Ledger) goOn(a *attempt, want *Record) (*Begun, error) {
	status := Resume
	if a.state == charged {
		status = Granted
		if !slices.Equal(a.draws, want.Draws) || a.terms != want.terms() {
			return nil, errors.New("the release was charged with other draws, or for another project, request or panel, under the same plan hash")
		}
		if err := l.state.checkOnRecord(want); err != nil { // a version after the one it was charged under will do
			return nil, err
		}
		if err := l.state.checkApproved(want.Request, want.PlanHash, l.clock()); err != nil { // it may have been withdrawn since
			return nil, err
		}
	}
	run, err := lockRun(l.disk, l.dir, a.release)
	if err != nil {
		return nil, err
	}
	return l.begun(status, a, run), nil
}

// burnDead appends BURNED for an attempt that was drawn from and whose process is gone.
func (l *Ledger) burnDead(a *attempt) error {
	run, err := lockRun(l.disk, l.dir, a.release)
	if err != nil {
		return err
	}
	defer run.release() // as in supersede
	return l.append(&Record{Kind: Burned, Release: a.release, Reason: "drawn and not finished"})
}

func (l *Ledger) begun(status Status, a *attempt, run *runLock) *Begun {
	return &Begun{
		Status: status, Release: a.release, Attempt: int(a.number), Files: slices.Clone(a.files),
		Token: &Token{
			ledger: l, release: a.release, attempt: int(a.number), policy: l.state.versions[a.policy],
			seq: a.seq, hash: a.hash, run: run,
		},
	}
}
