package main

import (
	"context"

	"github.com/spf13/cobra"

	"lethe/jobs/door"
)

// program runs one command line.
func program(ctx context.Context, d *door.Door, args []string) error {
	return d.Run(ctx, commands(d), args)
}

// commands is the tree of commands and their flags.
func commands(d *door.Door) *cobra.Command {
	s := &settings{door: d}
	root := d.Commands("Verify the ledger, its balances and the releases that were charged to it", about, s.check)
	add := func(use, short string, args cobra.PositionalArgs, do func(context.Context, []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: door.Command(do)}
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
	c = add("key FILE", "Make a key for a witness or an officer, and print its public half", door.Exactly("FILE"),
		func(_ context.Context, args []string) error { return key(s, args[0]) })
	s.keyFlags(c.Flags())
	return root
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
