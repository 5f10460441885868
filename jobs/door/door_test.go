package door

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lethe/pipeline/policy"
	"lethe/privacy/budget"
)

// stage is an error of a run, as pipeline.Error is one.
type stage struct {
	at string
	error
}

func (s stage) At() string    { return s.at }
func (s stage) Unwrap() error { return s.error }

func TestCode(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, OK},
		{"an error that says no more", bad, Internal},
		{"usage", With(Usage, bad), Usage},
		{"no error with a code", With(Usage, nil), OK},
		{"a source", stage{"input", bad}, Input},
		{"a gate", fmt.Errorf("run: %w", stage{"gate", bad}), Gate},
		{"a stage that nobody knows", stage{"weather", bad}, Internal},
		{"a problem of a policy", &policy.Problem{Msg: "bad"}, Policy},
		{"the highest of several", errors.Join(stage{"budget", bad}, stage{"ledger", bad}, stage{"input", bad}), Ledger},
		{"several at one stage", stage{"policy", errors.Join(bad, bad)}, Policy},
		{"a stage within a code", With(Input, stage{"ledger", bad}), Input},
		{"stopped", stage{"input", fmt.Errorf("read: %w", context.Canceled)}, Internal},
	} {
		if got := Code(c.err); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	d := &Door{Err: &out, Named: "nightly"}
	code := d.Report(errors.Join(
		stage{"policy", errors.Join(errors.New("one"), errors.New("two"))},
		errors.New("one"),                                               // said already
		fmt.Errorf("three: %w", errors.New("x")),                        // wrapped: one problem
		fmt.Errorf("%w and %w", errors.New("four"), errors.New("five")), // two errors in one sentence: one problem
		stage{"input", context.Canceled},                                // the last line says it
		errors.New("a\x1b[31m\u202eb\ttab"),
	))
	want := "nightly: one\nnightly: two\nnightly: three: x\nnightly: four and five\nnightly: a\\x1b[31m\\u202eb\\ttab\n"
	if out.String() != want || code != Policy {
		t.Errorf("got %d\n%s\nwant %d\n%s", code, out.String(), Policy, want)
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Rho(79901948187), "0.08"},
		{Rho(123400000000), "0.124"},
		{Rho(1), "1e-12"},
		{Rho(999_900_000_000), "1"},
		{Rho(1<<64 - 1), "18400000"}, // what would not fit is not rounded up
		{RhoLeft(79901948187), "0.0799"},
		{Epsilon(2_310_000_001), "2.32"},
		{Epsilon(0), "0"},
		{EpsilonLeft(2_319_999_999), "2.31"},
		{Percent(0), "0.0 %"},
		{Percent(0.0001), "under 0.1 %"},
		{Percent(0.0234), "2.3 %"},
		{Percent(0.5), "50 %"},
		{Count(1, "table"), "1 table"},
		{Count(1200, "table"), "1,200 tables"},
		{Thousands(-1234567), "-1,234,567"},
		{Thousands(999), "999"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	if a, b := budget.Rho(rounded(1e12+1, true)), budget.Rho(1e12+1); a < b {
		t.Errorf("a charge of %v is shown as %v, which is less", b, a)
	}
}

func TestPlainProgress(t *testing.T) {
	var out bytes.Buffer
	p := (&Door{Err: &out}).Progress()
	p.Start("steps", 3)
	p.Step("steps", "aggregate 1/1")
	p.End("steps", "published", true)
	p.Wait()
	if want := "steps: aggregate 1/1\nsteps: published\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestBars draws every way in which a dataset ends; Wait comes back from each.
func TestBars(t *testing.T) {
	var out bytes.Buffer
	p := (&Door{Err: &out, Terminal: true}).Progress()
	for _, name := range []string{"done", "failed", "stopped"} {
		p.Start(name, 2)
		for n := range 5 { // more steps than were told do no harm
			p.Step(name, fmt.Sprint("step ", n))
		}
	}
	p.Step("unknown", "step")
	p.End("unknown", "published", true)
	p.End("done", "published", true)
	p.End("failed", "failed", false)
	p.Wait()
	if strings.Contains(out.String(), "unknown") {
		t.Errorf("got a bar for a dataset that was not started: %q", out.String())
	}
}
