// Command population writes the source tables of a connected-health company
// that does not exist, of any size. With no flags but -out it writes the
// sample that is committed beside it.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"lethe/testdata/population/generate"
	"lethe/testdata/population/world"
)

// memory is where the garbage collector starts to work harder, in bytes.
const memory = 640 << 20

func main() {
	debug.SetMemoryLimit(memory)
	o, err := options(flag.CommandLine, os.Args[1:])
	if err == nil {
		err = generate.Run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "population:", err)
		os.Exit(1)
	}
}

// options reads the flags; their defaults are the committed sample's.
func options(flags *flag.FlagSet, args []string) (generate.Options, error) {
	o := generate.Options{Progress: os.Stderr}
	flags.StringVar(&o.Out, "out", "", "folder to write, which must not exist")
	flags.IntVar(&o.Accounts, "accounts", 12_000, "number of accounts")
	flags.IntVar(&o.Days, "days", 7, "days of daily tables")
	flags.Uint64Var(&o.Seed, "seed", 1, "the same seed is the same people")
	flags.IntVar(&o.Minutes, "minute-accounts", 30, "accounts with minute and hourly rows")
	flags.IntVar(&o.Level, "zstd", 0, "compression level, 1 to 22 (default 19 up to 50,000 accounts, 1 above)")
	first := flags.String("first-day", "2026-03-23", "first day of data")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	t, err := time.Parse(time.DateOnly, *first)
	if err != nil {
		return o, fmt.Errorf("first day %q: want a date like 2026-03-23", *first)
	}
	o.First = world.DayOf(t.Year(), t.Month(), t.Day())
	return o, nil
}
