package pipeline

import (
	"errors"
	"fmt"
	"os"

	"lethe/pipeline/plan"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// A Book says which ledger pays, and what is known of it from elsewhere.
type Book struct {
	Folder  string // Required. Operators' records lie in it too.
	Key     string // file of its signing key; default Folder and ".key"
	New     bool   // make the ledger where there is none; otherwise that is an error
	Copy    string // folder that keeps the newest checkpoint, best on another disk; default none
	Witness string // file in which a witness keeps the last checkpoint that it signed; default none

	Officers []string // verifier keys of a new ledger's officers; default none
}

// KeyFile is where the ledger's signing key lies.
func (b Book) KeyFile() string {
	if b.Key != "" {
		return b.Key
	}
	return b.Folder + ".key"
}

// openLedger opens the ledger that pays for a policy's releases: the one that the source is pinned to, held against
// every checkpoint and release that can be seen.
func openLedger(o Options) (*ledger.Ledger, error) {
	b, population := o.Book, o.Policy.Population
	pin, err := readPin(o.Engine.Source)
	if err != nil {
		return nil, inputError(err)
	}
	if err := pin.check(o.Policy); err != nil {
		return nil, policyError(err)
	}
	there, err := release.Workspace(o.Workspace)
	if err != nil {
		return nil, inputError(err)
	}
	lo := ledger.Options{KeyFile: b.KeyFile(), Officers: b.Officers, Genesis: pin.ledger, Copy: b.Copy, Clock: o.Now}
	book, err := ledger.Open(b.Folder, lo)
	if errors.Is(err, ledger.ErrNotFound) {
		book, err = b.create(lo, err, population, there)
	} else if err == nil {
		err = b.compare(book, population, there)
	}
	if err != nil && book != nil {
		err = errors.Join(err, book.Close())
	}
	if err != nil {
		return nil, ledgerError(err)
	}
	return book, nil
}

// create makes the ledger, unless something shows that there was one.
func (b Book) create(o ledger.Options, missing error, population string, there []release.Delivered) (*ledger.Ledger, error) {
	if !b.New {
		return nil, fmt.Errorf("%w; a ledger is made once, with --new-ledger: a new one forgets what was spent", missing)
	}
	if o.Genesis != "" {
		return nil, fmt.Errorf("%w, and the source is pinned to the ledger with genesis %s: bring that one back", missing, o.Genesis)
	}
	for _, d := range there {
		if d.Manifest.Population == population {
			return nil, fmt.Errorf("%w, and %s was charged to one: bring that ledger back, a new one forgets what was spent", missing, d.Path)
		}
	}
	return ledger.Create(b.Folder, o)
}

// compare holds the ledger against the witness's checkpoint and against every release of its own or of the population.
func (b Book) compare(book *ledger.Ledger, population string, there []release.Delivered) error {
	var problems []error
	if b.Witness != "" {
		note, err := os.ReadFile(b.Witness)
		if err != nil {
			return fmt.Errorf("read the witness's checkpoint: %w; ask the witness for it", err)
		}
		problems = append(problems, book.Check(ledger.Evidence{Seen: b.Witness, Note: note}))
	}
	for _, d := range there {
		if d.Manifest.Population != population && d.Manifest.Charge.Genesis != book.Genesis() {
			continue // of another ledger, which pays for other people
		}
		e, err := d.Evidence()
		if err == nil {
			err = book.Check(e)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// onRecord sees to it that the policy, and caps of its population, are in the ledger.
func onRecord(o Options, book *ledger.Ledger) error {
	p := o.Policy
	caps, err := plan.Caps(p.Budget)
	if err != nil {
		return policyError(err)
	}
	if _, known := book.Caps(ledger.Account{Population: p.Population}); !known {
		if err := book.SetCaps(ledger.Account{Population: p.Population}, caps); err != nil {
			return ledgerError(err)
		}
	}
	err = book.SetPolicy(p.Population, p.Name, int64(p.Version), p.Hash)
	if errors.Is(err, ledger.ErrPolicyVersion) {
		return policyError(err)
	}
	return ledgerError(err)
}

// binding is the lower of the policy's caps and the ledger's: a policy that is
// edited upwards raises nothing, and one that is edited downwards binds as long
// as it stands.
func binding(o Options, book *ledger.Ledger, sum *Summary) budget.Caps {
	if have, known := book.Caps(ledger.Account{Population: o.Policy.Population}); known {
		return have.Lower(sum.Caps)
	}
	return sum.Caps
}
