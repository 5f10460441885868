package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lethe/pipeline/deliver"
	"lethe/pipeline/duck"
	"lethe/pipeline/policy"
	"lethe/pipeline/release"
	"lethe/privacy/ledger"
)

// The promises of the design, one test each (promise_N_test.go), on the sample population. Each has a positive control:
// a variant that breaks the promise, which the same check must catch. What runs for long stands behind -long.
//
// Promise 5 is privacy/dp's, 7 comes with cohorts, 10 is privacy/ledger's.

var long = flag.Bool("long", false, "run the long variants: more pairs, more kills, more people")

const (
	sampleSource = "../testdata/population/sample"
	samplePolicy = "../testdata/policies/sample.yaml"
	sampleDay    = "2026-04-02"
	window       = "2026-03-23/2026-03-30"
)

// TestMain lets the test binary be a child that runs the pipeline and may be killed.
func TestMain(m *testing.M) {
	if order := os.Getenv(childOrder); order != "" {
		os.Exit(beChild(order))
	}
	code := m.Run()
	if built != "" {
		os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// parsePolicy is the policy of a file with replacements, old and new in turns.
func parsePolicy(t testing.TB, path string, replace ...string) *policy.Policy {
	t.Helper()
	p, err := parseEdited(path, replace)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parseEdited(path string, replace []string) (*policy.Policy, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			return nil, fmt.Errorf("%s does not hold %q", path, replace[i])
		}
		text = bytes.ReplaceAll(text, []byte(replace[i]), []byte(replace[i+1]))
	}
	return policy.Parse(path, text, filepath.Dir(path))
}

func onDay(p *policy.Policy, day string) time.Time {
	date, err := time.ParseInLocation(time.DateOnly, day, p.Zone)
	if err != nil {
		panic(err)
	}
	return date
}

// options run a policy on a source, in folders below dir.
func options(p *policy.Policy, source, dir string, datasets ...string) Options {
	return Options{
		Policy: p, Workspace: filepath.Join(dir, "workspace"), Book: Book{Folder: filepath.Join(dir, "ledger"), New: true},
		Engine: duck.Options{Source: source}, Date: onDay(p, sampleDay), Datasets: datasets, Now: closing,
	}
}

// closing is when the sample was drawn: a day on which its consents are as they are meant.
func closing() time.Time { return time.Date(2026, 4, 2, 1, 0, 0, 0, time.UTC) }

// mustRun runs and wants no dataset failed.
func mustRun(t testing.TB, o Options) *Summary {
	t.Helper()
	sum, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range sum.Outcomes {
		if out.Err != nil {
			t.Fatalf("dataset %s: %v", out.Dataset, out.Err)
		}
	}
	return sum
}

// records are the records of a ledger, none where there is no ledger.
func records(t testing.TB, dir string) []ledger.Record {
	t.Helper()
	book, err := ledger.Open(dir, ledger.Options{})
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	var out []ledger.Record
	for r, err := range book.Records() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// kinds are the kinds of records of one dataset's releases, in order: "CHARGE DRAW RESULT PUBLISHED".
func kinds(rs []ledger.Record, dataset string) string {
	of := map[string]string{}
	var out []string
	for _, r := range rs {
		if r.Kind == ledger.Charge {
			of[r.Release] = r.Dataset
		}
		if r.Release != "" && of[r.Release] == dataset {
			out = append(out, string(r.Kind))
		}
	}
	return strings.Join(out, " ")
}

// life says what is wrong with the order of a ledger's records: promise 4 in a few lines, apart from the ledger's own
// code. Nothing is drawn before a charge or twice, and no dataset and window has two releases under one plan unless the
// one before was burned.
func life(rs []ledger.Record) []string {
	var out []string
	state := map[string]ledger.Kind{}
	open := map[string]string{} // plan, dataset and window → its release that is not burned
	before := map[ledger.Kind]ledger.Kind{ledger.Drawn: ledger.Charge, ledger.Resulted: ledger.Drawn, ledger.Published: ledger.Resulted}
	for _, r := range rs {
		switch r.Kind {
		case ledger.Charge:
			key := r.Population + " " + r.Dataset + " " + r.Window + " " + r.PlanHash
			if was := open[key]; was != "" && state[was] != ledger.Burned {
				out = append(out, fmt.Sprintf("record %d charges again while %s stands", r.Seq, was))
			}
			if state[r.Release] != "" {
				out = append(out, fmt.Sprintf("record %d uses a release id again", r.Seq))
			}
			open[key] = r.Release
		case ledger.Drawn, ledger.Resulted, ledger.Published:
			if state[r.Release] != before[r.Kind] {
				out = append(out, fmt.Sprintf("record %d is %s after %q", r.Seq, r.Kind, state[r.Release]))
			}
		case ledger.Burned:
			if s := state[r.Release]; s != ledger.Drawn && s != ledger.Resulted {
				out = append(out, fmt.Sprintf("record %d burns after %q", r.Seq, s))
			}
		default:
			continue
		}
		state[r.Release] = r.Kind
	}
	return out
}

// whole says what is wrong with a workspace: every release in it has all of its files, as its manifest and the ledger's
// RESULT say, and nothing else lies there but the staging area.
func whole(workspace string, rs []ledger.Record) []string {
	result := map[string][]ledger.File{}
	for _, r := range rs {
		if r.Kind == ledger.Resulted {
			result[r.Release] = r.Files
		}
	}
	var out []string
	folders, _ := filepath.Glob(filepath.Join(workspace, "*", "*"))
	for _, folder := range folders {
		if filepath.Base(filepath.Dir(folder)) == release.StagingName {
			continue
		}
		id, dataset := filepath.Base(folder), filepath.Base(filepath.Dir(folder))
		if len(result[id]) == 0 {
			out = append(out, folder+": no RESULT is recorded")
			continue
		}
		// Resume holds what is published against the record, byte by byte, and is ErrExists where it differs.
		s, err := deliver.Resume(workspace, dataset, id, result[id])
		if err == nil {
			err = s.Publish()
		}
		if err != nil {
			out = append(out, fmt.Sprintf("%s: %v", folder, err))
		}
	}
	return out
}

// tree lists the files below a folder, with sizes.
func tree(root string) map[string]int64 {
	out := map[string]int64{}
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				rel, _ := filepath.Rel(root, path)
				out[rel] = info.Size()
			}
		}
		return nil
	})
	return out
}

