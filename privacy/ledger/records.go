package ledger

import (
	"fmt"
	"time"

	"lethe/privacy/budget"
)

// SetCaps sets the caps of an account. Caps that raise any amount, and the first ones where the ledger has officers, need the signatures of two officers under the [Ledger.BudgetStatement] of
// these caps, else it is [ErrRaise]; without officers the first caps are free and no later ones raise. Caps as they
// already are append nothing.
func (l *Ledger) SetCaps(of Account, c budget.Caps, signatures ...Signature) error {
	err := l.exclusive(func() error {
		if a := l.state.accounts[of]; a != nil && a.caps == c {
			return nil
		}
		return l.append(&Record{Kind: Budget, Population: of.Population, Project: of.Project, Caps: c, Signatures: signatures})
	})
	if err != nil {
		return fmt.Errorf("set caps of %s: %w", of, err)
	}
	return nil
}

// BudgetStatement returns what officers sign so that these caps become the next of their account.
func (l *Ledger) BudgetStatement(of Account, c budget.Caps) Statement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.budgetStatement(of, c)
}

// SetPolicy puts a version of a policy on record, so that charges may be made under it. The same version with the same
// hash appends nothing; an older one, and another hash for the same version, are [ErrPolicyVersion].
func (l *Ledger) SetPolicy(population, name string, version int64, hash string) error {
	err := l.exclusive(func() error {
		if l.state.policies[policyKey{population, name}] == (policyVersion{version, hash}) {
			return nil
		}
		return l.append(&Record{Kind: Policy, Population: population, Policy: name, Version: version, PolicyHash: hash})
	})
	if err != nil {
		return fmt.Errorf("put policy %s on record: %w", name, err)
	}
	return nil
}

// Approve records that an officer approves a request for one plan, until a time, in place of what the same officer
// approved of it before. The signature is under the [Ledger.ApproveStatement] of the same, and counts once. Two officers'
// approvals let [Ledger.Begin] charge for it.
func (l *Ledger) Approve(request, plan string, expires time.Time, signature Signature) error {
	return l.record("approve request "+request,
		&Record{Kind: Approve, Request: request, PlanHash: plan, Expires: expires, Signatures: []Signature{signature}})
}

// ApproveStatement returns what an officer signs to approve a request.
func (l *Ledger) ApproveStatement(request, plan string, expires time.Time) Statement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.approveStatement(request, plan, expires)
}

// WithdrawRequest ends every approval of a request. Reason is as in [Token.Burn].
func (l *Ledger) WithdrawRequest(request, reason string) error {
	return l.record("withdraw request "+request, &Record{Kind: Withdraw, Request: request, Reason: reason})
}

// WithdrawRelease records that a published release was recalled: it is not served again. Its charge stays spent, and its
// panel used. Reason is as in [Token.Burn].
func (l *Ledger) WithdrawRelease(release, reason string) error {
	return l.record("withdraw release "+release, &Record{Kind: Withdraw, Release: release, Reason: reason})
}

// Annotate records a remark about an earlier record, such as a correction. It changes nothing. Text is as a reason in
// [Token.Burn].
func (l *Ledger) Annotate(about int64, text string) error {
	return l.record(fmt.Sprintf("annotate record %d", about), &Record{Kind: Annotate, About: about, Text: text})
}

func (l *Ledger) record(what string, r *Record) error {
	if err := l.exclusive(func() error { return l.append(r) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
