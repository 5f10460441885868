package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/privacy/budget"
)

var everyFault = []fault{powerBefore, powerAfter, killBefore, killAfter, eio, enospc, shortWrite, badSync}

// bench is a disk for one ledger.
type bench struct {
	*crashDisk
	copy    string              // the folder for copies, or empty
	breakIt func(*process) disk // the broken variant, or nil
}

func emptyBench(seed uint64, copy string) *bench {
	b := &bench{newCrashDisk(rand.New(rand.NewPCG(seed, 2)), "/data", "/keys", copyDir), copy, nil}
	b.loose = seed%2 == 0
	return b
}

// newBench has a ledger on it in which population eu has caps.
func newBench(t testing.TB, seed uint64, copy string) *bench {
	t.Helper()
	b := emptyBench(seed, copy)
	l, err := Create(ledgerDir, b.options())
	if err == nil {
		err = errors.Join(l.SetCaps(Account{Population: "eu"}, budget.Caps{Lifetime: vast, Year: vast}), l.SetPolicy("eu", "health", 3, policyC), l.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// options are those of a new process.
func (b *bench) options() Options {
	o := at(march)
	p := &process{crashDisk: b.crashDisk}
	if o.disk = p; b.breakIt != nil {
		o.disk = b.breakIt(p)
	}
	o.KeyFile, o.Copy = keyFile, b.copy
	return o
}

// open opens the ledger in a new process.
func (b *bench) open(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(ledgerDir, b.options())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fail arranges for a fault from so many operations on.
func (b *bench) fail(ops int, f fault, on string) {
	b.hits, b.plan = nil, []event{{b.ops + ops, f, on}}
}

// crash takes the power and returns what is left, with nothing broken.
func (b *bench) crash() *bench {
	return &bench{b.crashDisk.crash(b.rng), b.copy, nil}
}

// steps is the life of a release, each step with what the one before made. A step that fails and still hands something
// out returns errGaveOut.
var steps = []struct {
	name string
	do   func(l *Ledger, tok **Token) error
}{
	{"SetCaps", func(l *Ledger, _ **Token) error {
		return l.SetCaps(Account{Population: "eu"}, budget.Caps{Lifetime: vast, Year: budget.Cost{Rho: 1e15, Delta: 1e15}})
	}},
	{"Rotate", func(l *Ledger, _ **Token) error {
		vkey, err := l.Rotate()
		return gaveOut(err, vkey != "")
	}},
	{"Begin", func(l *Ledger, tok **Token) error {
		b, err := l.Begin(request("steps", planA, small))
		if b != nil {
			*tok = b.Token
		}
		return gaveOut(err, b != nil)
	}},
	{"Draw", func(_ *Ledger, tok **Token) error {
		m, err := (*tok).Draw()
		if err != nil {
			return gaveOut(err, m != nil)
		}
		_, err1 := m.Take("mean steps/sum")
		_, err2 := m.Take("count")
		return errors.Join(err1, err2)
	}},
	{"Result", func(_ *Ledger, tok **Token) error { return (*tok).Result(files) }},
	{"Burn", func(_ *Ledger, tok **Token) error { return (*tok).Burn("staged files are gone") }},
}

var errGaveOut = errors.New("a step failed and gave something out")

func gaveOut(err error, something bool) error {
	if err != nil && something {
		return fmt.Errorf("%w: %w", errGaveOut, err)
	}
	return err
}

// checkDurable runs the life of a release and says whether every record whose step returned is there after a crash.
func checkDurable(t *testing.T, seed uint64, breakIt func(*process) disk) error {
	b := newBench(t, seed, copyDir)
	b.breakIt = breakIt
	l := b.open(t)
	var tok *Token
	for i, s := range steps {
		if err := s.do(l, &tok); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		after, err := Open(ledgerDir, b.crash().options())
		if err != nil {
			return fmt.Errorf("after %s and a loss of power: %w", s.name, err)
		}
		if want := int64(4 + i); after.seq != want {
			return fmt.Errorf("after %s and a loss of power there are %d records, want %d", s.name, after.seq, want)
		}
	}
	return nil
}

func TestNothingIsHandedOutBeforeItIsDurable(t *testing.T) {
	found := false
	for seed := range uint64(10) {
		if err := checkDurable(t, seed, nil); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		found = found || checkDurable(t, seed, breaks["the log is never fsynced"]) != nil
	}
	if !found {
		t.Error("without fsync: the check found nothing")
	}
}

// Whatever fault hits whatever operation of a step, a step that fails hands nothing out, a handle whose write or fsync
// failed refuses everything from then on, and the next handle, behind a crash or not, finds the step's record whole or
// no trace of it. The default takes one operation in four.
func TestFaultAtEveryOperation(t *testing.T) {
	stride := 4
	if *long {
		stride = 1
	}
	cases, err := faultsAtOperations(t, stride, nil)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d faults, each at another operation of a step", cases)
	for _, name := range []string{"the log is never fsynced", "a torn tail is not cut", "a key is replaced before KEYROTATED"} {
		if cases, err := faultsAtOperations(t, 1, breaks[name]); err == nil {
			t.Errorf("%s: %d faults found nothing", name, cases)
		}
	}
}

// faultsAtOperations stops at the first promise that is broken.
func faultsAtOperations(t *testing.T, stride int, breakIt func(*process) disk) (cases int, err error) {
	for i, hit := range steps {
		for n, f := range everyFault {
			for op := 1; ; op++ {
				if (i+n+op)%stride != 0 {
					continue
				}
				b := newBench(t, uint64(op), copyDir)
				b.breakIt = breakIt
				if err := faultAt(t, b, i, f, op); err != nil {
					return cases, fmt.Errorf("%s, %s at operation %d: %w", hit.name, f, op, err)
				}
				if len(b.hits) == 0 {
					break
				}
				cases++
			}
		}
	}
	return cases, nil
}

// faultAt lets a fault hit an operation of a step, if the step has so many.
func faultAt(t *testing.T, b *bench, step int, f fault, op int) error {
	l := b.open(t)
	var tok *Token
	for _, s := range steps[:step] {
		if err := s.do(l, &tok); err != nil {
			return err
		}
	}
	before := l.seq
	b.fail(op, f, "")
	err := steps[step].do(l, &tok)
	b.plan = nil
	switch {
	case len(b.hits) == 0, errors.Is(err, errGaveOut):
		return err
	case err == nil && (f == shortWrite || f == badSync):
		return errors.New("the step did not see it")
	case errors.Is(err, ErrPoisoned):
		if _, err := l.Begin(request("next", planA, small)); !errors.Is(err, ErrPoisoned) {
			return fmt.Errorf("the next charge: got %v, want ErrPoisoned", err)
		}
	}
	for _, after := range []*bench{b.crash(), b} {
		if after.dead {
			continue
		}
		if err := findWhole(after, before, err == nil); err != nil {
			return err
		}
	}
	return nil
}

// findWhole: a new handle finds so many records or one more, of which an answer vouches for the last, and appends.
func findWhole(b *bench, before int64, answered bool) error {
	l, err := Open(ledgerDir, b.options())
	if err != nil {
		return err
	}
	if l.seq != before && l.seq != before+1 || answered && l.seq != before+1 {
		return fmt.Errorf("the next handle finds %d records, where %d were", l.seq, before)
	}
	charges := budget.Cost{}
	if l.state.slots[slotKey{"eu", "steps", "2026-03-23/2026-03-30"}] != nil {
		charges = small
	}
	if got, _ := l.Spent(Account{Population: "eu"}); got != charges {
		return fmt.Errorf("spent %v, want %v", got, charges)
	}
	if err := l.Annotate(0, "behind it"); err != nil {
		return err
	}
	again, err := Open(ledgerDir, b.options())
	if err == nil && again.seq != l.seq {
		err = fmt.Errorf("then it holds %d records, want %d", again.seq, l.seq)
	}
	return err
}

// A record that a dead process wrote and did not fsync, or whose fsync failed, is made durable before anything is granted
// on it.
func TestOthersRecordsAreMadeDurableFirst(t *testing.T) {
	b := newBench(t, 1, copyDir)
	l := b.open(t)
	b.fail(1, killAfter, "write")
	if _, err := l.Begin(request("steps", planA, small)); !errors.Is(err, errDead) {
		t.Fatalf("got %v, want a dead process", err)
	}
	l = b.open(t)
	b.fail(1, badSync, "sync")
	if b, err := l.Begin(request("steps", planA, small)); !errors.Is(err, ErrPoisoned) || b != nil {
		t.Errorf("got %v, %v, want ErrPoisoned and no grant", b, err)
	}
	if lost := lostGrants(t, nil); lost > 0 {
		t.Errorf("%d charges are lost that were granted", lost)
	}
	if lostGrants(t, breaks["the last record is not written again"]) == 0 {
		t.Error("where the record is not written again: found nothing")
	}
}

// lostGrants counts the crashes that leave no trace of a charge on which there was a grant, where the fsync of the
// charge had failed in another process.
func lostGrants(t *testing.T, breakIt func(*process) disk) (lost int) {
	for seed := range uint64(20) {
		b := newBench(t, seed, "")
		b.breakIt = breakIt
		l := b.open(t)
		if err := l.exclusive(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		b.fail(1, badSync, "sync")
		if _, err := l.Begin(request("steps", planA, small)); err == nil {
			t.Fatal("the fault did not hit")
		}
		if _, err := b.open(t).Begin(request("steps", planA, small)); err != nil {
			t.Fatal(err)
		}
		after, err := Open(ledgerDir, b.crash().options())
		if err != nil || after.state.slots[slotKey{"eu", "steps", "2026-03-23/2026-03-30"}] == nil {
			lost++
		}
	}
	return lost
}

func TestLogChangedUnderAnOpenHandle(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(log string, data []byte) error
		want   string
	}{
		"restored": {func(log string, data []byte) error {
			return errors.Join(os.Remove(log), os.WriteFile(log, data, 0o600))
		}, "replaced"},
		"cut": {func(log string, data []byte) error {
			return os.Truncate(log, int64(strings.LastIndexByte(string(data[:len(data)-1]), '\n')+1))
		}, "vanished"},
		"overwritten": {func(log string, data []byte) error {
			data[len(data)-20] ^= 1
			return os.WriteFile(log, data, 0o600)
		}, "changed"},
		"gone": {func(log string, _ []byte) error { return os.Remove(log) }, "replaced"},
	} {
		l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
		log := filepath.Join(dir, "log")
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.change(log, data); err != nil {
			t.Fatal(err)
		}
		_, err = l.Begin(request("steps", planA, small))
		if !errors.Is(err, ErrCorrupt) || !errors.Is(err, ErrPoisoned) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want ErrCorrupt that says %s", name, err, tt.want)
		}
	}
}
