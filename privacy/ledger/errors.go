package ledger

import (
	"errors"
	"fmt"
	"io/fs"

	"lethe/privacy/budget"
)

// Errors that a caller may branch on, with errors.Is.
var (
	// ErrNotFound: the folder holds no ledger. It is also fs.ErrNotExist.
	ErrNotFound = fmt.Errorf("no ledger here: %w", fs.ErrNotExist)
	// ErrCorrupt: the log is not what this package wrote. The error is a *Corrupt. Nothing repairs it.
	ErrCorrupt = errors.New("the ledger is corrupt")
	// ErrOther: this is not the ledger that is pinned, or that a checkpoint or a release speaks of.
	ErrOther = errors.New("this is another ledger")
	// ErrRolledBack: the ledger lacks what a checkpoint or a release shows that it held. The error is a *RolledBack.
	ErrRolledBack = errors.New("the ledger was set back")
	// ErrNoCopy: the folder for copies holds no checkpoint of this ledger. It is also fs.ErrNotExist.
	ErrNoCopy = errors.New("the folder for copies holds no checkpoint of this ledger")
	// ErrKey: the key file is missing or is not the ledger's, so that nothing can be appended.
	ErrKey = errors.New("the key does not open this ledger for appending")
	// ErrSignature: a signature is missing, or is not that of who had to sign.
	ErrSignature = errors.New("signatures")
	// ErrPoisoned: a write or fsync failed, or the log was found corrupt, and this handle refuses everything from then
	// on. What the disk holds is known only to a new Open.
	ErrPoisoned = errors.New("the ledger handle is poisoned")
	// ErrClosed: the ledger or token was closed, or never came from this package.
	ErrClosed = errors.New("closed")
	// ErrNoCaps: an account has no BUDGET record, so nothing can be charged.
	ErrNoCaps = errors.New("no caps: set the budget first")
	// ErrRaise: caps are raised by the signatures of two officers, and by nothing else.
	ErrRaise = errors.New("caps can be lowered freely, and raised only by two officers")
	// ErrNoPolicy: the policy of a charge has no POLICY record.
	ErrNoPolicy = errors.New("the policy is not on record")
	// ErrPolicyVersion: a policy of this version has another content on record, or a later version is.
	ErrPolicyVersion = errors.New("a policy's version only grows, and its content changes with it")
	// ErrNotApproved: the request lacks two officers' approvals of this plan that have not expired.
	ErrNotApproved = errors.New("the request is not approved by two officers")
	// ErrPanelUsed: a release has used the panel, or the year's cut is into another number of panels.
	ErrPanelUsed = errors.New("the panel cannot be used")
	// ErrInProgress: a live process is doing this release. Wait for it.
	ErrInProgress = errors.New("the release is in progress elsewhere")
	// ErrBurned: the attempts are used up; each of them was charged and drawn, and none was published.
	ErrBurned = errors.New("the release is burned and has no attempt left")
	// ErrWithdrawn: the release was withdrawn, and is not served again.
	ErrWithdrawn = errors.New("the release was withdrawn")
	// ErrOrder: the release is not in a state for this step.
	ErrOrder = errors.New("out of order")
	// ErrDrawn: the charge was already drawn from.
	ErrDrawn = errors.New("the charge was already drawn from")
	// ErrNotListed: the charge lists no draw of this name.
	ErrNotListed = errors.New("the charge lists no such draw")
	// ErrTaken: the draw was already taken.
	ErrTaken = errors.New("the draw was already taken")
)

// Corrupt says what is wrong with the log and where. It is ErrCorrupt.
type Corrupt struct {
	Record int64 // its seq; GENESIS is 0
	What   string
}

func (e *Corrupt) Error() string {
	return fmt.Sprintf("%v: record %d: %s", ErrCorrupt, e.Record, e.What)
}

func (e *Corrupt) Unwrap() error { return ErrCorrupt }

// RolledBack says what shows that the ledger held more, or something else. It is ErrRolledBack.
type RolledBack struct {
	Seen string // the file that shows it
	What string
}

func (e *RolledBack) Error() string {
	return fmt.Sprintf("%v: %s shows it: %s", ErrRolledBack, e.Seen, e.What)
}

func (e *RolledBack) Unwrap() error { return ErrRolledBack }

// OverBudget says which cap a charge would pass. Nothing was charged.
type OverBudget struct {
	Population string
	Project    string      // empty where the population's own cap would be passed
	Scope      string      // "lifetime" or "year 2026"
	Wanted     budget.Cost // the charge
	Left       budget.Cost // what the cap leaves
}

func (e *OverBudget) Error() string {
	return fmt.Sprintf("over budget: the charge is %v, and the %s of %s has %v left",
		e.Wanted, e.Scope, Account{e.Population, e.Project}, e.Left)
}

// Superseded says that the dataset and window are taken by a release of another plan. Request.Supersede charges anew.
type Superseded struct {
	Dataset, Window string
	Current, Wanted string // plan hashes
}

func (e *Superseded) Error() string {
	return fmt.Sprintf("dataset %s, window %s has a release of plan %s, not %s: another plan is another charge, "+
		"and has to be asked for", e.Dataset, e.Window, e.Current, e.Wanted)
}
