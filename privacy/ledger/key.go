package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// nextSuffix is added to the name of a key file for the key that a rotation brings.
const nextSuffix = ".next"

// newOrigin returns the name of a new ledger.
func newOrigin() (string, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	return "lethe/" + hex.EncodeToString(id), nil
}

func validOrigin(s string) bool {
	id, ok := strings.CutPrefix(s, "lethe/")
	return ok && len(id) == 32 && lowerHex([]byte(id))
}

// signer signs as the key in a file does, and can say which key it is.
type signer struct {
	note.Signer
	verifier note.Verifier
	vkey     string // of the verifier
}

// NewKey makes an Ed25519 key for a person or a witness of this name, writes the private half to a new file (mode 0600)
// and returns the verifier key. A file that is there is fs.ErrExist and left alone.
func NewKey(path, name string) (vkey string, err error) {
	if !validID(name) {
		return "", fmt.Errorf("make key: %w", errID("name"))
	}
	return newKey(osDisk{}, path, name)
}

func newKey(d disk, path, name string) (string, error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	if err := writeNew(d, path, []byte(skey+"\n")); err != nil {
		return "", fmt.Errorf("write key %s: %w", path, err)
	}
	return vkey, nil
}

// loadKey reads a key file.
func loadKey(d disk, path string) (*signer, error) {
	text, err := readSmall(d, path, true)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	s, err := parseKey(string(trimLine(text)))
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	return s, nil
}

// trimLine takes the line feed off a file of one line.
func trimLine(text []byte) []byte { return bytes.TrimSuffix(text, []byte("\n")) }

// parseKey never quotes the key in its error.
func parseKey(skey string) (*signer, error) {
	bad := errors.New("it is not one line that begins with PRIVATE+KEY+")
	s, err := note.NewSigner(skey)
	if err != nil {
		return nil, bad
	}
	vkey, err := verifierOf(skey)
	if err != nil {
		return nil, bad
	}
	v, err := verifier(vkey)
	if err != nil {
		return nil, bad
	}
	return &signer{s, v, vkey}, nil
}

// readSmall reads a file that a person or this package wrote. A private one must be nobody else's to read.
func readSmall(d disk, path string, private bool) ([]byte, error) {
	f, err := d.Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mode, err := f.Mode()
	if err != nil {
		return nil, err
	}
	if !mode.IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if private && mode.Perm()&0o077 != 0 {
		return nil, errors.New("others may read or write it: chmod 600")
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxNote+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxNote {
		return nil, fmt.Errorf("it is larger than %d bytes", maxNote)
	}
	return text, nil
}

// makeLedgerKey makes the signing key of a new ledger beside the file that it will have, as a rotation does. One that
// lies there is of a Create that was cut short: no ledger has it.
func makeLedgerKey(o Options, origin string) (*signer, error) {
	if err := o.disk.Mkdir(filepath.Dir(o.KeyFile)); err != nil {
		return nil, err
	}
	if f, err := o.disk.Open(o.KeyFile, os.O_RDONLY); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = errors.Join(fmt.Errorf("%s: %w", o.KeyFile, fs.ErrExist), f.Close())
		}
		return nil, fmt.Errorf("%w: it may be the key of another ledger", err)
	}
	if err := o.disk.Remove(o.KeyFile + nextSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, err := newKey(o.disk, o.KeyFile+nextSuffix, origin); err != nil {
		return nil, err
	}
	return loadKey(o.disk, o.KeyFile+nextSuffix)
}

// verifierOf returns the verifier key of a signer key that package note accepts.
func verifierOf(skey string) (string, error) {
	fields := strings.SplitN(skey, "+", 5) // PRIVATE KEY name hash key
	if len(fields) != 5 {
		return "", errors.New("it has too few fields")
	}
	raw, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", errors.New("it is no Ed25519 key")
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", errors.New("it is no Ed25519 key")
	}
	return note.NewEd25519VerifierKey(fields[2], public)
}

// verifier reads a verifier key, in the one form in which package note writes it.
func verifier(vkey string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, errors.New("the verifier key is not name+hash+key as it was made")
	}
	fields := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.Strict().DecodeString(fields[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return nil, errors.New("the verifier key is not one of Ed25519")
	}
	if again, err := note.NewEd25519VerifierKey(fields[0], raw[1:]); err != nil || again != vkey {
		return nil, errors.New("the verifier key is not in its one form")
	}
	return v, nil
}
