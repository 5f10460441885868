package pipeline

import (
	"errors"

	"lethe/privacy/ledger"
)

// Stage says where a run went wrong; programs turn it into an exit code.
type Stage string

// The stages.
const (
	Internal Stage = "internal"
	Input    Stage = "input" // the source, the workspace, the machine
	Policy   Stage = "policy"
	Budget   Stage = "budget"
	Gate     Stage = "gate"
	Ledger   Stage = "ledger"
)

// An Error is an error with its stage.
type Error struct {
	Stage Stage
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// At is the stage's name, for programs that do not link the pipeline.
func (e *Error) At() string { return string(e.Stage) }

func at(s Stage, err error) error {
	if err == nil {
		return nil
	}
	return &Error{s, err}
}

func internalError(err error) error { return at(Internal, err) }
func inputError(err error) error    { return at(Input, err) }
func policyError(err error) error   { return at(Policy, err) }
func gateError(err error) error     { return at(Gate, err) }
func ledgerError(err error) error   { return at(Ledger, err) }

// beginError sorts what the ledger says to a request.
func beginError(err error) error {
	var over *ledger.OverBudget
	if errors.As(err, &over) {
		return at(Budget, err)
	}
	return ledgerError(err)
}
