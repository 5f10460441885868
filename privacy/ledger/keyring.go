package ledger

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// keys are those in force, and those that were.
type keys struct {
	ledger   note.Verifier
	officers map[string]note.Verifier
	used     map[string]bool // public keys that ever were in force, without the name they went by
	vkeys    map[string]string
	former   []formerKey // of the ledger, in order
}

// formerKey signed the frames up to a KEYROTATED, that one included.
type formerKey struct {
	key  note.Verifier
	last int64 // the seq of the KEYROTATED
}

func newKeys(r *Record) (keys, error) {
	k := keys{officers: map[string]note.Verifier{}, used: map[string]bool{}, vkeys: map[string]string{}}
	v, err := verifier(r.Key)
	if err != nil {
		return k, err
	}
	if !validOrigin(v.Name()) {
		return k, errors.New("the ledger's key is not named as a ledger")
	}
	k.ledger = v
	k.used[public(r.Key)], k.vkeys[v.Name()] = true, r.Key
	for _, vkey := range r.Officers {
		o, err := verifier(vkey)
		if err != nil {
			return k, err
		}
		if !validID(o.Name()) || k.officers[o.Name()] != nil || k.used[public(vkey)] {
			return k, errors.New("the officers' names or keys are not distinct, or a name is not one of a person")
		}
		k.officers[o.Name()] = o
		k.used[public(vkey)], k.vkeys[o.Name()] = true, vkey
	}
	if len(r.Officers) == 1 {
		return k, errors.New("there is one officer: none, or at least two")
	}
	return k, nil
}

// checkRotation: the old key is in force, the new one has its name and never was, and both have signed.
func (s *state) checkRotation(r *Record) error {
	old, err1 := verifier(r.Old)
	new, err2 := verifier(r.New)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if s.keys.vkeys[old.Name()] != r.Old || new.Name() != old.Name() || s.keys.used[public(r.New)] {
		return errors.New("a key in force is followed by one of its name that nobody has had")
	}
	if len(r.Signatures) != 2 {
		return fmt.Errorf("%w: a new key is signed by the old one and by itself", ErrSignature)
	}
	said := rotateStatement(s.genesis, r.Old, r.New)
	return errors.Join(said.signedBy(r.Signatures[0], old), said.signedBy(r.Signatures[1], new))
}

func (k *keys) rotate(r *Record) error {
	v, err := verifier(r.New)
	if err != nil {
		return err
	}
	k.used[public(r.New)], k.vkeys[v.Name()] = true, r.New
	if v.Name() != k.ledger.Name() {
		k.officers[v.Name()] = v
		return nil
	}
	k.former = append(k.former, formerKey{k.ledger, r.Seq})
	k.ledger = v
	return nil
}

// public returns the part of a verifier key that is the same under every name.
func public(vkey string) string {
	fields := strings.SplitN(vkey, "+", 3)
	return fields[len(fields)-1]
}

// current returns the ledger's verifier key in force.
func (k *keys) current() string { return k.vkeys[k.ledger.Name()] }

// at returns the key that signed the frame of a record.
func (k *keys) at(seq int64) note.Verifier {
	for _, f := range k.former {
		if seq <= f.last {
			return f.key
		}
	}
	return k.ledger
}
