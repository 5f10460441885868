package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lethe/privacy/budget"
)

// costing is a request with one draw of this cost.
func costing(dataset string, cost budget.Cost) Request {
	r := request(dataset, planA, cost)
	r.Draws = []Draw{{Name: "count", Mechanism: "laplace", Cells: 1, L0: 1, LInf: 1, Sigma: 1, Cost: cost}}
	return r
}

func TestPolicyVersionsOnlyGrow(t *testing.T) {
	l, dir := newLedger(t, ten) // whose policy health is at version 3
	for name, p := range map[string]struct {
		version int64
		hash    string
	}{
		"the same version, other content": {3, planA}, "an older version": {2, planA}, "an older version, the same content": {2, policyC},
	} {
		refuses(t, l, name, ErrPolicyVersion, func() error { return l.SetPolicy("eu", "health", p.version, p.hash) })
	}
	for name, call := range map[string]func() error{
		"version 0":      func() error { return l.SetPolicy("eu", "sleep", 0, planA) },
		"version -1":     func() error { return l.SetPolicy("eu", "sleep", -1, planA) },
		"no hash":        func() error { return l.SetPolicy("eu", "sleep", 1, "") },
		"upper-case hex": func() error { return l.SetPolicy("eu", "sleep", 1, strings.ToUpper(planA)) },
		"no name":        func() error { return l.SetPolicy("eu", "", 1, planA) },
		"no population":  func() error { return l.SetPolicy("", "sleep", 1, planA) },
	} {
		refuses(t, l, name, nil, call)
	}
	before := logBytes(t, dir)
	if err := l.SetPolicy("eu", "health", 3, policyC); err != nil || len(logBytes(t, dir)) != len(before) {
		t.Errorf("the version on record: got %v, want nothing appended", err)
	}
	if err := errors.Join(l.SetPolicy("eu", "health", 7, planA), l.SetPolicy("us", "health", 1, planB), l.SetPolicy("eu", "sleep", 1, planB)); err != nil {
		t.Errorf("a newer version, another population and another policy: %v", err)
	}
	l = reopen(t, dir, at(march))
	refuses(t, l, "the version before, reopened", ErrPolicyVersion, func() error { return l.SetPolicy("eu", "health", 6, policyC) })
}

// A charge is under the newest version of a policy of its population.
func TestChargeNeedsItsPolicy(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	if err := errors.Join(l.SetPolicy("us", "health", 1, planB), l.SetPolicy("eu", "sleep", 1, planA)); err != nil {
		t.Fatal(err)
	}
	try := func(dataset, policy string) func() error {
		return func() error {
			r := request(dataset, planA, small)
			r.PolicyHash = policy
			b, err := l.Begin(r)
			if err == nil {
				err = b.Token.Close()
			}
			return err
		}
	}
	refuses(t, l, "a policy that nobody recorded", ErrNoPolicy, try("steps", strings.Repeat("e", 64)))
	refuses(t, l, "a policy of another population", ErrNoPolicy, try("steps", planB))
	for dataset, policy := range map[string]string{"steps": policyC, "sleep": planA} {
		if err := try(dataset, policy)(); err != nil {
			t.Errorf("a policy on record: %v", err)
		}
	}
	if err := l.SetPolicy("eu", "health", 4, planB); err != nil {
		t.Fatal(err)
	}
	refuses(t, l, "a policy that has a newer version", ErrNoPolicy, try("heart", policyC))
	if err := try("heart", planB)(); err != nil {
		t.Errorf("the newer version: %v", err)
	}
}

// A charge that waits to be drawn is granted again under a policy that is on record, and stays one of the version it was
// made under.
func TestAChargeIsForItsPolicy(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	if err := l.SetPolicy("eu", "sleep", 1, planB); err != nil {
		t.Fatal(err)
	}
	begin(t, l, request("steps", planA, small)).Token.Close()
	r := request("steps", planA, small)
	r.PolicyHash = strings.Repeat("e", 64)
	refuses(t, l, "a policy that nobody recorded", ErrNoPolicy, func() error { _, err := l.Begin(r); return err })
	r.PolicyHash = planB
	tok := begin(t, l, r).Token
	defer tok.Close()
	if got, want := tok.Policy(), (PolicyVersion{"health", 3, policyC}); got != want {
		t.Errorf("granted under another policy on record: the charge is under %+v, want %+v", got, want)
	}
}

