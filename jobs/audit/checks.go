package main

import (
	"lethe/jobs/door"
)

// A check is one thing that was looked at, and what was found wrong with it.
type check struct {
	Name     string    `json:"name"`
	Status   status    `json:"status"`
	Looked   string    `json:"looked_at"` // what was looked at, or why it was not
	Notes    []string  `json:"notes"`     // what is not wrong, and should be known
	Findings []finding `json:"findings"`
}

type status string

const (
	ok      status = "ok"
	failed  status = "failed"
	skipped status = "skipped"
)

// A finding is one thing that is wrong. Its kind is one of the constants below.
type finding struct {
	Kind    string `json:"kind"`
	Release string `json:"release,omitempty"`
	What    string `json:"what"`
}

// Kinds of findings. Those of files that are missing or cannot be read say
// nothing against the ledger.
const (
	missing      = "missing"      // what should be there is not
	unreadable   = "unreadable"   // what is there cannot be read
	absent       = "no ledger"    // the folder holds none
	corrupt      = "corrupt"      // the log is not what a sound program wrote
	rule         = "rule"         // a record breaks a rule of the ledger
	otherLedger  = "other ledger" // it belongs to another one
	setBack      = "set back"     // the ledger lacks what it once held
	unsigned     = "signature"    // a signature is not that of who had to sign
	disagreement = "disagreement" // the two readers differ
	changed      = "changed"      // a file is not the one on record
	unrecorded   = "unrecorded"   // it lies in the workspace and is not on record
	untrue       = "untrue"       // a manifest says another thing than the ledger
	recalled     = "recalled"     // it was withdrawn or burned, and still lies there
)

// code is the exit code of a finding.
func (f finding) code() int {
	if f.Kind == missing || f.Kind == unreadable {
		return door.Input
	}
	return door.Ledger
}

func newCheck(name string) check {
	return check{Name: name, Status: ok, Notes: []string{}, Findings: []finding{}}
}

func (c *check) find(kind, what string) { c.add(finding{Kind: kind, What: what}) }

func (c *check) add(all ...finding) {
	for _, f := range all {
		f.What = door.Visible(f.What)
		c.Findings = append(c.Findings, f)
		c.Status = failed
	}
}

func (c *check) note(what string) { c.Notes = append(c.Notes, what) }

// skip says why a check was not made.
func (c *check) skip(why string) { c.Status, c.Looked = skipped, why }

// worst is the highest exit code of all findings.
func worst(checks []check) int {
	code := door.OK
	for _, c := range checks {
		for _, f := range c.Findings {
			code = max(code, f.code())
		}
	}
	return code
}
