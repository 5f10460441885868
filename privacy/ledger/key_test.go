package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// rename writes the signer key under another name to a new file and returns its verifier key. The hash in a key is of
// its name, so that it has to be made again.
func rename(t testing.TB, skey, name, file string) (vkey string) {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(strings.SplitN(skey, "+", 5)[4])
	if err != nil {
		t.Fatal(err)
	}
	public, ok := ed25519.NewKeyFromSeed(secret[1:]).Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no public key")
	}
	if vkey, err = note.NewEd25519VerifierKey(name, public); err != nil {
		t.Fatal(err)
	}
	renamed := fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, strings.Split(vkey, "+")[1], base64.StdEncoding.EncodeToString(secret))
	if err := os.WriteFile(file, []byte(renamed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return vkey
}

func TestNewKeyOverwritesNothing(t *testing.T) {
	p := newPerson(t, "alice")
	info, err := os.Stat(p.file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v (%v), want 0600", info.Mode(), err)
	}
	before, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	if vkey, err := NewKey(p.file, "alice"); !errors.Is(err, fs.ErrExist) || vkey != "" {
		t.Errorf("again: got %q, %v, want fs.ErrExist", vkey, err)
	}
	if after, err := os.ReadFile(p.file); err != nil || string(after) != string(before) {
		t.Errorf("the key changed (%v)", err)
	}
	dangling := filepath.Join(t.TempDir(), "dangling")
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, dangling); err != nil {
		t.Fatal(err)
	}
	if _, err := NewKey(dangling, "alice"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link to nothing: got %v, want fs.ErrExist", err)
	}
	for _, name := range []string{"", "Alice", "alice smith", "a+b", "lethe/" + strings.Repeat("0", 32), strings.Repeat("a", 64), "alice\n"} {
		file := filepath.Join(t.TempDir(), "key")
		if _, err := NewKey(file, name); err == nil {
			t.Errorf("name %q: got no error", name)
		}
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("name %q: a file was made", name)
		}
	}
}

func TestCreateOverwritesNoKey(t *testing.T) {
	_, dir := newLedger(t, ten)
	other := filepath.Join(t.TempDir(), "other")
	if _, err := Create(other, Options{KeyFile: keyOf(dir)}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the key of another ledger: got %v, want fs.ErrExist", err)
	}
	if _, err := Create(other, Options{}); !errors.Is(err, ErrKey) {
		t.Errorf("no key file: got %v, want ErrKey", err)
	}
	if _, err := Open(other, Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want no ledger made", err)
	}
	if err := reopen(t, dir, at(march)).Annotate(0, "its key is as it was"); err != nil {
		t.Error(err)
	}
}

// tells says whether a text holds a run of 16 characters of a secret.
func tells(text, secret string) bool {
	for i := 0; i+16 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+16]) {
			return true
		}
	}
	return false
}