// contents are the files below a folder with their bytes.
func contents(t testing.TB, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for rel := range tree(root) {
		b, err := os.ReadFile(filepath.Join(root, rel))
		if err != nil {
			t.Fatal(err)
		}
		out[rel] = string(b)
	}
	return out
}

// hook hears a run's progress.
type hook func(event, dataset, doing string)

func (h hook) Start(dataset string, _ int) { h("start", dataset, "") }
func (h hook) Step(dataset, doing string)  { h("step", dataset, doing) }
func (h hook) Done(o Outcome)              { h("done", o.Dataset, string(o.Status)) }

// The order to a child, as JSON.
const childOrder = "LETHE_TEST_CHILD"

type childRun struct {
	Policy, Source, Workspace, Ledger, Day string
	Replace, Datasets                      []string
	DieAt                                  int    // before the event of this number the child kills itself; 0 for never
	DieOn                                  string // so before this event: "step publish"
	FileLimit                              uint64 // bytes that any file may have from the first event that says Limit on
	Limit                                  string // "step deliver"
}

// childLine is one line that a child prints: an event of its progress, or an end.
type childLine struct {
	Event, Dataset, Doing string
	Outcomes              []childOutcome
	Err                   string
}

type childOutcome struct {
	Dataset, Release, Err string
	Status                Status
	Attempt               int
}

// beChild runs the pipeline as told and prints what happens, line by line.
func beChild(order string) int {
	var c childRun
	if err := json.Unmarshal([]byte(order), &c); err != nil {
		panic(err)
	}
	p, err := parseEdited(c.Policy, c.Replace)
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	events := 0
	say := func(l childLine) { json.NewEncoder(os.Stdout).Encode(l) }
	o := options(p, c.Source, "", c.Datasets...)
	o.Workspace, o.Book.Folder, o.Date = c.Workspace, c.Ledger, onDay(p, c.Day)
	o.Progress = hook(func(event, dataset, doing string) {
		mu.Lock()
		defer mu.Unlock()
		if events++; events == c.DieAt || event+" "+doing == c.DieOn {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		say(childLine{Event: event, Dataset: dataset, Doing: doing})
		if c.Limit != "" && event+" "+doing == c.Limit {
			limitFiles(uint64(tree(c.Ledger)["log"]))
		}
	})
	if c.FileLimit > 0 {
		limitFiles(c.FileLimit)
	}
	end := childLine{Event: "end"}
	sum, err := Run(context.Background(), o)
	if err != nil {
		end.Err = err.Error()
	}
	if sum != nil {
		for _, out := range sum.Outcomes {
			co := childOutcome{out.Dataset, out.Release, "", out.Status, out.Attempt}
			if out.Err != nil {
				co.Err = out.Err.Error()
			}
			end.Outcomes = append(end.Outcomes, co)
		}
	}
	say(end)
	return 0
}

// limitFiles lets no file of this process grow over a size, as a full disk would.
func limitFiles(size uint64) {
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size}); err != nil {
		panic(err)
	}
}

