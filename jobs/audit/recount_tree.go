package main

import "crypto/sha256"

// A merkle is the tree of RFC 6962 as it grows: the roots of its full subtrees,
// from the largest to the smallest.
type merkle struct {
	full []subtree
}

type subtree struct {
	leaves int64
	root   [32]byte
}

// add makes a record's hash the next leaf.
func (m *merkle) add(hash [32]byte) {
	m.full = append(m.full, subtree{1, sha256.Sum256(append([]byte{0}, hash[:]...))})
	for n := len(m.full); n > 1 && m.full[n-2].leaves == m.full[n-1].leaves; n-- {
		left, right := m.full[n-2], m.full[n-1]
		m.full = append(m.full[:n-2], subtree{2 * left.leaves, node(left.root, right.root)})
	}
}

// root is that of the whole tree: what is left over is joined from the right.
func (m *merkle) root() [32]byte {
	out := m.full[len(m.full)-1].root
	for i := len(m.full) - 2; i >= 0; i-- {
		out = node(m.full[i].root, out)
	}
	return out
}

func node(left, right [32]byte) [32]byte {
	both := append([]byte{1}, left[:]...)
	return sha256.Sum256(append(both, right[:]...))
}
