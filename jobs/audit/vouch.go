package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lethe/jobs/door"
	"lethe/privacy/ledger"
)

// checkpoint prints the signed note, byte by byte as it was signed.
func checkpoint(s *settings) error {
	book, err := ledger.Open(s.ledger, ledger.Options{})
	if err != nil {
		return problem(err)
	}
	defer book.Close()
	c, err := book.Checkpoint()
	if s.size > 0 {
		c, err = book.CheckpointAt(s.size)
		if err != nil {
			return door.With(door.Usage, fmt.Errorf("--size: %w", err))
		}
	}
	if err != nil {
		return problem(err)
	}
	return s.say("%s", c.Note)
}

// witness vouches for the ledger and says for what.
func witness(_ context.Context, s *settings) error {
	for flag, value := range map[string]string{"--key": s.key, "--keep": s.keep} {
		if value == "" {
			return door.With(door.Usage, fmt.Errorf("witness needs --key and --keep: %s is missing", flag))
		}
	}
	w := ledger.Witness{KeyFile: s.key, File: s.keep, First: s.first}
	bar := newBar(s.door, "signatures", 0)
	c, err := w.Vouch(s.ledger, bar.step)
	bar.end(err == nil)
	switch {
	case errors.Is(err, fs.ErrExist):
		return door.With(door.Input, fmt.Errorf("%w; leave out --first", err))
	case errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrNotFound) && !s.first:
		return door.With(door.Input, fmt.Errorf("%w; if this witness has never vouched for the ledger, add --first", err))
	case err != nil:
		return problem(err)
	}
	return s.say("%s: vouched for records 0 to %s, root %v\nkept in %s\n", c.Origin, door.Thousands(c.Size-1), c.Root, s.keep)
}

// key makes a key and prints its public half.
func key(s *settings, path string) error {
	if s.name == "" {
		return door.With(door.Usage, errors.New("key needs --name: whose key it is"))
	}
	vkey, err := ledger.NewKey(path, s.name)
	var file *fs.PathError
	switch {
	case errors.Is(err, fs.ErrExist):
		return door.With(door.Input, fmt.Errorf("%w: a key is never written over; name another file", err))
	case errors.As(err, &file):
		return door.With(door.Input, err)
	case err != nil:
		return door.With(door.Usage, err)
	}
	return s.say("%s\n", vkey)
}

// say writes a result to standard output.
func (s *settings) say(format string, args ...any) error {
	if _, err := fmt.Fprintf(s.door.Out, format, args...); err != nil {
		return door.With(door.Input, fmt.Errorf("write to standard output: %w", err))
	}
	return nil
}

// problem gives an error of package ledger its exit code.
func problem(err error) error { return door.With(codeOf(err), err) }

// codeOf tells what is wrong with the ledger from what is wrong with the machine.
func codeOf(err error) int {
	for _, broken := range []error{ledger.ErrNotFound, ledger.ErrCorrupt, ledger.ErrOther, ledger.ErrRolledBack, ledger.ErrSignature} {
		if errors.Is(err, broken) {
			return door.Ledger
		}
	}
	return door.Input
}
