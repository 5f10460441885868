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
	case errors.Is(err, ledger.ErrCorrupt):
		return "nothing repairs it: stop, keep the folder as it is, find out who wrote to it, and bring back a copy that is not behind any release"
	case errors.Is(err, ledger.ErrInProgress):
		return "wait until the other job is done, and run again"
	case errors.Is(err, ledger.ErrBurned):
		return "find out from the job's messages why its attempts failed; the next window is not touched by it"
	}
	return ""
}
