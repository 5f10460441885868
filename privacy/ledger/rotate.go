package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Rotate gives the ledger a new signing key and returns its verifier key. The new key is made beside the old one's file
// and takes its name once KEYROTATED is on the disk; the old one is gone then. Other handles that are open are
// [ErrPoisoned] at their next append, by [ErrKey]: open them again.
func (l *Ledger) Rotate() (vkey string, err error) {
	err = l.exclusive(func() error {
		vkey, err = l.rotate()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("rotate the ledger's key: %w", err)
	}
	return vkey, nil
}

func (l *Ledger) rotate() (string, error) {
	// Behind a rotation that was cut short, the file beside the key's holds the one that is in force.
	if err := l.checkInForce(); err != nil {
		return "", err
	}
	fresh := l.keyAs + nextSuffix
	if err := l.disk.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a rotation that was never recorded
		return "", err
	}
	// The rename of the rotation before may not be durable: the new key must not come to stand in place of that one's.
	if err := l.disk.SyncDir(filepath.Dir(fresh)); err != nil {
		return "", err
	}
	if _, err := newKey(l.disk, fresh, l.origin()); err != nil {
		return "", err
	}
	key, err := loadKey(l.disk, fresh)
	if err != nil {
		return "", err
	}
	said := rotateStatement(l.state.genesis, l.key.vkey, key.vkey)
	r := &Record{Kind: KeyRotated, Old: l.key.vkey, New: key.vkey}
	for _, s := range []*signer{l.key, key} {
		signature, err := said.sign(s)
		if err != nil {
			return "", err
		}
		r.Signatures = append(r.Signatures, signature)
	}
	if err := l.append(r); err != nil {
		return "", err
	}
	if err := replace(l.disk, fresh, l.keyAs); err != nil {
		return "", l.fail(err)
	}
	l.key = key
	return key.vkey, nil
}

// RotateOfficer records an officer's new key. What the old one signed and is on record stays valid: where it was stolen,
// withdraw the requests that it approved. It takes the signatures of the old one and the new one under the
// [Ledger.RotateStatement] of the same.
func (l *Ledger) RotateOfficer(old, new string, byOld, byNew Signature) error {
	err := l.exclusive(func() error {
		if byOld.Name == l.origin() {
			return errors.New("it is the ledger's own, which Rotate changes")
		}
		return l.append(&Record{Kind: KeyRotated, Old: old, New: new, Signatures: []Signature{byOld, byNew}})
	})
	if err != nil {
		return fmt.Errorf("rotate an officer's key: %w", err)
	}
	return nil
}

// RotateStatement returns what the holder of an officer's old and new verifier key signs with both.
func (l *Ledger) RotateStatement(old, new string) Statement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return rotateStatement(l.state.genesis, old, new)
}
