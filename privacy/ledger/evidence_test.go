package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// writeLog puts a log in the place of a ledger's, as whoever restores a folder does. Handles that are open notice.
func writeLog(t testing.TB, dir string, log []byte) {
	t.Helper()
	draft := filepath.Join(dir, "restored")
	if err := errors.Join(os.WriteFile(draft, log, 0o600), os.Rename(draft, filepath.Join(dir, logName))); err != nil {
		t.Fatal(err)
	}
}

func checkpoint(t testing.TB, l *Ledger) Checkpoint {
	t.Helper()
	c, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// annotated appends n remarks.
func annotated(t testing.TB, l *Ledger, text string, n int) {
	t.Helper()
	for range n {
		if err := l.Annotate(0, text); err != nil {
			t.Fatal(err)
		}
	}
}

// resigned is the text of a checkpoint, signed by these instead.
func resigned(t testing.TB, c Checkpoint, by ...note.Signer) []byte {
	t.Helper()
	out, err := note.Sign(&note.Note{Text: checkpointText(c.Origin, c.Size, c.Root)}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Ways to hold a ledger against a checkpoint that each forget one thing.
var brokenChecks = map[string]func(*Ledger, Checkpoint) bool{
	"only the size counts": func(l *Ledger, c Checkpoint) bool {
		return c.Origin == l.origin() && c.Size <= l.seq && l.checkOwn(c) == nil
	},
	"signatures do not count": func(l *Ledger, c Checkpoint) bool {
		r, err := l.tree.root(min(c.Size, l.seq))
		return err == nil && r == c.Root
	},
	"the newest key will do": func(l *Ledger, c Checkpoint) bool {
		r, err := l.tree.root(min(c.Size, l.seq))
		return err == nil && r == c.Root && checkNote(c.Note, l.state.keys.ledger) == nil
	},
	"what is ahead will do": func(l *Ledger, c Checkpoint) bool { return c.Size > l.seq && c.Origin == l.origin() },
	"the name does not count": func(l *Ledger, c Checkpoint) bool {
		return c.Origin != l.origin() && c.Size <= l.seq
	},
}

// A ledger does not open against a checkpoint that it does not go on from, and Check says the same of an open one.
func TestCheckpointsThatAreNotTheLedgers(t *testing.T) {
	l, dir := newLedger(t, ten) // 3 records
	firstKey := l.key
	var notes []Checkpoint
	for range 2 {
		notes = append(notes, checkpoint(t, l)) // 3, 4
		annotated(t, l, "common", 1)
	}
	if _, err := l.Rotate(); err != nil { // record 5
		t.Fatal(err)
	}
	annotated(t, l, "common", 1)
	common := logBytes(t, dir) // 7 records
	notes = append(notes, checkpoint(t, l))
	annotated(t, l, "one history", 3)
	ahead := checkpoint(t, l) // 10
	sameSize, err := l.CheckpointAt(8)
	if err != nil {
		t.Fatal(err)
	}
	foreign, _ := newLedger(t, ten)
	annotated(t, foreign, "foreign", 1)

	writeLog(t, dir, common)
	l = reopen(t, dir, at(march))
	annotated(t, l, "another history", 1) // record 7, so 8 of them
	stranger, err := note.NewSigner(strangersKey(t, l.origin()))
	if err != nil {
		t.Fatal(err)
	}
	own := checkpoint(t, l)
	caught := map[string]bool{}
	for name, tt := range map[string]struct {
		note []byte
		want error
	}{
		"ahead":                        {ahead.Note, ErrRolledBack},
		"a fork":                       {sameSize.Note, ErrRolledBack},
		"another ledger's":             {checkpoint(t, foreign).Note, ErrOther},
		"another ledger's text":        {resigned(t, checkpoint(t, foreign), l.key), ErrOther},
		"a stranger of the same name":  {resigned(t, own, stranger), ErrSignature},
		"no signature":                 {resigned(t, own), ErrSignature},
		"the new key for an old size":  {resigned(t, notes[0], l.key), ErrSignature},
		"the old key for a new size":   {resigned(t, own, firstKey), ErrSignature},
		"the signature of another one": {append(resigned(t, own), lastLine(notes[2].Note)...), ErrSignature},
		"ahead, by a stranger":         {resigned(t, ahead, stranger), ErrRolledBack}, // it may be a key that came later
		"empty":                        {[]byte{}, nil},
		"garbage":                      {[]byte("garbage\n\n"), nil},
		"size 0":                       {resigned(t, Checkpoint{Origin: own.Origin, Root: own.Root}, l.key), nil},
		"a line more":                  {bytes.Replace(own.Note, []byte("\n\n"), []byte("\nmore\n\n"), 1), nil},
	} {
		e := Evidence{Seen: "manifest.json", Note: tt.note}
		refuses(t, l, "check "+name, tt.want, func() error { return l.Check(e) })
		var back *RolledBack
		_, err := Open(dir, Options{Evidence: []Evidence{e}})
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("open, %s: got %v, want %v", name, err, tt.want)
		}
		if errors.As(err, &back) != errors.Is(tt.want, ErrRolledBack) || !strings.Contains(fmt.Sprint(err), "manifest.json") {
			t.Errorf("open, %s: got %v, want it to name the file, and *RolledBack only where it was set back", name, err)
		}
		if c, err := ParseCheckpoint(tt.note); err == nil {
			for broken, accepts := range brokenChecks {
				caught[broken] = caught[broken] || accepts(l, c)
			}
		}
	}
	for name := range brokenChecks {
		if !caught[name] {
			t.Errorf("a check in which %s refuses all that this one does, want a case that shows it", name)
		}
	}
	var good []Evidence
	for _, c := range append(notes, own) { // from before and after the change of key
		good = append(good, Evidence{Seen: "manifest.json", Note: c.Note})
	}
	good = append(good, Evidence{Seen: "nothing"})
	o := at(march)
	o.Evidence = good
	reopen(t, dir, o)
	o.Evidence = append(good, Evidence{Seen: "the last", Note: ahead.Note})
	if _, err := Open(dir, o); !errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "the last") {
		t.Errorf("one bad of many: got %v, want *RolledBack", err)
	}
}

func strangersKey(t testing.TB, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stranger.key")
	if _, err := newKey(osDisk{}, file, name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(trimLine(text))
}

func lastLine(n []byte) []byte {
	lines := bytes.SplitAfter(n, []byte("\n"))
	return lines[len(lines)-2]
}

// A folder restored from before a rotation knows nothing of the key that came with it.
func TestEvidenceUnderAKeyThatWasRolledBack(t *testing.T) {
	l, dir := newLedger(t, ten)
	old, oldKey := logBytes(t, dir), mustRead(t, keyOf(dir))
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	annotated(t, l, "text", 1)
	e := Evidence{Seen: "manifest.json", Note: checkpoint(t, l).Note}
	if err := l.Check(e); err != nil {
		t.Fatal(err)
	}
	writeLog(t, dir, old)
	if err := os.WriteFile(keyOf(dir), oldKey, 0o600); err != nil {
		t.Fatal(err)
	}
	l = reopen(t, dir, at(march))
	refuses(t, l, "ahead", ErrRolledBack, func() error { return l.Check(e) })
	annotated(t, l, "another history", 4)
	// Whether the key is one that was in force cannot be known here, so that either error is right.
	if err := l.Check(e); !errors.Is(err, ErrRolledBack) && !errors.Is(err, ErrSignature) {
		t.Errorf("overtaken: got %v, want ErrRolledBack or ErrSignature", err)
	}
}

func mustRead(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Of what was delivered the ledger has the RESULT, with these files.
func TestEvidenceOfReleases(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	of := map[attemptState]string{}
	for _, left := range []attemptState{charged, drawn, resulted, published, burned} {
		b := begin(t, l, request(string(left), planA, small))
		advance(t, b.Token, left)
		of[left] = b.Release
	}
	gone := begin(t, l, request("withdrawn", planA, small))
	advance(t, gone.Token, published)
	if err := l.WithdrawRelease(gone.Release, "recalled"); err != nil {
		t.Fatal(err)
	}
	of[withdrawn] = gone.Release
	changed := func(change func(*File)) []File { f := files[0]; change(&f); return []File{files[1], f} }
	for name, tt := range map[string]struct {
		release string
		files   []File
		missing bool
	}{
		"unknown": {"2026-03-30-aaaaaaaaaaaaaaaa", nil, true}, "charged": {of[charged], nil, true}, "drawn": {of[drawn], nil, true},
		"burned": {of[burned], nil, true}, "resulted": {of[resulted], nil, false}, "published": {of[published], files, false},
		"withdrawn": {of[withdrawn], files, false}, "one of its files": {of[published], files[1:], false},
		"another size": {of[published], changed(func(f *File) { f.Size++ }), true},
		"another hash": {of[published], changed(func(f *File) { f.SHA256 = strings.Repeat("7", 64) }), true},
		"another name": {of[published], changed(func(f *File) { f.Name = "other.arrow" }), true},
		"one more":     {of[published], append(changed(func(*File) {}), File{"more", 1, planA}), true},
	} {
		e := Evidence{Seen: "manifest.json", Release: tt.release, Files: tt.files}
		o := at(march)
		o.Evidence = []Evidence{e}
		again, err := Open(dir, o)
		if err == nil {
			again.Close()
		}
		for call, err := range map[string]error{"check": l.Check(e), "open": err} {
			if errors.Is(err, ErrRolledBack) != tt.missing || (err != nil) != tt.missing {
				t.Errorf("%s, %s: got %v, want it refused: %v", call, name, err, tt.missing)
			}
		}
	}
}

// Restoring an older copy of the folder gives the budget back, and shows against any evidence from outside and against
// nothing else.
func TestRestoredFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "ledger")
	o := at(march)
	o.KeyFile = keyOf(dir)
	l, err := Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := errors.Join(l.SetCaps(Account{Population: "eu"}, budget.Caps{Lifetime: small, Year: small}), l.SetPolicy("eu", "health", 3, policyC)); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(parent, "backup")
	if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	b := begin(t, l, request("steps", planA, small))
	advance(t, b.Token, published)
	proof, err := l.Prove(4)
	if err != nil {
		t.Fatal(err)
	}
	var over *OverBudget
	if _, err := l.Begin(request("more", planA, small)); !errors.As(err, &over) {
		t.Fatalf("got %v, want the budget spent", err)
	}
	seen := checkpoint(t, l)
	proven, err := CheckProof(proof, 4, records(t, l)[4].Hash)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(backup))); err != nil {
		t.Fatal(err)
	}
	refuses(t, l, "the handle that was open", ErrCorrupt, func() error { return l.Annotate(0, "text") })
	for name, e := range map[string]Evidence{
		"a checkpoint": {Note: seen.Note}, "the checkpoint of a proof": {Note: proven.Note}, "a release": {Release: b.Release},
		"a manifest": {Note: proven.Note, Release: b.Release, Files: files},
	} {
		e.Seen = name
		with := o
		with.Evidence = []Evidence{e}
		if _, err := Open(dir, with); !errors.Is(err, ErrRolledBack) {
			t.Errorf("%s: got %v, want ErrRolledBack", name, err)
		}
	}
	b, err = reopen(t, dir, o).Begin(request("more", planA, small))
	if err != nil {
		t.Fatalf("without evidence: got %v, want what the package doc warns of", err)
	}
	b.Token.Close()
}

