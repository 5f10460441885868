package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// A Statement is a text that people sign, one fact a line. It names the ledger by the hash of its GENESIS, and what it
// follows there, so that it counts once and in no other place.
type Statement string

// budgetStatement: after is the hash of the BUDGET that is replaced, or of GENESIS where there is none.
func budgetStatement(genesis, after string, of Account, c budget.Caps) Statement {
	project := of.Project
	if project == "" {
		project = "-"
	}
	return Statement(fmt.Sprintf("lethe budget\nledger %s\nafter %s\npopulation %s\nproject %s\nlifetime %s\nyear %s\n",
		genesis, after, of.Population, project, amounts(c.Lifetime), amounts(c.Year)))
}

func amounts(c budget.Cost) string {
	return fmt.Sprintf("rho %v delta %v epsilon %v", c.Rho, c.Delta, c.Epsilon)
}

// approveStatement: after is the hash of the request's last WITHDRAW, or of GENESIS where there is none.
func approveStatement(genesis, after, request, plan string, expires time.Time) Statement {
	return Statement(fmt.Sprintf("lethe approval\nledger %s\nafter %s\nrequest %s\nplan %s\nexpires %s\n",
		genesis, after, request, plan, expires.UTC().Format(timeLayout)))
}

func rotateStatement(genesis, old, new string) Statement {
	return Statement(fmt.Sprintf("lethe key\nledger %s\nold %s\nnew %s\n", genesis, old, new))
}

// Sign signs a statement with the key in a file, as a person does.
func (s Statement) Sign(keyFile string) (Signature, error) {
	key, err := loadKey(osDisk{}, keyFile)
	if err != nil {
		return Signature{}, fmt.Errorf("sign: %w", err)
	}
	return s.sign(key)
}

func (s Statement) sign(key *signer) (Signature, error) {
	raw, err := key.Sign([]byte(s))
	if err != nil {
		return Signature{}, fmt.Errorf("sign: %w", err)
	}
	return Signature{key.Name(), keyed(key.KeyHash(), raw)}, nil
}

// signedBy says whether the signature is this key's.
func (s Statement) signedBy(sig Signature, key note.Verifier) error {
	if key == nil || sig.Name != key.Name() || checkNote(s.Note(sig), key) != nil {
		return fmt.Errorf("%w: that of %s is not its key's under this statement", ErrSignature, sig.Name)
	}
	return nil
}

// Note returns the statement with signatures, as package note reads it.
func (s Statement) Note(signatures ...Signature) []byte {
	out := []byte(s + "\n")
	for _, sig := range signatures {
		out = append(out, signatureLine(sig.Name, sig.Base64)...)
	}
	return out
}

// ParseSigned takes what [Statement.Note] returns apart into the statement and its signatures, in the order in which they
// stand, of which there may be none yet. It verifies none.
func ParseSigned(text []byte) (Statement, []Signature, error) {
	if said, unsigned := bytes.CutSuffix(text, []byte("\n\n")); unsigned && !bytes.Contains(said, []byte("\n\n")) && len(said) > 0 {
		return Statement(append(said, '\n')), nil, nil
	}
	n, err := note.Open(text, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		n = unverified.Note
	}
	if n == nil {
		return "", nil, fmt.Errorf("read signed statement: %w", err)
	}
	var out []Signature
	for _, sig := range n.UnverifiedSigs {
		out = append(out, Signature{sig.Name, sig.Base64})
	}
	return Statement(n.Text), out, nil
}
