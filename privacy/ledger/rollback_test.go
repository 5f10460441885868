package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lethe/privacy/budget"
)

// outside is what the world outside of a ledger's folder has of it.
type outside struct {
	copy    string // folder
	witness Witness
	vkey    string
	known   Evidence // the newest checkpoint
	release Evidence // the last release that was delivered
}

// folderOf writes a log into a new folder.
func folderOf(t *testing.T, log []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, logName), log, 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// outsideOf keeps, out of the folder, a copy of the checkpoint, the witness's word and the manifest of a release.
func outsideOf(t *testing.T, s *sealedLog) outside {
	t.Helper()
	far := t.TempDir()
	o := outside{copy: far, known: Evidence{Seen: "a checkpoint", Note: s.final.Note}}
	o.witness = Witness{KeyFile: filepath.Join(far, "witness.key"), File: filepath.Join(far, "witnessed"), First: true}
	var err error
	if o.vkey, err = NewKey(o.witness.KeyFile, "witness"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.witness.Vouch(folderOf(t, s.log), nil); err != nil {
		t.Fatal(err)
	}
	o.witness.First = false
	if err := os.WriteFile(copyName(far, s.final.Origin), s.final.Note, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.records {
		if r.Kind == Resulted {
			o.release = Evidence{Seen: "a manifest", Release: r.Release, Files: r.Files}
		}
	}
	return o
}

// Every older copy of a folder opens by itself: nothing in it says that there was more. Whatever lies outside finds it.
func TestOlderCopyIsFoundFromOutside(t *testing.T) {
	s := logOf200()
	o := outsideOf(t, s)
	signed, err := os.ReadFile(o.witness.File)
	if err != nil {
		t.Fatal(err)
	}
	genesis, stride, copies := s.records[0].Hash, 9, 0
	if *long {
		stride = 1
	}
	for n := 1; n < len(s.records); n += stride {
		copies++
		dir := folderOf(t, s.log[:s.offsets[n]])
		l, err := Open(dir, Options{Genesis: genesis})
		if err != nil {
			t.Fatalf("%d records without a witness: %v", n, err)
		}
		_, byWitness := l.Witnessed(signed, o.vkey)
		l.Close()
		_, vouched := o.witness.Vouch(dir, nil)
		for who, err := range map[string]error{
			"the copy": opens(dir, Options{Copy: o.copy}), "a checkpoint": opens(dir, Options{Evidence: []Evidence{o.known}}),
			"the witness's file": opens(dir, Options{Evidence: []Evidence{{Seen: "the witness's file", Note: signed}}}),
			"the witness's word": byWitness, "the witness": vouched,
		} {
			var back *RolledBack
			if !errors.As(err, &back) || back.Seen == "" || back.What == "" {
				t.Errorf("%d records, seen by %s: got %v, want *RolledBack that says what shows it", n, who, err)
			}
		}
		if err := opens(dir, Options{Evidence: []Evidence{o.release}}); errors.Is(err, ErrRolledBack) != (n <= resultOf(s, o)) {
			t.Errorf("%d records, seen by a delivered release: got %v", n, err)
		}
	}
	if after, err := os.ReadFile(o.witness.File); err != nil || string(after) != string(signed) {
		t.Errorf("the witness's file changed (%v)", err)
	}
	whole := folderOf(t, s.log)
	if err := opens(whole, Options{Genesis: genesis, Copy: o.copy, Evidence: []Evidence{o.known, o.release, {Seen: "w", Note: signed}}}); err != nil {
		t.Errorf("the ledger as it is: got %v", err)
	}
	t.Logf("%d older copies: each opens without a witness, and is found by each of 5 from outside", copies)
}

func opens(dir string, o Options) error {
	l, err := Open(dir, o)
	if err == nil {
		err = l.Close()
	}
	return err
}

// resultOf returns the number of the record that a delivered release's RESULT is.
func resultOf(s *sealedLog, o outside) int {
	for n, r := range s.records {
		if r.Kind == Resulted && r.Release == o.release.Release {
			return n
		}
	}
	return -1
}

func TestOtherGenesisIsFound(t *testing.T) {
	s, other := logOf200(), newSealedLog(60)
	o := outsideOf(t, s)
	dir := folderOf(t, other.log)
	if err := opens(dir, Options{}); err != nil {
		t.Errorf("with nothing pinned: got %v", err)
	}
	if err := os.WriteFile(copyName(o.copy, other.final.Origin), s.final.Note, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]Options{
		"pinned":               {Genesis: s.records[0].Hash},
		"a checkpoint":         {Evidence: []Evidence{o.known}},
		"another's checkpoint": {Copy: o.copy},
	} {
		if err := opens(dir, tt); !errors.Is(err, ErrOther) {
			t.Errorf("%s: got %v, want ErrOther", what, err)
		}
	}
	if err := opens(dir, Options{Copy: t.TempDir()}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without a copy: got %v, want fs.ErrNotExist", err)
	}
	if _, err := o.witness.Vouch(dir, nil); !errors.Is(err, ErrOther) {
		t.Errorf("the witness: got %v, want ErrOther", err)
	}
	// A checkpoint of the right name that somebody else signed is no evidence, and is not taken for one.
	eve := keyOfPerson(s.final.Origin)
	text := checkpointText(s.final.Origin, s.final.Size, s.final.Root)
	forged := signedNote(text, eve.verifier, must(eve.Sign([]byte(text))))
	if err := opens(folderOf(t, s.log), Options{Evidence: []Evidence{{Seen: "a forged checkpoint", Note: forged}}}); !errors.Is(err, ErrSignature) {
		t.Errorf("a forged checkpoint: got %v, want ErrSignature", err)
	}
}

// A folder and its key on two hosts are two ledgers from then on. Each opens by itself; what saw the one refuses the other.
func TestForkIsFoundFromOutside(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	common, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	witness := Witness{KeyFile: filepath.Join(t.TempDir(), "witness.key"), File: filepath.Join(t.TempDir(), "witnessed"), First: true}
	if _, err := NewKey(witness.KeyFile, "witness"); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Vouch(dir, nil); err != nil {
		t.Fatal(err)
	}
	witness.First = false
	clone := filepath.Join(t.TempDir(), "ledger")
	key, err := os.ReadFile(keyOf(dir))
	if err := errors.Join(err, os.CopyFS(clone, os.DirFS(dir)), os.WriteFile(keyOf(clone), key, 0o600)); err != nil {
		t.Fatal(err)
	}
	other := reopen(t, clone, at(march))
	begin(t, l, request("steps", planA, small)).Token.Close()
	begin(t, other, request("sleep", planA, small)).Token.Close()
	a, err1 := l.Checkpoint()
	b, err2 := other.Checkpoint()
	begin(t, other, request("longer", planA, small)).Token.Close()
	c, err3 := other.Checkpoint()
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	seen := func(c Checkpoint) Options {
		return Options{Evidence: []Evidence{{Seen: "the other host", Note: c.Note}}}
	}
	for name, tt := range map[string]struct {
		dir  string
		seen Checkpoint
		want error
	}{
		"itself":             {dir, a, nil},
		"the other itself":   {clone, c, nil},
		"what they share":    {dir, common, nil},
		"the other shares":   {clone, common, nil},
		"as long":            {dir, b, ErrRolledBack},
		"longer":             {dir, c, ErrRolledBack},
		"shorter":            {clone, a, ErrRolledBack},
		"older of the other": {clone, b, nil},
	} {
		if err := opens(tt.dir, Options{}); err != nil {
			t.Errorf("%s: without anything from outside: got %v", name, err)
		}
		if err := opens(tt.dir, seen(tt.seen)); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	if _, err := witness.Vouch(dir, nil); err != nil {
		t.Errorf("the witness of the first: got %v", err)
	}
	if _, err := witness.Vouch(clone, nil); !errors.Is(err, ErrRolledBack) {
		t.Errorf("the witness of both: got %v, want ErrRolledBack", err)
	}
}

// A folder that is restored from a copy under a running program is found by the next append.
func TestCopyUnderAnOpenHandleIsFound(t *testing.T) {
	for name, restore := range map[string]func(log string, old []byte) error{
		"in place": func(log string, old []byte) error { return os.WriteFile(log, old, 0o600) },
		"renamed": func(log string, old []byte) error {
			return errors.Join(os.WriteFile(log+".old", old, 0o600), os.Rename(log+".old", log))
		},
	} {
		l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
		log := filepath.Join(dir, logName)
		old, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		begin(t, l, request("steps", planA, small)).Token.Close()
		if err := restore(log, old); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Begin(request("sleep", planA, small)); !errors.Is(err, ErrPoisoned) || !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrPoisoned and ErrCorrupt", name, err)
		}
		if after, err := os.ReadFile(log); err != nil || string(after) != string(old) {
			t.Errorf("%s: the handle wrote into the restored log (%v)", name, err)
		}
	}
}
