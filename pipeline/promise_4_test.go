package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lethe/pipeline/duck"
	"lethe/privacy/ledger"
)

// small is a source of the small policy in dir, for runs that are about the order of things.
func small(t testing.TB, dir string) string {
	t.Helper()
	s, _ := population(rand.New(rand.NewPCG(4, 4)), 40)
	return s.save(t, filepath.Join(dir, "source"))
}

// lifeOf fails the test where the ledger's records are out of order, and returns them.
func lifeOf(t *testing.T, o Options) []ledger.Record {
	t.Helper()
	rs := records(t, o.Book.Folder)
	for _, problem := range append(life(rs), whole(o.Workspace, rs)...) {
		t.Error(problem)
	}
	return rs
}

// rerun runs and returns the one dataset's outcome.
func rerun(t *testing.T, o Options) Outcome {
	t.Helper()
	sum, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Outcomes) != 1 {
		t.Fatalf("%d outcomes, want 1", len(sum.Outcomes))
	}
	return sum.Outcomes[0]
}

// TestPromise4Cancelled cancels a run at each of its events. No charge is lost, none is made twice, and what was not
// drawn on is used again.
func TestPromise4Cancelled(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	source := small(t, t.TempDir())
	for at := 1; at <= 8; at++ {
		dir := t.TempDir()
		o := options(p, source, dir, "steps")
		o.Shards = 2
		ctx, cancel := context.WithCancel(context.Background())
		events, when := 0, "the end"
		o.Progress = hook(func(event, _, doing string) {
			if events++; events == at {
				when = event + " " + doing
				cancel()
			}
		})
		sum, err := Run(ctx, o)
		cancel()
		rs := lifeOf(t, o)
		got := kinds(rs, "steps")
		published := err == nil && sum.Outcomes[0].Status == Published
		if want := map[bool]string{false: "CHARGE", true: "CHARGE DRAW RESULT PUBLISHED"}[published]; got != want {
			t.Errorf("cancelled at %s: ledger has %q, want %q", when, got, want)
		}
		o.Progress = nil
		if out := rerun(t, o); out.Err != nil || out.Attempt != 1 {
			t.Errorf("cancelled at %s, then run again: attempt %d, %v", when, out.Attempt, out.Err)
		}
		if got := kinds(lifeOf(t, o), "steps"); got != "CHARGE DRAW RESULT PUBLISHED" {
			t.Errorf("cancelled at %s, then run again: ledger has %q", when, got)
		}
	}
	// Before the first event: nothing is charged.
	o := options(p, source, t.TempDir(), "steps")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, o); err == nil || len(records(t, o.Book.Folder)) != 0 {
		t.Errorf("cancelled before it began: error %v, %d records", err, len(records(t, o.Book.Folder)))
	}
}

// TestPromise4UnreadableRows: the charge is there before a row is read. Rows that cannot be read leave it undrawn, for
// the next run.
func TestPromise4UnreadableRows(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	dir := t.TempDir()
	source := small(t, dir)
	path := filepath.Join(source, "activity.parquet")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(good)
	for i := 8; i < len(bad)/2; i++ { // every page; the footer, which the schema comes from, is whole
		bad[i] ^= 0x55
	}
	put(t, path, bad)
	o := options(p, source, dir, "steps")
	if out := rerun(t, o); out.Err == nil {
		t.Fatal("rows that cannot be read were read")
	}
	if got := kinds(lifeOf(t, o), "steps"); got != "CHARGE" {
		t.Errorf("ledger has %q, want a charge and no draw", got)
	}
	put(t, path, good)
	if out := rerun(t, o); out.Status != Published || out.Attempt != 1 {
		t.Errorf("with the rows back: %s, attempt %d, %v", out.Status, out.Attempt, out.Err)
	}
	if got := kinds(lifeOf(t, o), "steps"); got != "CHARGE DRAW RESULT PUBLISHED" {
		t.Errorf("with the rows back: ledger has %q", got)
	}
}