// A key that is missing, foreign, open to others or no key is ErrKey, from a ledger, and an error that tells nothing of
// the secret, from whatever reads key files.
func TestBadKeyFiles(t *testing.T) {
	_, dir := newLedger(t, ten)
	_, otherDir := newLedger(t, ten)
	text, err := os.ReadFile(keyOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(keyOf(otherDir))
	if err != nil {
		t.Fatal(err)
	}
	line := string(trimLine(text))
	secret := strings.SplitN(line, "+", 5)[4]
	if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) != 33 {
		t.Fatalf("the secret is %d bytes (%v), want 33: the test looks for the wrong thing", len(raw), err)
	}
	flipped := "a"
	if strings.HasPrefix(secret[20:], "a") {
		flipped = "b"
	}
	bad := map[string]string{
		"empty":             "",
		"garbage":           "garbage",
		"another ledger's":  string(foreign),
		"two lines":         line + "\n" + line + "\n",
		"blank before":      " " + line,
		"the secret alone":  secret,
		"cut":               line[:len(line)-8],
		"changed":           strings.Replace(line, secret, secret[:20]+flipped+secret[21:], 1),
		"longer":            strings.Replace(line, secret, secret[:43]+"AAAA", 1),
		"another algorithm": strings.Replace(line, "+"+secret, "+B"+secret[1:], 1),
		"too large":         line + strings.Repeat(" ", maxNote),
	}
	file := filepath.Join(t.TempDir(), "bad.key")
	readers := map[string]func() error{
		"open": func() error {
			l, err := Open(dir, Options{KeyFile: file})
			if err == nil {
				l.Close()
			}
			return err
		},
		"sign": func() error { _, err := Statement("anything\n").Sign(file); return err },
		"witness": func() error {
			_, err := Witness{KeyFile: file, File: filepath.Join(t.TempDir(), "w"), First: true}.Vouch(dir, nil)
			return err
		},
	}
	check := func(name, reader string, err error) {
		t.Helper()
		if err == nil && name != "another ledger's" {
			t.Errorf("%s, %s: got no error", reader, name)
		}
		if reader != "sign" && err != nil && name != "missing" && !errors.Is(err, ErrKey) || reader == "open" && !errors.Is(err, ErrKey) {
			t.Errorf("%s, %s: got %v, want ErrKey", reader, name, err)
		}
		if err != nil && (tells(err.Error(), secret) || tells(err.Error(), line)) {
			t.Errorf("%s, %s: the error tells of the key", reader, name)
		}
	}
	for name, content := range bad {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for reader, read := range readers {
			check(name, reader, read())
		}
	}
	for reader, read := range readers {
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o666} {
			if err := errors.Join(os.WriteFile(file, text, 0o600), os.Chmod(file, mode)); err != nil {
				t.Fatal(err)
			}
			check(mode.String(), reader, read())
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		check("missing", reader, read())
		if err := os.Mkdir(file, 0o700); err != nil {
			t.Fatal(err)
		}
		check("a folder", reader, read())
		if err := errors.Join(os.Remove(file), os.WriteFile(file, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			t.Errorf("%s, the key itself: %v", reader, err)
		}
	}
	if _, err := note.NewSigner(line + "x"); !tells(fmt.Sprintf("read key %q: %v", line, err), secret) {
		t.Error("an error that quotes the key passes for one that does not")
	}
}

// A key that does not fit its own hash signs what nobody can verify, so that a witness who kept that would have lost his
// place.
func TestWitnessRefusesADamagedKey(t *testing.T) {
	_, dir := newLedger(t, ten)
	w, vkey := newWitness(t, "ward")
	text := mustRead(t, w.KeyFile)
	fields := strings.SplitN(string(text), "+", 5)
	raw, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil {
		t.Fatal(err)
	}
	raw[20] ^= 1
	fields[4] = base64.StdEncoding.EncodeToString(raw)
	if err := os.WriteFile(w.KeyFile, []byte(strings.Join(fields, "+")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := w.Vouch(dir, nil); !errors.Is(err, ErrKey) {
		_, err = reopen(t, dir, at(march)).Witnessed(c.Note, vkey)
		t.Errorf("got a cosignature (of which Witnessed says: %v), want the key refused", err)
	}
}

// Without a key a ledger is read, and none of the calls that append does.
func TestOpenWithoutAKeyReads(t *testing.T) {
	l, dir := newLedger(t, ten)
	b := begin(t, l, request("steps", planA, budget.Cost{Rho: 3}))
	advance(t, b.Token, published)
	reader, err := Open(dir, at(march))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got, want := kinds(records(t, reader)), kinds(records(t, l)); got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	if got, ok := reader.Caps(Account{Population: "eu"}); !ok || got != ten {
		t.Errorf("got caps %v, want %v", got, ten)
	}
	if _, err := reader.Checkpoint(); err != nil {
		t.Error(err)
	}
	if err := reader.VerifySignatures(nil); err != nil {
		t.Error(err)
	}
	for name, call := range map[string]func(l *Ledger) error{
		"caps":             func(l *Ledger) error { return l.SetCaps(Account{Population: "eu"}, eight) },
		"the caps it has":  func(l *Ledger) error { return l.SetCaps(Account{Population: "eu"}, ten) },
		"policy":           func(l *Ledger) error { return l.SetPolicy("eu", "health", 4, policyC) },
		"annotate":         func(l *Ledger) error { return l.Annotate(0, "text") },
		"rotate":           func(l *Ledger) error { _, err := l.Rotate(); return err },
		"rotate officer":   func(l *Ledger) error { return l.RotateOfficer("a", "b", Signature{}, Signature{}) },
		"approve":          func(l *Ledger) error { return l.Approve("request", planA, march, Signature{}) },
		"withdraw request": func(l *Ledger) error { return l.WithdrawRequest("request", "reason") },
		"withdraw release": func(l *Ledger) error { return l.WithdrawRelease(b.Release, "reason") },
		"begin": func(l *Ledger) error {
			_, err := l.Begin(request("more", planA, budget.Cost{Rho: 1}))
			return err
		},
	} {
		refuses(t, reader, name, ErrKey, func() error { return call(reader) })
		if err := call(l); errors.Is(err, ErrKey) {
			t.Errorf("%s with the key: got %v, want it judged", name, err)
		}
	}
}
