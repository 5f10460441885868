package ledger

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/privacy/budget"
)

// varied is a ledger that holds a record of each kind, under two keys of its own, and its log's verifier keys.
func varied(t testing.TB) (*officed, []string) {
	t.Helper()
	o := newPermitted(t)
	vkeys := []string{o.key.vkey}
	o.grant(t, "eu", "sleep", budget.Caps{Lifetime: vast, Year: vast})
	o.approve(t, "cohort-7", planA, o.now.Add(time.Hour), o.alice, o.bob)
	r := asking("cohort")
	r.Project, r.Panel = "sleep", &Panel{2026, 4, 1}
	b := begin(t, o.Ledger, r)
	advance(t, b.Token, published)
	advance(t, begin(t, o.Ledger, request("steps", planA, small)).Token, burned)
	vkey, err := o.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	fresh := newPerson(t, "carol")
	said := o.RotateStatement(o.carol.vkey, fresh.vkey)
	if err := errors.Join(
		o.RotateOfficer(o.carol.vkey, fresh.vkey, o.carol.sign(t, said), fresh.sign(t, said)),
		o.WithdrawRelease(b.Release, "recalled"), o.WithdrawRequest("cohort-7", "no longer"), o.Annotate(0, "text"),
	); err != nil {
		t.Fatal(err)
	}
	all := kinds(records(t, o.Ledger))
	for _, k := range []Kind{Genesis, Budget, Policy, Charge, Panelled, Drawn, Resulted, Published, Burned, Approve, Withdraw, KeyRotated, Annotate} {
		if !strings.Contains(all, string(k)) {
			t.Fatalf("the log is %s, want a %s in it", all, k)
		}
	}
	return o, append(vkeys, vkey)
}

// Every record is proven by its hash, under a checkpoint that ends with it and that the key of its time signed; and the
// proof of one is that of no other.
func TestEveryRecordIsProven(t *testing.T) {
	o, vkeys := varied(t)
	all := records(t, o.Ledger)
	rotated := int64(-1)
	for _, r := range all {
		if r.Kind == KeyRotated && rotated < 0 {
			rotated = r.Seq
		}
	}
	refused := 0
	for _, r := range all {
		proof, err := o.Prove(r.Seq)
		if err != nil {
			t.Fatal(err)
		}
		c, err := CheckProof(proof, r.Seq, r.Hash)
		if err != nil || c.Size != r.Seq+1 || c.Origin != o.origin() {
			t.Errorf("record %d: got %+v (%v), want a checkpoint of %d", r.Seq, c, err, r.Seq+1)
			continue
		}
		now, other := vkeys[0], vkeys[1]
		if r.Seq > rotated {
			now, other = other, now
		}
		if err := c.SignedBy(now); err != nil {
			t.Errorf("record %d: %v", r.Seq, err)
		}
		if err := c.SignedBy(other); !errors.Is(err, ErrSignature) {
			t.Errorf("record %d by the other key: got %v, want ErrSignature", r.Seq, err)
		}
		if err := o.Check(Evidence{Seen: "a proof", Note: c.Note}); err != nil {
			t.Errorf("record %d: %v", r.Seq, err)
		}
		for _, other := range all {
			for _, wrong := range []struct {
				seq  int64
				hash string
			}{{other.Seq, other.Hash}, {r.Seq, other.Hash}, {other.Seq, r.Hash}} {
				if wrong.seq == r.Seq && wrong.hash == r.Hash {
					continue
				}
				if _, err := CheckProof(proof, wrong.seq, wrong.hash); err == nil {
					t.Errorf("the proof of record %d holds for %d, %s", r.Seq, wrong.seq, wrong.hash)
				}
				refused++
			}
		}
	}
	t.Logf("%d records proven, %d wrong claims refused", len(all), refused)
	for _, seq := range []int64{-1, int64(len(all)), 1 << 62, 1<<63 - 1, -1 << 63} {
		if proof, err := o.Prove(seq); err == nil {
			t.Errorf("prove record %d: got %q", seq, proof)
		}
		if c, err := o.CheckpointAt(seq + 1); err == nil {
			t.Errorf("checkpoint of %d: got %+v", seq+1, c)
		}
	}
}

// Whatever is changed in a proof, it is refused, or it says what it said: of the base64 of a signature the last two bits
// mean nothing.
func TestChangedProofsAreRefused(t *testing.T) {
	o, vkeys := varied(t)
	last := o.seq - 1
	seqs := []int64{last}
	if *long {
		seqs = nil
		for seq := range o.seq {
			seqs = append(seqs, seq)
		}
	}
	all := records(t, o.Ledger)
	refused, careless := 0, 0
	for _, seq := range seqs {
		proof, err := o.Prove(seq)
		if err != nil {
			t.Fatal(err)
		}
		vkey := vkeys[0]
		if good, err := CheckProof(proof, seq, all[seq].Hash); err != nil || good.SignedBy(vkey) != nil {
			vkey = vkeys[1]
		}
		for _, changed := range changes(proof) {
			c, err := CheckProof(changed, seq, all[seq].Hash)
			if err == nil {
				err = c.SignedBy(vkey)
			}
			if err != nil {
				refused++
			} else if !sameButForPadding(proof, changed) {
				t.Errorf("record %d: changed to %q: got no error", seq, changed)
			}
			if carelessCheck(changed, vkey) {
				careless++
			}
		}
	}
	t.Logf("%d changed proofs refused", refused)
	if refused < 1000 || careless == 0 {
		t.Errorf("refused %d, and %d by a check that leaves out the path: the changes show too little", refused, careless)
	}
}