// TestPromise4LostAfterDraw: what was drawn and lost is burned; the next run is a second charge, and a third is refused.
// Nothing is refunded.
func TestPromise4LostAfterDraw(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	dir := t.TempDir()
	o := options(p, small(t, dir), dir, "steps")
	fail := o
	fail.Progress = hook(func(event, _, doing string) {
		if event == "step" && doing == "deliver" { // between DRAW and RESULT the workspace becomes a file
			os.RemoveAll(o.Workspace)
			os.WriteFile(o.Workspace, nil, 0o600)
		}
	})
	healed := func() { os.Remove(o.Workspace) }
	for i, want := range []string{"CHARGE DRAW", "CHARGE DRAW BURNED CHARGE DRAW"} {
		out := rerun(t, fail)
		healed()
		if out.Err == nil || out.Attempt != i+1 {
			t.Errorf("run %d: attempt %d, %v", i+1, out.Attempt, out.Err)
		}
		if got := kinds(lifeOf(t, o), "steps"); got != want {
			t.Errorf("run %d: ledger has %q, want %q", i+1, got, want)
		}
	}
	out := rerun(t, o)
	if !errors.Is(out.Err, ledger.ErrBurned) {
		t.Errorf("run 3: got %v, want ErrBurned", out.Err)
	}
	rs := lifeOf(t, o)
	if got := kinds(rs, "steps"); got != "CHARGE DRAW BURNED CHARGE DRAW BURNED" {
		t.Errorf("run 3: ledger has %q", got)
	}
	book, err := ledger.Open(o.Book.Folder, ledger.Options{Clock: closing})
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	spent, _ := book.Spent(ledger.Account{Population: p.Population})
	cost := out.Cost
	if twice, _ := cost.Add(cost); spent != twice {
		t.Errorf("spent %v, want two charges of %v: nothing is refunded", spent, cost)
	}
}

// TestPromise4ServedAgain: the same window again charges and draws nothing, and the bytes are those that were there.
func TestPromise4ServedAgain(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	dir := t.TempDir()
	o := options(p, small(t, dir), dir)
	mustRun(t, o)
	before, files := records(t, o.Book.Folder), contents(t, o.Workspace)
	for range 3 {
		sum := mustRun(t, o)
		for _, out := range sum.Outcomes {
			if out.Status != Served {
				t.Errorf("%s: %s, want served again", out.Dataset, out.Status)
			}
		}
	}
	if after := lifeOf(t, o); len(after) != len(before) {
		t.Errorf("%d records became %d", len(before), len(after))
	}
	for name, text := range contents(t, o.Workspace) {
		if files[name] != text {
			t.Errorf("%s changed", name)
		}
	}
}

// TestPromise4LedgerFails: where the ledger's disk refuses a record, nothing is drawn after it.
func TestPromise4LedgerFails(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	before := t.TempDir()
	source := small(t, before)
	others := options(p, source, before) // so that the log is larger than any file that is delivered
	for _, d := range p.Datasets {
		if d.Name != "pressure" {
			others.Datasets = append(others.Datasets, d.Name)
		}
	}
	mustRun(t, others)
	earlier := others
	earlier.Date = onDay(p, "2026-03-26")
	mustRun(t, earlier)
	for name, c := range map[string]struct {
		limit string // from this event on the log cannot grow
		want  string
		next  string
	}{
		"no room for CHARGE":    {"", "", "CHARGE DRAW RESULT PUBLISHED"},
		"no room for DRAW":      {"step noise", "CHARGE", "CHARGE DRAW RESULT PUBLISHED"},
		"no room for RESULT":    {"step deliver", "CHARGE DRAW", "CHARGE DRAW BURNED CHARGE DRAW RESULT PUBLISHED"},
		"no room for PUBLISHED": {"step publish", "CHARGE DRAW RESULT", "CHARGE DRAW RESULT PUBLISHED"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := options(p, source, dir, "pressure")
			for _, folder := range []string{"ledger", "workspace"} {
				if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(before, folder))); err != nil {
					t.Fatal(err)
				}
			}
			key, err := os.ReadFile(others.Book.KeyFile())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(o.Book.KeyFile(), key, 0o600); err != nil {
				t.Fatal(err)
			}
			size := tree(o.Book.Folder)["log"]
			if c.limit == "" {
				limited(t, dir, source, uint64(size), "")
			} else {
				limited(t, dir, source, 0, c.limit)
			}
			if got := kinds(lifeOf(t, o), "pressure"); got != c.want {
				t.Errorf("ledger has %q, want %q", got, c.want)
			}
			if out := rerun(t, o); out.Err != nil {
				t.Errorf("with room again: %v", out.Err)
			}
			if got := kinds(lifeOf(t, o), "pressure"); got != c.next {
				t.Errorf("with room again: ledger has %q, want %q", got, c.next)
			}
		})
	}
}

