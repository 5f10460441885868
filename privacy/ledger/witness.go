package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// A Witness keeps the last checkpoint of a ledger in a place that the ledger's owner cannot write, and vouches for a new
// one only if the ledger goes on from it.
type Witness struct {
	KeyFile string // Required. Made by [NewKey]; one process works with it at a time.
	File    string // Required. The last checkpoint, with this witness's signature.
	First   bool   // There is no File yet. Otherwise that is an error: a witness that lost it vouches for nothing.
}

// Vouch opens the ledger in dir for reading, verifies all of it, and every signature, and holds it against the last
// checkpoint. Then it adds its signature (C2SP tlog-cosignature, with the time) to the newest, and keeps that.
func (w Witness) Vouch(dir string, progress func(seq int64)) (c Checkpoint, err error) {
	if c, err = w.vouch(dir, progress); err != nil {
		return Checkpoint{}, fmt.Errorf("vouch for ledger %s: %w", dir, err)
	}
	return c, nil
}

func (w Witness) vouch(dir string, progress func(seq int64)) (Checkpoint, error) {
	d := osDisk{}
	held, err := d.Open(w.KeyFile, 0)
	if err != nil {
		return Checkpoint{}, err
	}
	defer held.Close()
	if err := held.Lock(syscall.LOCK_EX); err != nil {
		return Checkpoint{}, fmt.Errorf("lock the witness's key: %w", err)
	}
	key, err := w.key()
	if err != nil {
		return Checkpoint{}, err
	}
	last, err := w.last(key.Verifier())
	if err != nil {
		return Checkpoint{}, err
	}
	l, err := Open(dir, Options{Evidence: last})
	if err != nil {
		return Checkpoint{}, err
	}
	defer l.Close()
	if err := l.VerifySignatures(progress); err != nil {
		return Checkpoint{}, err
	}
	return w.sign(l, key)
}

// key reads the witness's key.
func (w Witness) key() (*cosignature.Signer, error) {
	if _, err := loadKey(osDisk{}, w.KeyFile); err != nil { // which looks closer at it
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	skey, err := readSmall(osDisk{}, w.KeyFile, true)
	if err != nil {
		return nil, err
	}
	key, err := cosignature.NewSignerForCosignatureV1(string(trimLine(skey)))
	if err != nil {
		return nil, fmt.Errorf("%w: %s holds none that signs checkpoints", ErrKey, w.KeyFile)
	}
	return key, nil
}

// last is what this witness vouched for last, by its own signature; nothing the first time.
func (w Witness) last(own note.Verifier) ([]Evidence, error) {
	text, err := readSmall(osDisk{}, w.File, false)
	switch {
	case err == nil && w.First:
		return nil, fmt.Errorf("%s: %w: this is not the first time", w.File, fs.ErrExist)
	case err == nil && checkNote(text, own) != nil:
		return nil, fmt.Errorf("%w: %s is not signed by %s", ErrSignature, w.File, own.Name())
	case err == nil:
		return []Evidence{{Seen: w.File, Note: text}}, nil
	case errors.Is(err, fs.ErrNotExist) && w.First:
		return nil, nil
	}
	return nil, err
}

func (w Witness) sign(l *Ledger, key note.Signer) (Checkpoint, error) {
	c, err := l.Checkpoint()
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := note.Open(c.Note, note.VerifierList(l.keyAt(c.Size-1)))
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Note, err = note.Sign(n, key); err != nil {
		return Checkpoint{}, err
	}
	if err := (osDisk{}).Mkdir(filepath.Dir(w.File)); err != nil {
		return Checkpoint{}, err
	}
	return c, rewrite(osDisk{}, w.File, c.Note)
}

// Witnessed says of how many records, from the first on, the witness with this verifier key vouches in a checkpoint that
// it signed. The ledger has to go on from it.
func (l *Ledger) Witnessed(signed []byte, witness string) (int64, error) {
	key, err := cosignature.NewVerifierForCosignatureV1(witness)
	if err != nil {
		return 0, errors.New("the witness's verifier key is not name+hash+key as it was made")
	}
	if err := checkNote(signed, key); err != nil {
		return 0, fmt.Errorf("%w: the checkpoint is not signed by witness %s", ErrSignature, key.Name())
	}
	if err := l.Check(Evidence{Seen: "the witness's checkpoint", Note: signed}); err != nil {
		return 0, err
	}
	c, err := ParseCheckpoint(signed)
	return c.Size, err
}
