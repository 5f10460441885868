package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lethe/privacy/budget"
)

// forger writes a log anew from a record on, so that every hash fits.
type forger struct {
	log  []byte
	last []byte
	tree tree
	seq  int64
}

// forge begins with the first n records of a log.
func forge(s *sealedLog, n int) *forger {
	l, _, err := verify(s.log[:s.offsets[n]])
	if err != nil {
		panic(err)
	}
	return &forger{log: bytes.Clone(s.log[:s.offsets[n]]), last: l.last, tree: l.tree, seq: int64(n)}
}

// add appends a body, with what sign makes of its checkpoint as a signature of 128 hex digits.
func (f *forger) add(body []byte, sign func(root [32]byte) []byte) {
	hash := chain(f.last, body)
	root := must(f.tree.rootWith(f.seq, hash))
	f.last = fmt.Appendf(nil, "%08x %x %s %s\n", len(body), hash, sign(root), body)
	if err := f.tree.add(f.seq, hash); err != nil {
		panic(err)
	}
	f.log = append(f.log, f.last...)
	f.seq++
}

func body(frame []byte) []byte { return frame[headBytes : len(frame)-1] }

// signWith signs checkpoints of a ledger of this name.
func (f *forger) signWith(key *signer, origin string) func([32]byte) []byte {
	return func(root [32]byte) []byte {
		return fmt.Appendf(nil, "%x", must(key.Sign([]byte(checkpointText(origin, f.seq+1, root)))))
	}
}

// nextEnd returns the record at which the signature is verified on opening, from record n on: where a key ends, or the
// log does.
func nextEnd(s *sealedLog, n int) int64 {
	for k := n; k < len(s.records); k++ {
		if r := s.records[k]; r.Kind == KeyRotated && strings.HasPrefix(r.Old, "lethe/") {
			return int64(k)
		}
	}
	return int64(len(s.records) - 1)
}

// Someone who cannot sign makes a record dearer or cheaper, or says another word, and every hash after it anew.
func TestChainWithoutTheKeyIsFound(t *testing.T) {
	s := logOf200()
	eve := keyOfPerson("eve")
	stride, count := 17, 0
	if *long {
		stride = 1
	}
	for n := 2; n < len(s.records); n += stride {
		for name, sign := range map[string]func(f *forger, old []byte) func([32]byte) []byte{
			"the signatures kept": func(_ *forger, old []byte) func([32]byte) []byte {
				return func([32]byte) []byte { return old[74:202] }
			},
			"another key's signatures": func(f *forger, _ []byte) func([32]byte) []byte { return f.signWith(eve, s.final.Origin) },
		} {
			count++
			f := forge(s, n)
			for k := n; k < len(s.records); k++ {
				old := s.frame(k)
				text := body(old)
				if k == n { // the time is in every body, and no rule looks at it here
					text = bytes.Replace(text, []byte(`"time":"2026-03-30T02:00:00Z"`), []byte(`"time":"2026-03-30T02:00:01Z"`), 1)
				}
				f.add(text, sign(f, old))
			}
			_, tail, err := verify(f.log)
			// A BUDGET or a WITHDRAW that is another has another hash, and what officers signed after it does not fit.
			var c *Corrupt
			if !errors.As(err, &c) || tail || c.Record < int64(n) || c.Record > nextEnd(s, n) {
				t.Errorf("record %d changed, %s: got torn %v, %v, want a record from there to %d corrupt", n, name, tail, err, nextEnd(s, n))
			}
		}
	}
	t.Logf("%d forged chains, each found", count)
}

// A signature in the middle that the owner's chain covers, and that no longer opens, is what VerifySignatures is for.
func TestSignatureInTheMiddleIsFound(t *testing.T) {
	d, middle := memoryDisk{}, 4
	o := at(march)
	o.KeyFile, o.disk = "/key", d
	l := must(Create("/ledger", o))
	for i := range 9 {
		if err := l.Annotate(0, fmt.Sprint("remark ", i)); err != nil {
			t.Fatal(err)
		}
	}
	s := &sealedLog{log: d["/ledger/log"].data}
	s.offsets = append(slices.Clone(l.offsets), l.end)
	f := forge(s, middle)
	for k := middle; k < 10; k++ {
		sign := f.signWith(l.key, l.origin())
		if k == middle {
			sign = func([32]byte) []byte { return s.frame(k - 1)[74:202] }
		}
		f.add(body(s.frame(k)), sign)
	}
	forged, _, err := verify(f.log)
	if err != nil {
		t.Fatalf("opening verifies the signature at the end, and that is the owner's: got %v", err)
	}
	var c *Corrupt
	if err := forged.VerifySignatures(nil); !errors.As(err, &c) || c.Record != int64(middle) {
		t.Errorf("got %v, want record %d corrupt", err, middle)
	}
	if err := l.VerifySignatures(nil); err != nil {
		t.Errorf("the ledger as it was: got %v", err)
	}
}

