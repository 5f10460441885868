package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	tlogfmt "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What follows reads a log by the package doc alone: nothing in it is of this package.

// foundFrame is a frame as the doc describes it.
type foundFrame struct {
	hash, signature []byte
	body            string
}

var errNoLog = errors.New("this is no log")

// readAsTheDocSays takes a log apart and recomputes every hash of it.
func readAsTheDocSays(log []byte) (all []foundFrame, err error) {
	for before := []byte(nil); len(log) > 0; {
		if len(log) < 203 {
			return nil, errNoLog
		}
		length, err1 := strconv.ParseUint(string(log[:8]), 16, 32)
		hash, err2 := hex.DecodeString(string(log[9:73]))
		signature, err3 := hex.DecodeString(string(log[74:202]))
		end := 203 + int(length)
		if err := errors.Join(err1, err2, err3); err != nil || end >= len(log) || log[end] != '\n' {
			return nil, errors.Join(errNoLog, err)
		}
		body := log[203:end]
		if want := sha256.Sum256(append(before, body...)); !bytes.Equal(hash, want[:]) {
			return nil, fmt.Errorf("%w: frame %d has another hash", errNoLog, len(all))
		}
		all = append(all, foundFrame{hash, signature, string(body)})
		before, log = bytes.Clone(log[:end+1]), log[end+1:]
	}
	return all, nil
}

// rootOf is the Merkle tree hash of RFC 6962, section 2.1, over the frames' hashes.
func rootOf(frames []foundFrame) []byte {
	if len(frames) == 1 {
		h := sha256.Sum256(append([]byte{0}, frames[0].hash...))
		return h[:]
	}
	k := 1
	for 2*k < len(frames) {
		k *= 2
	}
	h := sha256.Sum256(slices.Concat([]byte{1}, rootOf(frames[:k]), rootOf(frames[k:])))
	return h[:]
}

var (
	keyField = regexp.MustCompile(`^\{"seq":0,"kind":"GENESIS","time":"[^"]*","format":2,"key":"(lethe/[0-9a-f]{32})\+[0-9a-f]{8}\+([^"]+)"`)
	newField = regexp.MustCompile(`"kind":"KEYROTATED",.*"new":"(lethe/[0-9a-f]{32})\+[0-9a-f]{8}\+([^"]+)"`)
)

// verifyAsTheDocSays returns the checkpoint's text at the end of each frame, each verified under the key in force.
func verifyAsTheDocSays(frames []foundFrame) (texts []string, err error) {
	var key []byte
	for n, f := range frames {
		field := newField
		if n == 0 {
			field = keyField
		}
		m := field.FindStringSubmatch(f.body)
		if n == 0 {
			if m == nil {
				return nil, errNoLog
			}
			if key, err = base64.StdEncoding.DecodeString(m[2]); err != nil || len(key) != 33 || key[0] != 1 {
				return nil, errNoLog
			}
		}
		name := keyField.FindStringSubmatch(frames[0].body)[1]
		text := fmt.Sprintf("%s\n%d\n%s\n", name, n+1, base64.StdEncoding.EncodeToString(rootOf(frames[:n+1])))
		if !ed25519.Verify(key[1:], []byte(text), f.signature) {
			return nil, fmt.Errorf("%w: the signature of frame %d does not verify", errNoLog, n)
		}
		texts = append(texts, text)
		if n > 0 && m != nil { // the frame itself is still signed by the key before
			if key, err = base64.StdEncoding.DecodeString(m[2]); err != nil {
				return nil, err
			}
		}
	}
	return texts, nil
}

