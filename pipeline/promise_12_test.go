package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"lethe/pipeline/release"
)

// oddAccount is the person by whom D and D′ differ.
const oddAccount = int64(777_777)

// An oddity adds the person, who might break something.
type oddity struct {
	name string
	at   string // which datasets it is looked for in
	add  func(s tables, rng *rand.Rand)
}

// touched are the datasets that read what an oddity is in; with -long all are looked at.
var touched = map[string][]string{
	"activity": {"steps", "distance"}, "sleep": {"sleep"}, "measures": {"weight", "pressure"}, "minutes": {"pulse"},
	"person": {"people", "steps-by-weekday", "sleep"},
}

// oddities are people with values that make careless queries fail.
func oddities() []oddity {
	noon := moment("2026-03-25 12:00:00")
	person := func(changes map[string]any) func(tables, *rand.Rand) {
		return func(s tables, rng *rand.Rand) {
			s.ordinary(rng, oddAccount)
			r := s["accounts.parquet"]
			row := r.rows[len(r.rows)-1]
			for column, v := range changes {
				row[r.at(column)] = v
			}
		}
	}
	rows := func(path string, values ...[]any) func(tables, *rand.Rand) {
		return func(s tables, rng *rand.Rand) {
			s.ordinary(rng, oddAccount)
			for _, v := range values {
				s[path].add(append([]any{oddAccount}, v...)...)
			}
		}
	}
	many := func(path string, n int, row func(i int, rng *rand.Rand) []any) func(tables, *rand.Rand) {
		return func(s tables, rng *rand.Rand) {
			s.ordinary(rng, oddAccount)
			for i := range n {
				s[path].add(append([]any{oddAccount}, row(i, rng)...)...)
			}
		}
	}
	km := func(v any) func(tables, *rand.Rand) {
		return rows("activity.parquet", []any{monday, int64(5000), v, noon})
	}
	steps := func(v any) func(tables, *rand.Rand) { return rows("activity.parquet", []any{monday, v, 4.0, noon}) }
	measure := func(value, unit any) func(tables, *rand.Rand) {
		return rows("measures.parquet", []any{noon, int64(1), value, unit}, []any{noon, int64(9), value, unit}, []any{noon, int64(10), value, unit})
	}
	asleep := func(at any, v any) func(tables, *rand.Rand) { return rows("sleep.parquet", []any{at, v, noon}) }
	huge := strings.Repeat("很长的文字", 200_000)
	return []oddity{
		{"NaN", "activity", km(math.NaN())},
		{"+Inf", "activity", km(math.Inf(1))},
		{"-Inf", "activity", km(math.Inf(-1))},
		{"the largest number", "activity", km(math.MaxFloat64)},
		{"the smallest number", "activity", km(5e-324)},
		{"minus zero", "activity", km(math.Copysign(0, -1))},
		{"steps of 2^63-1", "activity", steps(int64(math.MaxInt64))},
		{"steps of -2^63", "activity", steps(int64(math.MinInt64))},
		{"0 steps to divide by", "activity", steps(int64(0))},
		{"nothing but NULL", "activity", rows("activity.parquet", []any{nil, nil, nil, nil})},
		{"a date of the year 5,881,580", "activity", rows("activity.parquet", []any{arrow.Date32(math.MaxInt32), int64(1), 1.0, noon})},
		{"a date that is -infinity", "activity", rows("activity.parquet", []any{arrow.Date32(-math.MaxInt32), int64(1), 1.0, noon})},
		{"the first date", "activity", rows("activity.parquet", []any{arrow.Date32(math.MinInt32), int64(1), 1.0, noon})},
		{"arrived at infinity", "activity", rows("activity.parquet", []any{monday, int64(1), 1.0, arrow.Timestamp(math.MaxInt64)})},
		{"arrived at -infinity", "activity", rows("activity.parquet", []any{monday, int64(1), 1.0, arrow.Timestamp(-math.MaxInt64)})},
		{"awake at infinity", "sleep", asleep(arrow.Timestamp(math.MaxInt64), int64(20_000))},
		{"awake at the first moment", "sleep", asleep(arrow.Timestamp(math.MinInt64), int64(20_000))},
		{"awake in the hour that is not", "sleep", asleep(moment("2026-03-29 01:30:00"), int64(20_000))},
		{"asleep for less than nothing", "sleep", asleep(noon, int64(math.MinInt32))},
		{"10^300", "measures", measure(int64(7), int64(300))},
		{"10^2147483647", "measures", measure(int64(math.MaxInt64), int64(math.MaxInt32))},
		{"10^-2147483648", "measures", measure(int64(math.MinInt64), int64(math.MinInt32))},
		{"a weight of -2^63", "measures", measure(int64(math.MinInt64), int64(0))},
		{"a scale of NULL", "measures", measure(int64(70), nil)},
		{"the only one of a class", "measures", measure(int64(250), int64(0))},
		{"a zone that is none", "person", person(map[string]any{"timezone": "Mars/Olympus"})},
		{"a zone with a quote", "person", person(map[string]any{"timezone": "Europe/Paris'; DROP TABLE x; --"})},
		{"a zone far off", "person", person(map[string]any{"timezone": "Pacific/Kiritimati"})},
		{"a zone of a megabyte", "person", person(map[string]any{"timezone": huge})},
		{"a sex of a megabyte", "person", person(map[string]any{"sex": huge})},
		{"a sex of control characters", "person", person(map[string]any{"sex": "\x00\x1b[2J'\"\\\n"})},
		{"a name that is SQL", "person", person(map[string]any{"name": `"); DROP TABLE "admitted:2026-03-23"; --`})},
		{"a height of -2^31", "person", person(map[string]any{"height": int64(math.MinInt32)})},
		{"a birth at infinity", "person", person(map[string]any{"birth_date": arrow.Date32(math.MaxInt32)})},
		{"a birth at -infinity", "person", person(map[string]any{"birth_date": arrow.Date32(-math.MaxInt32)})},
		{"a birth on 29 February", "person", person(map[string]any{"birth_date": date("1984-02-29")})},
		{"a person of NULL", "person", func(s tables, rng *rand.Rand) {
			s["accounts.parquet"].add(oddAccount, nil, nil, nil, nil, nil, nil, nil)
			s["consents.parquet"].add(oddAccount, nil, nil, nil)
			s["objections.parquet"].add(oddAccount, nil, nil)
		}},
		{"consent at infinity", "person", func(s tables, rng *rand.Rand) {
			s.ordinary(rng, oddAccount)
			s["consents.parquet"].add(oddAccount, "health-research", "granted", arrow.Timestamp(math.MaxInt64))
			s["consents.parquet"].add(oddAccount, "health-research", "withdrawn", arrow.Timestamp(-math.MaxInt64))
			s["objections.parquet"].add(oddAccount, "health-research", arrow.Timestamp(math.MaxInt64))
		}},
		{"in the person table 1,000 times", "person", func(s tables, rng *rand.Rand) {
			s.ordinary(rng, oddAccount)
			r := s["accounts.parquet"]
			for range 1000 {
				r.add(slices.Clone(r.rows[len(r.rows)-1])...)
			}
		}},
		{"rows of a person who is not there", "person", func(s tables, rng *rand.Rand) { s.behaviour(rng, oddAccount, 20) }},
		{"20,000 rows", "minutes", many("minutes.parquet", 20_000, func(i int, rng *rand.Rand) []any {
			return []any{arrow.Timestamp(int64(monday)*86400e6 + int64(i)*30e6), 50 + 40*rng.Float64()}
		})},
		{"5,000 conflicts", "measures", many("measures.parquet", 5000, func(i int, _ *rand.Rand) []any { return []any{noon, int64(1), int64(60_000 + i), int64(-3)} })},
		{"2,000 rows of one day at 2^62", "activity", many("activity.parquet", 2000, func(int, *rand.Rand) []any { return []any{monday, int64(1) << 62, 1e308, noon} })},
		{"an ordinary person", "person", func(s tables, rng *rand.Rand) { s.ordinary(rng, oddAccount) }},
	}
}