// Whoever holds the key can append what the rules allow, and no record a second time that spends, draws, approves or raises.
func TestRecordAgainIsCorrupt(t *testing.T) {
	s := logOf200()
	o := at(march)
	o.KeyFile, o.disk = "/key", s.disk
	l := must(Open("/ledger", o))
	kindsRefused := map[Kind]int{}
	for n, r := range s.records {
		allowed := r.Kind == Annotate || r.Kind == Withdraw && r.Request != ""
		again := r
		f, err := l.next(&again, l.origin())
		if err != nil {
			t.Fatal(err)
		}
		if allowed {
			continue
		}
		tail, err := goOn(l, slices.Concat(s.log, f.bytes))
		if err := corruptAt(200, tail, err); err != nil || l.seq != 200 {
			t.Errorf("record %d, a %s, again: %v", n, r.Kind, err)
		}
		kindsRefused[r.Kind]++
	}
	if len(kindsRefused) != 12 {
		t.Errorf("refused a second time: %v, want 12 kinds", kindsRefused)
	}
}

func TestTornTailIsCutByTheNextAppend(t *testing.T) {
	_, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	name := filepath.Join(dir, logName)
	log, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1
	for n := last + 1; n < len(log); n += 7 {
		if err := os.WriteFile(name, log[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		l := reopen(t, dir, at(march))
		if got, err := os.ReadFile(name); err != nil || len(got) != n {
			t.Fatalf("cut to %d: Open left %d bytes (%v)", n, len(got), err)
		}
		if err := l.SetCaps(Account{Population: "de"}, budget.Caps{}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got[:last], log[:last]) || !bytes.Contains(got[last:], []byte(`"de"`)) {
			t.Fatalf("cut to %d: the log ends in %q (%v)", n, got[last:], err)
		}
		if got := reopen(t, dir, Options{}).seq; got != 3 {
			t.Fatalf("cut to %d: got %d records, want 3", n, got)
		}
		l.Close()
	}
	if err := os.WriteFile(name, log[:50], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("cut within GENESIS: got %v, want ErrCorrupt", err)
	}
}

// What looks like a torn tail and is not the beginning of a frame is no tail that an append left.
func TestTailThatIsNoFrameIsCorrupt(t *testing.T) {
	s := logOf200()
	head := "0000008f " + strings.Repeat("a", 64) + " " + strings.Repeat("b", 128) + " "
	l, _, err := verify(s.log)
	if err != nil {
		t.Fatal(err)
	}
	for _, tail := range []string{
		"x", "0000008F", "0000008f\t", "0000008fa", head[:20] + "G", head[:90] + "G", head[:74] + " ", head + "[", head + `{"seq":201,`,
		head + `{"seq":200,"kind":"é`, head + `{"seq":200,"kind":"` + "\x00", "00100001 " + head[9:],
		head + `{"seq":200,"kind":"` + strings.Repeat("X", 0x8f), head + "{\n",
	} {
		torn, err := goOn(l, slices.Concat(s.log, []byte(tail)))
		if err := corruptAt(200, torn, err); err != nil {
			t.Errorf("tail %q: %v", tail, err)
		}
	}
	for _, tail := range []string{"0", head[:9], head[:80], head, head + `{"seq":200,"kind":"X`} {
		if torn, err := goOn(l, slices.Concat(s.log, []byte(tail))); !torn || err != nil {
			t.Errorf("tail %q: got torn %v, %v", tail, torn, err)
		}
	}
}

// A log whose chain and signatures were made to fit is still refused where no ledger would have appended a record.
func TestRecordThatNoLedgerAppendsIsCorrupt(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: budget.Cost{Rho: 1e12, Delta: 1e12}, Year: vast})
	b := begin(t, l, request("steps", planA, small))
	advance(t, b.Token, published)
	good := records(t, l) // GENESIS BUDGET POLICY CHARGE DRAW RESULT PUBLISHED
	change := func(i int, edit func(*Record)) []Record {
		all := append([]Record(nil), good...)
		all[i].Draws = append([]Draw(nil), all[i].Draws...)
		edit(&all[i])
		return all
	}
	pick := func(at ...int) (some []Record) {
		for _, i := range at {
			some = append(some, good[i])
		}
		return some
	}
	newer := change(3, func(r *Record) { r.PlanHash, r.Supersedes = planB, planA; r.Release, _ = releaseID(r) })[3]
	stranger := newer
	stranger.Supersedes = planB
	panel := change(3, func(r *Record) { r.Kind, r.Panel = Panelled, Panel{2026, 3, 3} })[3]
	for name, tt := range map[string]struct {
		records []Record
		record  int64 // −1: fine
	}{
		"unchanged":                  {pick(0, 1, 2, 3, 4, 5, 6), -1},
		"no genesis":                 {pick(1, 2, 3), 0},
		"number out of turn":         {change(1, func(r *Record) { r.Seq = 100 }), 1},
		"superseded goes on":         {append(pick(0, 1, 2, 3), newer, good[4]), 5},
		"supersedes another":         {append(pick(0, 1, 2, 3), stranger), 4},
		"two genesis":                {pick(0, 0), 1},
		"key of no ledger":           {change(0, func(r *Record) { r.Key = keyOfPerson("x").vkey }), 0},
		"one officer":                {change(0, func(r *Record) { r.Officers = []string{keyOfPerson("x").vkey} }), 0},
		"charge without caps":        {pick(0, 2, 3), 2},
		"charge without policy":      {pick(0, 1, 3), 2},
		"charge twice":               {pick(0, 1, 2, 3, 3), 4},
		"draw without charge":        {pick(0, 1, 2, 4), 3},
		"draw twice":                 {pick(0, 1, 2, 3, 4, 4), 5},
		"result without draw":        {pick(0, 1, 2, 3, 5), 4},
		"published without result":   {pick(0, 1, 2, 3, 4, 6), 5},
		"charge over the cap":        {change(1, func(r *Record) { r.Caps.Lifetime.Rho = 1 }), 3},
		"raised":                     {append(pick(0, 1), change(1, func(r *Record) { r.Caps.Lifetime.Rho++ })[1]), 2},
		"attempt out of turn":        {change(3, func(r *Record) { r.Attempt = 2; r.Release, _ = releaseID(r) }), 3},
		"supersedes nothing":         {change(3, func(r *Record) { r.Supersedes = planB }), 3},
		"release id":                 {change(3, func(r *Record) { r.Release = "2026-03-30-aaaaaaaaaaaaaaaa" }), 3},
		"less than the draws":        {change(3, func(r *Record) { r.Cost.Rho-- }), 3},
		"a draw that costs nothing":  {change(3, func(r *Record) { r.Draws[0].Cost.Rho, r.Cost.Rho = 0, 0 }), 3},
		"less ρ than its ε":          {change(3, func(r *Record) { r.Draws[0].Cost.Epsilon, r.Cost.Epsilon = 1e9, 1e9 }), 3},
		"no draws":                   {change(3, func(r *Record) { r.Draws, r.Cost = nil, budget.Cost{} }), 3},
		"an unapproved request":      {change(3, func(r *Record) { r.Request = "r" }), 3},
		"a project without caps":     {change(3, func(r *Record) { r.Project = "p" }), 3},
		"no such panel":              {append(pick(0, 1, 2), panel), 3},
		"policy again":               {pick(0, 1, 2, 2), 3},
		"files":                      {change(5, func(r *Record) { r.Files = nil }), 5},
		"burned after it was served": {append(good[:7:7], Record{Kind: Burned, Release: b.Release, Reason: "x"}), 7},
		"burned without a reason":    {append(pick(0, 1, 2, 3, 4), Record{Kind: Burned, Release: b.Release}), 5},
		"withdrawn before published": {append(good[:6:6], Record{Kind: Withdraw, Release: b.Release, Reason: "x"}), 6},
		"withdrawn twofold":          {append(good[:7:7], Record{Kind: Withdraw, Release: b.Release, Request: "r", Reason: "x"}), 7},
		"withdrawn for nothing":      {append(good[:7:7], Record{Kind: Withdraw, Request: "r", Reason: "x"}), 7},
		"approved by nobody":         {append(good[:7:7], Record{Kind: Approve, Request: "r", PlanHash: planA}), 7},
		"a remark on what follows":   {append(good[:7:7], Record{Kind: Annotate, About: 7, Text: "x"}), 7},
		"a key of its own word":      {append(good[:7:7], Record{Kind: KeyRotated, Old: good[0].Key, New: keyOfPerson("x").vkey}), 7},
	} {
		f := &forger{}
		for i, r := range tt.records {
			if r.Seq < 100 {
				r.Seq = int64(i)
			}
			f.add(must(formatBody(r)), f.signWith(l.key, l.origin()))
		}
		_, tail, err := verify(f.log)
		if tt.record >= 0 {
			err = corruptAt(tt.record, tail, err)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailedReadIsNotCorruption(t *testing.T) {
	l := &Ledger{log: unreadable{logFile(nil)}, state: newState()}
	if _, err := l.catchUp(); errors.Is(err, ErrCorrupt) || !errors.Is(err, errUnreadable) {
		t.Errorf("got %v, want the disk's error", err)
	}
}

var errUnreadable = errors.New("the disk failed")

type unreadable struct{ file }

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errUnreadable }