func TestIndependentReaderAgrees(t *testing.T) {
	o, _ := varied(t)
	log := logBytes(t, o.dir)
	frames, err := readAsTheDocSays(log)
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, o.Ledger)
	if len(frames) != len(all) {
		t.Fatalf("it read %d frames, want %d", len(frames), len(all))
	}
	texts, err := verifyAsTheDocSays(frames)
	if err != nil {
		t.Fatal(err)
	}
	for n, text := range texts {
		if got := hex.EncodeToString(frames[n].hash); got != all[n].Hash {
			t.Errorf("record %d: hash %s, want %s", n, got, all[n].Hash)
		}
		c, err := o.CheckpointAt(int64(n + 1))
		if err != nil || !strings.HasPrefix(string(c.Note), text+"\n") {
			t.Errorf("record %d: its checkpoint is %q (%v), want %q", n, c.Note, err, text)
		}
		if prefix := fmt.Sprintf(`{"seq":%d,"kind":"%s","time":"2026-03-30T02:00:00Z"`, n, all[n].Kind); !strings.HasPrefix(frames[n].body, prefix) {
			t.Errorf("record %d: it begins %.60s, want %s", n, frames[n].body, prefix)
		}
	}
	t.Logf("%d frames agree: hash, root and signature", len(frames))

	// It finds what it should: any other bit in the last frame, and a signature of another frame.
	last := len(log) - 1 - len(frames[len(frames)-1].body) - 203
	for i := last; i < len(log); i += 7 {
		changed := bytes.Clone(log)
		changed[i] ^= 1
		found, err := readAsTheDocSays(changed)
		if err == nil {
			_, err = verifyAsTheDocSays(found)
		}
		if err == nil {
			t.Errorf("byte %d changed: it agrees", i)
		}
	}
	swapped := slices.Clone(frames)
	swapped[3].signature = frames[4].signature
	if _, err := verifyAsTheDocSays(swapped); err == nil {
		t.Error("a signature of another frame: it agrees")
	}
}

// heldHashes are the leaves and the nodes of a tree that was built from them, without this package.
type heldHashes []tlog.Hash

func (h heldHashes) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, h[i])
	}
	return out, nil
}

// Others open our checkpoints, and prove that one goes on from another with leaves of their own.
func TestCheckpointsOpenElsewhere(t *testing.T) {
	o, vkeys := varied(t)
	frames, err := readAsTheDocSays(logBytes(t, o.dir))
	if err != nil {
		t.Fatal(err)
	}
	var held heldHashes
	for n, f := range frames {
		more, err := tlog.StoredHashes(int64(n), f.hash, held)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, more...)
	}
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	var cs []*tlogfmt.Checkpoint
	under := map[string]int{}
	for n := range frames {
		c, err := o.CheckpointAt(int64(n + 1))
		if err != nil {
			t.Fatal(err)
		}
		opened, err := note.Open(c.Note, note.VerifierList(verifiers...))
		if err != nil || len(opened.Sigs) != 1 {
			t.Fatalf("checkpoint of %d: package note opens %+v (%v)", n+1, opened, err)
		}
		for i, v := range verifiers {
			parsed, rest, _, err := tlogfmt.ParseCheckpoint(c.Note, o.origin(), v)
			if err != nil {
				continue
			}
			under[vkeys[i]]++
			if parsed.Size != uint64(n+1) || len(rest) > 0 {
				t.Errorf("checkpoint of %d: formats/log reads %+v and %q", n+1, parsed, rest)
			}
			cs = append(cs, parsed)
		}
	}
	if len(cs) != len(frames) || len(under) != 2 {
		t.Fatalf("formats/log opens %d of %d checkpoints, under the keys %v", len(cs), len(frames), under)
	}
	proven := 0
	for _, newer := range cs {
		for _, older := range cs[:newer.Size] {
			p, err := tlog.ProveTree(int64(newer.Size), int64(older.Size), held)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(p, int64(newer.Size), tlog.Hash(newer.Hash), int64(older.Size), tlog.Hash(older.Hash)); err != nil {
				t.Errorf("from %d to %d: %v", older.Size, newer.Size, err)
			}
			proven++
			other := tlog.Hash(older.Hash)
			other[0] ^= 1
			if tlog.CheckTree(p, int64(newer.Size), tlog.Hash(newer.Hash), int64(older.Size), other) == nil {
				t.Errorf("from %d to %d: it goes on from another root as well", older.Size, newer.Size)
			}
		}
	}
	t.Logf("%d checkpoints opened, %d pairs proven consistent", len(cs), proven)
}
