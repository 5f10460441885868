package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Evidence is something outside the ledger's folder that shows what the ledger held: a checkpoint, a release that was
// delivered, or both in one manifest.
type Evidence struct {
	Seen    string // Required. The file that shows it, for messages.
	Note    []byte // a checkpoint; or none
	Release string // the id of a release that was delivered, of which RESULT must be on record; or none
	Files   []File // files of that release, which RESULT must have
}

// Check says whether the ledger contradicts e: *[RolledBack], [ErrOther], or [ErrSignature] for a checkpoint that the
// ledger's key never signed.
func (l *Ledger) Check(e Evidence) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.check(e)
}

func (l *Ledger) check(e Evidence) error {
	if e.Note != nil {
		if err := l.checkKnown(e); err != nil {
			return err
		}
	}
	if e.Release == "" {
		return nil
	}
	a := l.state.releases[e.Release]
	if a == nil || a.files == nil {
		return &RolledBack{e.Seen, fmt.Sprintf("release %s was delivered, and the ledger holds no result of it", e.Release)}
	}
	for _, f := range e.Files {
		if !slices.Contains(a.files, f) {
			return &RolledBack{e.Seen, fmt.Sprintf("file %s of release %s is not the one whose result is on record", f.Name, e.Release)}
		}
	}
	return nil
}

// checkKnown: the ledger goes on from the checkpoint, which is its own.
func (l *Ledger) checkKnown(e Evidence) error {
	c, err := ParseCheckpoint(e.Note)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Seen, err)
	}
	if c.Origin != l.origin() {
		return fmt.Errorf("%s is of ledger %s: %w, %s", e.Seen, c.Origin, ErrOther, l.origin())
	}
	if err := l.checkOwn(c); err != nil {
		return fmt.Errorf("%s: %w", e.Seen, err)
	}
	if c.Size > l.seq {
		return &RolledBack{e.Seen, fmt.Sprintf("it speaks of %d records, the ledger holds %d", c.Size, l.seq)}
	}
	root, err := l.tree.root(c.Size)
	if err != nil {
		return err
	}
	if root != c.Root {
		return &RolledBack{e.Seen, fmt.Sprintf("of the first %d records at least one was another", c.Size)}
	}
	return nil
}

// checkOwn: the checkpoint bears a signature of the ledger, by the key in force at its end. Of one that is ahead, or of
// another history, that may be a key this log knows nothing of; then any key that it had will do, or none could tell.
func (l *Ledger) checkOwn(c Checkpoint) error {
	known := []note.Verifier{l.state.keys.ledger}
	for _, f := range l.state.keys.former {
		known = append(known, f.key)
	}
	if c.Size <= l.seq {
		known = []note.Verifier{l.keyAt(c.Size - 1)}
	}
	for _, key := range known {
		if checkNote(c.Note, key) == nil {
			return nil
		}
	}
	if c.Size > l.seq {
		return &RolledBack{"a checkpoint", fmt.Sprintf("it speaks of %d records under a key that the ledger does not know, which holds %d", c.Size, l.seq)}
	}
	return fmt.Errorf("%w: the checkpoint is not signed by the ledger's key", ErrSignature)
}

// copyName is where a folder keeps the newest checkpoint of a ledger.
func copyName(folder, origin string) string {
	return filepath.Join(folder, strings.TrimPrefix(origin, "lethe/")+".checkpoint")
}

// checkCopy: the ledger is not behind the copy of its newest checkpoint.
func (l *Ledger) checkCopy() error {
	text, err := readSmall(l.disk, l.copy, false)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoCopy, err)
	}
	if err != nil {
		return fmt.Errorf("read the checkpoint's copy: %w", err)
	}
	return l.check(Evidence{Seen: l.copy, Note: text})
}

// keepCopy gives the copy the newest checkpoint.
func (l *Ledger) keepCopy() error {
	if l.copy == "" {
		return nil
	}
	c, err := l.checkpointAt(l.seq)
	if err != nil {
		return err
	}
	return rewrite(l.disk, l.copy, c.Note)
}
