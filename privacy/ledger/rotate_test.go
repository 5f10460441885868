package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// signers returns, for each record of a log, which of these verifier keys its frame's checkpoint is signed by.
func signers(t testing.TB, l *Ledger, vkeys ...string) (by []int) {
	t.Helper()
	for n := range l.seq {
		c, err := l.CheckpointAt(n + 1)
		if err != nil {
			t.Fatalf("checkpoint of %d: %v", n+1, err)
		}
		who := -1
		for i, vkey := range vkeys {
			if c.SignedBy(vkey) == nil {
				who = i
			}
		}
		by = append(by, who)
	}
	return by
}

func TestRotateSignsWithBoth(t *testing.T) {
	l, dir := newLedger(t, ten) // records 0 to 2
	keys := []string{records(t, l)[0].Key}
	for i := range 3 {
		vkey, err := l.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, vkey)
		if err := l.Annotate(0, fmt.Sprintf("under key %d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	all := records(t, l)
	for i, seq := range []int{3, 5, 7} {
		r := all[seq]
		if r.Kind != KeyRotated || r.Old != keys[i] || r.New != keys[i+1] || len(r.Signatures) != 2 {
			t.Fatalf("record %d: got %+v, want KEYROTATED of key %d", seq, r, i)
		}
		said := rotateStatement(l.Genesis(), r.Old, r.New)
		for j, vkey := range []string{r.Old, r.New} {
			v, err := note.NewVerifier(vkey)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := note.Open(said.Note(r.Signatures[j]), note.VerifierList(v)); err != nil {
				t.Errorf("record %d, signature %d: %v", seq, j, err)
			}
		}
	}
	// The frame of a KEYROTATED is the last that the key before it signs.
	want := []int{0, 0, 0, 0, 1, 1, 2, 2, 3}
	for i, l := range []*Ledger{l, reopen(t, dir, at(march))} {
		if got := signers(t, l, keys...); !slices.Equal(got, want) {
			t.Errorf("handle %d: the frames are signed by keys %v, want %v", i, got, want)
		}
		seen := 0
		if err := l.VerifySignatures(func(seq int64) { seen++ }); err != nil || seen != len(want) {
			t.Errorf("handle %d: verified %d (%v), want %d", i, seen, err, len(want))
		}
	}
	if err := reopen(t, dir, at(march)).Annotate(0, "goes on"); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 2 {
		t.Errorf("beside the ledger there is %v (%v), want its key and nothing else", entries, err)
	}
}

// VerifySignatures finds in the middle what opening does not look for: a frame in the chain that the key never signed.
func TestVerifySignaturesFindsOneInTheMiddle(t *testing.T) {
	l, dir := newLedger(t, ten)
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	for n := range 3 { // record 4 is unsigned, 5 and 6 are signed over it
		r := &Record{Kind: Annotate, Time: march, Text: "text", Seq: l.seq}
		f, err := l.next(r, l.origin())
		if err == nil && n == 0 {
			f, err = formatFrame(l.last, *r, func([32]byte) ([]byte, error) { return make([]byte, 64), nil })
		}
		if err == nil {
			_, err = l.log.WriteAt(f.bytes, l.end)
		}
		if err = errors.Join(err, l.take(f)); err != nil {
			t.Fatal(err)
		}
	}
	again := reopen(t, dir, at(march)) // which sees the last signature, and that of the change of key
	var bad *Corrupt
	if err := again.VerifySignatures(nil); !errors.As(err, &bad) || bad.Record != 4 {
		t.Errorf("got %v, want *Corrupt of record 4", err)
	}
}

// A second handle still holds the key before. It is refused at its next append, as are its tokens, and a new one goes on.
func TestRotatePoisonsOtherHandles(t *testing.T) {
	l, dir := newLedger(t, ten)
	for name, call := range map[string]func(other *Ledger) error{
		"annotate": func(other *Ledger) error { return other.Annotate(0, "text") },
		"rotate":   func(other *Ledger) error { _, err := other.Rotate(); return err },
	} {
		other := reopen(t, dir, at(march))
		if _, err := l.Rotate(); err != nil {
			t.Fatal(err)
		}
		refuses(t, other, name, ErrKey, func() error { return call(other) })
		refuses(t, other, name+" again", ErrPoisoned, func() error { return call(other) })
		if err := reopen(t, dir, at(march)).Annotate(0, "opened again"); err != nil {
			t.Errorf("%s: opened again: %v", name, err)
		}
	}
}

// unrenamed is a disk on which nothing is renamed, as where the process ends before.
type unrenamed struct{ disk }

var errUnrenamed = errors.New("not renamed")

func (unrenamed) Rename(string, string) error { return errUnrenamed }

// A rotation can end before its record, and leave a key that means nothing, or behind it, and leave the key in force.
func TestRotationIsFinishedOrIgnored(t *testing.T) {
	t.Run("recorded", func(t *testing.T) {
		l, dir := newLedger(t, ten)
		l.disk = unrenamed{osDisk{}}
		if _, err := l.Rotate(); !errors.Is(err, errUnrenamed) {
			t.Fatalf("got %v, want it cut short", err)
		}
		if err := l.Annotate(0, "text"); !errors.Is(err, ErrPoisoned) {
			t.Errorf("the handle: got %v, want ErrPoisoned", err)
		}
		old, err := os.ReadFile(keyOf(dir))
		if err != nil {
			t.Fatal(err)
		}
		reader, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("open to read: %v", err)
		}
		defer reader.Close()
		inForce := reader.state.keys.current()
		for range 2 { // once it is finished, it stays so
			again := reopen(t, dir, at(march))
			if again.key.vkey != inForce {
				t.Errorf("got key %s, want %s", again.key.vkey, inForce)
			}
			if err := again.Annotate(0, "text"); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(keyOf(dir) + nextSuffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want the key under its own name alone", err)
		}
		if err := os.WriteFile(keyOf(dir), old, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{KeyFile: keyOf(dir)}); !errors.Is(err, ErrKey) {
			t.Errorf("the key before: got %v, want ErrKey", err)
		}
	})
	leftovers := map[string]func(t *testing.T, file, origin string){
		"not recorded": func(t *testing.T, file, origin string) {
			if _, err := newKey(osDisk{}, file, origin); err != nil {
				t.Fatal(err)
			}
		},
		// A crash may leave the file without its content, or with a part of it: it is fsynced before KEYROTATED is
		// written, so that such a file is of no rotation on record.
		"empty": func(t *testing.T, file, origin string) {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"half written": func(t *testing.T, file, origin string) {
			if err := os.WriteFile(file, []byte("PRIVATE+KEY+"+origin+"+0123"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, leave := range leftovers {
		t.Run(name, func(t *testing.T) {
			l, dir := newLedger(t, ten)
			fresh := keyOf(dir) + nextSuffix
			leave(t, fresh, l.origin())
			o := at(march)
			o.KeyFile = keyOf(dir)
			again, err := Open(dir, o)
			if err != nil {
				t.Fatalf("with the leftover: %v", err)
			}
			defer again.Close()
			before := again.key.vkey
			if err := again.Annotate(0, "text"); err != nil || before != l.key.vkey {
				t.Errorf("got key %s (%v), want the old one in force", before, err)
			}
			vkey, err := again.Rotate()
			if err != nil {
				t.Fatalf("rotate over the leftover: %v", err)
			}
			if got := reopen(t, dir, at(march)).key.vkey; got != vkey || vkey == before {
				t.Errorf("got key %s, want the new one, %s", got, vkey)
			}
		})
	}
}

// rotation is a KEYROTATED record with its signatures, of whoever has these keys.
func rotation(t testing.TB, l *Ledger, old, new string, by ...person) *Record {
	t.Helper()
	return &Record{Kind: KeyRotated, Old: old, New: new, Signatures: signed(t, l.RotateStatement(old, new), by...)}
}

func TestNoKeyComesBack(t *testing.T) {
	l, dir := newLedger(t, ten)
	first := person{"", filepath.Join(t.TempDir(), "first.key"), l.key.vkey}
	text, err := os.ReadFile(keyOf(dir))
	if err = errors.Join(err, os.WriteFile(first.file, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	second := person{"", keyOf(dir), l.key.vkey}
	stranger := newPerson(t, "stranger")
	own := func() person { // a key of the ledger's name
		file := filepath.Join(t.TempDir(), "own.key")
		vkey, err := newKey(osDisk{}, file, l.origin())
		if err != nil {
			t.Fatal(err)
		}
		return person{l.origin(), file, vkey}
	}
	thief, next := own(), own()
	for name, r := range map[string]*Record{
		"the first key again":                     rotation(t, l, second.vkey, first.vkey, second, first),
		"the same key":                            rotation(t, l, second.vkey, second.vkey, second, second),
		"from a former key":                       rotation(t, l, first.vkey, second.vkey, first, second),
		"another name":                            rotation(t, l, second.vkey, stranger.vkey, second, stranger),
		"from a former key to a new one":          rotation(t, l, first.vkey, next.vkey, first, next),
		"from a thief's of the name to a new one": rotation(t, l, thief.vkey, next.vkey, thief, next),
		"from a stranger's":                       rotation(t, l, stranger.vkey, second.vkey, stranger, second),
		"no key":                                  {Kind: KeyRotated, Old: second.vkey, New: "key"},
	} {
		refuses(t, l, name, nil, func() error { return l.record("rotate", r) })
	}
	if _, err := l.Rotate(); err != nil {
		t.Errorf("a new key: %v", err)
	}
}

// An officer's key goes over to another with the word of both. What the old one signs counts no more, and what it
// signed as an approval still does.
func TestRotateOfficer(t *testing.T) {
	o := newPermitted(t)
	fresh, unused := newPerson(t, "alice"), newPerson(t, "alice")
	until := march.AddDate(0, 1, 0)
	o.approve(t, "cohort-7", planA, until, o.alice)
	said := o.RotateStatement(o.alice.vkey, fresh.vkey)
	byOld, byNew := o.alice.sign(t, said), fresh.sign(t, said)
	bobs := newPerson(t, "bob")
	forged := o.RotateStatement(o.falseBob.vkey, bobs.vkey)
	for name, tt := range map[string]struct {
		old, new     string
		byOld, byNew Signature
		want         error
	}{
		"none":                   {o.alice.vkey, fresh.vkey, Signature{}, Signature{}, ErrSignature},
		"the old one alone":      {o.alice.vkey, fresh.vkey, byOld, Signature{}, ErrSignature},
		"the new one alone":      {o.alice.vkey, fresh.vkey, Signature{}, byNew, ErrSignature},
		"the old one twice":      {o.alice.vkey, fresh.vkey, byOld, byOld, ErrSignature},
		"the new one twice":      {o.alice.vkey, fresh.vkey, byNew, byNew, ErrSignature},
		"in the wrong order":     {o.alice.vkey, fresh.vkey, byNew, byOld, ErrSignature},
		"another officer":        {o.alice.vkey, fresh.vkey, o.bob.sign(t, said), byNew, ErrSignature},
		"another new key":        {o.alice.vkey, unused.vkey, byOld, byNew, ErrSignature},
		"of another ledger":      {o.alice.vkey, fresh.vkey, o.alice.sign(t, newOfficed(t).RotateStatement(o.alice.vkey, fresh.vkey)), byNew, ErrSignature},
		"bob's in their name":    {o.bob.vkey, fresh.vkey, byOld, byNew, nil},
		"a stranger joins":       {o.mallory.vkey, o.mallory.vkey, byOld, byNew, nil},
		"a false bob's next key": {o.falseBob.vkey, bobs.vkey, o.falseBob.sign(t, forged), bobs.sign(t, forged), nil},
		"a false bob":            {o.falseBob.vkey, o.bob.vkey, byOld, byNew, nil},
	} {
		refuses(t, o.Ledger, name, tt.want, func() error { return o.RotateOfficer(tt.old, tt.new, tt.byOld, tt.byNew) })
	}
	before := o.BudgetStatement(Account{Population: "eu"}, ten)
	if err := before.signedBy(o.alice.sign(t, before), o.state.keys.officers["alice"]); err != nil {
		t.Errorf("before the change the old key does not sign (%v): that it does not afterwards shows nothing", err)
	}
	if err := o.RotateOfficer(o.alice.vkey, fresh.vkey, byOld, byNew); err != nil {
		t.Fatal(err)
	}
	refuses(t, o.Ledger, "the same again", nil, func() error { return o.RotateOfficer(o.alice.vkey, fresh.vkey, byOld, byNew) })
	back := o.RotateStatement(fresh.vkey, o.alice.vkey)
	stolen := o.RotateStatement(o.alice.vkey, unused.vkey)
	refuses(t, o.Ledger, "from the old key once more", nil, func() error {
		return o.RotateOfficer(o.alice.vkey, unused.vkey, o.alice.sign(t, stolen), unused.sign(t, stolen))
	})
	refuses(t, o.Ledger, "back to the old key", nil, func() error {
		return o.RotateOfficer(fresh.vkey, o.alice.vkey, fresh.sign(t, back), o.alice.sign(t, back))
	})
	lower, caps := budget.Caps{Lifetime: vast, Year: vast}, budget.Caps{Lifetime: vast, Year: vast}
	lower.Lifetime.Rho--
	if err := o.SetCaps(Account{Population: "eu"}, lower); err != nil {
		t.Fatal(err)
	}
	raise := o.BudgetStatement(Account{Population: "eu"}, caps)
	refuses(t, o.Ledger, "a budget with the old key", ErrRaise, func() error { return o.SetCaps(Account{Population: "eu"}, caps, signed(t, raise, o.alice, o.bob)...) })
	refuses(t, o.Ledger, "a budget with both keys of one officer", ErrRaise, func() error { return o.SetCaps(Account{Population: "eu"}, caps, signed(t, raise, o.alice, fresh)...) })
	refuses(t, o.Ledger, "an approval with the old key", ErrSignature, func() error {
		return o.Approve("cohort-8", planA, until, o.alice.sign(t, o.ApproveStatement("cohort-8", planA, until)))
	})
	if err := o.SetCaps(Account{Population: "eu"}, caps, signed(t, raise, fresh, o.bob)...); err != nil {
		t.Errorf("a budget with the new key: %v", err)
	}
	o.approve(t, "cohort-7", planA, until, fresh) // who is still one officer
	refuses(t, o.Ledger, "both keys of one officer", ErrNotApproved, o.tryBegin(asking("steps")))
	o.approve(t, "cohort-7", planA, until, o.carol)
	if err := o.tryBegin(asking("steps"))(); err != nil {
		t.Errorf("the new key and another officer: %v", err)
	}
	if err := reopen(t, o.dir, at(march)).VerifySignatures(nil); err != nil {
		t.Error(err)
	}
}

// An officer's next key is nobody else's, under whatever name: two officers are two keys.
func TestRotateOfficerToAnothersKey(t *testing.T) {
	o := newOfficed(t)
	former, fresh := o.carol, newPerson(t, "carol")
	said := o.RotateStatement(former.vkey, fresh.vkey)
	if err := o.RotateOfficer(former.vkey, fresh.vkey, former.sign(t, said), fresh.sign(t, said)); err != nil {
		t.Fatal(err)
	}
	for whose, file := range map[string]string{
		"bob": o.bob.file, "carol": fresh.file, "carol before": former.file, "the ledger": keyOf(o.dir),
	} {
		alias := filepath.Join(t.TempDir(), "alias.key")
		same := person{"alice", alias, rename(t, string(trimLine(mustRead(t, file))), "alice", alias)}
		said := o.RotateStatement(o.alice.vkey, same.vkey)
		refuses(t, o.Ledger, "the key of "+whose+" under the name of alice", nil, func() error {
			return o.RotateOfficer(o.alice.vkey, same.vkey, o.alice.sign(t, said), same.sign(t, said))
		})
	}
	own := newPerson(t, "alice")
	said = o.RotateStatement(o.alice.vkey, own.vkey)
	if err := o.RotateOfficer(o.alice.vkey, own.vkey, o.alice.sign(t, said), own.sign(t, said)); err != nil {
		t.Errorf("a key of her own: %v", err)
	}
}

// The ledger's own key is rotated by Rotate, which puts the new one where Open looks for it.
func TestRotateOfficerLeavesTheLedgersKey(t *testing.T) {
	l, dir := newLedger(t, ten)
	file := filepath.Join(t.TempDir(), "fresh.key")
	vkey, err := newKey(osDisk{}, file, l.origin())
	if err != nil {
		t.Fatal(err)
	}
	said := l.RotateStatement(l.key.vkey, vkey)
	fresh := person{l.origin(), file, vkey}
	byOld := person{l.origin(), keyOf(dir), l.key.vkey}.sign(t, said)
	refuses(t, l, "the ledger's key as an officer's", nil, func() error { return l.RotateOfficer(l.key.vkey, vkey, byOld, fresh.sign(t, said)) })
}

// One handle may rotate while others ask it for things. Without the race detector this shows only that every answer is
// whole: a checkpoint that mixes two keys does not verify.
func TestRotateBesideOtherCalls(t *testing.T) {
	l, _ := newLedger(t, ten)
	var all sync.WaitGroup
	all.Go(func() {
		for range 10 {
			if _, err := l.Rotate(); err != nil {
				t.Error(err)
			}
		}
	})
	for name, call := range map[string]func() error{
		"checkpoint": func() error { _, err := l.Checkpoint(); return err },
		"verify":     func() error { return l.VerifySignatures(nil) },
		"prove":      func() error { _, err := l.Prove(2); return err },
		"refuse": func() error {
			if err := l.RotateOfficer("a", "b", Signature{}, Signature{}); err == nil {
				return errors.New("an officer's key was rotated by nobody")
			}
			return nil
		},
	} {
		all.Go(func() {
			for range 40 {
				if err := call(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	all.Wait()
	if got := len(l.state.keys.former); got != 10 {
		t.Errorf("%d keys came before, want 10", got)
	}
}

// A key beside the key's file that is not in force takes no name, whatever the file holds: it may be another ledger's.
func TestAKeyThatIsNotInForceReplacesNone(t *testing.T) {
	l, dir := newLedger(t, ten)
	l.Close()
	_, other := newLedger(t, ten)
	file := keyOf(dir)
	foreign, err := os.ReadFile(keyOf(other))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newKey(osDisk{}, file+nextSuffix, l.origin()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{KeyFile: file}); !errors.Is(err, ErrKey) {
		t.Errorf("got %v, want ErrKey", err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(foreign) {
		t.Errorf("the other ledger's key was replaced (%v)", err)
	}
	if _, err := os.Stat(file + nextSuffix); err != nil {
		t.Errorf("the key beside it: %v, want it left alone", err)
	}
}