// asking is a charge of planA for the request cohort-7.
func asking(dataset string) Request {
	r := request(dataset, planA, small)
	r.Approved = "cohort-7"
	return r
}

func (o *officed) tryBegin(r Request) func() error {
	return func() error {
		b, err := o.Begin(r)
		if err == nil {
			err = b.Token.Close()
		}
		return err
	}
}

func (o *officed) approve(t testing.TB, request, plan string, until time.Time, by ...person) {
	t.Helper()
	for _, p := range by {
		if err := o.Approve(request, plan, until, p.sign(t, o.ApproveStatement(request, plan, until))); err != nil {
			t.Fatal(err)
		}
	}
}

// newPermitted is a ledger with officers in which anything is paid for, so that permits alone decide.
func newPermitted(t testing.TB) *officed {
	o := newOfficed(t)
	o.grant(t, "eu", "", budget.Caps{Lifetime: vast, Year: vast})
	if err := o.SetPolicy("eu", "health", 3, policyC); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestApproveRefusesForgeries(t *testing.T) {
	o, twin := newPermitted(t), newPermitted(t)
	until := march.AddDate(0, 1, 0)
	said := o.ApproveStatement("cohort-7", planA, until)
	renamed := o.mallory.sign(t, said)
	renamed.Name = "bob"
	for name, sig := range map[string]Signature{
		"none":                               {},
		"a stranger":                         o.mallory.sign(t, said),
		"a stranger who calls himself bob":   o.falseBob.sign(t, said),
		"a stranger's under the name of bob": renamed,
		"alice's under the name of bob":      {"bob", o.alice.sign(t, said).Base64},
		"another request":                    o.bob.sign(t, o.ApproveStatement("cohort-8", planA, until)),
		"another plan":                       o.bob.sign(t, o.ApproveStatement("cohort-7", planB, until)),
		"another time":                       o.bob.sign(t, o.ApproveStatement("cohort-7", planA, until.Add(time.Second))),
		"another ledger":                     o.bob.sign(t, twin.ApproveStatement("cohort-7", planA, until)),
		"a budget":                           o.bob.sign(t, o.BudgetStatement(Account{Population: "eu"}, ten)),
	} {
		refuses(t, o.Ledger, name, ErrSignature, func() error { return o.Approve("cohort-7", planA, until, sig) })
	}
	refuses(t, o.Ledger, "no request", nil, func() error {
		return o.Approve("", planA, until, o.bob.sign(t, o.ApproveStatement("", planA, until)))
	})
	refuses(t, o.Ledger, "no plan", nil, func() error {
		return o.Approve("cohort-7", "", until, o.bob.sign(t, o.ApproveStatement("cohort-7", "", until)))
	})
	plain, _ := newLedger(t, ten)
	refuses(t, plain, "a ledger without officers", ErrSignature, func() error {
		return plain.Approve("cohort-7", planA, until, o.bob.sign(t, plain.ApproveStatement("cohort-7", planA, until)))
	})
	if err := o.Approve("cohort-7", planA, until, o.bob.sign(t, said)); err != nil {
		t.Errorf("an officer's own: %v", err)
	}
}

// Ways of judging a request's approvals that each forget one thing.
var brokenApprovals = map[string]func(*requestState, *Record) bool{
	"one is enough":          func(q *requestState, r *Record) bool { return countApprovals(q, r, true, true) >= 1 },
	"any plan will do":       func(q *requestState, r *Record) bool { return countApprovals(q, r, false, true) >= 2 },
	"approvals never expire": func(q *requestState, r *Record) bool { return countApprovals(q, r, true, false) >= 2 },
}

func countApprovals(q *requestState, r *Record, plan, time bool) (n int) {
	for _, a := range q.approvals {
		if (!plan || a.plan == r.PlanHash) && (!time || r.Time.Before(a.expires)) {
			n++
		}
	}
	return n
}

func TestChargeNeedsTwoUnexpiredApprovals(t *testing.T) {
	until := march.Add(time.Hour)
	caught := map[string]bool{}
	for _, tt := range []struct {
		name    string
		prepare func(o *officed)
		granted bool
	}{
		{"nobody", func(o *officed) {}, false},
		{"one", func(o *officed) { o.approve(t, "cohort-7", planA, until, o.alice) }, false},
		{"one twice", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice)
			o.approve(t, "cohort-7", planA, until.Add(time.Minute), o.alice)
		}, false},
		{"two", func(o *officed) { o.approve(t, "cohort-7", planA, until, o.alice, o.carol) }, true},
		{"two of another plan", func(o *officed) { o.approve(t, "cohort-7", planB, until, o.alice, o.bob) }, false},
		{"two of another request", func(o *officed) { o.approve(t, "cohort-8", planA, until, o.alice, o.bob) }, false},
		{"one of each plan", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice)
			o.approve(t, "cohort-7", planB, until, o.bob)
		}, false},
		{"the last second", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice, o.bob)
			o.now = until.Add(-time.Nanosecond)
		}, true},
		{"the second it expires", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice, o.bob)
			o.now = until
		}, false},
		{"one of two has expired", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice)
			o.approve(t, "cohort-7", planA, until.Add(time.Hour), o.bob)
			o.now = until.Add(time.Minute)
		}, false},
		{"expired, and once more", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice, o.bob)
			o.now = until.Add(time.Minute)
			o.approve(t, "cohort-7", planA, until.Add(time.Hour), o.alice, o.carol)
		}, true},
		{"alice went over to another plan", func(o *officed) {
			o.approve(t, "cohort-7", planA, until, o.alice, o.bob)
			o.approve(t, "cohort-7", planB, until, o.alice)
		}, false},
	} {
		o := newPermitted(t)
		tt.prepare(o)
		if tt.granted {
			if err := o.tryBegin(asking("steps"))(); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		refuses(t, o.Ledger, tt.name, ErrNotApproved, o.tryBegin(asking("steps")))
		if q := o.state.requests["cohort-7"]; q != nil {
			for name, broken := range brokenApprovals {
				caught[name] = caught[name] || broken(q, &Record{PlanHash: planA, Time: o.now})
			}
		}
		if r := request("steps", planA, small); o.tryBegin(r)() != nil {
			t.Errorf("%s: a charge for no request is refused", tt.name)
		}
	}
	for name := range brokenApprovals {
		if !caught[name] {
			t.Errorf("a ledger in which %s refuses all that this one does, want a case that shows it", name)
		}
	}
}

