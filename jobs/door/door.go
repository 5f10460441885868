// Package door is what Lethe's programs share: exit codes, signals, messages,
// progress, and how amounts are shown to people. It holds no logic of the
// pipeline.
//
// # Exit codes
//
//	0        all that was asked for is done
//	1        internal: a fault of the program
//	2        usage: a flag, an argument, a name that does not exist
//	3        input: the source, the workspace, the machine
//	4        policy: the policy, or what a dataset asks of it
//	5        budget: a cap would be passed; nothing was charged
//	6        gate: what would leave was held back
//	7        ledger: missing, corrupt, taken, burned, or it cannot be written
//	130, 143 stopped by SIGINT, by SIGTERM
//
// Where several things went wrong, the highest of 1 to 7 is returned. A dataset
// that no program builds yet does not fail an unfiltered run.
//
// # Messages
//
// Results go to standard output, everything else to standard error. A message
// says what is wrong, where, and what to do next, one problem a line; a problem
// in a policy file shows its place below. No message holds a value of a row;
// names out of a source are printed with what a terminal would obey made
// visible.
package door

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A Door is where a program talks to the outside.
type Door struct {
	Out, Err io.Writer
	Terminal bool // Err is a terminal that a person watches
	Getenv   func(string) string
	Named    string // the program, before each problem
	Stopped  string // what to know when the program was stopped by a signal
}

// New is the door of this process, which runs the program of that name.
func New(name string) *Door {
	return &Door{Out: os.Stdout, Err: os.Stderr, Terminal: terminal(os.Stderr), Getenv: os.Getenv, Named: name}
}

// terminal says whether f is a terminal that can draw bars.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb"
}

// Main runs a program until it ends or is told to stop, prints what went wrong
// and returns the exit code. A second signal ends the process at once.
func (d *Door) Main(program func(context.Context) error) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan os.Signal, 1)
	go func() {
		s := <-signals
		signal.Stop(signals)
		stopped <- s
		cancel()
	}()
	err := program(ctx)
	select {
	case s := <-stopped:
		return d.stop(s, err)
	default:
		return d.Report(err)
	}
}

// stop says how a stopped program ended. It may have been done already.
func (d *Door) stop(s os.Signal, err error) int {
	if err == nil {
		return 0
	}
	if code := d.Report(err); code > 1 {
		d.line("%s: stopped by a signal, after the problems above", d.Named)
		return code
	}
	d.line("%s: stopped by a signal: %s", d.Named, d.Stopped)
	if s == syscall.SIGTERM {
		return 143
	}
	return 130
}
