package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// perTrial is how many operations one ledger sees before the next one begins.
const perTrial = 250

// trial runs random operations on a ledger, over several handles and tokens, and on the naive one.
type trial struct {
	rng     *mrand.Rand
	now     time.Time
	jumps   bool // the clock goes ten years back and forth
	plain   bool // nothing depends on the year or on an expiry
	m       *naive
	disk    memoryDisk
	handles []*used
	tokens  []*held
	people  map[string]*signer
	saved   *savedBudget // a BUDGET that was signed
	witness *cosignature.Signer
	vouches string     // the witness's verifier key
	seen    Checkpoint // with the witness's signature
	trace   []string
}

// used is a handle and what the model knows of it.
type used struct {
	l        *Ledger
	view     int // records that it has read
	key      int // the rotation that it has the key of
	poisoned bool
	closed   bool
}

type held struct {
	b            *Begun
	by           *used
	meter        *Meter
	took, closed bool
}

// trialOf makes a ledger with three officers, or with none.
func trialOf(rng *mrand.Rand, broken string, jumps, plain bool) (*trial, error) {
	t := &trial{rng: rng, now: march, jumps: jumps, plain: plain, disk: memoryDisk{}, people: map[string]*signer{}}
	var officers []string
	vkeys := map[string]string{}
	if rng.IntN(4) > 0 {
		for _, name := range []string{"anna", "ben", "carl"} {
			if err := t.newPerson(name); err != nil {
				return nil, err
			}
			vkeys[name] = t.people[name].vkey
			officers = append(officers, vkeys[name])
		}
	}
	if err := t.newPerson("eve"); err != nil { // who is no officer
		return nil, err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "witness")
	if err != nil {
		return nil, err
	}
	if t.witness, err = cosignature.NewSignerForCosignatureV1(skey); err != nil {
		return nil, err
	}
	t.vouches = vkey
	t.m = newNaive(broken, vkeys)
	o := t.options()
	o.Officers = officers
	l, err := Create("/ledger", o)
	if err != nil {
		return nil, err
	}
	t.handles = []*used{{l: l, view: 1}, {closed: true}, {closed: true}}
	return t, nil
}

func (t *trial) options() Options {
	return Options{KeyFile: "/key", Clock: func() time.Time { return t.now }, disk: t.disk}
}

// newPerson gives a name a new key.
func (t *trial) newPerson(name string) error {
	skey, _, err := note.GenerateKey(rand.Reader, name)
	if err == nil {
		t.people[name], err = parseKey(skey)
	}
	return err
}

func pick[T any](t *trial, from ...T) T { return from[t.rng.IntN(len(from))] }

// unlockedOps are the operations that do not look at what others appended.
var unlockedOps = []string{"begin malformed", "close", "read"}

// step does one operation.
func (t *trial) step() error {
	if when := march.AddDate(t.rng.IntN(21)-10, 0, t.rng.IntN(40)); t.rng.IntN(3) == 0 && t.jumps {
		t.now = when
	}
	h := pick(t, t.handles...)
	if h.closed || h.poisoned && t.rng.IntN(3) == 0 || t.rng.IntN(100) == 0 {
		return t.reopen(h)
	}
	var what, got string
	var right []string
	n := t.rng.IntN(100)
	if (len(t.m.caps) < 2 || len(t.m.policies) < 2) && t.rng.IntN(4) > 0 {
		n = 85 // so that charges begin soon
	}
	switch {
	case n < 40:
		what, got, right = t.begin(h)
	case n < 82 && len(t.tokens) > 0:
		tok := pick(t, t.tokens...)
		h = tok.by
		what, got, right = t.useToken(tok)
	case n < 88:
		what, got, right = t.budget(h)
	case n < 93:
		what, got, right = t.officers(h)
	default:
		what, got, right = t.other(h)
	}
	t.trace = append(t.trace, what+": "+got)
	if !slices.Contains(right, got) {
		return fmt.Errorf("%s: got %q, want one of %q", what, got, right)
	}
	if h.poisoned || h.closed || slices.Contains(unlockedOps, what) {
		return nil
	}
	h.view, h.poisoned = len(t.m.log), got == "poisoned"
	return t.compare(h)
}

