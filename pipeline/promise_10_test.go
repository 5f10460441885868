package pipeline

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lethe/privacy/ledger"
)

// TestPromise10: whatever is done to the ledger of a night, the next run refuses it: a flipped bit, a swap, and each older
// copy, which what was delivered, the checkpoint's copy or a witness's file shows. The older copy alone, with none of
// them to see, is the control: it opens, and would be charged again.
func TestPromise10(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	dir := t.TempDir()
	o := options(p, small(t, dir), dir, "steps", "pulse")
	mustRun(t, o)
	witness := ledger.Witness{KeyFile: filepath.Join(dir, "witness.key"), File: filepath.Join(dir, "witnessed"), First: true}
	if _, err := ledger.NewKey(witness.KeyFile, "witness"); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Vouch(o.Book.Folder, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(o.Book.Folder, "log")
	log, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	lines = lines[:len(lines)-1]
	// GENESIS BUDGET POLICY, two CHARGE, then DRAW, RESULT, PUBLISHED of each.
	if len(lines) != 11 {
		t.Fatalf("the ledger holds %d records, want 11", len(lines))
	}

	again := func(o Options, changed []byte) error {
		t.Helper()
		if err := os.WriteFile(name, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		book, err := openLedger(o.withDefaults())
		if err == nil {
			book.Close()
		}
		return err
	}
	unseen := o // nothing to see that was delivered
	unseen.Workspace = filepath.Join(dir, "elsewhere")
	witnessed := unseen
	witnessed.Book.Witness = witness.File

	if err := errors.Join(again(o, log), again(witnessed, log)); err != nil {
		t.Errorf("the ledger as it is: %v", err)
	}
	for i := range log {
		changed := bytes.Clone(log)
		changed[i] ^= 1 << (i % 8)
		if err := again(unseen, changed); !errors.Is(err, ledger.ErrCorrupt) {
			t.Fatalf("byte %d changed: got %v, want ErrCorrupt", i, err)
		}
	}
	for i := range lines[1:] {
		swapped := append([][]byte(nil), lines...)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		if err := again(unseen, bytes.Join(swapped, nil)); !errors.Is(err, ledger.ErrCorrupt) {
			t.Errorf("records %d and %d swapped: got %v, want ErrCorrupt", i, i+1, err)
		}
	}
	for n := 1; n < len(lines); n++ {
		older := bytes.Join(lines[:n], nil)
		if err := again(witnessed, older); !errors.Is(err, ledger.ErrRolledBack) {
			t.Errorf("%d records, a witness saw all: got %v, want ErrRolledBack", n, err)
		}
		// Both releases are delivered, so both their results are missed; what comes after them nobody can miss.
		if err := again(o, older); !errors.Is(err, ledger.ErrRolledBack) && bytes.Count(older, []byte(`"RESULT"`)) < 2 {
			t.Errorf("%d records, both releases delivered: got %v, want ErrRolledBack", n, err)
		}
		if err := again(unseen, older); err != nil {
			t.Errorf("%d records, nothing to see: got %v, want the documented limit", n, err)
		}
	}
	if err := os.WriteFile(name, log, 0o600); err != nil {
		t.Fatal(err)
	}
	if sum, err := Run(context.Background(), o); err != nil || sum.Outcomes[0].Status != Served {
		t.Errorf("at last: got %v, want what was published served again", err)
	}
}
