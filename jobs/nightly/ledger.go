package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/privacy/ledger"
)

// ledgerCommands are what is done to a ledger by people, rarely.
func ledgerCommands(s *settings) *cobra.Command {
	group := &cobra.Command{
		Use:   "ledger",
		Short: "Make a ledger, raise its caps with two signatures, rotate its key",
		Args:  cobra.NoArgs,
		RunE: door.Command(func(context.Context, []string) error {
			return door.With(door.Usage, errors.New("nightly ledger needs a command: see nightly ledger --help"))
		}),
	}
	add := func(use, short string, args cobra.PositionalArgs, do func([]string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args,
			RunE: door.Command(func(_ context.Context, args []string) error { return do(args) })}
		group.AddCommand(c)
		return c
	}
	var name, key string
	c := add("key FILE", "Make an officer's key in a new file, and print the verifier key, which is public", door.Exactly("FILE"),
		func(args []string) error { return s.makeKey(args[0], name) })
	c.Flags().StringVar(&name, "name", "", "the officer's `name`, as it stands in the ledger for ever")
	c = add("new", "Make the ledger, with officers who sign budgets and approvals", cobra.NoArgs,
		func([]string) error { return s.makeLedger() })
	c.Flags().StringSliceVar(&s.officers, "officer", nil, "`file` of an officer's verifier key; given two times or more")
	add("budget", "Print what two officers sign so that the policy's budget becomes the ledger's", cobra.NoArgs,
		func([]string) error { return s.statement() })
	c = add("sign FILE", "Sign the statement in a file, as an officer", door.Exactly("FILE"),
		func(args []string) error { return s.sign(args[0], key) })
	c.Flags().StringVar(&key, "key", "", "`file` of the officer's key")
	add("record FILE", "Set the policy's budget by a statement that officers signed", door.Exactly("FILE"),
		func(args []string) error { return s.record(args[0]) })
	add("rotate", "Give the ledger a new signing key, signed by the old one", cobra.NoArgs,
		func([]string) error { return s.rotate() })
	return group
}

func (s *settings) makeKey(path, name string) error {
	if name == "" {
		return door.With(door.Usage, errors.New("nightly ledger key needs --name: whose key it is"))
	}
	vkey, err := ledger.NewKey(path, name)
	if err != nil {
		return door.With(door.Input, err)
	}
	_, err = fmt.Fprintln(s.door.Out, vkey)
	return err
}

func (s *settings) makeLedger() error {
	o, err := s.options()
	if err != nil {
		return err
	}
	for _, path := range s.officers {
		text, err := os.ReadFile(path)
		if err != nil {
			return door.With(door.Input, fmt.Errorf("read an officer's verifier key: %w", err))
		}
		o.Book.Officers = append(o.Book.Officers, strings.TrimSpace(string(text)))
	}
	genesis, err := pipeline.MakeLedger(o)
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(s.door.Out, "Made ledger %s, signed by %s.\nPin the source to it, so that no other ledger can pay for these people. Write to %s:\n\n  ledger %s\n  population %s\n",
		s.ledger, o.Book.KeyFile(), filepath.Join(s.source, pipeline.PinName), genesis, o.Policy.Population)
	return err
}

func (s *settings) statement() error {
	o, err := s.options()
	if err != nil {
		return err
	}
	said, err := pipeline.BudgetStatement(o)
	if err != nil {
		return advised(err)
	}
	_, err = s.door.Out.Write(said.Note())
	return err
}

// sign adds a signature to a statement's file, which becomes the new text whole.
func (s *settings) sign(path, key string) error {
	if key == "" {
		return door.With(door.Usage, errors.New("nightly ledger sign needs --key: the file of the officer's key"))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return door.With(door.Input, fmt.Errorf("read the statement: %w", err))
	}
	said, signatures, err := ledger.ParseSigned(text)
	if err != nil {
		return door.With(door.Input, fmt.Errorf("%s: %w; nightly ledger budget prints one", path, err))
	}
	mine, err := said.Sign(key)
	if err != nil {
		return door.With(door.Input, err)
	}
	for _, had := range signatures {
		if had.Name == mine.Name {
			return door.With(door.Input, fmt.Errorf("%s has signed %s already", mine.Name, path))
		}
	}
	draft := path + ".draft"
	if err := errors.Join(os.WriteFile(draft, said.Note(append(signatures, mine)...), 0o644), os.Rename(draft, path)); err != nil {
		return door.With(door.Input, err)
	}
	_, err = fmt.Fprintf(s.door.Out, "%s signed:\n\n%s", mine.Name, said)
	return err
}

func (s *settings) record(path string) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return door.With(door.Input, fmt.Errorf("read the signed statement: %w", err))
	}
	caps, err := pipeline.RecordBudget(o, text)
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(s.door.Out, "Population %s may spend %v in its lifetime, and %v in a year.\n", o.Policy.Population, caps.Lifetime, caps.Year)
	return err
}

func (s *settings) rotate() error {
	o, err := s.options()
	if err != nil {
		return err
	}
	vkey, err := pipeline.RotateKey(o)
	if errors.Is(err, fs.ErrNotExist) {
		return door.With(door.Ledger, err)
	}
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(s.door.Out, "The ledger's key is now\n\n  %s\n\nTell the witness.\n", vkey)
	return err
}
