package main

import (
	"errors"
	"fmt"

	"lethe/jobs/door"
	"lethe/privacy/ledger"
)

// advised says what to do next about what the ledger says, and keeps the exit code.
func advised(err error) error {
	if next := advice(err); next != "" {
		return door.With(door.Code(err), fmt.Errorf("%w; %s", err, next))
	}
	return err
}

func advice(err error) string {
	var over *ledger.OverBudget
	var other *ledger.Superseded
	switch {
	case errors.As(err, &over) && over.Scope == "lifetime":
		return "nothing was charged; the lifetime's cap is the promise to these people and is not raised: spend less on the dataset"
	case errors.As(err, &over):
		return "nothing was charged; spend less on the dataset, or wait for the new year"
	case errors.As(err, &other):
		return "--supersede charges for it and releases the window again"
	case errors.Is(err, ledger.ErrPolicyVersion):
		return "give the edited policy a higher version: the ledger remembers what each version said"
	case errors.Is(err, ledger.ErrRaise):
		return "print the statement with nightly ledger budget, have two officers sign it with nightly ledger sign, then nightly ledger record"
	case errors.Is(err, ledger.ErrRolledBack), errors.Is(err, ledger.ErrOther):
		return "nothing was charged: bring back the newest copy of the ledger that paid for these people; an older one, or another, would spend their budget twice"
	case errors.Is(err, ledger.ErrNoCopy):
		return "name the folder that it was kept in; to begin with a ledger that had none, write what audit checkpoint prints to that file"
	case errors.Is(err, ledger.ErrKey):
		return "name the file of the ledger's signing key with --ledger-key, or restore it: without it the ledger can be read and nothing more"
	case errors.Is(err, ledger.ErrCorrupt):
		return "nothing repairs it: stop, keep the folder as it is, find out who wrote to it, and bring back a copy that is not behind any release"
	case errors.Is(err, ledger.ErrInProgress):
		return "wait until the other job is done, and run again"
	case errors.Is(err, ledger.ErrBurned):
		return "find out from the job's messages why its attempts failed; the next window is not touched by it"
	}
	return ""
}
