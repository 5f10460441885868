package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lethe/jobs/door"
)

// program runs one command line.
func program(ctx context.Context, d *door.Door, args []string) error {
	root := commands(d)
	root.SetArgs(args)
	root.SetOut(d.Out)
	root.SetErr(d.Err)
	err := root.ExecuteContext(ctx)
	var known *failure
	if errors.As(err, &known) {
		return known.error
	}
	if err == nil {
		return nil
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.") // cobra's own: flags and arguments
	return door.With(door.Usage, fmt.Errorf("%s; see audit --help", text))
}

// A failure is what a command returns, which cobra's own errors are not.
type failure struct{ error }

// commands is the tree of commands and their flags.
func commands(d *door.Door) *cobra.Command {
	s := &settings{door: d}
	root := &cobra.Command{
		Use:           "audit",
		Short:         "Verify the ledger, its balances and the releases that were charged to it",
		Long:          about,
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableSuggestions: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.environment(cmd.Flags()); err != nil {
			return &failure{err}
		}
		return nil
	}
	add := func(use, short string, args cobra.PositionalArgs, do func(context.Context, []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: command(do)}
		root.AddCommand(c)
		return c
	}
	c := add("verify", "Check the ledger, its balances and every release against each other", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return verify(ctx, s) })
	s.verifyFlags(c.Flags())
	c = add("checkpoint", "Print the ledger's signed checkpoint, to be kept elsewhere", cobra.NoArgs,
		func(context.Context, []string) error { return checkpoint(s) })
	s.checkpointFlags(c.Flags())
	c = add("witness", "Verify the ledger and vouch for its newest checkpoint", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return witness(ctx, s) })
	s.witnessFlags(c.Flags())
	c = add("key FILE", "Make a key for a witness or an officer, and print its public half", exactly("FILE"),
		func(_ context.Context, args []string) error { return key(s, args[0]) })
	s.keyFlags(c.Flags())
	return root
}

// exactly asks for one argument of each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fmt.Errorf("%s needs %s: got %s", c.Name(), strings.Join(names, " and "), door.Count(len(args), "argument"))
		}
		return nil
	}
}

// command marks what a command returns as its own.
func command(do func(context.Context, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := do(c.Context(), args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

const about = `audit checks what the other programs left behind. It needs neither the source nor
the ledger's key, and changes neither ledger nor workspace.

audit verify reads the ledger twice, by two programs that share no code, recomputes
every balance, and holds every release in the workspace against the record that
paid for it. audit witness does so from outside, and keeps what it has seen, so
that records can no longer be taken back.

Every flag is also an environment variable: --ledger is LETHE_LEDGER; the flag wins.

Exit codes: 0 all holds, 2 usage, 3 a file is missing or cannot be read, 7 the
ledger or a release is not what it should be.`
