package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lethe/jobs/door"
	"lethe/privacy/ledger"
)

// What is known of the ledger outside its folder: the genesis that is pinned,
// the copy of its newest checkpoint, and the witness's.

// pinned is the third: this is the ledger that is meant.
func (a *audit) pinned() check {
	c := newCheck("genesis")
	switch {
	case a.own == nil || a.own.genesis == "":
		c.skip("there is no first record to look at")
	case a.genesis == "":
		c.skip("none is given with --genesis, so that any ledger passes; this one has " + a.own.genesis)
	case a.genesis != a.own.genesis:
		c.Looked = "the first record, which has " + a.own.genesis
		c.find(otherLedger, "the ledger that is meant has the genesis "+a.genesis+": bring that one back")
	default:
		c.Looked = "the first record is the one that is meant"
	}
	return c
}

// copied: the ledger goes on from the copy of its newest checkpoint.
func (a *audit) copied() check {
	c := newCheck("copy")
	if a.copy == "" {
		c.skip("no folder is given with --checkpoint-copy")
		return c
	}
	if a.book == nil {
		c.skip("the ledger could not be opened")
		return c
	}
	last, err := a.book.Checkpoint()
	path := filepath.Join(a.copy, strings.TrimPrefix(last.Origin, "lethe/")+".checkpoint")
	c.Looked = path
	if err == nil {
		size, err := a.known(&c, path, func(e ledger.Evidence) error { return a.hold(e, "") })
		if err == nil && size < last.Size {
			c.note(fmt.Sprintf("the ledger has %s more: somebody appended without --checkpoint-copy", door.Count(int(last.Size-size), "record")))
		}
		if err == nil {
			c.Looked = fmt.Sprintf("the checkpoint of %s in %s", door.Count(int(size), "record"), path)
		}
	}
	return c
}

// hold holds the ledger against a checkpoint, which a witness with this verifier
// key signed if there is one. The ledger may have gone on since it was read.
func (a *audit) hold(e ledger.Evidence, witness string) error {
	err := checkNote(a.book, e, witness)
	if !errors.Is(err, ledger.ErrRolledBack) {
		return err
	}
	now, failed := ledger.Open(a.settings.ledger, ledger.Options{})
	if failed != nil {
		return err
	}
	defer now.Close()
	if c, failed := now.CheckpointAt(a.own.size); failed != nil || c.Root != a.own.rootOf(a.own.size) {
		return err
	}
	return checkNote(now, e, witness)
}

func checkNote(book *ledger.Ledger, e ledger.Evidence, witness string) error {
	if err := book.Check(e); err != nil || witness == "" {
		return err
	}
	_, err := book.Witnessed(e.Note, witness)
	return err
}

// known reads a checkpoint and holds the ledger against it.
func (a *audit) known(c *check, path string, hold func(ledger.Evidence) error) (int64, error) {
	text, err := readNote(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.find(missing, fmt.Sprintf("%s: there is no such checkpoint", path))
		return 0, err
	case err != nil:
		c.find(unreadable, err.Error())
		return 0, err
	}
	if err := hold(ledger.Evidence{Seen: path, Note: text}); err != nil {
		c.find(kindOfNote(err), said(err))
		return 0, err
	}
	point, err := ledger.ParseCheckpoint(text)
	return point.Size, err
}

// readNote reads a small regular file.
func readNote(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	const most = 64 << 10
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, most)
	}
	return os.ReadFile(path)
}

// witnessed: somebody outside vouches, and from where on nobody does.
func (a *audit) witnessed() check {
	c := newCheck("witness")
	if a.book == nil {
		c.skip("the ledger could not be opened")
		return c
	}
	if a.witness == "" {
		c.skip("no witness is given with --witness")
		c.note(unwitnessed(0, a.own.size))
		return c
	}
	c.Looked = a.witness
	size, err := a.known(&c, a.witness, func(e ledger.Evidence) error { return a.hold(e, a.vkey) })
	if err != nil {
		c.note(unwitnessed(0, a.own.size))
		return c
	}
	name, _, _ := strings.Cut(a.vkey, "+")
	c.Looked = fmt.Sprintf("witness %s vouches for records 0 to %s", name, door.Thousands(size-1))
	if size < a.own.size {
		c.note(unwitnessed(size, a.own.size))
	}
	return c
}

func unwitnessed(from, size int64) string {
	which := fmt.Sprintf("records %s to %s are unwitnessed", door.Thousands(from), door.Thousands(size-1))
	if from == size-1 {
		which = fmt.Sprintf("record %s is unwitnessed", door.Thousands(from))
	}
	return which + ": only the ledger's owner vouches there"
}

// kindOfNote is kindOfError for what was said of a checkpoint that could be
// read: one in another form is none that the ledger wrote.
func kindOfNote(err error) string {
	if kind := kindOfError(err); kind != unreadable {
		return kind
	}
	return unsigned
}
