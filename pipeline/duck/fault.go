package duck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// A Fault is an error of the engine without the engine's own words, which may
// quote a row.
type Fault struct {
	Doing string
	Kind  Kind
}

// Kind sorts faults by what helps.
type Kind string

// The kinds of fault.
const (
	OutOfMemory Kind = "memory ran out"
	Unreadable  Kind = "a file could not be read"
	Interrupted Kind = "interrupted"
	BadShape    Kind = "the files do not have the shape that the schema showed"
	Refused     Kind = "the engine refused it"
)

var hints = map[Kind]string{
	OutOfMemory: "raise --memory, run with more --shards, or name a --spill folder on a tmpfs or an encrypted disk",
	Unreadable:  "check that every file of the source is whole and can be read",
	Interrupted: "run again; a charge that was not drawn on is used again",
	BadShape:    "all files of one table must have the same columns and types; write a file that differs anew, or give it a table of its own",
	Refused:     "this is a fault of the program: please report it with the plan",
}

func (f *Fault) Error() string { return fmt.Sprintf("%s: %s; %s", f.Doing, f.Kind, hints[f.Kind]) }

// Is makes an interruption what the caller's context says it is.
func (f *Fault) Is(target error) bool { return f.Kind == Interrupted && target == context.Canceled }

func resultFault(ctx context.Context, doing string, res *mapping.Result) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &Fault{doing, kindOf(mapping.ResultErrorType(res), mapping.ResultError(res))}
}

// prepareFault sorts an error that came without a type by its first words,
// which are DuckDB's name of the type.
func prepareFault(ctx context.Context, doing, msg string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &Fault{doing, kindOf(mapping.ErrorTypeInvalid, msg)}
}

func kindOf(t mapping.ErrorType, msg string) Kind {
	switch t {
	case mapping.ErrorTypeOutOfMemory:
		return OutOfMemory
	case mapping.ErrorTypeErrorIO, mapping.ErrorTypePermission, mapping.ErrorTypeSerialization:
		return Unreadable
	case mapping.ErrorTypeInterrupt:
		return Interrupted
	case mapping.ErrorTypeConversion, mapping.ErrorTypeMismatchType, mapping.ErrorTypeInvalidInput:
		return BadShape
	}
	head, _, _ := strings.Cut(msg, ":")
	switch strings.TrimSpace(head) {
	case "Out of Memory Error":
		return OutOfMemory
	case "IO Error", "Serialization Error", "Invalid Error", "Permission Error":
		return Unreadable
	case "INTERRUPT Error":
		return Interrupted
	case "Conversion Error", "Mismatch Type Error", "Invalid Input Error", "Binder Error", "Invalid type Error":
		return BadShape
	}
	return Refused
}

// reason keeps the system's reason of a path error, without repeating the path.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var sys syscall.Errno
	if errors.As(err, &sys) {
		return sys
	}
	return err
}