// command starts a child in a folder of its own, which is also its home and its place for temporary files.
func (c childRun) command(t testing.TB, dir string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	order, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"cwd", "tmp", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command(os.Args[0])
	child.Dir = filepath.Join(dir, "cwd")
	child.Env = append(os.Environ(), childOrder+"="+string(order), "TMPDIR="+filepath.Join(dir, "tmp"), "HOME="+filepath.Join(dir, "home"))
	out := &bytes.Buffer{}
	child.Stdout, child.Stderr = out, out
	return child, out
}

// on is an order to run a policy on a source, in folders below dir.
func on(t testing.TB, policy, source, dir string, datasets ...string) childRun {
	t.Helper()
	c := childRun{Policy: policy, Source: source, Workspace: filepath.Join(dir, "workspace"), Ledger: filepath.Join(dir, "ledger"), Day: sampleDay, Datasets: datasets}
	for _, path := range []*string{&c.Policy, &c.Source} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			t.Fatal(err)
		}
		*path = abs
	}
	return c
}

// heard are the lines that a child printed; a last line that was cut short is left out.
func heard(out *bytes.Buffer) []childLine {
	var lines []childLine
	for _, text := range strings.SplitAfter(out.String(), "\n") {
		var l childLine
		if strings.HasSuffix(text, "\n") && json.Unmarshal([]byte(text), &l) == nil && l.Event != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// sharedData is the folder of data that stands beside the repository; the test is skipped where it is absent.
func sharedData(name string) (string, bool) {
	dir, err := filepath.Abs("..")
	if err != nil {
		return "", false
	}
	for range 5 {
		for _, at := range []string{filepath.Join(dir, "..", "shared", "data", name), filepath.Join(dir, "shared", "data", name)} {
			if info, err := os.Stat(at); err == nil && info.IsDir() {
				return at, true
			}
		}
		dir = filepath.Dir(dir)
	}
	return "", false
}

// TestLedgerLifeIsSeen is the control of [life]: histories that no ledger should have.
func TestLedgerLifeIsSeen(t *testing.T) {
	charge := func(id string) ledger.Record {
		return ledger.Record{Kind: ledger.Charge, Release: id, Population: "p", Dataset: "d", Window: window, PlanHash: "h"}
	}
	is := func(k ledger.Kind, id string) ledger.Record { return ledger.Record{Kind: k, Release: id} }
	good := []ledger.Record{charge("a"), is(ledger.Drawn, "a"), is(ledger.Burned, "a"), charge("b"), is(ledger.Drawn, "b"), is(ledger.Resulted, "b"), is(ledger.Published, "b")}
	if bad := life(good); len(bad) != 0 {
		t.Errorf("a good life: %v", bad)
	}
	for name, rs := range map[string][]ledger.Record{
		"a draw without a charge":  {is(ledger.Drawn, "a")},
		"a draw before its charge": {is(ledger.Drawn, "a"), charge("a")},
		"two draws":                {charge("a"), is(ledger.Drawn, "a"), is(ledger.Drawn, "a")},
		"a result without a draw":  {charge("a"), is(ledger.Resulted, "a")},
		"a draw after the result":  {charge("a"), is(ledger.Drawn, "a"), is(ledger.Resulted, "a"), is(ledger.Drawn, "a")},
		"charged twice":            {charge("a"), charge("b")},
		"one id twice":             {charge("a"), is(ledger.Drawn, "a"), is(ledger.Burned, "a"), charge("a")},
		"burned undrawn":           {charge("a"), is(ledger.Burned, "a")},
	} {
		if len(life(rs)) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
	if !slices.Equal(strings.Fields(kinds(good, "d")), []string{"CHARGE", "DRAW", "BURNED", "CHARGE", "DRAW", "RESULT", "PUBLISHED"}) {
		t.Errorf("got %s", kinds(good, "d"))
	}
}
