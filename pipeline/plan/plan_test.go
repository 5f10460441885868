package plan

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"lethe/pipeline/policy"
	"lethe/transforms"
)

func TestLastClosed(t *testing.T) {
	for _, c := range []struct {
		every        string
		days, settle int
		date         string
		want         Window
	}{
		{"week", 7, 3, "2026-04-02", Window{"2026-03-23", "2026-03-30", "2026-04-02"}},
		{"week", 7, 3, "2026-04-01", Window{"2026-03-16", "2026-03-23", "2026-03-26"}}, // the day before it closes
		{"week", 28, 0, "2026-03-30", Window{"2026-03-02", "2026-03-30", "2026-03-30"}},
		{"day", 1, 0, "2024-03-01", Window{"2024-02-29", "2024-03-01", "2024-03-01"}},
		{"month", 31, 1, "2026-01-01", Window{"2025-10-31", "2025-12-01", "2025-12-02"}},
		{"quarter", 90, 0, "2026-06-30", Window{"2026-01-01", "2026-04-01", "2026-04-01"}},
		{"year", 365, 0, "2026-06-30", Window{"2025-01-01", "2026-01-01", "2026-01-01"}},
	} {
		got := LastClosed(&policy.Dataset{Every: c.every, WindowDays: c.days, SettleDays: c.settle}, day(c.date))
		if got != c.want {
			t.Errorf("every %s, %d days, settle %d, on %s: got %v, want %v", c.every, c.days, c.settle, c.date, got, c.want)
		}
	}
}

// small is a policy of one person table and two tables of rows.
const small = `
policy: small
version: 1
population: people
zone: Europe/Paris
unit: account
tables:
  people: {files: people.csv, account: id, rows: one}
  walks: {files: walks.parquet, account: id, rows: many, time: {column: day, type: date}}
  pulses: {files: pulses.parquet, account: id, rows: many, time: {column: at, type: instant, zone: people.zone}}
  naps: {files: naps.parquet, account: id, rows: many, time: {column: at, type: instant, zone: people.other_zone}}
admit:
  consent: {none: true, why: test}
  objection: {none: true, why: test}
  erasure: people.erased
  minimum_age: {none: true, why: test}
  exclude: {people.staff: [true]}
ladders:
  sex: {codes: [F, M], other: refuse}
columns:
  people.sex: {category: identity, type: string, use: [quasi], ladder: sex, finest: 0, why: test, approved: test}
  people.staff: {category: technical, type: bool, use: [sensitive]}
  walks.steps: {category: activity, type: int, use: [measure], plausible: [0, 100000], otherwise: drop, bounds: [0, 20000], step: 1, unit: "{steps}"}
  pulses.bpm: {category: physiological, type: int, use: [measure], bounds: [40, 120], step: 1, unit: "/min"}
  naps.minutes: {category: physiological, type: int, use: [measure], bounds: [0, 200], step: 1, unit: min}
variables:
  weekday: {from: walks, weekday: day}
floors: {k: 11, l: 2, model: distinct, suppressed: 10%, unusable_over: 25%}
budget:
  lifetime: {epsilon: 12, delta: 1e-8}
  per_year: {epsilon: 4}
  delta_split: {conversion: 50%, selection: 40%, sampler: 10%}
datasets:
  - {name: walks, kind: statistics, from: [walks], every: week, window: 7d, settle: 0d, by: [sex], release: [{count: subjects}, {mean: steps}], spend: {rho: 0.001}}
  - {name: pulses, kind: statistics, from: [pulses], every: week, window: 7d, settle: 0d, by: [], release: [{mean: bpm}], spend: {rho: 0.001}}
  - {name: naps, kind: statistics, from: [naps], every: week, window: 7d, settle: 0d, by: [], release: [{mean: minutes}], spend: {rho: 0.001}}
`

