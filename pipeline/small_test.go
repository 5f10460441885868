package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
)

const smallPolicy = "testdata/small.yaml"

// smallTables are the empty tables of the small policy, one file each.
func smallTables() tables {
	return tables{
		"accounts.parquet": table("account_id", tInt, "name", tText, "birth_date", tDate, "sex", tText, "height", tInt32,
			"timezone", tText, "erasure_requested_at", tMoment, "is_test", tBool),
		"consents.parquet":   table("account_id", tInt, "purpose", tText, "status", tText, "decided_at", tMoment),
		"objections.parquet": table("account_id", tInt, "purpose", tText, "lifted_at", tMoment),
		"activity.parquet":   table("account_id", tInt, "day", tDate, "steps", tInt, "km", tFloat, "received_at", tMoment),
		"sleep.parquet":      table("account_id", tInt, "end_at", tMoment, "asleep_s", tInt32, "received_at", tMoment),
		"measures.parquet":   table("account_id", tInt, "measured_at", tMoment, "type", tInt32, "value", tInt, "unit", tInt32),
		"minutes.parquet":    table("account_id", tInt, "at", tMoment, "pulse", tFloat),
	}
}

// without drops all rows of one account.
func (s tables) without(account int64) tables {
	return s.of(func(a any) bool { return a != any(account) })
}

