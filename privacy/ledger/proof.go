package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Prove returns the proof, in the form of C2SP tlog-proof, that record seq is in the ledger, under the checkpoint that
// ends with it: what the record is cannot depend on what came after. [CheckProof] needs the record's hash and nothing
// else of the ledger.
func (l *Ledger) Prove(seq int64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := l.checkpointAt(seq + 1)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	path, err := tlog.ProveRecord(c.Size, seq, &l.tree)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	p := tlogproof.TLogProof{Index: uint64(seq), Checkpoint: c.Note}
	for _, h := range path {
		p.Hashes = append(p.Hashes, h)
	}
	return p.Marshal(), nil
}

// CheckProof says whether a proof shows the record with this seq and hash (lower-case hex) under its checkpoint, which
// it returns. It does not verify who signed the checkpoint: that is [Checkpoint.SignedBy] or a ledger's [Ledger.Check].
func CheckProof(proof []byte, seq int64, hash string) (Checkpoint, error) {
	c, err := checkProof(proof, seq, hash)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("check the proof of record %d: %w", seq, err)
	}
	return c, nil
}

func checkProof(proof []byte, seq int64, hash string) (Checkpoint, error) {
	var p tlogproof.TLogProof
	if err := p.Unmarshal(proof); err != nil {
		return Checkpoint{}, err
	}
	if string(p.Marshal()) != string(proof) || p.ExtraData != nil {
		return Checkpoint{}, errors.New("it is not in its one form")
	}
	c, err := ParseCheckpoint(p.Checkpoint)
	if err != nil {
		return Checkpoint{}, err
	}
	raw, err := hex.DecodeString(hash)
	if err != nil || len(raw) != tlog.HashSize || !validHash(hash) || seq < 0 || uint64(seq) != p.Index {
		return Checkpoint{}, errors.New("it is of another record")
	}
	path := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		path[i] = h
	}
	if err := tlog.CheckRecord(path, c.Size, c.Root, seq, leaf([32]byte(raw))); err != nil {
		return Checkpoint{}, errors.New("the record is not under the checkpoint")
	}
	return c, nil
}

// SignedBy says whether the checkpoint bears a signature of this verifier key.
func (c Checkpoint) SignedBy(vkey string) error {
	v, err := verifier(vkey)
	if err != nil {
		return err
	}
	if _, err := note.Open(c.Note, note.VerifierList(v)); err != nil {
		return fmt.Errorf("%w: the checkpoint is not signed by %s", ErrSignature, v.Name())
	}
	return nil
}
