package ledger

import (
	"time"

	"lethe/privacy/budget"
)

// Kind is what a record says.
type Kind string

// The kinds; the package doc has the fields of each.
const (
	Genesis    Kind = "GENESIS"
	Budget     Kind = "BUDGET"
	Policy     Kind = "POLICY"
	Charge     Kind = "CHARGE"
	Panelled   Kind = "PANEL"
	Drawn      Kind = "DRAW"
	Resulted   Kind = "RESULT"
	Published  Kind = "PUBLISHED"
	Burned     Kind = "BURNED"
	Approve    Kind = "APPROVE"
	Withdraw   Kind = "WITHDRAW"
	KeyRotated Kind = "KEYROTATED"
	Annotate   Kind = "ANNOTATE"
)

// Record is one record of the log. Which fields beyond the first four are set depends on its Kind; the package doc has
// the table.
type Record struct {
	Seq  int64 // GENESIS is 0
	Kind Kind
	Time time.Time // when it was appended, in UTC, whole seconds
	Hash string    // lower-case hex, of this record and all before it

	Key      string   // GENESIS: verifier key
	Officers []string // GENESIS: verifier keys

	Population string      // BUDGET, POLICY, CHARGE, PANEL
	Project    string      // BUDGET, CHARGE, PANEL; or empty
	Caps       budget.Caps // BUDGET

	Policy     string // POLICY: its name
	Version    int64  // POLICY
	PolicyHash string // POLICY, CHARGE, PANEL

	Release         string // CHARGE to BURNED; WITHDRAW, or empty
	Request         string // CHARGE, PANEL, WITHDRAW, or empty; APPROVE
	Dataset, Window string // CHARGE, PANEL
	PlanHash        string // CHARGE, PANEL, APPROVE
	Supersedes      string // CHARGE, PANEL: the plan hash that was current before, or empty
	Attempt         int64  // CHARGE, PANEL
	Cost            budget.Cost
	Draws           []Draw // CHARGE, PANEL
	Panel           Panel  // PANEL

	Files  []File // RESULT
	Reason string // BURNED, WITHDRAW

	Expires time.Time // APPROVE: from then on it does not count

	Old, New string // KEYROTATED: verifier keys

	About int64  // ANNOTATE: the record it speaks of
	Text  string // ANNOTATE

	Signatures []Signature // BUDGET, APPROVE, KEYROTATED
}

// Panel is one of the secret parts that a population is cut into for a year.
type Panel struct {
	Year   int64 // the year the cut is for; a new year is a new cut
	Of     int64 // how many panels the cut has, at least 1
	Number int64 // which of them, from 0
}

// A Signature is one line of a signed note: who signed, and the base64 of the key's hash and the signature.
type Signature struct {
	Name   string
	Base64 string
}

// opens says whether records of this kind are the charge that a release begins with.
func (k Kind) opens() bool { return k == Charge || k == Panelled }
