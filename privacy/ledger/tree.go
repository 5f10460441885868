package ledger

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the Merkle tree over the records, kept whole in memory: two hashes a record.
type tree struct {
	stored []tlog.Hash
}

// ReadHashes is tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 || at >= int64(len(t.stored)) {
			return nil, errors.New("the tree does not hold that hash")
		}
		out[i] = t.stored[at]
	}
	return out, nil
}

// leaf is the hash of a record as a leaf.
func leaf(hash [32]byte) tlog.Hash { return tlog.RecordHash(hash[:]) }

// add makes the record with this hash leaf n, which is the next one.
func (t *tree) add(n int64, hash [32]byte) error {
	more, err := tlog.StoredHashesForRecordHash(n, leaf(hash), t)
	if err != nil {
		return err
	}
	t.stored = append(t.stored, more...)
	return nil
}

// root returns the root over the first n records.
func (t *tree) root(n int64) (tlog.Hash, error) { return tlog.TreeHash(n, t) }

// rootWith returns the root over the first n records and one more, which is not added.
func (t *tree) rootWith(n int64, hash [32]byte) (tlog.Hash, error) {
	had := len(t.stored)
	if err := t.add(n, hash); err != nil {
		return tlog.Hash{}, err
	}
	root, err := t.root(n + 1)
	t.stored = t.stored[:had]
	return root, err
}