// A withdrawal ends what was approved, also for a charge that nobody drew from, and what was signed before it.
func TestWithdrawnRequestIsOver(t *testing.T) {
	o := newPermitted(t)
	until := march.Add(time.Hour)
	refuses(t, o.Ledger, "withdraw what nobody approved", ErrOrder, func() error { return o.WithdrawRequest("cohort-7", "no longer") })
	said := o.ApproveStatement("cohort-7", planA, until)
	old := signed(t, said, o.alice, o.bob, o.carol)
	for _, sig := range old[:2] {
		if err := o.Approve("cohort-7", planA, until, sig); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.tryBegin(asking("charged"))(); err != nil {
		t.Fatal(err)
	}
	if err := o.tryBegin(asking("charged"))(); err != nil {
		t.Fatalf("granted again while it is approved: %v", err)
	}
	advance(t, begin(t, o.Ledger, asking("published")).Token, published)
	refuses(t, o.Ledger, "no reason", nil, func() error { return o.WithdrawRequest("cohort-7", "") })
	refuses(t, o.Ledger, "no request", nil, func() error { return o.WithdrawRequest("", "no longer") })
	if err := o.WithdrawRequest("cohort-7", "no longer"); err != nil {
		t.Fatal(err)
	}
	refuses(t, o.Ledger, "a new charge", ErrNotApproved, o.tryBegin(asking("steps")))
	refuses(t, o.Ledger, "the charge that was not drawn", ErrNotApproved, o.tryBegin(asking("charged")))
	for i, sig := range old {
		refuses(t, o.Ledger, fmt.Sprintf("replay of signature %d", i), ErrSignature, func() error { return o.Approve("cohort-7", planA, until, sig) })
		// A statement that did not name what it follows would let it in again.
		if said.signedBy(sig, o.state.keys.officers[sig.Name]) != nil {
			t.Errorf("signature %d is none of an officer: the replay shows nothing", i)
		}
	}
	if b := begin(t, o.Ledger, asking("published")); b.Status != Served {
		t.Errorf("what was published: got status %d, want it served", b.Status)
	}
	reopened := reopen(t, o.dir, at(march))
	refuses(t, reopened, "reopened", ErrSignature, func() error { return reopened.Approve("cohort-7", planA, until, old[0]) })
	o.approve(t, "cohort-7", planA, until, o.bob, o.carol)
	if err := o.tryBegin(asking("charged"))(); err != nil {
		t.Errorf("approved anew: %v", err)
	}
	second := signed(t, o.ApproveStatement("cohort-7", planA, until), o.alice)[0]
	if err := o.WithdrawRequest("cohort-7", "again"); err != nil {
		t.Fatal(err)
	}
	refuses(t, o.Ledger, "replay after the second withdrawal", ErrSignature, func() error { return o.Approve("cohort-7", planA, until, second) })
}

// The charge is of a time before the approvals expired, but drawing is not.
func TestChargeIsNotGrantedAgainOnceExpired(t *testing.T) {
	o := newPermitted(t)
	o.approve(t, "cohort-7", planA, march.Add(time.Hour), o.alice, o.bob)
	if err := o.tryBegin(asking("steps"))(); err != nil {
		t.Fatal(err)
	}
	o.now = march.Add(time.Hour)
	refuses(t, o.Ledger, "after the approvals expired", ErrNotApproved, o.tryBegin(asking("steps")))
	other := asking("steps")
	other.Approved = ""
	refuses(t, o.Ledger, "the same charge for no request", nil, o.tryBegin(other))
}

// An officer's word counts once: who approved another plan since, or for a shorter time, is not held to what he signed
// before by whoever kept that signature.
func TestAnApprovalCountsOnce(t *testing.T) {
	o := newPermitted(t)
	until := march.Add(24 * time.Hour)
	kept := o.alice.sign(t, o.ApproveStatement("cohort-7", planA, until))
	if err := o.Approve("cohort-7", planA, until, kept); err != nil {
		t.Fatal(err)
	}
	o.approve(t, "cohort-7", planB, until, o.alice)
	o.approve(t, "cohort-7", planA, until, o.bob)
	refuses(t, o.Ledger, "alice approves the other plan", ErrNotApproved, o.tryBegin(asking("steps")))
	refuses(t, o.Ledger, "replay of what alice signed before", ErrOrder, func() error { return o.Approve("cohort-7", planA, until, kept) })
	refuses(t, o.Ledger, "alice approves the other plan, still", ErrNotApproved, o.tryBegin(asking("steps")))
	if o.ApproveStatement("cohort-7", planA, until).signedBy(kept, o.state.keys.officers["alice"]) != nil {
		t.Error("what alice signed is not her signature any more: that it is refused shows nothing")
	}
	o.approve(t, "cohort-7", planA, until.Add(time.Second), o.alice) // she changes her mind again, and signs anew
	if err := o.tryBegin(asking("steps"))(); err != nil {
		t.Errorf("signed anew: %v", err)
	}
	reopened := reopen(t, o.dir, at(march))
	refuses(t, reopened, "replay, reopened", ErrOrder, func() error { return reopened.Approve("cohort-7", planA, until, kept) })
}

func TestWithdrawnRelease(t *testing.T) {
	for _, left := range []attemptState{charged, drawn, resulted, burned} {
		l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
		b := begin(t, l, request("steps", planA, small))
		advance(t, b.Token, left)
		refuses(t, l, "withdraw what is "+string(left), ErrOrder, func() error { return l.WithdrawRelease(b.Release, "recalled") })
	}
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	b := begin(t, l, request("steps", planA, small))
	advance(t, b.Token, published)
	refuses(t, l, "no such release", ErrOrder, func() error { return l.WithdrawRelease("2026-03-30-aaaaaaaaaaaaaaaa", "recalled") })
	refuses(t, l, "no reason", nil, func() error { return l.WithdrawRelease(b.Release, "") })
	refuses(t, l, "a release and a request", nil, func() error {
		return l.record("withdraw", &Record{Kind: Withdraw, Release: b.Release, Request: "cohort-7", Reason: "recalled"})
	})
	if err := l.WithdrawRelease(b.Release, "recalled"); err != nil {
		t.Fatal(err)
	}
	refuses(t, l, "withdraw again", ErrOrder, func() error { return l.WithdrawRelease(b.Release, "recalled") })
	for _, l := range []*Ledger{l, reopen(t, dir, at(march))} {
		r := request("steps", planA, small)
		r.Retries, r.Supersede = 9, true
		refuses(t, l, "ask again", ErrWithdrawn, func() error { _, err := l.Begin(r); return err })
		if got, _ := l.Spent(Account{Population: "eu"}); got != small {
			t.Errorf("spent %v, want %v as before", got, small)
		}
		var other *Superseded
		if _, err := l.Begin(request("steps", planB, small)); !errors.As(err, &other) {
			t.Errorf("another plan: got %v, want *Superseded", err)
		}
	}
	next := request("steps", planB, small)
	next.Supersede = true
	replaced := begin(t, l, next)
	advance(t, replaced.Token, published)
	again := request("steps", planA, small)
	again.Supersede = true
	third := begin(t, l, again)
	if third.Status != Granted || third.Attempt != 2 || third.Release == b.Release {
		t.Errorf("the withdrawn plan anew: got %+v, want another release", third)
	}
	advance(t, third.Token, published)
	if err := l.WithdrawRelease(replaced.Release, "recalled"); err != nil {
		t.Errorf("withdraw one that is superseded: %v", err)
	}
	if b := begin(t, l, again); b.Status != Served || b.Release != third.Release {
		t.Errorf("the current one: got %+v, want it served", b)
	}
	if got, _ := l.Spent(Account{Population: "eu"}); got.Rho != 3*small.Rho {
		t.Errorf("spent %v, want three charges", got)
	}
}

func TestAnnotateSpeaksOfWhatWas(t *testing.T) {
	l, dir := newLedger(t, ten) // three records
	for _, about := range []int64{-1, 3, 4, 1 << 62} {
		refuses(t, l, fmt.Sprintf("about %d", about), nil, func() error { return l.Annotate(about, "text") })
	}
	for name, text := range map[string]string{"no text": "", "a quote": `a"b`, "a line feed": "a\nb", "too long": strings.Repeat("x", 201)} {
		refuses(t, l, name, nil, func() error { return l.Annotate(0, text) })
	}
	for about := range int64(4) { // the last of them about an ANNOTATE
		if err := l.Annotate(about, "a remark"); err != nil {
			t.Errorf("about %d: %v", about, err)
		}
	}
	all := records(t, reopen(t, dir, at(march)))
	if got := kinds(all[3:]); got != "ANNOTATE ANNOTATE ANNOTATE ANNOTATE" || all[6].About != 3 || all[6].Text != "a remark" {
		t.Errorf("got %s, the last %+v", got, all[len(all)-1])
	}
}
