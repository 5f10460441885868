package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// keyring are the keys of the ledger and its officers.
type keyring struct {
	ledger    *publicKey
	former    []formerSigner
	officers  map[string]*publicKey
	used      map[string]bool // public keys that ever were in force, whatever their name
	unchecked signedRecord
}

// A formerSigner signed the records up to last.
type formerSigner struct {
	key  *publicKey
	last int64
}

// at is the key that signed a record.
func (k *keyring) at(record int64) *publicKey {
	for _, f := range k.former {
		if record <= f.last {
			return f.key
		}
	}
	return k.ledger
}

// publicKey is a verifier key: name+hash+key.
type publicKey struct {
	text, name string
	hash       [4]byte
	key        ed25519.PublicKey
}

// ed25519Notes is the byte that stands for Ed25519 before a key in a note.
const ed25519Notes = 1

var ledgerName = regexp.MustCompile(`^lethe/[0-9a-f]{32}$`)

// readKey reads a verifier key in its one form.
func readKey(text string) (*publicKey, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("a key is not name+hash+key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != ed25519Notes {
		return nil, errors.New("a key is not one of Ed25519")
	}
	k := &publicKey{text: text, name: parts[0], key: raw[1:]}
	sum := sha256.Sum256(append([]byte(k.name+"\n"), raw...))
	copy(k.hash[:], sum[:])
	if parts[1] != hex.EncodeToString(k.hash[:]) || parts[2] != base64.StdEncoding.EncodeToString(raw) {
		return nil, errors.New("a key's hash is not its own")
	}
	return k, nil
}

// signed says whether a signature, as it stands in a record, is this key's.
func (k *publicKey) signed(text string, s signatureBody) bool {
	if k == nil || s.Name != k.name {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(s.Signature)
	return err == nil && len(raw) == 4+ed25519.SignatureSize && bytes.Equal(raw[:4], k.hash[:]) &&
		ed25519.Verify(k.key, []byte(text), raw[4:])
}

// A signedRecord is a record with the signature of the checkpoint that ends
// with it.
type signedRecord struct {
	record    int64
	root      [32]byte
	signature []byte
	key       *publicKey
}

// checkSigned: the record that was read last bears the ledger's signature, which
// is over it and all before it.
func (b *books) checkSigned() {
	s := b.keyring.unchecked
	if s.key == nil {
		return // there is no key, which is a fault already
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", s.key.name, s.record+1, base64.StdEncoding.EncodeToString(s.root[:]))
	if !ed25519.Verify(s.key.key, []byte(text), s.signature) {
		b.fault(s.record, "it is not signed by the ledger's key")
	}
}

// twoOfficers says whether all signatures are officers', and two or more.
func (b *books) twoOfficers(text string, signatures []signatureBody) bool {
	who := map[string]bool{}
	for _, s := range signatures {
		if who[s.Name] || !b.keyring.officers[s.Name].signed(text, s) {
			return false
		}
		who[s.Name] = true
	}
	return len(who) >= 2
}

// enter takes in the keys of a new ledger.
func (r *genesisBody) enter(b *books, _ string) {
	k := keyring{officers: map[string]*publicKey{}, used: map[string]bool{}}
	own, err := readKey(r.Key)
	if err != nil || !ledgerName.MatchString(own.name) || r.Format != 2 {
		b.fault(r.Seq, "it is not of format 2, or its key is not a ledger's")
		return
	}
	k.ledger = own
	k.used[string(own.key)] = true
	for _, text := range r.Officers {
		o, err := readKey(text)
		if err != nil || !identifier.MatchString(o.name) || k.officers[o.name] != nil || k.used[string(o.key)] {
			b.fault(r.Seq, "an officer's key is none, or a name or key stands twice")
			continue
		}
		k.officers[o.name] = o
		k.used[string(o.key)] = true
	}
	if len(r.Officers) == 1 {
		b.fault(r.Seq, "there is one officer: none, or at least two")
	}
	b.keyring = k
}

// enter follows a key by another of its name.
func (r *rotatedBody) enter(b *books, _ string) {
	k := &b.keyring
	old, err1 := readKey(r.Old)
	fresh, err2 := readKey(r.New)
	if err1 != nil || err2 != nil || k.ledger == nil || old.name != fresh.name || k.used[string(fresh.key)] {
		b.fault(r.Seq, "a key is followed by one that is not new, or not of its name")
		return
	}
	inForce := k.officers[old.name]
	if old.name == k.ledger.name {
		inForce = k.ledger
	}
	said := fmt.Sprintf("lethe key\nledger %s\nold %s\nnew %s\n", b.genesis, r.Old, r.New)
	if inForce == nil || inForce.text != old.text || len(r.Signatures) != 2 ||
		!old.signed(said, r.Signatures[0]) || !fresh.signed(said, r.Signatures[1]) {
		b.fault(r.Seq, "a new key is not signed by the one in force and by itself")
		return
	}
	k.used[string(fresh.key)] = true
	if old.name != k.ledger.name {
		k.officers[old.name] = fresh
		return
	}
	k.former = append(k.former, formerSigner{old, r.Seq})
	k.ledger = fresh
}
