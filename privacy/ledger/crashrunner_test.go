package ledger

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"

	"lethe/privacy/budget"
)

// runner is a program that works with the ledger, at random, one process after the other.
type runner struct {
	*world
	p    *process
	l    *Ledger // nil: to be opened
	held []*work
}

// work is a token in hand.
type work struct {
	tok   *Token
	state attemptState
}

// run goes on until the power goes.
func (r *runner) run(turn func()) {
	for range 300 {
		if r.disk.dead || r.err != nil {
			return
		}
		if r.p == nil || r.p.killed {
			r.p, r.l, r.held = &process{crashDisk: r.disk, turn: turn}, nil, nil
		}
		if r.l == nil {
			r.open()
			continue
		}
		r.step()
	}
}

func (r *runner) open() {
	l, err := Open(ledgerDir, r.options(r.p))
	if r.answered("open", err, nil) {
		r.l = l
	}
}

func (r *runner) step() {
	if len(r.held) > 0 && r.rng.IntN(2) == 0 {
		r.work(r.rng.IntN(len(r.held)))
		return
	}
	call := r.rng.IntN(20)
	if r.rotating && r.rng.IntN(4) == 0 {
		call = 2
	}
	switch call {
	case 0:
		r.setCaps()
	case 1:
		r.setPolicy()
	case 2:
		_, err := r.l.Rotate()
		r.answered("rotate", err, r.l, KeyRotated)
	case 3:
		r.withdraw()
	case 4:
		r.answered("annotate", r.l.Annotate(r.rng.Int64N(r.l.seq), "a remark"), r.l, Annotate)
	case 5:
		r.p.die()
	case 6:
		r.drop()
	case 7:
		for _, i := range r.disk.names {
			r.evicted = i.evict() || r.evicted
		}
	default:
		r.begin()
	}
}

// drop closes what is open, as a program does that goes on in the same process.
func (r *runner) drop() {
	for len(r.held) > 0 {
		r.release(0)
	}
	if r.l != nil {
		r.l.Close()
	}
	r.l = nil
}

func (r *runner) release(n int) {
	w := r.held[n]
	r.held = append(r.held[:n], r.held[n+1:]...)
	delete(r.book.live, w.tok.Release())
	w.tok.Close()
}

// refusals are answers that a ledger in order gives.
var refusals = []error{
	ErrRaise, ErrNoPolicy, ErrPolicyVersion, ErrInProgress, ErrBurned, ErrWithdrawn, ErrOrder, ErrDrawn, ErrNoCaps,
	syscall.EIO, syscall.ENOSPC, io.ErrShortWrite,
}

// answered takes down a call's answer and says whether it was yes. The record that the call vouches for is the last that
// its handle knows; where kinds are named, it is of that kind.
func (r *runner) answered(call string, err error, l *Ledger, kind ...Kind) bool {
	if err == nil {
		if l == nil {
			return true
		}
		last := string(l.last)
		if len(kind) > 0 && !strings.Contains(last, `"kind":"`+string(kind[0])+`"`) {
			r.violated(fmt.Errorf("%s: the last record is no %s", call, kind[0]))
		}
		r.violated(r.book.vouched(l.seq-1, last[9:73]))
		return true
	}
	if r.p.gone() {
		return false
	}
	var over *OverBudget
	var other *Superseded
	ok := errors.As(err, &over) || errors.As(err, &other)
	for _, e := range refusals {
		ok = ok || errors.Is(err, e)
	}
	// Another process rotated the key.
	ok = ok || r.runners > 1 && errors.Is(err, ErrPoisoned) && errors.Is(err, ErrKey)
	// A record that nobody vouched for is gone from the cache, and a handle had read it there, or some of it.
	ok = ok || r.evicted && errors.Is(err, ErrCorrupt)
	if !ok {
		r.violated(fmt.Errorf("%s: %w", call, err))
	}
	if errors.Is(err, ErrPoisoned) {
		r.drop()
	}
	return false
}