// seen is what a researcher can see of a run: how each dataset ended, which files there are with which rights and times,
// and every manifest without what differs from run to run in any case: the size and digest of noisy data, and the
// ledger's own random id, which the hash of a charge goes over.
type seen struct {
	statuses, files string
	manifests       map[string]string
	sizes           map[string]int64 // of data.arrow, by dataset and pattern of missing values
}

func look(t *testing.T, s tables, dir string, run func(Options) (*Summary, error), datasets ...string) seen {
	t.Helper()
	p := parsePolicy(t, smallPolicy)
	o := options(p, s.save(t, filepath.Join(dir, "source")), dir, datasets...)
	sum, err := run(o)
	out := seen{manifests: map[string]string{}, sizes: map[string]int64{}}
	var lines []string
	if err != nil {
		lines = append(lines, err.Error())
	}
	if sum != nil {
		for _, oc := range sum.Outcomes {
			lines = append(lines, fmt.Sprint(oc.Dataset, oc.Status, oc.Note, oc.Err, oc.Release, oc.Attempt, oc.Window, oc.Cost, oc.Rows))
		}
		lines = append(lines, fmt.Sprint(sum.Lifetime, sum.Year))
	}
	out.statuses = strings.Join(lines, "\n")
	lines = nil
	for _, rel := range slices.Sorted(maps.Keys(tree(o.Workspace))) {
		info, err := os.Stat(filepath.Join(o.Workspace, rel))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(rel, info.Mode(), info.ModTime().UTC()))
		switch filepath.Base(rel) {
		case release.ManifestFile:
			out.manifests[rel] = withoutNoise(t, filepath.Join(o.Workspace, rel))
		case release.ArrowFile:
			out.sizes[filepath.Dir(rel)+missing(t, filepath.Join(o.Workspace, filepath.Dir(rel), release.ParquetFile))] = info.Size()
		}
	}
	out.files = strings.Join(lines, "\n")
	return out
}

