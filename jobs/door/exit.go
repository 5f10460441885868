package door

import (
	"context"
	"errors"
	"strings"

	"lethe/pipeline/policy"
)

// Exit codes; the package doc says what each means.
const (
	OK = iota
	Internal
	Usage
	Input
	Policy
	Budget
	Gate
	Ledger
)

// codes are those of the stages of a run, by pipeline.Stage. The package does
// not link the pipeline: an auditor's program must not.
var codes = map[string]int{
	"internal": Internal,
	"input":    Input,
	"policy":   Policy,
	"budget":   Budget,
	"gate":     Gate,
	"ledger":   Ledger,
}

// staged is an error that says at which stage it happened: a *pipeline.Error.
type staged interface {
	error
	At() string
	Unwrap() error
}

// A Problem is an error with its exit code.
type Problem struct {
	Code int
	Err  error
}

func (p *Problem) Error() string { return p.Err.Error() }

func (p *Problem) Unwrap() error { return p.Err }

// With gives an error an exit code; nil stays nil.
func With(code int, err error) error {
	if err == nil {
		return nil
	}
	return &Problem{code, err}
}

// Code is the exit code of an error: the highest of everything joined in it.
func Code(err error) int {
	code := OK
	for _, e := range each(err) {
		code = max(code, codeOf(e))
	}
	return code
}

func codeOf(err error) int {
	var p *Problem
	var at staged
	var written *policy.Problem
	switch {
	case err == nil:
		return OK
	case errors.Is(err, context.Canceled):
		return Internal // a stopped program says so itself
	case errors.As(err, &p):
		return p.Code
	case errors.As(err, &at):
		return max(codes[at.At()], Internal)
	case errors.As(err, &written):
		return Policy
	}
	return Internal
}

// Report prints every problem of an error and returns its exit code.
func (d *Door) Report(err error) int {
	seen := map[string]bool{}
	for _, e := range each(err) {
		text := e.Error()
		if errors.Is(e, context.Canceled) || seen[text] {
			continue
		}
		seen[text] = true
		if d.Named != "" {
			text = d.Named + ": " + text
		}
		d.line("%s", Visible(text))
	}
	return Code(err)
}

// each takes a joined error apart. What wraps a join says something of all of
// its parts, which then each say it.
func each(err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		if parts := e.Unwrap(); joined(err, parts) {
			var out []error
			for _, part := range parts {
				out = append(out, each(part)...)
			}
			return out
		}
	case *Problem:
		return again(e.Err, func(part error) error { return &Problem{e.Code, part} })
	case staged:
		return again(e.Unwrap(), func(part error) error { return &Problem{max(codes[e.At()], Internal), part} })
	}
	return []error{err}
}

// joined says whether an error has no words but those of its parts.
func joined(err error, parts []error) bool {
	var texts []string
	for _, part := range parts {
		texts = append(texts, part.Error())
	}
	return err.Error() == strings.Join(texts, "\n")
}

func again(err error, wrap func(error) error) []error {
	var out []error
	for _, part := range each(err) {
		out = append(out, wrap(part))
	}
	return out
}

// Visible is text with every character that a terminal obeys, or that a person
// cannot see, written as an escape. Line breaks and the text of messages stay.
func Visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case hidden(r):
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
