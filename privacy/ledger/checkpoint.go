package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	tlogfmt "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is what a signed note says of a ledger: how many records it held, and the root of their tree. Reading one
// does not verify its signatures.
type Checkpoint struct {
	Origin string // the ledger's name
	Size   int64
	Root   tlog.Hash
	Note   []byte // as it was signed, with every signature
}

// maxNote bounds a checkpoint with its signatures, in bytes.
const maxNote = 64 << 10

// ParseCheckpoint reads a signed note whose text is a checkpoint of a ledger, in exactly the package doc's form.
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	split := bytes.LastIndex(text, []byte("\n\n"))
	if split < 0 || len(text) > maxNote {
		return Checkpoint{}, errors.New("read checkpoint: it is no signed note")
	}
	var c tlogfmt.Checkpoint
	body := text[:split+1]
	rest, err := c.Unmarshal(body)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	if len(rest) > 0 || len(c.Hash) != tlog.HashSize || !bytes.Equal(c.Marshal(), body) || c.Size < 1 || c.Size > 1<<62 {
		return Checkpoint{}, errors.New("read checkpoint: it is not three lines of name, size and root")
	}
	return Checkpoint{c.Origin, int64(c.Size), tlog.Hash(c.Hash), bytes.Clone(text)}, nil
}

// checkpointText is what is signed.
func checkpointText(origin string, size int64, root tlog.Hash) string {
	return string(tlogfmt.Checkpoint{Origin: origin, Size: uint64(size), Hash: root[:]}.Marshal())
}

// signedNote puts a frame's signature under a checkpoint's text, in the form of package note.
func signedNote(text string, key note.Verifier, signature []byte) []byte {
	return fmt.Appendf(nil, "%s\n%s", text, signatureLine(key.Name(), keyed(key.KeyHash(), signature)))
}

// signatureLine is one signature of a note.
func signatureLine(name, encoded string) string { return "— " + name + " " + encoded + "\n" }

// keyed is the base64 that stands in a signature line.
func keyed(hash uint32, signature []byte) string {
	raw := append([]byte{byte(hash >> 24), byte(hash >> 16), byte(hash >> 8), byte(hash)}, signature...)
	return base64.StdEncoding.EncodeToString(raw)
}

// Checkpoint returns the checkpoint that ends with the last record this handle knows.
func (l *Ledger) Checkpoint() (Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkpointAt(l.seq)
}

// CheckpointAt returns the checkpoint of a size: that of the records 0 to size−1.
func (l *Ledger) CheckpointAt(size int64) (Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkpointAt(size)
}

func (l *Ledger) checkpointAt(size int64) (Checkpoint, error) {
	if size < 1 || size > l.seq {
		return Checkpoint{}, fmt.Errorf("checkpoint of %d records: the ledger holds %d", size, l.seq)
	}
	head := make([]byte, headBytes)
	if _, err := l.log.ReadAt(head, l.offsets[size-1]); err != nil {
		return Checkpoint{}, errors.Join(errRead, err)
	}
	root, err := l.tree.root(size)
	if err != nil {
		return Checkpoint{}, err
	}
	text := checkpointText(l.origin(), size, root)
	key := l.keyAt(size - 1)
	signed := signedNote(text, key, (&frame{bytes: head}).signature())
	return Checkpoint{l.origin(), size, root, signed}, checkNote(signed, key)
}

// checkNote says whether a note bears a signature of this key.
func checkNote(signed []byte, key note.Verifier) error {
	_, err := note.Open(signed, note.VerifierList(key))
	return err
}

// VerifySignatures checks the signature of every record that this handle knows. Opening checks those at the end and at
// changes of key, which cover the content of all records; this finds a signature in the middle that no longer opens.
// It calls progress, if there is one, after each.
func (l *Ledger) VerifySignatures(progress func(seq int64)) error {
	l.mu.Lock()
	size := l.seq
	l.mu.Unlock()
	for n := range size {
		if _, err := l.CheckpointAt(n + 1); err != nil {
			return fmt.Errorf("verify signatures: %w", corrupt(n, err))
		}
		if progress != nil {
			progress(n)
		}
	}
	return nil
}
