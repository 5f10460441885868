package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tlogfmt "github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// copied is a ledger with a copy of its checkpoint.
func copied(t *testing.T) (l *Ledger, o Options) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	o = at(march)
	o.KeyFile, o.Copy = keyOf(dir), t.TempDir()
	l, err := Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, o
}

func TestCopyHoldsTheNewestCheckpoint(t *testing.T) {
	l, o := copied(t)
	file := filepath.Join(o.Copy, strings.TrimPrefix(l.origin(), "lethe/")+".checkpoint")
	check := func(after string) {
		t.Helper()
		if got, want := mustRead(t, file), checkpoint(t, l).Note; !bytes.Equal(got, want) {
			t.Errorf("after %s: the copy is %q, want %q", after, got, want)
		}
	}
	check("create")
	if err := l.SetCaps(Account{Population: "eu"}, budget.Caps{Lifetime: vast, Year: vast}); err != nil {
		t.Fatal(err)
	}
	check("BUDGET")
	if err := l.SetPolicy("eu", "health", 3, policyC); err != nil {
		t.Fatal(err)
	}
	tok := begin(t, l, request("steps", planA, small)).Token
	check("CHARGE")
	drawAll(t, tok)
	check("DRAW")
	if err := errors.Join(tok.Result(files), tok.Published(), tok.Close()); err != nil {
		t.Fatal(err)
	}
	check("PUBLISHED")
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	check("KEYROTATED")
	for range 2 { // a handle that keeps no copy leaves it behind, and the next one that does brings it up
		without := reopen(t, l.dir, at(march))
		annotated(t, without, "text", 2)
		before := checkpoint(t, l)
		if got := mustRead(t, file); !bytes.Equal(got, before.Note) {
			t.Errorf("by another handle: the copy is %q, want %q as before", got, before.Note)
		}
		annotated(t, reopen(t, l.dir, o), "text", 1)
		l = reopen(t, l.dir, o)
		check("ANNOTATE by others")
	}
	if entries, err := os.ReadDir(o.Copy); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), want the copy alone", entries, err)
	}
}