// A ledger that is pinned by its GENESIS is told from another one, also where its own key is at hand, but not from itself
// with records cut off.
func TestGenesisPin(t *testing.T) {
	l, dir := newLedger(t, ten)
	own, ownDir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	for _, pin := range []string{own.Genesis(), strings.ToUpper(l.Genesis()), "genesis", l.Genesis()[:63]} {
		if err := openAndClose(dir, Options{Genesis: pin}); !errors.Is(err, ErrOther) {
			t.Errorf("pinned to %s: got %v, want ErrOther", pin, err)
		}
	}
	pinned := Options{Genesis: l.Genesis(), KeyFile: keyOf(dir)}
	frames := bytes.SplitAfter(logBytes(t, dir), []byte("\n"))
	for cut := 1; cut < len(frames); cut++ { // the last of frames is empty
		writeLog(t, dir, bytes.Join(frames[:cut], nil))
		if err := openAndClose(dir, pinned); err != nil {
			t.Errorf("cut to %d records: got %v, want what the package doc warns of", cut, err)
		}
	}
	writeLog(t, dir, logBytes(t, ownDir))
	if err := openAndClose(dir, Options{KeyFile: keyOf(dir)}); !errors.Is(err, ErrKey) {
		t.Errorf("another ledger, with the key: got %v, want ErrKey", err)
	}
	for _, key := range []string{"", keyOf(dir), keyOf(ownDir)} {
		pinned.KeyFile = key
		if err := openAndClose(dir, pinned); !errors.Is(err, ErrOther) {
			t.Errorf("another ledger, pinned: got %v, want ErrOther", err)
		}
	}
	if err := openAndClose(dir, Options{KeyFile: keyOf(ownDir)}); err != nil {
		t.Errorf("another ledger, with its key and no pin: got %v, want it opened", err)
	}
}

func openAndClose(dir string, o Options) error {
	l, err := Open(dir, o)
	if err != nil {
		return err
	}
	return l.Close()
}
