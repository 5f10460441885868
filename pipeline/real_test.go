package pipeline_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lethe/pipeline"
	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
)

// shared is a folder of real input beside the repository; the test skips
// where there is none.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "data", path)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data at %s", dir)
	}
	return dir
}

// real runs a shipped policy on real input, in a folder of its own.
func real(t *testing.T, name, source, date string, edit func(string) string, datasets ...string) (*pipeline.Summary, string) {
	t.Helper()
	dir := t.TempDir()
	return again(t, name, source, date, edit, dir, datasets...), dir
}

// again runs it in a folder that has a ledger.
func again(t *testing.T, name, source, date string, edit func(string) string, dir string, datasets ...string) *pipeline.Summary {
	t.Helper()
	file := filepath.Join("..", "testdata", "policies", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(name, []byte(edit(string(text))), filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := pipeline.Run(context.Background(), pipeline.Options{Policy: p, Workspace: filepath.Join(dir, "workspace"),
		Book: pipeline.Book{Folder: filepath.Join(dir, "ledger"), New: true}, Engine: duck.Options{Source: source}, Date: day, Datasets: datasets})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func same(text string) string { return text }

// TestFitbit runs the minute steps of 33 volunteers, and holds the exact
// answers to a plain reading of the file.
func TestFitbit(t *testing.T) {
	source := shared(t, "fitbit")
	sum, dir := real(t, "fitbit.yaml", source, "2016-05-12", same)
	cells, unusable := 0, 0
	for _, o := range sum.Outcomes {
		if o.Status != pipeline.Published {
			t.Errorf("dataset %s: got %s (%v), want it published", o.Dataset, o.Status, o.Err)
		}
		cells, unusable = cells+o.Cells, unusable+o.Unusable
	}
	t.Logf("%d of %d numbers are unusable for 33 people", unusable, cells)
	if unusable == 0 || unusable == cells {
		t.Errorf("got %d of %d numbers unusable, want some and not all", unusable, cells)
	}
	if n := officer(t, dir, "nights").Rows["copies"]; n != 0 { // three copies, to the nearest hundred
		t.Errorf("got %d copies of nights, want 0", n)
	}

	exact := exactly(t, "fitbit.yaml", source, "activity-by-daypart", "2016-05-12")
	subjects, totals := minuteSteps(t, filepath.Join(source, "minuteStepsNarrow_merged.csv.gz"))
	for cell := range 8 {
		if got := exact.Totals["subjects"][cell]; got != subjects[cell] {
			t.Errorf("cell %d: got %d subjects, want %d", cell, got, subjects[cell])
		}
		if got := exact.Totals["t:steps_a_minute"][cell]; got != totals[cell] {
			t.Errorf("cell %d: got a total of %d tenths, want %d", cell, got, totals[cell])
		}
	}
}

// minuteSteps reads the file as a person would: per volunteer, part of the day
// and kind of day the mean steps a minute in tenths, clamped into [0, 200].
func minuteSteps(t *testing.T, path string) (subjects, totals [8]int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	type group struct {
		id   string
		cell int
	}
	sums, counts, seen := map[group]int64{}, map[group]int64{}, map[string]bool{}
	for _, r := range records[1:] {
		at, err := time.Parse("1/2/2006 3:04:05 PM", r[1])
		if err != nil || at.Before(time.Date(2016, 4, 3, 0, 0, 0, 0, time.UTC)) || !at.Before(time.Date(2016, 5, 1, 0, 0, 0, 0, time.UTC)) || seen[r[0]+r[1]] {
			continue
		}
		seen[r[0]+r[1]] = true
		steps, err := strconv.ParseInt(r[2], 10, 64)
		if err != nil || steps < 0 || steps > 250 {
			continue
		}
		weekend := 0
		if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			weekend = 1
		}
		g := group{r[0], at.Hour()/6*2 + weekend}
		sums[g] += 10 * steps
		counts[g]++
	}
	for g, n := range counts {
		subjects[g.cell]++
		totals[g.cell] += min((2*sums[g]+n)/(2*n), 200)
	}
	return subjects, totals
}

// TestMangled runs the weight file after a spreadsheet had it: dates without
// seconds, or with the day first where that makes a date. What the vendor would
// not have written is dropped under rule format, and the next window is refused
// by that rule. Other datasets go on.
func TestMangled(t *testing.T) {
	source := shared(t, "fitbit")
	for file, share := range map[string]float64{"excel_mangled/weightLogInfo_a.csv": 1, "excel_mangled/weightLogInfo_b.csv": 0.43} {
		edit := func(text string) string { return strings.Replace(text, "weightLogInfo_merged.csv.gz", file, 1) }
		_, dir := real(t, "fitbit.yaml", source, "2016-05-12", edit, "weights", "nights")
		if got := officer(t, dir, "weights").Misread; got != share {
			t.Errorf("%s: got a share of %g of the rows dropped under rule format, want %g", file, got, share)
		}
		sum := again(t, "fitbit.yaml", source, "2016-06-12", edit, dir, "weights", "nights")
		for _, o := range sum.Outcomes {
			refused := o.Err != nil && strings.Contains(o.Err.Error(), "rule format dropped")
			if refused != (o.Dataset == "weights") {
				t.Errorf("%s: dataset %s: got %v in the next window, want weights refused by rule format and no other", file, o.Dataset, o.Err)
			}
		}
	}
}

// TestWithings runs API answers of one volunteer: value × 10^unit, Unix
// seconds, a zone, and an array to unnest.
func TestWithings(t *testing.T) {
	source := shared(t, "withings/api")
	sum, _ := real(t, "withings-api.yaml", source, "2021-07-05", same)
	cells, usable := 0, 0
	for _, o := range sum.Outcomes {
		if o.Status != pipeline.Published {
			t.Errorf("dataset %s: got %s (%v), want published", o.Dataset, o.Status, o.Err)
		}
		cells, usable = cells+o.Cells, usable+o.Cells-o.Unusable
	}
	// A number about one person is usable only where the noise alone passes its own 95 % half-width: less than 3 % of the
	// time, each for itself. Five or more of eight are, with a chance of 56 · 0.03^5 = 1.4e-6.
	if cells > 8 || usable > 4 {
		t.Errorf("got %d of %d numbers usable, want hardly one of one person's", usable, cells)
	}
	exact := exactly(t, "withings-api.yaml", source, "weight-and-pulse", "2021-07-05")
	if got := exact.Totals["subjects"][0]; got != 1 {
		t.Errorf("got %d subjects, want the one volunteer", got)
	}
	if got, want := exact.Totals["t:weight"][0], meanWeight(t, filepath.Join(source, "measurement_list.json")); got != want {
		t.Errorf("got a mean weight of %d hundred grams, want %d", got, want)
	}
}

// meanWeight reads the weights from 2 April to 30 June 2021, Amsterdam's days.
func meanWeight(t *testing.T, path string) int64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		Date     int64
		Measures []struct{ Value, Type, Unit int64 }
	}
	if err := json.Unmarshal(b, &groups); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	from, to := time.Date(2021, 4, 2, 0, 0, 0, 0, zone).Unix(), time.Date(2021, 7, 1, 0, 0, 0, 0, zone).Unix()
	var sum, n int64
	seen := map[int64]bool{}
	for _, g := range groups {
		for _, m := range g.Measures {
			if m.Type != 1 || g.Date < from || g.Date >= to || seen[g.Date] {
				continue
			}
			seen[g.Date] = true
			sum += int64(math.Round(float64(m.Value) * math.Pow(10, float64(m.Unit+1))))
			n++
		}
	}
	if n == 0 {
		t.Fatal("no weights in the window")
	}
	return (2*sum + n) / (2 * n)
}

// exactly gives the exact answer of one dataset of a shipped policy.
func exactly(t *testing.T, name, source, dataset, date string) *duck.Exact {
	t.Helper()
	p, err := policy.Load(filepath.Join("..", "testdata", "policies", name))
	if err != nil {
		t.Fatal(err)
	}
	e, err := duck.Open(duck.Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx := context.Background()
	schema, err := e.Describe(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	pl, err := plan.Compile(p, p.Dataset(dataset), schema, day)
	if err != nil {
		t.Fatal(err)
	}
	who, err := e.Admit(ctx, &pl.Admission, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Exact(ctx, pl, who, duck.Shard{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// officer reads the sealed record of a dataset's one release.
func officer(t *testing.T, dir, dataset string) pipeline.Officer {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ledger", "officer", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var rec pipeline.Officer
		b, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(b, &rec)
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Dataset == dataset {
			return rec
		}
	}
	t.Fatalf("no sealed record of dataset %s", dataset)
	return pipeline.Officer{}
}