// compare holds every balance of a handle against the model's, and the number of records.
func (t *trial) compare(h *used) error {
	if got := int(h.l.seq); got != h.view {
		return fmt.Errorf("the handle has read %d records, want %d", got, h.view)
	}
	for account := range t.m.caps {
		population, project, _ := strings.Cut(account, "/")
		if got, ok := h.l.Caps(Account{Population: population, Project: project}); !ok || got != t.m.caps[account] {
			return fmt.Errorf("caps of %s: got %v, want %v", account, got, t.m.caps[account])
		}
		life, year := h.l.Spent(Account{Population: population, Project: project})
		for scope, cost := range map[string]budget.Cost{" lifetime ": life, fmt.Sprintf(" year %d ", t.now.Year()): year} {
			for unit, got := range amountsOf(cost) {
				if want := t.m.out(account + scope + unit); got.Cmp(want) != 0 {
					return fmt.Errorf("%s%s%s: got %v spent, want %v", account, scope, unit, got, want)
				}
			}
		}
	}
	return nil
}

// reopen ends a handle, and with its process most of its tokens, and opens the ledger again.
func (t *trial) reopen(h *used) error {
	for _, tok := range t.tokens {
		if tok.by == h && t.rng.IntN(4) > 0 {
			t.closeToken(tok)
		}
	}
	t.tokens = slices.DeleteFunc(t.tokens, func(tok *held) bool { return tok.closed })
	if h.l != nil {
		if err := h.l.Close(); err != nil {
			return err
		}
	}
	h.closed = true
	l, err := Open("/ledger", t.options())
	if err != nil {
		return err
	}
	fresh := &used{l: l, view: len(t.m.log), key: t.m.key}
	t.handles[slices.Index(t.handles, h)] = fresh
	return t.compare(fresh)
}

func (t *trial) stale(h *used) bool { return h.key != t.m.key }

// plan and cost follow from the dataset most of the time, so that requests come again.
func (t *trial) request() Request {
	k := t.rng.IntN(4)
	r := request(fmt.Sprint("d-", k), pick(t, planA, planA, planB), budget.Cost{})
	r.Population = pick(t, "eu", "eu", "us")
	r.Window = pick(t, "2026-03-23/2026-03-30", "2026-03-23/2026-03-30", "2025-12-29/2026-01-05")
	r.Project = []string{"", "p", "", "q"}[k]
	if k == 3 {
		r.Approved = "r-1"
	}
	if k == 2 {
		r.Panel = &Panel{Year: 2026, Of: 4, Number: int64(t.rng.IntN(4))}
	}
	if t.rng.IntN(12) == 0 {
		r.Project, k = pick(t, "", "p", "q"), t.rng.IntN(4)
	}
	if t.rng.IntN(60) == 0 {
		r.PolicyHash = planA
	}
	cost := []budget.Cost{{Rho: 3, Delta: 1}, {Rho: 1, Epsilon: 2}, {Delta: 5}, {Rho: 2, Delta: 2, Epsilon: 1}}[k]
	if t.rng.IntN(60) == 0 && !t.plain {
		cost.Rho, cost.Delta = math.MaxUint64-7, math.MaxUint64-7
	}
	r.Draws = []Draw{{Name: "count", Mechanism: "gaussian", Cells: 1, L0: 1, Cost: cost}}
	if cost.Rho > 1 {
		r.Draws[0].Cost.Rho = 1
		r.Draws = append(r.Draws, Draw{Name: "sum", Mechanism: "gaussian", Cells: 1, L0: 1, Cost: budget.Cost{Rho: cost.Rho - 1}})
	}
	r.Retries, r.Supersede = t.rng.IntN(3), t.rng.IntN(3) > 0
	if t.rng.IntN(20) == 0 && !t.plain {
		r.Limit = &budget.Caps{Lifetime: t.cost(), Year: t.cost()}
	}
	return r
}