func (r *runner) setCaps() {
	caps, has := r.l.Caps(Account{Population: "eu"})
	if !has {
		caps = budget.Caps{Lifetime: times(20), Year: times(14)}
	} else if r.rng.IntN(2) == 0 {
		caps.Year.Rho -= budget.Rho(r.rng.IntN(1e8))
	} else {
		caps.Lifetime.Rho += budget.Rho(r.rng.IntN(1e8))
	}
	var signatures []Signature
	for _, o := range r.officers {
		s, err := r.l.BudgetStatement(Account{Population: "eu"}, caps).sign(o)
		r.violated(err)
		signatures = append(signatures, s)
	}
	r.answered("set caps", r.l.SetCaps(Account{Population: "eu"}, caps, signatures...), r.l)
}

func times(n int) budget.Cost {
	return budget.Cost{Rho: budget.Rho(n) * small.Rho, Delta: budget.Delta(n) * small.Delta}
}

func (r *runner) setPolicy() {
	version := r.policy + 1
	if r.answered("set policy", r.l.SetPolicy("eu", "health", version, policyHash(version)), r.l) {
		r.policy = version
	}
}

func policyHash(version int64) string { return fmt.Sprintf("%064x", version) }

func (r *runner) withdraw() {
	all := slices.Sorted(maps.Keys(r.l.state.releases))
	if len(all) > 0 {
		release := all[r.rng.IntN(len(all))]
		r.answered("withdraw", r.l.WithdrawRelease(release, "a recall"), r.l, Withdraw)
	}
}

func (r *runner) begin() {
	if _, has := r.l.Caps(Account{Population: "eu"}); !has {
		r.setCaps()
		return
	}
	if r.policy == 0 {
		r.setPolicy()
		return
	}
	q := r.request()
	b, err := r.l.Begin(q)
	if err != nil && b != nil {
		r.violated(errors.New("a Begin that failed gave something out"))
	}
	if !r.answered("begin", err, r.l) {
		return
	}
	if b.Status == Served {
		if !r.book.results[b.Release] && len(b.Files) == 0 {
			r.violated(errors.New("files are served that nobody recorded"))
		}
		return
	}
	r.violated(r.book.begun(b.Release, b.Status, r.p))
	seq, hash := b.Token.Charge()
	r.violated(r.book.vouched(seq, hash))
	state := charged
	if b.Status == Resume {
		state = resulted
	}
	r.held = append(r.held, &work{b.Token, state})
}

func (r *runner) request() Request {
	plan := []string{planA, planB}[r.rng.IntN(2)]
	q := request([]string{"steps", "sleep", "pulse"}[r.rng.IntN(3)], plan, small)
	q.PolicyHash, q.Retries, q.Supersede = policyHash(r.policy), r.rng.IntN(4), r.rng.IntN(3) == 0
	return q
}

// work takes one release one step further.
func (r *runner) work(n int) {
	w := r.held[n]
	switch {
	case w.state == charged:
		r.draw(w)
	case w.state == drawn && r.rng.IntN(8) > 0:
		if r.answered("result", w.tok.Result(files), r.l, Resulted) {
			r.book.results[w.tok.Release()] = true
			w.state = resulted
		}
	case w.state == resulted && r.rng.IntN(8) > 0:
		if r.answered("published", w.tok.Published(), r.l, Published) {
			w.state = published
		}
	case w.state == drawn, w.state == resulted:
		if r.answered("burn", w.tok.Burn("staged files are gone"), r.l, Burned) {
			w.state = burned
		}
	default:
		r.release(n)
	}
}

func (r *runner) draw(w *work) {
	m, err := w.tok.Draw()
	if err != nil && m != nil {
		r.violated(errors.New("a Draw that failed gave a meter out"))
	}
	if !r.answered("draw", err, r.l, Drawn) {
		return
	}
	r.violated(r.book.metered(w.tok.Release()))
	for name := range m.s.draws {
		_, err := m.Take(name)
		r.violated(err)
	}
	w.state = drawn
	if again, err := w.tok.Draw(); again != nil || err == nil {
		r.violated(errors.New("a token drew twice"))
	}
}
