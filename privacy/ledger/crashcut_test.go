package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"lethe/privacy/budget"
)

// Create cut short anywhere leaves no ledger, and may be tried again, or a whole one, on which what is recorded stays.
func TestCreateCutShort(t *testing.T) {
	var c creations
	if err := c.cutShort(t, nil); err != nil {
		t.Error(err)
	}
	t.Logf("Create cut short: %d times a whole ledger, %d times none", c.whole, c.none)
	if err := new(creations).cutShort(t, breaks["folders are never fsynced"]); err == nil {
		t.Error("without fsync of the folder: found nothing")
	}
}

type creations struct{ whole, none int }

func (c *creations) cutShort(t *testing.T, breakIt func(*process) disk) error {
	for _, f := range everyFault {
		for op, hit := 1, true; hit; op++ {
			for seed := range uint64(6) {
				b := emptyBench(seed, copyDir)
				b.breakIt = breakIt
				b.fail(op, f, "")
				l, err := Create(ledgerDir, b.options())
				if hit = len(b.hits) > 0; !hit {
					break
				}
				if b.plan = nil; err == nil {
					l.Close()
				}
				if b.dead {
					b = b.crash()
				}
				if err := c.look(b); err != nil {
					return fmt.Errorf("%s at operation %d, seed %d: %w", f, op, seed, err)
				}
			}
		}
	}
	return nil
}

func (c *creations) look(b *bench) error {
	l, err := Open(ledgerDir, b.options())
	if errors.Is(err, ErrNotFound) {
		c.none++
		l, err = Create(ledgerDir, b.options())
	} else {
		c.whole++
	}
	if err != nil {
		return err
	}
	if err := l.SetCaps(Account{Population: "eu"}, budget.Caps{}); err != nil {
		return err
	}
	if l, err = Open(ledgerDir, b.crash().options()); err != nil || l.seq != 2 {
		return fmt.Errorf("what was recorded is lost: %v", err)
	}
	return nil
}

// A rotation cut short anywhere, and the next one too, leaves a ledger that opens and takes records. The default takes
// one pair of operations in eight.
func TestRotationCutShort(t *testing.T) {
	stride, seeds := 8, 6
	if *long {
		stride, seeds = 1, 24
	}
	cases, err := rotationsCutShort(t, stride, seeds, nil)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d times two rotations cut short", cases)
	if _, err := rotationsCutShort(t, 1, 6, breaks["a key is replaced before KEYROTATED"]); err == nil {
		t.Error("a key replaced before KEYROTATED: found nothing")
	}
}

func rotationsCutShort(t *testing.T, stride, seeds int, breakIt func(*process) disk) (cases int, err error) {
	for first, more := 1, true; more; first++ {
		for second, hit := 1, true; hit; second++ {
			for seed := range uint64(seeds) {
				if (first+second+int(seed))%stride != 0 {
					continue
				}
				b := newBench(t, seed, "")
				b.breakIt = breakIt
				l := b.open(t)
				b.fail(first, killBefore, "")
				l.Rotate()
				if more = len(b.hits) > 0; !more {
					return cases, nil
				}
				l, err := Open(ledgerDir, b.options())
				if err != nil {
					return cases, fmt.Errorf("cut at %d: %w", first, err)
				}
				b.fail(second, powerAfter, "")
				l.Rotate()
				if hit = len(b.hits) > 0; !hit {
					break
				}
				cases++
				l, err = Open(ledgerDir, b.crash().options())
				if err == nil {
					err = l.Annotate(0, "goes on")
				}
				if err != nil {
					return cases, fmt.Errorf("cut at %d, then at %d, seed %d: %w", first, second, seed, err)
				}
			}
		}
	}
	return cases, nil
}

// A rotation dies before its rename is durable, and the next one has made its new file when the power goes: of both
// changes of the name, the second alone may be left, and must not take the key in force with it.
func TestRenameThatWasNotDurable(t *testing.T) {
	if lost := lostKeys(t, nil); lost > 0 {
		t.Errorf("%d keys are lost", lost)
	}
	if lostKeys(t, func(p *process) disk { return &forgetful{disk: p} }) == 0 {
		t.Error("without the fsync of the folder behind the removal: found nothing")
	}
}

// forgetful leaves out the fsync of a folder that follows a removal.
type forgetful struct {
	disk
	removed bool
}

func (d *forgetful) Remove(name string) error {
	d.removed = true
	return d.disk.Remove(name)
}

func (d *forgetful) SyncDir(name string) error {
	if d.removed {
		d.removed = false
		return nil
	}
	return d.disk.SyncDir(name)
}

func lostKeys(t *testing.T, breakIt func(*process) disk) (lost int) {
	for seed := range uint64(150) {
		b := newBench(t, seed, "")
		b.breakIt = breakIt
		for _, cut := range []event{{0, killAfter, "rename"}, {0, powerAfter, "create"}} {
			l := b.open(t)
			b.fail(1, cut.fault, cut.on)
			if _, err := l.Rotate(); !errors.Is(err, errDead) {
				t.Fatalf("got %v, want the end of the process", err)
			}
		}
		if _, err := Open(ledgerDir, b.crash().options()); err != nil {
			lost++
		}
	}
	return lost
}

// A handle cuts a torn tail and dies before that is durable. Another one, which was open all the time and sees no tail,
// must not write over it, or a crash leaves pieces of both.
func TestCutThatWasNotDurable(t *testing.T) {
	if mixed := mixedTails(t, nil); mixed > 0 {
		t.Errorf("%d ledgers are unreadable", mixed)
	}
	if mixedTails(t, func(p *process) disk { return marksUnread{p} }) == 0 {
		t.Error("where nobody sees the other's mark: found nothing")
	}
}

// marksUnread lets every handle find its own mark, whoever held the lock last.
type marksUnread struct{ *process }

func (d marksUnread) Open(name string, flag int) (file, error) {
	f, err := d.process.Open(name, flag)
	if err != nil || filepath.Base(name) != "holder" {
		return f, err
	}
	return &ownMark{file: f}, nil
}

type ownMark struct {
	file
	mark []byte
}

func (f *ownMark) WriteAt(p []byte, off int64) (int, error) {
	f.mark = append([]byte(nil), p...)
	return len(p), nil
}

func (f *ownMark) ReadAt(p []byte, off int64) (int, error) { return copy(p, f.mark), nil }

func mixedTails(t *testing.T, breakIt func(*process) disk) (mixed int) {
	for seed := range uint64(240) {
		b := newBench(t, seed, "")
		b.breakIt = breakIt
		dies, cuts, goesOn := b.open(t), b.open(t), b.open(t)
		for _, l := range []*Ledger{dies, goesOn} {
			if err := l.exclusive(func() error { return nil }); err != nil { // nothing is in doubt for them
				t.Fatal(err)
			}
		}
		b.fail(1, shortWrite, "write")
		_, err1 := dies.Begin(request("steps", planA, small))
		b.fail(1, killBefore, "sync")
		err2 := cuts.Annotate(0, "behind it")
		b.fail(int(seed%12), powerAfter, "write") // which is that of the mark, of the last record or of the next one
		err3 := goesOn.Annotate(0, "behind it")
		if err1 == nil || err2 == nil {
			t.Fatalf("got %v, %v, want two faults", err1, err2)
		}
		if err3 == nil {
			continue // it was done before the power went
		}
		if _, err := Open(ledgerDir, b.crash().options()); err != nil {
			mixed++
		}
	}
	return mixed
}
