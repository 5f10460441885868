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
	// ErrPoisoned: a write or fsync failed, or the log was found corrupt, and this handle refuses everything from then
	// on. What the disk holds is known only to a new Open.
	ErrPoisoned = errors.New("the ledger handle is poisoned")
	// ErrClosed: the ledger or token was closed, or never came from this package.
	ErrClosed = errors.New("closed")
	// ErrNoCaps: the population has no BUDGET record, so nothing can be charged.
	ErrNoCaps = errors.New("the population has no caps: set its budget first")
	// ErrRaise: caps are only ever lowered.
	ErrRaise = errors.New("caps can be lowered, not raised")
	// ErrInProgress: a live process is doing this release. Wait for it.
	ErrInProgress = errors.New("the release is in progress elsewhere")
	// ErrBurned: the attempts are used up; each of them was charged and drawn, and none was published.
	ErrBurned = errors.New("the release is burned and has no attempt left")
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

// OverBudget says which cap a charge would pass. Nothing was charged.
type OverBudget struct {
	Population string
	Scope      string      // "lifetime" or "year 2026"
	Wanted     budget.Cost // the charge
	Left       budget.Cost // what the cap leaves
}

func (e *OverBudget) Error() string {
	return fmt.Sprintf("over budget: the charge is %v, and the %s of population %s has %v left",
		e.Wanted, e.Scope, e.Population, e.Left)
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