// changes are what became of a text by one bit, one byte left out, one byte more, and by being cut.
func changes(text []byte) (all [][]byte) {
	for i := range text {
		for bit := range 8 {
			flipped := bytes.Clone(text)
			flipped[i] ^= 1 << bit
			all = append(all, flipped)
		}
		all = append(all, append(bytes.Clone(text[:i]), text[i+1:]...), bytes.Clone(text[:i]))
		for _, b := range []byte("\n\rA=") {
			all = append(all, append(append(bytes.Clone(text[:i]), b), text[i:]...))
		}
	}
	return all
}

// sameButForPadding: two texts that differ in the last base64 digit of the signature alone, or not at all.
func sameButForPadding(a, b []byte) bool {
	at := len(a) - len("=\n") - 1
	return bytes.Equal(a, b) || len(a) == len(b) && bytes.Equal(a[:at], b[:at]) && bytes.Equal(a[at+1:], b[at+1:])
}

// carelessCheck leaves out whether the path leads from the record to the root.
func carelessCheck(proof []byte, vkey string) bool {
	var p tlogproof.TLogProof
	if p.Unmarshal(proof) != nil {
		return false
	}
	c, err := ParseCheckpoint(p.Checkpoint)
	return err == nil && c.SignedBy(vkey) == nil
}

// A proof under a later checkpoint holds as well, but not in any form but its own.
func TestProofsUnderLaterCheckpoints(t *testing.T) {
	o, _ := varied(t)
	all := records(t, o.Ledger)
	c := checkpoint(t, o.Ledger)
	for _, r := range all {
		path, err := tlog.ProveRecord(c.Size, r.Seq, &o.tree)
		if err != nil {
			t.Fatal(err)
		}
		p := tlogproof.TLogProof{Index: uint64(r.Seq), Checkpoint: c.Note}
		for _, h := range path {
			p.Hashes = append(p.Hashes, h)
		}
		if got, err := CheckProof(p.Marshal(), r.Seq, r.Hash); err != nil || got.Size != c.Size || got.Root != c.Root {
			t.Errorf("record %d under the newest: got %+v (%v)", r.Seq, got, err)
		}
		good := p
		for name, change := range map[string]func(){
			"the index":        func() { p.Index++ },
			"the hash as text": func() { p.Hashes = append(p.Hashes, [32]byte{}) },
			"extra data":       func() { p.ExtraData = []byte("x") },
			"no extra data":    func() { p.ExtraData = []byte{} },
			"no path":          func() { p.Hashes = nil },
			"no checkpoint":    func() { p.Checkpoint = nil },
		} {
			p = good
			change()
			if _, err := CheckProof(p.Marshal(), r.Seq, r.Hash); err == nil {
				t.Errorf("record %d, %s: got no error", r.Seq, name)
			}
		}
		for name, hash := range map[string]string{
			"upper case": strings.ToUpper(r.Hash), "short": r.Hash[:62], "none": "", "a blank": " " + r.Hash[1:], "long": r.Hash + "00",
		} {
			if _, err := CheckProof(good.Marshal(), r.Seq, hash); err == nil {
				t.Errorf("record %d, a hash that is %s: got no error", r.Seq, name)
			}
		}
	}
}

func TestParseCheckpointIsStrict(t *testing.T) {
	l, _ := newLedger(t, ten)
	c := checkpoint(t, l)
	text, signature, _ := strings.Cut(string(c.Note), "\n\n")
	lines := strings.Split(text, "\n")
	form := func(lines ...string) string { return strings.Join(lines, "\n") + "\n\n" + signature }
	if got, err := ParseCheckpoint([]byte(form(lines...))); err != nil || got.Root != c.Root || got.Size != 3 || got.Origin != l.origin() {
		t.Fatalf("got %+v (%v), want the checkpoint", got, err)
	}
	for name, bad := range map[string]string{
		"nothing":           "",
		"no signatures":     text + "\n",
		"a fourth line":     form(lines[0], lines[1], lines[2], "more"),
		"two lines":         form(lines[0], lines[1]),
		"size 0":            form(lines[0], "0", lines[2]),
		"size 03":           form(lines[0], "03", lines[2]),
		"size +3":           form(lines[0], "+3", lines[2]),
		"size -3":           form(lines[0], "-3", lines[2]),
		"size beyond int64": form(lines[0], "9223372036854775808", lines[2]),
		"a short root":      form(lines[0], lines[1], "AAAA"),
		"a root in hex":     form(lines[0], lines[1], hex.EncodeToString(c.Root[:])),
		"no name":           form("", lines[1], lines[2]),
		"carriage returns":  strings.ReplaceAll(string(c.Note), "\n", "\r\n"),
		"too large":         form(lines...) + strings.Repeat("x", maxNote),
	} {
		if got, err := ParseCheckpoint([]byte(bad)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
	for _, vkey := range []string{"", "key", l.key.vkey + "x", newPerson(t, "alice").vkey} {
		if err := c.SignedBy(vkey); err == nil {
			t.Errorf("signed by %q: got no error", vkey)
		}
	}
	if err := c.SignedBy(l.key.vkey); err != nil {
		t.Error(fmt.Errorf("signed by its own key: %w", err))
	}
}
