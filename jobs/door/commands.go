package door

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands is the root of a program's commands. Every flag is also an
// environment variable, LETHE_ and its name in capitals; the flag wins. After
// that, check looks at what was given.
func (d *Door) Commands(short, long string, check func() error) *cobra.Command {
	root := &cobra.Command{
		Use: d.Named, Short: short, Long: long,
		SilenceErrors: true, SilenceUsage: true, DisableSuggestions: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		err := d.environment(cmd.Flags())
		if err == nil {
			err = check()
		}
		if err != nil {
			return &failure{err}
		}
		return nil
	}
	return root
}

// Run runs one command line. What is wrong with its flags and arguments is a
// problem of usage.
func (d *Door) Run(ctx context.Context, root *cobra.Command, args []string) error {
	root.SetArgs(args)
	root.SetOut(d.Out)
	root.SetErr(d.Err)
	err := root.ExecuteContext(ctx)
	var known *failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known.error
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.") // cobra's own
	return With(Usage, fmt.Errorf("%s; see %s --help", text, d.Named))
}

// A failure is what a command returns, which cobra's own errors are not.
type failure struct{ error }

// Command marks what a command returns as its own.
func Command(do func(context.Context, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := do(c.Context(), args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

// Exactly asks for one argument of each name.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fmt.Errorf("%s needs %s: got %s", c.Name(), strings.Join(names, " and "), Count(len(args), "argument"))
		}
		return nil
	}
}

// environment fills in flags that were not given.
func (d *Door) environment(f *pflag.FlagSet) error {
	var err error
	f.VisitAll(func(flag *pflag.Flag) {
		name := "LETHE_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value := d.Getenv(name)
		if flag.Changed || flag.Name == "help" || value == "" || err != nil {
			return
		}
		if bad := f.Set(flag.Name, value); bad != nil {
			err = With(Usage, fmt.Errorf("environment variable %s does not fit --%s: want a %s", name, flag.Name, kind(flag)))
		}
	})
	return err
}

func kind(flag *pflag.Flag) string {
	if flag.Value.Type() == "bool" {
		return "value of true or false"
	}
	return "number"
}