func (t *trial) begin(h *used) (what, got string, right []string) {
	r := t.request()
	malformed := t.rng.IntN(50) == 0
	if malformed {
		pick(t, func() { r.Dataset = "D" }, func() { r.Window = "2026-03-30/2026-03-30" }, func() { r.Retries = -1 },
			func() { r.PlanHash = "x" }, func() { r.Draws[0].Cells = 0 })()
	}
	b, err := h.l.Begin(r)
	got = answerOf(err)
	switch {
	case malformed:
		return "begin malformed", got, []string{"refused"}
	case h.poisoned:
		return "begin", got, []string{"poisoned"}
	}
	right, then := t.m.begin(r, t.now, t.stale(h))
	if err == nil {
		got = answer(b.Status, b.Release, b.Attempt)
		if then != nil && slices.Contains(right, got) {
			then()
		}
		if b.Token != nil {
			t.tokens = append(t.tokens, &held{b: b, by: h})
		}
		if (b.Files != nil) != (b.Status != Granted) {
			got += " with the wrong files"
		}
	}
	return "begin", got, right
}

// runTrials runs operations in trials of one seed each, on two goroutines, and says how many it did and what failed first.
func runTrials(from uint64, operations int, broken string) (done int64, first error) {
	var next, count atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for failed.Load() == nil {
				n := next.Add(1) - 1
				if n*perTrial >= int64(operations) {
					return
				}
				did, _, err := runTrial(from+uint64(n), broken, true, false)
				count.Add(int64(did))
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return count.Load(), *err
	}
	return count.Load(), nil
}

func runTrial(seed uint64, broken string, jumps, plain bool) (did int, trace []string, err error) {
	t, err := trialOf(mrand.New(mrand.NewPCG(seed, 0)), broken, jumps, plain)
	for ; err == nil && did < perTrial; did++ {
		err = t.step()
	}
	if err == nil {
		err = t.whole()
	}
	if err != nil {
		return did, nil, fmt.Errorf("seed %d, operation %d: %w", seed, did, err)
	}
	return did, t.trace, nil
}

// whole reads the ledger from its beginning: it holds what the model holds, and nothing else.
func (t *trial) whole() error {
	l, err := Open("/ledger", t.options())
	if err != nil {
		return err
	}
	var got []Kind
	for r, err := range l.Records() {
		if err != nil {
			return err
		}
		got = append(got, r.Kind)
	}
	if !slices.Equal(got, t.m.log) {
		return fmt.Errorf("the log is %v, want %v", got, t.m.log)
	}
	if t.rng.IntN(16) == 0 {
		if err := l.VerifySignatures(nil); err != nil {
			return err
		}
	}
	return errors.Join(t.compare(&used{l: l, view: len(got)}), l.Close())
}

func TestModel(t *testing.T) {
	from, operations := seedOf(t), 10000
	if *long {
		operations = 1_000_000
	}
	done, err := runTrials(from, operations, "")
	if err != nil {
		t.Fatalf("after %d operations: %v", done, err)
	}
	t.Logf("%d operations, as the model says", done)
	for _, broken := range []string{"refund of what burned", "panel free once burned", "one retry more", "no yearly cap", "approvals for ever"} {
		done, err := runTrials(from, 50000, broken)
		if err == nil {
			t.Errorf("the broken variant, %s: %d operations found nothing", broken, done)
		} else {
			t.Logf("%s is found after %d operations", broken, done)
		}
	}
}

// The same operations under a clock that stands and under one that goes ten years back and forth have the same answers,
// where no cap of a year and no expiry binds.
func TestClockChangesNothingElse(t *testing.T) {
	from, trials := seedOf(t), uint64(4)
	if *long {
		trials = 100
	}
	count := 0
	for s := from; s < from+trials; s++ {
		_, stands, err1 := runTrial(s, "", false, true)
		_, jumps, err2 := runTrial(s, "", true, true)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(stands, jumps) {
			t.Fatalf("seed %d: the answers differ: %s", s, firstDifference(stands, jumps))
		}
		count += len(stands)
	}
	t.Logf("%d operations have the same answers", count)
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("answer %d is %q and %q", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("there are %d and %d", len(a), len(b))
}
