package ledger

import (
	"fmt"
	"sync"
)

// Token is the right to work on one release: to draw once, to record the result, to publish. It is had only from
// [Ledger.Begin], which made the charge durable first, and holds the release's run lock until Close or the end of the
// process. The zero Token is [ErrClosed]. Safe for concurrent use.
type Token struct {
	ledger  *Ledger
	release string
	attempt int
	policy  PolicyVersion
	seq     int64 // of CHARGE
	hash    string

	mu    sync.Mutex
	run   *runLock // nil once closed
	meter *Meter   // nil before Draw
}

// Release returns the release id.
func (t *Token) Release() string { return t.release }

// Attempt returns which attempt of its plan this is; the first is 1.
func (t *Token) Attempt() int { return t.attempt }

// Charge returns the CHARGE record's seq and hash, for the manifest.
func (t *Token) Charge() (seq int64, hash string) { return t.seq, t.hash }

// Policy returns the version of the policy that the charge was made under, for the manifest: it may be older than the one
// that the run knows.
func (t *Token) Policy() PolicyVersion { return t.policy }

// Draw records that drawing starts, durably, and returns the meter. A charge is drawn from once in its life: a second
// call, here or in any process, is [ErrDrawn].
func (t *Token) Draw() (*Meter, error) {
	var m *Meter
	err := t.step("draw", func(a *attempt) error {
		if a.state != charged {
			return ErrDrawn
		}
		draws := a.draws
		if err := t.ledger.append(&Record{Kind: Drawn, Release: t.release}); err != nil {
			return err
		}
		m = newMeter(draws)
		t.meter = m
		return nil
	})
	return m, err
}

// Result records what was staged. It comes after Draw and after every listed draw was taken, else it is [ErrOrder]: a
// result that leaves a draw out would say less than was paid for, or was made by other means.
func (t *Token) Result(files []File) error {
	return t.step("result", func(a *attempt) error {
		if a.state != drawn || t.meter == nil {
			return fmt.Errorf("%w: the release is %s", ErrOrder, a.state)
		}
		if n := t.meter.untaken(); n > 0 {
			return fmt.Errorf("%w: %d listed draws were not taken", ErrOrder, n)
		}
		return t.ledger.append(&Record{Kind: Resulted, Release: t.release, Files: files})
	})
}

// Published records that the files are in the workspace. It comes after Result, by this token or an earlier one.
func (t *Token) Published() error {
	return t.step("published", func(a *attempt) error {
		if a.state != resulted {
			return fmt.Errorf("%w: the release is %s", ErrOrder, a.state)
		}
		return t.ledger.append(&Record{Kind: Published, Release: t.release})
	})
}

// Burn gives the attempt up: it was drawn from, and what was drawn is lost or will not be published. The charge stays
// spent. Reason is a fixed phrase such as "staged files are gone", of printable ASCII without quotes or backslashes;
// it is kept for ever, so it names no value and no person.
func (t *Token) Burn(reason string) error {
	return t.step("burn", func(a *attempt) error {
		if a.state != drawn && a.state != resulted {
			return fmt.Errorf("%w: the release is %s", ErrOrder, a.state)
		}
		return t.ledger.append(&Record{Kind: Burned, Release: t.release, Reason: reason})
	})
}

// Close releases the run lock. The token is of no use afterwards; closing again does nothing.
func (t *Token) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.run == nil {
		return nil
	}
	err := t.run.release()
	t.run = nil
	return err
}

// step runs do under the ledger's lock with the release as the log has it now.
func (t *Token) step(verb string, do func(*attempt) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := ErrClosed
	if t.run != nil {
		err = t.ledger.exclusive(func() error { return do(t.ledger.state.releases[t.release]) })
	}
	if err != nil {
		return fmt.Errorf("%s release %s: %w", verb, t.release, err)
	}
	return nil
}
