package pipeline

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lethe/privacy/ledger"
)

// nights are the datasets of the sample that TestPromise9Killed runs.
var nights = []string{"people-by-age-sex-region", "steps-by-weekday", "sleep-by-age"}

// TestPromise9Killed kills a run of the sample at random moments, and at each of its events. What is in the workspace is
// whole, every charge and draw that the run was told of is in the ledger, no identity is on disk, and the next run
// goes on as the design says.
func TestPromise9Killed(t *testing.T) {
	t.Parallel()
	byTime, byEvent := 5, 4
	if *long {
		byTime, byEvent = 120, 60
	}
	s := newScanner(sampleIdentities(t))
	rng := rand.New(rand.NewPCG(9, 9))
	began := time.Now()
	events := killed(t, s, childRun{}, 0, nil) // a run that is left alone, for its length
	took := time.Since(began)
	ends := map[string]int{}
	for i := range byTime {
		after := time.Duration(float64(took) * (0.1 + 0.9*(float64(i)+rng.Float64())/float64(byTime)))
		t.Run(fmt.Sprintf("after %v", after.Round(time.Millisecond)), func(t *testing.T) {
			killed(t, s, childRun{}, after, ends)
		})
	}
	for i := range byEvent {
		at := 1 + (i*events+rng.IntN(events))/byEvent%events
		t.Run(fmt.Sprintf("before event %d", at), func(t *testing.T) {
			killed(t, s, childRun{DieAt: at}, 0, ends)
		})
	}
	for _, event := range []string{"step noise", "step deliver", "step publish", "done " + string(Published)} {
		t.Run("before "+event, func(t *testing.T) { killed(t, s, childRun{DieOn: event}, 0, ends) })
	}
	for _, state := range []string{"CHARGE", "CHARGE DRAW", "CHARGE DRAW RESULT", "CHARGE DRAW RESULT PUBLISHED"} {
		if ends[state] == 0 {
			t.Errorf("no kill left a release as %s", state)
		}
	}
	t.Logf("%d kills within %v and at %d events; %d canaries in %d patterns; releases were left as: %v", byTime+byEvent+4, took, events, s.canaries, s.patterns, ends)
}

// killed runs the sample in a child, kills it after a time or before an event, looks at what it left, runs again and
// looks at what became of it. It returns how many events the child told of, and counts how its releases ended.
func killed(t *testing.T, s *scanner, order childRun, after time.Duration, ends map[string]int) int {
	t.Helper()
	dir := t.TempDir()
	c := on(t, samplePolicy, sampleSource, dir, nights...)
	c.DieAt, c.DieOn = order.DieAt, order.DieOn
	cmd, out := c.command(t, dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { cmd.Process.Signal(syscall.SIGKILL) })
		defer timer.Stop()
	}
	cmd.Wait()
	lines := heard(out)
	o := options(parsePolicy(t, samplePolicy), sampleSource, dir, nights...)
	before := records(t, o.Book.Folder)
	for _, problem := range slices.Concat(life(before), wholeAfterKill(o.Workspace, before), acknowledged(lines, before)) {
		t.Error(problem)
	}
	found, files, _ := s.search(t, dir)
	for _, f := range found {
		t.Errorf("after the kill: %s", f)
	}
	if files == 0 && len(before) > 0 {
		t.Error("nothing was searched")
	}
	for _, dataset := range nights {
		if ends != nil {
			ends[kinds(before, dataset)]++
		}
	}
	goesOn(t, o, before)
	return len(lines)
}

// wholeAfterKill is [whole] without touching anything: what is published must be there before the next run tidies.
func wholeAfterKill(workspace string, rs []ledger.Record) []string {
	var out []string
	sizes := map[string]map[string]int64{}
	for _, r := range rs {
		if r.Kind == ledger.Resulted {
			sizes[r.Release] = map[string]int64{}
			for _, f := range r.Files {
				sizes[r.Release][f.Name] = f.Size
			}
		}
	}
	folders, _ := filepath.Glob(filepath.Join(workspace, "*", "*"))
	for _, folder := range folders {
		if strings.HasPrefix(filepath.Base(filepath.Dir(folder)), ".") {
			continue
		}
		if got, want := tree(folder), sizes[filepath.Base(folder)]; want == nil || !maps.Equal(got, want) {
			out = append(out, fmt.Sprintf("%s holds %v, RESULT says %v", folder, got, want))
		}
	}
	return out
}

// acknowledged says which record is missing that the child went on from: it starts a release after its charge, delivers
// after DRAW, publishes after RESULT, is done after PUBLISHED.
func acknowledged(lines []childLine, rs []ledger.Record) []string {
	var out []string
	for _, l := range lines {
		want := ""
		switch {
		case l.Event == "start" || strings.HasPrefix(l.Doing, "aggregate") || l.Doing == "noise":
			want = "CHARGE"
		case l.Doing == "deliver":
			want = "CHARGE DRAW"
		case l.Doing == "publish":
			want = "CHARGE DRAW RESULT"
		case l.Event == "done" && l.Doing == string(Published):
			want = "CHARGE DRAW RESULT PUBLISHED"
		}
		if got := kinds(rs, l.Dataset); !strings.HasPrefix(got, want) {
			out = append(out, fmt.Sprintf("the run was told %s %s of %s, the ledger has %q", l.Event, l.Doing, l.Dataset, got))
		}
	}
	return out
}

