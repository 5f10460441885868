package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lethe/pipeline/plan"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// MakeLedger makes a ledger that pays for the policy's releases, with the officers of o.Book, and returns the hash of
// its GENESIS. One that is there is an error.
func MakeLedger(o Options) (genesis string, err error) {
	o = o.withDefaults()
	log := filepath.Join(o.Book.Folder, "log")
	if _, err := os.Stat(log); err == nil {
		return "", ledgerError(fmt.Errorf("make ledger %s: %w", o.Book.Folder, fs.ErrExist))
	}
	o.Book.New = true
	book, err := openLedger(o)
	if err != nil {
		return "", err
	}
	return book.Genesis(), ledgerError(book.Close())
}

// BudgetStatement returns what officers sign so that the caps of the policy's budget become the population's.
func BudgetStatement(o Options) (ledger.Statement, error) {
	var said ledger.Statement
	return said, withCaps(o, func(book *ledger.Ledger, caps budget.Caps) error {
		said = book.BudgetStatement(ledger.Account{Population: o.Policy.Population}, caps)
		return nil
	})
}

// RecordBudget puts the caps of the policy's budget into the ledger, by a statement that officers signed.
func RecordBudget(o Options, signed []byte) (budget.Caps, error) {
	said, signatures, err := ledger.ParseSigned(signed)
	if err != nil {
		return budget.Caps{}, inputError(err)
	}
	var set budget.Caps
	return set, withCaps(o, func(book *ledger.Ledger, caps budget.Caps) error {
		if want := book.BudgetStatement(ledger.Account{Population: o.Policy.Population}, caps); said != want {
			return errors.New("record the budget: what was signed is not the statement of this policy's budget as the ledger stands now: " +
				"print it anew and have that signed")
		}
		set = caps
		return book.SetCaps(ledger.Account{Population: o.Policy.Population}, caps, signatures...)
	})
}

func withCaps(o Options, do func(*ledger.Ledger, budget.Caps) error) error {
	o = o.withDefaults()
	caps, err := plan.Caps(o.Policy.Budget)
	if err != nil {
		return policyError(err)
	}
	book, err := openLedger(o)
	if err != nil {
		return err
	}
	return ledgerError(errors.Join(do(book, caps), book.Close()))
}

// RotateKey gives the ledger a new signing key and returns its verifier key.
func RotateKey(o Options) (vkey string, err error) {
	book, err := openLedger(o.withDefaults())
	if err != nil {
		return "", err
	}
	vkey, err = book.Rotate()
	return vkey, ledgerError(errors.Join(err, book.Close()))
}
