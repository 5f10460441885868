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
	if err == nil || errors.As(err, &known) {
		return unwrapped(err)
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.") // cobra's own: flags and arguments
	return door.With(door.Usage, fmt.Errorf("%s; see nightly --help", text))
}

// A failure is what a command returns, which cobra's own errors are not.
type failure struct{ error }

func unwrapped(err error) error {
	var known *failure
	if errors.As(err, &known) {
		return known.error
	}
	return err
}

// commands is the tree of commands and their flags.
func commands(d *door.Door) *cobra.Command {
	s := &settings{door: d}
	root := &cobra.Command{
		Use:           "nightly",
		Short:         "Run a policy's scheduled datasets, and explain what they do",
		Long:          about,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          command(func(ctx context.Context, _ []string) error { return run(ctx, s) }),
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	s.flags(root.PersistentFlags())
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
	add("run", "Deliver every dataset whose window has closed (the default)", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return run(ctx, s) })
	add("plan", "Explain datasets before any row is read", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return explain(ctx, s) })
	add("validate", "Check a policy against a source, and how long the budget lasts", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return validate(ctx, s) })
	add("schema", "The catalogue for researchers: what may be asked for", cobra.NoArgs,
		func(context.Context, []string) error { return schema(s) })
	add("why TABLE.COLUMN", "What happens to a column, and by whose approval", exactly("TABLE.COLUMN"),
		func(_ context.Context, args []string) error { return why(s, args[0]) })
	add("diff OLD NEW", "What a new version of a policy changes, what loosens it first", exactly("OLD", "NEW"),
		func(_ context.Context, args []string) error { return diff(s, args[0], args[1]) })
	var out string
	c := add("init", "Draft a policy from the files of --source, with every column dropped", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return draft(ctx, s, out) })
	root.AddCommand(ledgerCommands(s))
	c.Flags().StringVar(&out, "out", "", "new `file` to write the draft to (default: standard output)")
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

const about = `nightly reads account-linked tables, admits the people who may be in a study, strips
identity, cuts the account linkage, generalises, adds noise against a charged
ledger, and delivers tables that researchers can open.

Without flags, in the repository's root, it runs the sample policy on the sample
population. Every flag is also an environment variable: --policy is LETHE_POLICY;
the flag wins.

Exit codes: 0 ok, 1 internal, 2 usage, 3 input, 4 policy, 5 budget, 6 gate, 7 ledger.`
