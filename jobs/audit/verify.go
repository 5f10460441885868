package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"lethe/jobs/door"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// An audit is one run of audit verify.
type audit struct {
	*settings
	book   *ledger.Ledger      // as package ledger reads it; nil where it does not
	clock  time.Time           // the ledger's
	refuse error               // why package ledger does not read it
	there  []release.Delivered // in the workspace, from before the ledger was read
	lying  error               // what of the workspace could not be read
	own    *books              // as the recount reads it; nil where there is no log
	checks []check
	// conversion is the δ, by population, at which the newest release in the workspace states its ε, beside the δ spent.
	conversion map[string]budget.Delta
}

// verify makes every check, shows them, and returns what is to be said of all.
func verify(ctx context.Context, s *settings) error {
	a := &audit{settings: s, conversion: map[string]budget.Delta{}}
	a.read()
	if a.book != nil {
		defer a.book.Close()
	}
	for _, look := range []func() check{a.log, a.signatures, a.pinned, a.copied, a.witnessed, a.balances, a.releases} {
		if err := ctx.Err(); err != nil {
			return err
		}
		a.checks = append(a.checks, look())
	}
	if err := a.show(); err != nil {
		return err
	}
	return a.verdict()
}

// read lists the workspace and then reads the log twice. Nobody appends while
// the log is read, so that both readers see the same records; and of a release
// that lies there, whoever delivers at this moment has the records made before.
func (a *audit) read() {
	a.there, a.lying = release.Workspace(a.workspace)
	path := filepath.Join(a.settings.ledger, "log")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.refuse = fmt.Errorf("open %s: %w", a.settings.ledger, ledger.ErrNotFound)
		return
	case err == nil && !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", path)
		fallthrough
	case err != nil:
		a.refuse = err
		return
	}
	log, err := os.Open(path)
	if err != nil {
		a.refuse = err
		return
	}
	defer log.Close()
	if err := share(log); err != nil {
		a.refuse = fmt.Errorf("lock %s: %w", path, err)
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		a.book, a.refuse = ledger.Open(a.settings.ledger, ledger.Options{Clock: func() time.Time { return a.clock }})
	})
	a.own = recount(log)
	both.Wait()
}

// share takes the lock that those who append take alone, until the file is closed.
func share(log *os.File) error {
	for {
		if err := syscall.Flock(int(log.Fd()), syscall.LOCK_SH); err != syscall.EINTR {
			return err
		}
	}
}

// log is the first check: both readers come to the end.
func (a *audit) log() check {
	c := newCheck("log")
	c.Looked = fmt.Sprintf("%s in %s", a.records(), filepath.Join(a.settings.ledger, "log"))
	if a.refuse != nil {
		c.find(kindOfError(a.refuse), said(a.refuse))
	}
	if a.own == nil {
		c.Looked = a.settings.ledger + ": name the ledger's folder with --ledger"
		return c
	}
	switch {
	case errors.Is(a.own.broken, errDisk):
		c.find(unreadable, "recount: "+a.own.broken.Error())
	case a.own.broken != nil:
		c.find(corrupt, "recount: "+a.own.broken.Error())
	}
	for _, f := range a.own.faults {
		c.find(rule, "recount: "+f.String())
	}
	unknown := a.refuse != nil && kindOfError(a.refuse) == unreadable || errors.Is(a.own.broken, errDisk)
	if taken := a.book != nil; !unknown && taken != a.own.sound() {
		c.find(disagreement, "one of the two readers takes this log and the other does not: one of the two programs is wrong")
	}
	if a.own.torn > 0 {
		c.note(fmt.Sprintf("behind the last record are %s of an append that was cut short: it never was part of the ledger", door.Count(a.own.torn, "byte")))
	}
	if c.Status == ok {
		c.Looked = fmt.Sprintf("%s: frames, chain and rules hold; the last is of %s", a.records(), a.own.last)
	}
	return c
}

func (a *audit) records() string {
	if a.own == nil {
		return "no record"
	}
	return door.Count(int(a.own.size), "record")
}

// signatures is the second: each record ends a checkpoint that the ledger's key
// of its time signed.
func (a *audit) signatures() check {
	c := newCheck("signatures")
	if a.book == nil {
		c.skip("the ledger could not be opened")
		return c
	}
	last, err := a.book.Checkpoint()
	if err == nil {
		bar := newBar(a.door, "signatures", last.Size)
		err = a.book.VerifySignatures(bar.step)
		bar.end(err == nil)
	}
	if err != nil {
		c.find(kindOfError(err), said(err))
	}
	keys := 1 + len(a.own.keyring.former)
	c.Looked = fmt.Sprintf("the checkpoint of every record, by %s of %s", door.Count(keys, "key"), last.Origin)
	for _, f := range a.own.keyring.former {
		c.note(fmt.Sprintf("record %s brought a new key", door.Thousands(f.last)))
	}
	return c
}

// balances: two independent readers come to the same figures.
func (a *audit) balances() check {
	c := newCheck("balances")
	if a.book == nil || a.own.broken != nil {
		c.skip("there are not two readers that came to the end of the log")
		return c
	}
	theirs, err := ledgerFigures(a.book, &a.clock)
	if err != nil {
		c.find(kindOfError(err), said(err))
		return c
	}
	ours := a.own.figures()
	for _, d := range compare(theirs, ours) {
		c.find(disagreement, d)
	}
	c.Looked = fmt.Sprintf("%s in %s, added up twice", door.Count(len(a.own.order), "charge"), door.Count(len(ours.scopes), "scope"))
	if c.Status == ok {
		c.Looked += fmt.Sprintf("; both readers agree, also on the root %x", ours.root)
	}
	return c
}

// kindOfError says what an error of package ledger speaks of.
func kindOfError(err error) string {
	for _, known := range []struct {
		err  error
		kind string
	}{
		{ledger.ErrNotFound, absent},
		{ledger.ErrCorrupt, corrupt},
		{ledger.ErrOther, otherLedger},
		{ledger.ErrRolledBack, setBack},
		{ledger.ErrSignature, unsigned},
	} {
		if errors.Is(err, known.err) {
			return known.kind
		}
	}
	return unreadable
}

// said is the text of an error without what its kind says already.
func said(err error) string {
	text := err.Error()
	for _, known := range []error{ledger.ErrCorrupt, ledger.ErrRolledBack, ledger.ErrSignature} {
		text = strings.ReplaceAll(text, known.Error()+": ", "")
	}
	return text
}