func withoutNoise(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := release.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Files {
		m.Files[i].Size, m.Files[i].SHA256 = 0, ""
	}
	m.Charge.Hash, m.Charge.Genesis = "", ""
	for i, line := range m.Charge.Proof { // the record's place and the size of the tree stay
		if _, err := strconv.Atoi(line); err != nil && i > 1 {
			m.Charge.Proof[i] = ""
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// missing is which columns of a release have some or nothing but missing values: that is released, and decides how large
// its file is.
func missing(t *testing.T, path string) string {
	t.Helper()
	r := load(t, path)
	out := " "
	for i := range r.cols {
		nulls := 0
		for _, row := range r.rows {
			if row[i] == nil {
				nulls++
			}
		}
		switch nulls {
		case 0:
			out += "-"
		case len(r.rows):
			out += "n"
		default:
			out += "x"
		}
	}
	return out
}

// differences are what tells one run from another.
func (a seen) differences(b seen) []string {
	var out []string
	if a.statuses != b.statuses {
		out = append(out, "statuses: "+firstApart(a.statuses, b.statuses))
	}
	if a.files != b.files {
		out = append(out, "files: "+firstApart(a.files, b.files))
	}
	if !maps.Equal(a.manifests, b.manifests) {
		out = append(out, "manifests")
		for name := range a.manifests {
			if a.manifests[name] != b.manifests[name] {
				out[len(out)-1] += " " + name + ": " + firstApart(a.manifests[name], b.manifests[name])
			}
		}
	}
	for key, size := range a.sizes {
		if other, ok := b.sizes[key]; ok && other != size {
			out = append(out, fmt.Sprintf("size of %s: %d and %d", key, size, other))
		}
	}
	return out
}

func firstApart(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("%.200q and %.200q", x[i], y[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(x), len(y))
}

func plainRun(o Options) (*Summary, error) { return Run(context.Background(), o) }

// TestPromise12OnePersonChangesNothing: whatever one person's rows are, every status, message, name, time and manifest of
// the run is as without the person. Only noisy values differ.
func TestPromise12OnePersonChangesNothing(t *testing.T) {
	t.Parallel()
	base, _ := crowd(12)
	without := map[string]seen{}
	for at, datasets := range touched {
		if *long {
			datasets = nil
		}
		without[at] = look(t, base, t.TempDir(), plainRun, datasets...)
		if w := without[at]; strings.Contains(w.statuses, string(Failed)) || len(w.manifests) < len(datasets) {
			t.Fatalf("without the person: %s", w.statuses)
		}
	}
	all := oddities()
	compared := 0
	for _, odd := range all {
		t.Run(odd.name, func(t *testing.T) {
			s := base.of(func(any) bool { return true })
			odd.add(s, rand.New(rand.NewPCG(12, 12)))
			datasets := touched[odd.at]
			if *long {
				datasets = nil
			}
			want := without[odd.at]
			got := look(t, s, t.TempDir(), plainRun, datasets...)
			for _, d := range want.differences(got) {
				t.Error(d)
			}
			for key := range got.sizes {
				if _, ok := want.sizes[key]; ok {
					compared++
				}
			}
		})
	}
	t.Logf("%d pairs; sizes of %d files compared", len(all), compared)
	if len(all) < 30 || compared < len(all)/2 {
		t.Errorf("%d pairs and %d sizes are too few", len(all), compared)
	}
}

// TestPromise12Nobody: a source of nobody looks like one of a single person, and like one in which nobody may be.
func TestPromise12Nobody(t *testing.T) {
	t.Parallel()
	one, _ := crowd(1)
	want := look(t, one, t.TempDir(), plainRun)
	empty := look(t, one.of(func(any) bool { return false }), t.TempDir(), plainRun)
	for _, d := range want.differences(empty) {
		t.Errorf("nobody: %s", d)
	}
	refused := one.of(func(any) bool { return true })
	refused["consents.parquet"] = refused["consents.parquet"].where("account_id", func(any) bool { return false })
	for _, d := range want.differences(look(t, refused, t.TempDir(), plainRun)) {
		t.Errorf("refused: %s", d)
	}
}

// TestPromise12Control: the comparison catches runs that show something of one person: a status, a message, a group that
// is there or not, a size, a time.
func TestPromise12Control(t *testing.T) {
	t.Parallel()
	base, _ := crowd(12)
	s := base.of(func(any) bool { return true })
	s.ordinary(rand.New(rand.NewPCG(12, 12)), oddAccount)
	want := look(t, base, t.TempDir(), plainRun, "steps", "people")
	after := func(change func(o Options, sum *Summary)) func(Options) (*Summary, error) {
		return func(o Options) (*Summary, error) {
			sum, err := plainRun(o)
			if err == nil {
				change(o, sum)
			}
			return sum, err
		}
	}
	manifest := func(o Options) string {
		paths, _ := filepath.Glob(filepath.Join(o.Workspace, "steps", "*", release.ManifestFile))
		return paths[0]
	}
	for name, run := range map[string]func(Options) (*Summary, error){
		"fails where a row overflows": after(func(_ Options, sum *Summary) {
			sum.Outcomes[1].Status, sum.Outcomes[1].Err = Failed, fmt.Errorf("a total does not fit 64 bits")
		}),
		"drops groups of nobody": after(func(_ Options, sum *Summary) { sum.Outcomes[0].Rows-- }),
		"leaves a file":          after(func(o Options, _ *Summary) { put(t, filepath.Join(o.Workspace, "steps", "refused.txt"), nil) }),
		"stamps files with the time": after(func(o Options, _ *Summary) {
			path := manifest(o)
			b, _ := os.ReadFile(path)
			os.Remove(path)
			put(t, path, b)
		}),
		"writes how many rows it read": after(func(o Options, _ *Summary) {
			b, _ := os.ReadFile(manifest(o))
			info, _ := os.Stat(manifest(o))
			os.Chmod(manifest(o), 0o644)
			put(t, manifest(o), []byte(strings.Replace(string(b), "the full public domain", "of 13 people", 1)))
			os.Chmod(manifest(o), info.Mode())
			os.Chtimes(manifest(o), info.ModTime(), info.ModTime())
		}),
	} {
		if len(want.differences(look(t, s, t.TempDir(), run, "steps", "people"))) == 0 {
			t.Errorf("%s: not caught", name)
		}
	}
	larger := want
	larger.sizes = maps.Clone(want.sizes)
	for key := range larger.sizes {
		larger.sizes[key] += 8
	}
	if len(want.differences(larger)) == 0 {
		t.Error("a larger file: not caught")
	}
}