func TestCopyRefusesALedgerBehind(t *testing.T) {
	l, o := copied(t)
	file := copyName(o.Copy, l.origin())
	early, earlyCopy := logBytes(t, l.dir), mustRead(t, file)
	annotated(t, l, "text", 2)
	newest := mustRead(t, file)
	foreign, other := copied(t)
	for name, tt := range map[string]struct {
		log, copy []byte
		want      error
	}{
		"behind":           {early, newest, ErrRolledBack},
		"no copy":          {logBytes(t, l.dir), nil, ErrNoCopy},
		"an empty copy":    {logBytes(t, l.dir), []byte{}, errors.ErrUnsupported},
		"a cut copy":       {logBytes(t, l.dir), newest[:len(newest)-9], ErrSignature},
		"another ledger's": {logBytes(t, l.dir), mustRead(t, copyName(other.Copy, foreign.origin())), ErrOther},
		"a copy behind":    {logBytes(t, l.dir), earlyCopy, nil},
		"both behind":      {early, earlyCopy, nil}, // whoever can write both folders refunds what they held
	} {
		writeLog(t, l.dir, tt.log)
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if tt.copy != nil {
			if err := os.WriteFile(file, tt.copy, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := openAndClose(l.dir, o)
		if (err == nil) != (tt.want == nil) || tt.want != nil && tt.want != errors.ErrUnsupported && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if errors.Is(tt.want, ErrNoCopy) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want fs.ErrNotExist too", name, err)
		}
		without := o
		without.Copy = ""
		if err := openAndClose(l.dir, without); err != nil {
			t.Errorf("%s, without a copy: %v: that it is refused with one shows nothing", name, err)
		}
	}
}

// A copy that cannot be written stops the ledger: what is on the disk already stays, and nothing follows.
func TestCopyThatCannotBeWritten(t *testing.T) {
	l, o := copied(t)
	annotated(t, l, "kept", 1)
	away := o.Copy + ".away"
	if err := errors.Join(os.Rename(o.Copy, away), os.WriteFile(o.Copy, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.Annotate(0, "the first"); !errors.Is(err, ErrPoisoned) {
		t.Errorf("got %v, want ErrPoisoned", err)
	}
	refuses(t, l, "the next", ErrPoisoned, func() error { return l.Annotate(0, "the next") })
	if err := openAndClose(l.dir, o); err == nil {
		t.Error("opened with a file in the place of the folder")
	}
	if err := errors.Join(os.Remove(o.Copy), os.Rename(away, o.Copy)); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, l.dir, o)
	if got := kinds(records(t, again)); got != "GENESIS ANNOTATE ANNOTATE" {
		t.Errorf("the log is %s, want the record whose copy failed", got)
	}
	annotated(t, again, "goes on", 1)
	if got, want := mustRead(t, again.copy), checkpoint(t, again).Note; !bytes.Equal(got, want) {
		t.Errorf("the copy is %q, want %q", got, want)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	if _, err := Create(dir, Options{KeyFile: keyOf(dir), Copy: filepath.Join(dir, "log")}); err == nil {
		t.Error("create without a folder for the copy: got no error")
	}
	if _, err := os.Stat(filepath.Join(dir, logName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("create without a folder for the copy: got %v, want no ledger", err)
	}
}

// newWitness is a witness that has seen nothing, and his verifier key.
func newWitness(t testing.TB, name string) (Witness, string) {
	t.Helper()
	p := newPerson(t, name)
	return Witness{KeyFile: p.file, File: filepath.Join(t.TempDir(), "witnessed", "last"), First: true}, p.vkey
}

func vouch(t testing.TB, w Witness, dir string) Checkpoint {
	t.Helper()
	c, err := w.Vouch(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWitnessGoesOn(t *testing.T) {
	l, dir := newLedger(t, ten)
	w, vkey := newWitness(t, "ward")
	began := time.Now().Add(-time.Second)
	first := vouch(t, w, dir)
	w.First = false
	annotated(t, l, "text", 2)
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	annotated(t, l, "unwitnessed", 1)
	var seen []int64
	second, err := w.Vouch(dir, func(seq int64) { seen = append(seen, seq) })
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(seen, want) {
		t.Errorf("it verified %v, want %v", seen, want)
	}
	annotated(t, l, "unwitnessed", 3)
	for i, tt := range []struct {
		c    Checkpoint
		size int64
	}{{first, 3}, {second, 7}} {
		if got, err := l.Witnessed(tt.c.Note, vkey); err != nil || got != tt.size || tt.c.Size != tt.size {
			t.Errorf("%d: got %d records witnessed (%v), want %d of %d", i, got, err, tt.size, l.seq)
		}
	}
	if got := mustRead(t, w.File); !bytes.Equal(got, second.Note) {
		t.Errorf("it keeps %q, want %q", got, second.Note)
	}
	// Others read it too: the ledger's signature, and C2SP tlog-cosignature with the time.
	own, err1 := note.NewVerifier(l.state.keys.current())
	his, err2 := cosignature.NewVerifierForCosignatureV1(vkey)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	c, rest, n, err := tlogfmt.ParseCheckpoint(second.Note, l.origin(), own, his)
	if err != nil || c.Size != 7 || len(rest) != 0 || len(n.Sigs) != 2 {
		t.Fatalf("got %+v with %d signatures (%v), want size 7 and two", c, len(n.Sigs), err)
	}
	for _, sig := range n.Sigs {
		if sig.Name != "ward" {
			continue
		}
		if at, err := cosignature.CoSigV1Timestamp(sig); err != nil || at.Before(began) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("signed at %v (%v), want the time of the test", at, err)
		}
	}
	if again := vouch(t, w, dir); again.Size != 10 {
		t.Errorf("once more: got %d records, want 10", again.Size)
	}
}

// A witness refuses a ledger that does not go on from what he saw, and keeps what he saw.
func TestWitnessRefuses(t *testing.T) {
	l, dir := newLedger(t, ten)
	w, _ := newWitness(t, "ward")
	early := logBytes(t, dir)
	annotated(t, l, "text", 3)
	whole := logBytes(t, dir)
	if _, err := (Witness{KeyFile: w.KeyFile, File: w.File}).Vouch(dir, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file, and not the first time: got %v, want fs.ErrNotExist", err)
	}
	vouch(t, w, dir)
	kept := mustRead(t, w.File)
	foreign, foreignDir := newLedger(t, ten)
	annotated(t, foreign, "text", 5)

	writeLog(t, dir, early)
	forked := reopen(t, dir, at(march))
	annotated(t, forked, "another history", 4)
	fork := logBytes(t, dir)
	w.First = false
	for name, tt := range map[string]struct {
		dir  string
		log  []byte
		want error
	}{
		"rolled back":    {dir, early, ErrRolledBack},
		"forked":         {dir, fork, ErrRolledBack},
		"another ledger": {foreignDir, logBytes(t, foreignDir), ErrOther},
		"corrupt":        {dir, bytes.Replace(whole, []byte("text"), []byte("taxt"), 1), ErrCorrupt},
		"gone":           {filepath.Join(t.TempDir(), "none"), nil, ErrNotFound},
	} {
		if tt.log != nil {
			writeLog(t, tt.dir, tt.log)
		}
		if _, err := w.Vouch(tt.dir, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if got := mustRead(t, w.File); !bytes.Equal(got, kept) {
			t.Errorf("%s: it keeps %q, want %q as before", name, got, kept)
		}
		if tt.want == ErrRolledBack { // a witness that saw nothing would vouch for it
			blind, _ := newWitness(t, "blind")
			vouch(t, blind, dir)
		}
	}
	writeLog(t, dir, whole)
	first := w
	first.First = true
	if _, err := first.Vouch(dir, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the first time again: got %v, want fs.ErrExist", err)
	}
	for name, content := range map[string]string{"empty": "", "garbage": "garbage", "cut": string(kept[:len(kept)/3])} {
		if err := os.WriteFile(w.File, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Vouch(dir, nil); err == nil {
			t.Errorf("its file is %s: got no error", name)
		}
		if got := mustRead(t, w.File); string(got) != content {
			t.Errorf("its file is %s: it was written over", name)
		}
	}
	if err := os.Remove(w.File); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Vouch(dir, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its file is gone: got %v, want fs.ErrNotExist", err)
	}
	if _, err := os.Stat(w.File); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its file is gone: got %v, want none made", err)
	}
}

// What a witness kept bears his own signature. A checkpoint without it, be it the ledger's, is none that he vouched for.
func TestWitnessKnowsHisOwnFile(t *testing.T) {
	l, dir := newLedger(t, ten)
	early, earlyNote := logBytes(t, dir), checkpoint(t, l).Note
	annotated(t, l, "text", 3)
	w, _ := newWitness(t, "ward")
	vouch(t, w, dir)
	w.First = false
	if err := os.WriteFile(w.File, earlyNote, 0o600); err != nil {
		t.Fatal(err)
	}
	writeLog(t, dir, early)
	if c, err := w.Vouch(dir, nil); err == nil {
		t.Errorf("he vouched for a ledger of %d records that was set back, want a file without his signature refused", c.Size)
	}
}

func TestWitnessedIsOfThatWitness(t *testing.T) {
	l, dir := newLedger(t, ten)
	annotated(t, l, "text", 2)
	w, vkey := newWitness(t, "ward")
	other, otherKey := newWitness(t, "warden")
	twin, _ := newWitness(t, "ward") // of the same name, with another key
	c := vouch(t, w, dir)
	foreign, foreignDir := newLedger(t, ten)
	annotated(t, foreign, "text", 1)
	elsewhere := w
	elsewhere.File = filepath.Join(t.TempDir(), "last")
	both := append(slices.Clone(vouch(t, other, dir).Note), lastLine(c.Note)...)
	for name, tt := range map[string]struct {
		note []byte
		vkey string
		want error
	}{
		"another witness":              {c.Note, otherKey, ErrSignature},
		"another's cosignature":        {vouch(t, Witness{KeyFile: other.KeyFile, File: other.File}, dir).Note, vkey, ErrSignature},
		"another of the same name":     {vouch(t, twin, dir).Note, vkey, ErrSignature},
		"the ledger's own alone":       {checkpoint(t, l).Note, vkey, ErrSignature},
		"the ledger as its witness":    {checkpoint(t, l).Note, l.state.keys.current(), ErrSignature},
		"another ledger's":             {vouch(t, elsewhere, foreignDir).Note, vkey, ErrOther},
		"his, without the ledger's":    {append(checkpointOnly(c.Note), lastLine(c.Note)...), vkey, ErrSignature},
		"his, under another size":      {bytes.Replace(c.Note, []byte("\n5\n"), []byte("\n4\n"), 1), vkey, ErrSignature},
		"garbage":                      {[]byte("garbage"), vkey, ErrSignature},
		"no witness":                   {c.Note, "ward", nil},
		"a line of his without a key ": {bytes.ReplaceAll(c.Note, []byte("— ward "), []byte("— ward2 ")), vkey, ErrSignature},
	} {
		if n, err := l.Witnessed(tt.note, tt.vkey); err == nil || n != 0 || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %d, %v, want %v", name, n, err, tt.want)
		}
	}
	for name, vkey := range map[string]string{"the first of two": otherKey, "the second of two": vkey} {
		if n, err := l.Witnessed(both, vkey); err != nil || n != 5 {
			t.Errorf("%s: got %d, %v, want 5", name, n, err)
		}
	}
	if len(logBytes(t, dir)) == 0 || l.seq != 5 {
		t.Errorf("the ledger holds %d records, want 5", l.seq)
	}
	writeLog(t, dir, bytes.Join(bytes.SplitAfter(logBytes(t, dir), []byte("\n"))[:4], nil))
	if n, err := reopen(t, dir, at(march)).Witnessed(c.Note, vkey); !errors.Is(err, ErrRolledBack) {
		t.Errorf("set back: got %d, %v, want ErrRolledBack", n, err)
	}
}

// checkpointOnly is the text of a note and the empty line behind it.
func checkpointOnly(n []byte) []byte { return bytes.Clone(n[:bytes.LastIndex(n, []byte("\n\n"))+2]) }

// entering counts how many are in a Vouch at once: it is called from the first record on until the last.
func entering(inside, most *atomic.Int32, last int64) func(int64) {
	return func(seq int64) {
		if seq == 0 {
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
		}
		if seq == last {
			inside.Add(-1)
		}
	}
}

func TestWitnessesSerialise(t *testing.T) {
	l, dir := newLedger(t, ten)
	annotated(t, l, "text", 5)
	w, _ := newWitness(t, "ward")
	together := func(n int, do func(i int) error) (errs []error) {
		var all sync.WaitGroup
		errs = make([]error, n)
		for i := range n {
			all.Go(func() { errs[i] = do(i) })
		}
		all.Wait()
		return errs
	}
	firsts := together(4, func(int) error { _, err := w.Vouch(dir, nil); return err })
	was := slices.DeleteFunc(slices.Clone(firsts), func(err error) bool { return errors.Is(err, fs.ErrExist) })
	if len(was) != 1 || was[0] != nil {
		t.Errorf("four first times at once: got %v, want one to be it and three fs.ErrExist", firsts)
	}
	w.First = false
	var inside, most atomic.Int32
	for _, err := range together(4, func(int) error {
		_, err := w.Vouch(dir, entering(&inside, &most, l.seq-1))
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d witnesses of one key worked at once, want 1", most.Load())
	}
	// Two that share no key do work at once: each waits in its first record for the other.
	most.Store(0)
	var met sync.WaitGroup
	met.Add(2)
	for _, err := range together(2, func(i int) error {
		apart, _ := newWitness(t, fmt.Sprintf("apart-%d", i))
		count := entering(&inside, &most, l.seq-1)
		_, err := apart.Vouch(dir, func(seq int64) {
			count(seq)
			if seq == 0 {
				met.Done()
				met.Wait()
			}
		})
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 2 {
		t.Errorf("two keys: %d worked at once, want 2: the count does not show what it should", most.Load())
	}
}
