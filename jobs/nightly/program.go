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
	root := d.Commands("Run a policy's scheduled datasets, and explain what they do", about, s.check)
	root.Args = cobra.NoArgs
	root.RunE = door.Command(func(ctx context.Context, _ []string) error { return run(ctx, s) })
	s.flags(root.PersistentFlags())
	add := func(use, short string, args cobra.PositionalArgs, do func(context.Context, []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: door.Command(do)}
		root.AddCommand(c)
		return c
	}
	add("run", "Deliver every dataset whose window has closed (the default)", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return run(ctx, s) })
	add("plan", "Explain datasets before any row is read", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return explain(ctx, s) })
	add("validate", "Check a policy against a source, and how long the budget lasts", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return validate(ctx, s) })
	add("schema", "The catalogue for researchers: what may be asked for", cobra.NoArgs,
		func(context.Context, []string) error { return schema(s) })
	add("why TABLE.COLUMN", "What happens to a column, and by whose approval", door.Exactly("TABLE.COLUMN"),
		func(_ context.Context, args []string) error { return why(s, args[0]) })
	add("diff OLD NEW", "What a new version of a policy changes, what loosens it first", door.Exactly("OLD", "NEW"),
		func(_ context.Context, args []string) error { return diff(s, args[0], args[1]) })
	var out string
	c := add("init", "Draft a policy from the files of --source, with every column dropped", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return draft(ctx, s, out) })
	root.AddCommand(ledgerCommands(s))
	c.Flags().StringVar(&out, "out", "", "new `file` to write the draft to (default: standard output)")
	return root
}

const about = `nightly reads account-linked tables, admits the people who may be in a study, strips
identity, cuts the account linkage, generalises, adds noise against a charged
ledger, and delivers tables that researchers can open.

Without flags, in the repository's root, it runs the sample policy on the sample
population. Every flag is also an environment variable: --policy is LETHE_POLICY;
the flag wins.

Exit codes: 0 ok, 1 internal, 2 usage, 3 input, 4 policy, 5 budget, 6 gate, 7 ledger.`