// pick is one of the values.
func pick[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// monday is the first day of the window, in days.
var monday = date("2026-03-23")

// randomDay is mostly in the window, and at its edges.
func randomDay(rng *rand.Rand) arrow.Date32 { return monday + arrow.Date32(rng.IntN(11)-2) }

// randomMoment is mostly in the window, often at the edges of days, of the day without 02:30, and absurdly far off.
func randomMoment(rng *rand.Rand) arrow.Timestamp {
	switch rng.IntN(12) {
	case 0:
		return pick(rng, arrow.Timestamp(math.MaxInt64), math.MinInt64+1, 0, moment("2026-03-29 01:00:00"), moment("2026-03-29 00:59:59"),
			moment("0001-01-01 00:00:00"), moment("9999-12-31 23:59:59"), moment("2026-03-22 22:59:59"), moment("2026-03-29 22:00:00"))
	case 1:
		return arrow.Timestamp((int64(randomDay(rng))*24 + pick[int64](rng, 0, 1, -1, 2, 10, 22, 23)) * 3600e6)
	}
	return arrow.Timestamp(int64(randomDay(rng))*86400e6 + rng.Int64N(86400)*1e6)
}

func arrival(rng *rand.Rand) any {
	return pick[any](rng, nil, moment("2026-03-30 05:00:00"), moment("2026-04-01 23:59:59"), moment("2026-04-02 00:00:00"), moment("2026-04-20 00:00:00"), moment("2026-03-28 00:00:00"))
}

// oddInt and oddFloat are values as they come, and as they should not.
func oddInt(rng *rand.Rand, lo, hi int64) any {
	switch rng.IntN(10) {
	case 0:
		return pick[any](rng, nil, int64(0), int64(-1), int64(math.MaxInt32), int64(math.MinInt32), lo-1, hi+1)
	}
	return lo + rng.Int64N(hi-lo+1)
}

func oddFloat(rng *rand.Rand, lo, hi float64) any {
	switch rng.IntN(8) {
	case 0:
		return pick[any](rng, nil, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 5e-324, math.Copysign(0, -1), lo, hi, math.MaxFloat64)
	}
	return lo + rng.Float64()*(hi-lo)
}

// population is a random source of n accounts: whales, repeats, conflicting and late rows, several zones, and rows of
// nobody.
func population(rng *rand.Rand, n int) (tables, []int64) {
	s := smallTables()
	var ids []int64
	for i := range n {
		id := int64(1000 + i)
		ids = append(ids, id)
		s.person(rng, id)
		s.behaviour(rng, id, pick(rng, 3, 5, 8, 8, 200)) // the last is a whale
	}
	for range 5 { // rows of no account, and of accounts that are not there
		s.behaviour(rng, int64(900_000+rng.IntN(3)), 2)
	}
	for _, r := range s {
		if r.at("account_id") == 0 && len(r.rows) > 0 {
			row := slices.Clone(r.rows[rng.IntN(len(r.rows))])
			row[0] = nil
			r.rows = append(r.rows, row)
		}
	}
	return s, ids
}

func (s tables) person(rng *rand.Rand, id int64) {
	born := pick[any](rng, date("1980-05-05"), date("1999-03-23"), date("1950-01-01"), date("2006-03-23"), date("2012-01-01"), nil, date("1900-01-01"), date("2030-01-01"))
	if rng.IntN(5) > 0 {
		born = date("1950-01-01") + arrow.Date32(rng.IntN(20_000))
	}
	erased, test := any(nil), any(false)
	if rng.IntN(15) == 0 {
		erased = moment("2026-04-01 00:00:00")
	}
	if rng.IntN(15) == 0 {
		test = pick[any](rng, true, nil)
	}
	row := []any{id, fmt.Sprintf("Person %d", id), born, pick[any](rng, "F", "M", "f", " m ", "X", nil, ""), oddInt(rng, 100, 250),
		pick[any](rng, "Europe/Paris", "Indian/Reunion", "America/Martinique", "Pacific/Kiritimati", "Etc/GMT+12", "", nil, "Europe/Pari"), erased, test}
	s["accounts.parquet"].add(row...)
	if rng.IntN(25) == 0 { // the person table has the account twice
		s["accounts.parquet"].add(slices.Clone(row)...)
	}
	for range rng.IntN(2) {
		s["consents.parquet"].add(id, pick(rng, "health-research", "health-research", "health-research", "marketing"),
			pick[any](rng, "granted", "granted", "granted", "granted", "withdrawn", nil),
			pick[any](rng, moment("2025-01-01 00:00:00"), moment("2026-03-01 00:00:00"), moment("2026-04-01 12:00:00"), moment("2027-01-01 00:00:00"), nil))
	}
	s["consents.parquet"].add(id, "health-research", "granted", moment("2026-01-01 00:00:00"))
	if rng.IntN(12) == 0 {
		s["objections.parquet"].add(id, pick[any](rng, "health-research", "marketing", nil), pick[any](rng, nil, moment("2026-02-01 00:00:00"), moment("2026-05-01 00:00:00")))
	}
}

func (s tables) behaviour(rng *rand.Rand, id int64, rows int) {
	for range rows {
		s["activity.parquet"].add(id, randomDay(rng), oddInt(rng, 0, 30_000), oddFloat(rng, -10, 50), arrival(rng))
		s["sleep.parquet"].add(id, randomMoment(rng), oddInt(rng, 3600, 50_000), arrival(rng))
		at := randomMoment(rng)
		for _, kind := range []int64{1, 9, 10} {
			unit := pick[int64](rng, 0, -1, -2, -3, -3, 300, -300, math.MaxInt32, math.MinInt32)
			value := map[int64]int64{1: 40 + rng.Int64N(130), 9: 50 + rng.Int64N(70), 10: 90 + rng.Int64N(110)}[kind]
			for range -max(unit, -3) {
				if unit > -10 {
					value *= 10
				}
			}
			s["measures.parquet"].add(id, at, kind, pick(rng, value, value, value, value, math.MaxInt64, -value), unit)
			if rng.IntN(6) == 0 { // again, and perhaps in conflict
				s["measures.parquet"].add(id, at, kind, pick(rng, value, value+1), unit)
			}
		}
		s["minutes.parquet"].add(id, randomMoment(rng), oddFloat(rng, 20, 250))
	}
}

// answers are the exact answers of plans on a source, by dataset.
type answers map[string]*duck.Exact

// A lab holds an engine over a folder with a source in it, and in folders of that one, named 1, 2, 3 …, more sources of
// the same schema: plans are made once and aimed at each in turn.
type lab struct {
	engine *duck.Engine
	plans  []*plan.Plan
	aims   map[*plan.Chain]string // a chain of the plans, and its glob in the first source
}

// newLab compiles datasets of a policy for the sample's day, all that are built if none is named. change may alter plans.
func newLab(t testing.TB, o duck.Options, p *policy.Policy, change func(*plan.Plan), datasets ...string) *lab {
	t.Helper()
	return newLabOn(t, sampleDay, o, p, change, datasets...)
}

func newLabOn(t testing.TB, day string, o duck.Options, p *policy.Policy, change func(*plan.Plan), datasets ...string) *lab {
	t.Helper()
	engine, err := duck.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	source, err := engine.Describe(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{engine: engine, aims: map[*plan.Chain]string{}}
	for i := range p.Datasets {
		d := &p.Datasets[i]
		if d.Unit == "household" || len(datasets) > 0 && !slices.Contains(datasets, d.Name) {
			continue // the household is not built yet
		}
		pl, err := plan.Compile(p, d, source, onDay(p, day))
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(pl)
		}
		l.plans = append(l.plans, pl)
		chains := []*plan.Chain{pl.Admission.Persons, pl.Admission.Consents, pl.Admission.Objections, &pl.Rows}
		for i := range pl.Bands {
			chains = append(chains, &pl.Bands[i])
		}
		for _, ch := range chains {
			if ch != nil && ch.Scan.Files != "" {
				l.aims[ch] = ch.Scan.Files
			}
		}
	}
	return l
}

// answers runs the local half of every plan on the source in a folder, "" for the first.
func (l *lab) answers(t testing.TB, folder string, shards int) answers {
	t.Helper()
	ctx := context.Background()
	for ch, files := range l.aims {
		ch.Scan.Files = filepath.Join(folder, files)
	}
	var admitted []*duck.Admitted
	admissions, of := plan.MergeAdmissions(l.plans)
	for _, a := range admissions {
		who, err := l.engine.Admit(ctx, a, closing())
		if err != nil {
			t.Fatal(err)
		}
		admitted = append(admitted, who)
	}
	out := answers{}
	for _, pl := range l.plans {
		sum := duck.NewExact(pl)
		for n := range shards {
			x, err := l.engine.Exact(ctx, pl, admitted[of[pl]], duck.Shard{Number: n, Of: shards})
			if err != nil {
				t.Fatal(err)
			}
			if err := sum.Merge(x); err != nil {
				t.Fatal(err)
			}
		}
		out[pl.Dataset] = sum
	}
	return out
}

// digest is a short form of answers: two are equal if, and hardly unless, the answers are.
func (a answers) digest(t testing.TB, tallies bool) string {
	t.Helper()
	h := sha256.New()
	for _, dataset := range slices.Sorted(maps.Keys(a)) {
		parts := []any{dataset, a[dataset].Totals}
		if tallies {
			parts = append(parts, a[dataset].Tally)
		}
		b, err := json.Marshal(parts) // keys of maps in order
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