var smallSource = &Source{Tables: map[string]SourceTable{
	"people": {Text: true, Columns: []SourceColumn{{"id", ""}, {"sex", ""}, {"zone", ""}, {"other_zone", ""}, {"staff", ""}, {"erased", ""}}},
	"walks":  {Columns: []SourceColumn{{"id", "BIGINT"}, {"day", "DATE"}, {"steps", "INTEGER"}}},
	"pulses": {Columns: []SourceColumn{{"id", "BIGINT"}, {"at", "TIMESTAMP"}, {"bpm", "INTEGER"}}},
	"naps":   {Columns: []SourceColumn{{"id", "BIGINT"}, {"at", "TIMESTAMP"}, {"minutes", "INTEGER"}}},
}}

// compile plans a dataset of the small policy with texts replaced.
func compile(t *testing.T, dataset string, edits ...string) (*Plan, error) {
	t.Helper()
	text := small
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the small policy does not hold %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	p, err := policy.Parse("small.yaml", []byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return Compile(p, p.Dataset(dataset), smallSource, time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC))
}

func mustCompile(t *testing.T, dataset string, edits ...string) *Plan {
	t.Helper()
	p, err := compile(t, dataset, edits...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// upTo are the first n numbers, as a list.
func upTo(n int) string {
	var out []string
	for i := range n {
		out = append(out, strconv.Itoa(i))
	}
	return strings.Join(out, ", ")
}

// TestTooManyNumbers: groups times bins are held under 2^24, before anything is
// made of that size.
func TestTooManyNumbers(t *testing.T) {
	c := &compiler{dataset: &policy.Dataset{Name: "big"}, plan: &Plan{Groups: 1 << 17, Touched: 1}}
	c.plan.Cells.Bins = []transforms.CellBins{{Name: "quantiles:x", Bins: 256}}
	c.vector(&Item{Func: "quantiles", Groups: 1 << 17}, Vector{Total: "quantiles:x", Of: 1}, "x", 1, 1e9)
	if len(c.problems) != 1 || !strings.Contains(c.problems[0].Error(), "131072 groups with 256 numbers each are more than 2^24: take coarser levels, fewer keys or fewer bins") {
		t.Errorf("got %v", c.problems)
	}
}

// TestSquares: no square is above 2^22 and no smaller divisor would do.
func TestSquares(t *testing.T) {
	for _, width := range []int64{1, 2, 3, 4095, 4096, 4099, 20_000, 1 << 20, 1<<22 - 1, 1 << 22} {
		m := &Measure{Width: width, Centre: width / 2}
		most := m.square("variance")
		for _, v := range []int64{0, m.Centre, m.Width} {
			if r := (2*abs(v-m.Centre) + m.Divide) / (2 * m.Divide); r*r > most {
				t.Errorf("width %d: a square of %d, the most is said to be %d", width, r*r, most)
			}
		}
		if r := (2*m.reach() + m.Divide - 1) / (2 * max(1, m.Divide-1)); most > maxSquare || m.Divide > 1 && r*r <= maxSquare {
			t.Errorf("width %d: divisor %d, squares up to %d", width, m.Divide, most)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		dataset, old, new, want string
		later                   bool
	}{
		{"walks", "[0, 20000], step: 1", "[0, 99999999], step: 1", "more than 4194304: take a coarser step", false},
		{"walks", "by: [sex], release", "by: [weekday], release", "one unit is in up to 7: sampled bounding; write groups: 7: not built yet", true},
		{"walks", "{count: subjects}", "{count: records}", "count of records: the grammar has no bound for how many one person may add: not built yet", true},
		{"walks", "{mean: steps}", "{histogram: steps, bins: [0, 0.5, 20000]}", "edge 0.5 is no multiple of the step 1", false},
		{"walks", "{mean: steps}", "{histogram: steps, bins: [" + upTo(66) + "]}", "65 bins are more than 64: take wider ones", false},
		{"walks", "{mean: steps}", "{proportion: steps, bins: [1, 2]}, {proportion: steps, bins: [1, 2]}", "release has proportion of steps twice: write one item", false},
		{"walks", "{mean: steps}", "{quantiles: steps, at: [0.1]}, {quantiles: steps, at: [0.2]}", "release has quantiles of steps twice: write one item", false},
		{"walks", "spend: {rho: 0.001}", "spend: {within: 100, of: mean steps, at: 95%}", "spend within an accuracy; give rho: not built yet", true},
	} {
		_, err := compile(t, c.dataset, c.old, c.new)
		var later *NotBuilt
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &later) != c.later {
			t.Errorf("with %q: got %v, want %q", c.new, err, c.want)
		}
	}
}

// The price of a mean over row keys: σ for √7 groups, and an LInf of half the range.
func TestVectors(t *testing.T) {
	p := mustCompile(t, "walks", "by: [sex], release", "by: [sex, weekday], contribute: {value: mean, groups: 7}, release")
	if p.Groups != 21 || p.Touched != 7 {
		t.Errorf("got %d groups, %d of them touched, want 21 and 7", p.Groups, p.Touched)
	}
	var cost uint64
	for i, want := range []struct {
		total string
		lInf  int64
	}{{"subjects", 1}, {"n:steps", 1}, {"c:steps", 10000}} {
		d := p.Draws()[i]
		cost += uint64(d.Cost.Rho)
		if d.L0 != 7 || d.LInf != want.lInf || d.Cells != 21 {
			t.Errorf("%s: got L0 %d, LInf %d, %d cells, want 7, %d, 21", d.Name, d.L0, d.LInf, d.Cells, want.lInf)
		}
	}
	if cost > 1e9 || cost < 99e7 {
		t.Errorf("got a cost of ρ %d e-12, want nearly all of 0.001 and no more", cost)
	}
}

// A plan's hash is of what it does, not of what stands beside it in the policy.
func TestHash(t *testing.T) {
	base := mustCompile(t, "walks").Hash()
	for _, same := range [][2]string{{"version: 1", "version: 2"}, {"spend: {rho: 0.001}}\n  - {name: naps", "spend: {rho: 0.002}}\n  - {name: naps"}} {
		if mustCompile(t, "walks", same[0], same[1]).Hash() != base {
			t.Errorf("with %q the hash is another, want the same", same[1])
		}
	}
	for _, other := range [][2]string{{"[0, 20000]", "[0, 20001]"}, {"codes: [F, M]", "codes: [M, F]"}, {"[true]", "[false]"}, {"window: 7d", "window: 14d"}, {"rho: 0.001", "rho: 0.002"}} {
		if mustCompile(t, "walks", other[0], other[1]).Hash() == base {
			t.Errorf("with %q the hash is the same, want another", other[1])
		}
	}
}

// What one dataset asks for changes nothing of who is admitted to another.
func TestMergeAdmissions(t *testing.T) {
	plans := []*Plan{mustCompile(t, "walks"), mustCompile(t, "pulses"), mustCompile(t, "naps")}
	merged, of := MergeAdmissions(plans)
	if len(merged) != 2 || of[plans[0]] != of[plans[1]] || of[plans[1]] == of[plans[2]] {
		t.Fatalf("got %d admissions, %v: want walks and pulses to share one, and naps, of another zone column, to have its own", len(merged), of)
	}
	both := merged[of[plans[1]]]
	if both.Screened.Zone != "c:zone" || len(both.Screened.Codes) != 1 || both.Screened.Codes[0].Other != -1 {
		t.Errorf("got %+v, want pulses' zone and walks' key, whose refused values are in no group", both.Screened)
	}
	if len(plans[1].Admission.Screened.Codes) != 0 {
		t.Error("merging changed a plan")
	}
}

// Text that does not parse must not admit anybody.
func TestAdmissionFailsClosed(t *testing.T) {
	s := mustCompile(t, "walks").Admission.Screened
	if s.Erasure != "t:erased" {
		t.Errorf("got the erasure rule on %s, want it on the text as it stands", s.Erasure)
	}
	if len(s.Excluded) != 1 || s.Excluded[0].Text != "t:staff" {
		t.Errorf("got %+v, want the exclusion to look at the text too", s.Excluded)
	}
}