// goesOn runs again in this process and checks that each release went on from where it was.
func goesOn(t *testing.T, o Options, before []ledger.Record) {
	t.Helper()
	sum := mustRun(t, o)
	after := records(t, o.Book.Folder)
	if len(after) < len(before) {
		t.Errorf("%d records became %d", len(before), len(after))
	}
	for i := range before {
		if after[i].Hash != before[i].Hash {
			t.Errorf("record %d changed", i)
			break
		}
	}
	for _, problem := range append(life(after), whole(o.Workspace, after)...) {
		t.Errorf("after the next run: %s", problem)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Workspace, ".staging", "*")); len(left) > 0 {
		t.Errorf("left staged: %v", left)
	}
	for _, out := range sum.Outcomes {
		was, is := kinds(before, out.Dataset), kinds(after, out.Dataset)
		want := map[string]struct {
			kinds   string
			status  Status
			attempt int
		}{
			"":                             {"CHARGE DRAW RESULT PUBLISHED", Published, 1},
			"CHARGE":                       {"CHARGE DRAW RESULT PUBLISHED", Published, 1},
			"CHARGE DRAW":                  {"CHARGE DRAW BURNED CHARGE DRAW RESULT PUBLISHED", Published, 2},
			"CHARGE DRAW RESULT":           {"CHARGE DRAW RESULT PUBLISHED", Resumed, 1},
			"CHARGE DRAW RESULT PUBLISHED": {"CHARGE DRAW RESULT PUBLISHED", Served, 1},
		}[was]
		if is != want.kinds || out.Status != want.status || out.Attempt != want.attempt {
			t.Errorf("%s: from %q to %q, %s, attempt %d; want %q, %s, attempt %d", out.Dataset, was, is, out.Status, out.Attempt, want.kinds, want.status, want.attempt)
		}
	}
}

// sampleIdentities are texts of the sample's people: of 300 accounts, spread over the source, and 100 devices.
func sampleIdentities(t testing.TB) []string {
	t.Helper()
	all := loadSample(t)
	var out []string
	for _, column := range []string{"email", "username", "phone", "address"} {
		texts := all["accounts.parquet"].texts(column)
		for i := 0; i < len(texts); i += 40 {
			out = append(out, texts[i])
		}
	}
	for _, column := range []string{"serial", "mac", "wifi_ssid"} {
		texts := all["devices.parquet"].texts(column)
		for i := 0; i < len(texts); i += 200 {
			out = append(out, texts[i])
		}
	}
	return out
}

// TestPromise9Control: the looks that are taken after a kill see a half release, a lost charge and a file of rows.
func TestPromise9Control(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := options(parsePolicy(t, smallPolicy), small(t, t.TempDir()), dir, "steps")
	out := mustRun(t, o).Outcomes[0]
	rs := records(t, o.Book.Folder)
	lines := []childLine{{Event: "start", Dataset: "steps"}, {Event: "done", Dataset: "steps", Doing: string(Published)}}
	if bad := slices.Concat(wholeAfterKill(o.Workspace, rs), acknowledged(lines, rs)); len(bad) != 0 {
		t.Errorf("a whole release: %v", bad)
	}
	if len(acknowledged(lines, rs[:len(rs)-1])) == 0 || len(acknowledged(lines[:1], rs[:2])) == 0 {
		t.Error("a lost record is not seen")
	}
	folder := filepath.Join(o.Workspace, "steps", out.Release)
	if len(wholeAfterKill(o.Workspace, rs[:len(rs)-2])) == 0 {
		t.Error("a release without RESULT is not seen")
	}
	put(t, filepath.Join(folder, "manifest.json"), []byte("{"))
	if len(wholeAfterKill(o.Workspace, rs)) == 0 {
		t.Error("half a file is not seen")
	}
	if len(whole(o.Workspace, rs)) == 0 {
		t.Error("a changed file is not seen")
	}
	ids := sampleIdentities(t)
	put(t, filepath.Join(dir, "tmp", "spill"), []byte("…"+ids[3]+"…"))
	if found, _, _ := newScanner(ids).search(t, dir); len(found) == 0 {
		t.Error("an identity on disk is not seen")
	}
}

// TestPromise9ProbeIsSwept: what a run that was killed while it tried the disk left is gone after the next one.
func TestPromise9ProbeIsSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := options(parsePolicy(t, smallPolicy), small(t, dir), dir, "steps")
	put(t, filepath.Join(o.Workspace, ".staging", "probe-1"), make([]byte, 1<<20))
	goesOn(t, o, nil)
}