// limited runs one dataset in a child whose files cannot grow over a size: size from the start, or the log's own size
// from an event on.
func limited(t *testing.T, dir, source string, size uint64, event string) {
	t.Helper()
	c := on(t, smallPolicy, source, dir, "pressure")
	c.FileLimit, c.Limit = size, event
	cmd, out := c.command(t, t.TempDir())
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := heard(out)
	end := lines[len(lines)-1]
	if end.Err == "" && (len(end.Outcomes) != 1 || end.Outcomes[0].Err == "") {
		t.Errorf("the run did not say that the ledger could not be written: %+v", end)
	}
}

// TestPromise4TwoProcesses: of two runs of a dataset at once one draws. The other is told that it is in progress, or is
// served.
func TestPromise4TwoProcesses(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	dir := t.TempDir()
	source := small(t, dir)
	rounds := 2
	if *long {
		rounds = 40
	}
	for range rounds {
		dir := t.TempDir()
		o := options(p, source, dir, "steps", "pulse")
		if book, err := ledger.Create(o.Book.Folder, ledger.Options{KeyFile: o.Book.KeyFile(), Clock: closing}); err != nil {
			t.Fatal(err)
		} else {
			book.Close()
		}
		var wg sync.WaitGroup
		ends := make([]childLine, 3)
		for i := range ends {
			cmd, out := on(t, smallPolicy, source, dir, "steps", "pulse").command(t, t.TempDir())
			wg.Go(func() {
				cmd.Run()
				if lines := heard(out); len(lines) > 0 {
					ends[i] = lines[len(lines)-1]
				}
			})
		}
		wg.Wait()
		published := 0
		for _, end := range ends {
			if end.Event != "end" {
				t.Errorf("a process did not end well: %+v", end)
			}
			for _, out := range end.Outcomes {
				if out.Status == Published {
					published++
				} else if out.Status == Failed && !strings.Contains(out.Err, ledger.ErrInProgress.Error()) {
					t.Errorf("%s: %s", out.Dataset, out.Err)
				}
			}
		}
		if published != 2 {
			b, _ := json.Marshal(ends)
			t.Errorf("%d releases were published, want one of each of 2 datasets: %s", published, b)
		}
		rs := lifeOf(t, o)
		for _, d := range o.Datasets {
			if got := kinds(rs, d); got != "CHARGE DRAW RESULT PUBLISHED" {
				t.Errorf("%s: ledger has %q", d, got)
			}
		}
	}
}

// TestPromise4TokenControl: what the pipeline never does, the ledger would refuse: the promise does not hang on the
// order of lines alone.
func TestPromise4TokenControl(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	dir := t.TempDir()
	source := small(t, dir)
	l := newLab(t, duck.Options{Source: source}, p, nil, "pressure")
	book, err := openLedger(options(p, source, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if err := onRecord(options(p, source, dir), book); err != nil {
		t.Fatal(err)
	}
	pl := l.plans[0]
	exact := l.answers(t, "", 1)["pressure"]
	begun, err := book.Begin(ledger.Request{Population: pl.Population, Dataset: pl.Dataset, Window: pl.Window.String(), PlanHash: pl.Hash(), PolicyHash: p.Hash, Draws: pl.Draws()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := addNoise(nil, pl, exact); err == nil {
		t.Error("noise without a meter")
	}
	if _, err := addNoise(&ledger.Meter{}, pl, exact); err == nil {
		t.Error("noise from a meter that no charge gave")
	}
	meter, err := begun.Token.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := addNoise(meter, pl, exact); err != nil {
		t.Fatal(err)
	}
	if _, err := addNoise(meter, pl, exact); !errors.Is(err, ledger.ErrTaken) {
		t.Errorf("a second draw: got %v, want ErrTaken", err)
	}
	if _, err := begun.Token.Draw(); !errors.Is(err, ledger.ErrDrawn) {
		t.Errorf("a second meter: got %v, want ErrDrawn", err)
	}
}
