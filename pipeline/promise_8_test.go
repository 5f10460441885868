package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
)

// admittedPeople are the accounts of a source that may be in a release that starts at now, by plain loops over the rows:
// consent and objection as the sample policy has them, no erasure asked for, at least 18 on the window's first day, no
// test account, one row in accounts.
func admittedPeople(s tables, now arrow.Timestamp, start string) map[int64]bool {
	const purpose = "health-research"
	yes, no := map[int64]arrow.Timestamp{}, map[int64]arrow.Timestamp{}
	consents := s["consents.parquet"]
	for _, row := range consents.rows {
		id, ok := row[consents.at("account_id")].(int64)
		if !ok || row[consents.at("purpose")] != purpose {
			continue
		}
		at, stamped := row[consents.at("decided_at")].(arrow.Timestamp)
		switch {
		case row[consents.at("status")] != "granted":
			if !stamped {
				at = math.MaxInt64
			}
			if was, ok := no[id]; !ok || at > was {
				no[id] = at
			}
		case stamped && at <= now:
			if was, ok := yes[id]; !ok || at > was {
				yes[id] = at
			}
		}
	}
	objected := map[int64]bool{}
	objections := s["objections.parquet"]
	for _, row := range objections.rows {
		id, ok := row[objections.at("account_id")].(int64)
		lifted, is := row[objections.at("lifted_at")].(arrow.Timestamp)
		about := row[objections.at("purpose")]
		if ok && (about == purpose || about == nil) && (!is || lifted > now) {
			objected[id] = true
		}
	}
	out, copies := map[int64]bool{}, map[int64]int{}
	accounts := s["accounts.parquet"]
	for _, row := range accounts.rows {
		id, ok := row[accounts.at("account_id")].(int64)
		if !ok {
			continue
		}
		copies[id]++
		granted, is := yes[id]
		refused, was := no[id]
		years, known := age(row[accounts.at("birth_date")], start)
		out[id] = is && (!was || granted > refused) && !objected[id] && row[accounts.at("erasure_requested_at")] == nil &&
			row[accounts.at("is_test")] != true && known && years >= 18
	}
	for id, n := range copies {
		if n > 1 || !out[id] {
			delete(out, id)
		}
	}
	return out
}

// age is completed years on a day.
func age(birth any, on string) (int, bool) {
	born, ok := birth.(arrow.Date32)
	if !ok {
		return 0, false
	}
	b, d := born.ToTime(), date(on).ToTime()
	years := d.Year() - b.Year()
	if d.Month() < b.Month() || d.Month() == b.Month() && d.Day() < b.Day() {
		years--
	}
	return years, true
}

// stepsOf is each admitted account's mean of daily steps in the window: the last row of a day to arrive in time, whole
// steps, half up, between 0 and 24,000. A person whose rows have no plausible value has no mean.
func stepsOf(s tables, admitted map[int64]bool) (people map[int64]bool, means map[int64]int64) {
	type key struct {
		id  int64
		day string
	}
	last := map[key][]any{}
	people, means = map[int64]bool{}, map[int64]int64{}
	closed := moment("2026-04-02 00:00:00")
	var at map[string]int
	for path, r := range s {
		day, ok := strings.CutPrefix(filepath.ToSlash(filepath.Dir(path)), "activity/day=")
		if !ok {
			continue
		}
		at = map[string]int{"account_id": r.at("account_id"), "steps": r.at("steps"), "received_at": r.at("received_at")}
		for _, row := range r.rows {
			id, ok := row[at["account_id"]].(int64)
			got, stamped := row[at["received_at"]].(arrow.Timestamp)
			if !ok || !admitted[id] || stamped && got >= closed {
				continue
			}
			if was := last[key{id, day}]; was == nil || laterRow(row, was, at) {
				last[key{id, day}] = row
			}
		}
	}
	sum, n := map[int64]int64{}, map[int64]int64{}
	for k, row := range last {
		people[k.id] = true
		if steps, ok := row[at["steps"]].(int64); ok && steps >= 0 && steps <= 100_000 {
			sum[k.id] += steps
			n[k.id]++
		}
	}
	for id := range n {
		means[id] = min(int64(math.Floor(float64(2*sum[id]+n[id])/float64(2*n[id]))), 24_000)
	}
	return people, means
}

// laterRow says whether a row wins over another of the same day: it came later, or came with and has a value, or the larger.
func laterRow(a, b []any, at map[string]int) bool {
	stamp := func(row []any) int64 {
		if s, ok := row[at["received_at"]].(arrow.Timestamp); ok {
			return int64(s)
		}
		return math.MinInt64
	}
	value := func(row []any) int64 {
		if v, ok := row[at["steps"]].(int64); ok {
			return v
		}
		return math.MinInt64
	}
	if x, y := stamp(a), stamp(b); x != y {
		return x > y
	}
	return value(a) > value(b)
}

// counted are the figures that the recomputation and the engine must agree on, by sex and by band of age.
type counted map[string]int64

// recompute makes the figures from the rows.
func recompute(s tables, now time.Time) counted {
	out := counted{}
	accounts := s["accounts.parquet"]
	who := map[int64][]any{}
	for _, row := range accounts.rows {
		if id, ok := row[0].(int64); ok {
			who[id] = row
		}
	}
	group := func(id int64, start string) (string, bool) {
		sex, _ := who[id][accounts.at("sex")].(string)
		years, _ := age(who[id][accounts.at("birth_date")], start)
		return sex + " " + band(years), sex == "F" || sex == "M" // "f" is no code of the ladder
	}
	us := arrow.Timestamp(now.UnixMicro())
	for id := range admittedPeople(s, us, "2026-03-04") {
		if g, ok := group(id, "2026-03-04"); ok {
			out["people "+g]++
		}
	}
	people, means := stepsOf(s, admittedPeople(s, us, "2026-03-23"))
	for id := range people {
		if g, ok := group(id, "2026-03-23"); ok {
			out["walkers "+g]++
			if v, known := means[id]; known {
				out["with steps "+g]++
				out["steps "+g] += v
			}
		}
	}
	for k, n := range out {
		if n == 0 {
			delete(out, k)
		}
	}
	return out
}

// band is the label of age@30y.
func band(years int) string {
	switch {
	case years < 30:
		return "<30"
	case years < 60:
		return "30-59"
	case years < 75:
		return "60-74"
	}
	return "75+"
}

// measured are the same figures from the engine's exact answers.
func measured(plans []*plan.Plan, x answers) counted {
	out := counted{}
	for _, p := range plans {
		name := map[string]string{"people-by-age-sex-region": "people ", "steps-by-age-sex-region": "walkers "}[p.Dataset]
		all := []int{0, 1, 2}
		for g, n := range x[p.Dataset].Totals["subjects"] {
			label := p.Label(all, 1, int64(g)) + " " + p.Label(all, 0, int64(g))
			out[name+label] += n
			if name == "walkers " {
				out["with steps "+label] += x[p.Dataset].Totals["n:steps"][g]
				out["steps "+label] += x[p.Dataset].Totals["t:steps"][g]
			}
		}
	}
	for k, n := range out {
		if n == 0 {
			delete(out, k)
		}
	}
	return out
}

// differences between two sets of figures.
func (c counted) differences(d counted) []string {
	var out []string
	for k, n := range c {
		if d[k] != n {
			out = append(out, fmt.Sprintf("%s: %d and %d", k, n, d[k]))
		}
	}
	for k, n := range d {
		if _, ok := c[k]; !ok {
			out = append(out, fmt.Sprintf("%s: none and %d", k, n))
		}
	}
	slices.Sort(out)
	return out
}

var counts = []string{"people-by-age-sex-region", "steps-by-age-sex-region"}

// TestPromise8Sample: the exact answers on the sample are those of the people who may be in it, and of nobody else.
func TestPromise8Sample(t *testing.T) {
	t.Parallel()
	s := loadSample(t)
	p := parsePolicy(t, samplePolicy)
	want := recompute(s, closing())
	l := newLab(t, duck.Options{Source: sampleSource}, p, nil, counts...)
	got := measured(l.plans, l.answers(t, "", 1))
	for _, d := range want.differences(got) {
		t.Errorf("by hand and by the engine: %s", d)
	}
	admitted := len(admittedPeople(s, arrow.Timestamp(closing().UnixMicro()), "2026-03-23"))
	t.Logf("%d of %d accounts are admitted; %d figures agree", admitted, len(s["accounts.parquet"].rows), len(want))
	if admitted < 5000 || len(want) < 16 {
		t.Errorf("%d admitted, %d figures: too few to mean something", admitted, len(want))
	}
	// The same comparison catches plans that pass over a rule.
	for name, change := range map[string]func(*plan.Plan){
		"without consent":   func(p *plan.Plan) { p.Admission.Screened.Consent = false },
		"without objection": func(p *plan.Plan) { p.Admission.Screened.Objection = false },
		"without erasure":   func(p *plan.Plan) { p.Admission.Screened.Erasure = "" },
		"without age":       func(p *plan.Plan) { p.Admission.Screened.Age = nil },
		"with test people":  func(p *plan.Plan) { p.Admission.Screened.Excluded = nil },
	} {
		l := newLab(t, duck.Options{Source: sampleSource}, p, change, counts[0])
		got := measured(l.plans, l.answers(t, "", 1))
		if len(want.only("people ").differences(got)) == 0 {
			t.Errorf("%s: not caught", name)
		}
	}
}

func (c counted) only(prefix string) counted {
	out := counted{}
	for k, n := range c {
		if strings.HasPrefix(k, prefix) {
			out[k] = n
		}
	}
	return out
}

// TestPromise8Flips changes one person's standing in each way, for this window and for an older one: the answers become
// those of a source in which the person is not, with all rows gone.
func TestPromise8Flips(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	base, ids := crowd(20)
	id := ids[7]
	change := func(path, column string, value any) func(tables) {
		return func(s tables) {
			r := s[path].clone()
			for _, row := range r.rows {
				if row[0] == any(id) {
					row[r.at(column)] = value
				}
			}
			s[path] = r
		}
	}
	more := func(path string, row ...any) func(tables) {
		return func(s tables) {
			s[path] = s[path].clone()
			s[path].add(append([]any{id}, row...)...)
		}
	}
	yesterday := moment("2026-04-01 20:00:00")
	flips := []struct {
		name  string
		stays bool
		flip  func(tables)
	}{
		{"withdrawn yesterday", false, more("consents.parquet", "health-research", "withdrawn", yesterday)},
		{"withdrawn at the instant of the grant", false, more("consents.parquet", "health-research", "withdrawn", moment("2026-01-01 00:00:00"))},
		{"withdrawn at no known time", false, more("consents.parquet", "health-research", "withdrawn", nil)},
		{"withdrawn from tomorrow on", false, more("consents.parquet", "health-research", "withdrawn", moment("2026-04-03 00:00:00"))},
		{"a decision that nobody knows", false, more("consents.parquet", "health-research", "paused", yesterday)},
		{"a decision without a word", false, more("consents.parquet", "health-research", nil, yesterday)},
		{"only granted for another purpose", false, change("consents.parquet", "purpose", "marketing")},
		{"only granted from tomorrow on", false, change("consents.parquet", "decided_at", moment("2026-04-03 00:00:00"))},
		{"no consent at all", false, func(s tables) {
			s["consents.parquet"] = s["consents.parquet"].where("account_id", func(a any) bool { return a != any(id) })
		}},
		{"objected", false, more("objections.parquet", "health-research", nil)},
		{"objected to everything", false, more("objections.parquet", nil, nil)},
		{"objected, to be lifted tomorrow", false, more("objections.parquet", "health-research", moment("2026-04-03 00:00:00"))},
		{"erasure asked for", false, change("accounts.parquet", "erasure_requested_at", yesterday)},
		{"a test account", false, change("accounts.parquet", "is_test", true)},
		{"a child", false, change("accounts.parquet", "birth_date", date("2010-01-01"))},
		{"18 the day after the window begins", false, change("accounts.parquet", "birth_date", date("2008-03-24"))},
		{"no birth date", false, change("accounts.parquet", "birth_date", nil)},
		{"born in the future", false, change("accounts.parquet", "birth_date", date("2031-01-01"))},
		{"twice in the person table", false, func(s tables) {
			r := s["accounts.parquet"].clone()
			for _, row := range s["accounts.parquet"].rows {
				if row[0] == any(id) {
					r.add(slices.Clone(row)...)
				}
			}
			s["accounts.parquet"] = r
		}},
		{"withdrawn and granted again", true, func(s tables) {
			more("consents.parquet", "health-research", "withdrawn", moment("2026-02-01 00:00:00"))(s)
			more("consents.parquet", "health-research", "granted", moment("2026-02-02 00:00:00"))(s)
		}},
		{"withdrawn for another purpose", true, more("consents.parquet", "marketing", "withdrawn", yesterday)},
		{"objected to another purpose", true, more("objections.parquet", "marketing", nil)},
		{"an objection that was lifted", true, more("objections.parquet", "health-research", yesterday)},
		{"another name", true, change("accounts.parquet", "name", "Somebody Else")},
	}
	dir := base.save(t, t.TempDir())
	base.without(id).save(t, filepath.Join(dir, "without"))
	for i, f := range flips {
		s := base.of(func(any) bool { return true })
		f.flip(s)
		s.save(t, filepath.Join(dir, fmt.Sprint(i)))
	}
	for _, day := range []string{sampleDay, "2026-03-26"} { // the older window is of before yesterday's withdrawal
		l := newLabOn(t, day, duck.Options{Source: dir, Threads: 1}, p, nil, "people", "steps")
		here, gone := l.answers(t, "", 1).digest(t, false), l.answers(t, "without", 1).digest(t, false)
		if here == gone {
			t.Fatal("the person makes no difference")
		}
		for i, f := range flips {
			if day != sampleDay && strings.HasPrefix(f.name, "18 ") {
				continue
			}
			want := map[bool]string{true: here, false: gone}[f.stays]
			if got := l.answers(t, fmt.Sprint(i), 1).digest(t, false); got != want {
				t.Errorf("window before %s, %s: the answers are not those with the person %s", day, f.name, map[bool]string{true: "in", false: "out"}[f.stays])
			}
		}
	}
	t.Logf("%d flips of one person, for 2 windows", len(flips))
}

// crowd is a source of people who may all be in a release, with ordinary rows.
func crowd(n int) (tables, []int64) {
	rng := rand.New(rand.NewPCG(8, 8))
	s := smallTables()
	var ids []int64
	for i := range n {
		id := int64(500_000 + i)
		ids = append(ids, id)
		s.ordinary(rng, id)
	}
	return s, ids
}

// ordinary adds a person with nothing odd, and rows in this window and the one before.
func (s tables) ordinary(rng *rand.Rand, id int64) {
	s["accounts.parquet"].add(id, fmt.Sprintf("Person %d", id), date("1950-01-01")+arrow.Date32(rng.IntN(18_000)), pick[any](rng, "F", "M"), 150+rng.Int64N(50), "Europe/Paris", nil, false)
	s["consents.parquet"].add(id, "health-research", "granted", moment("2026-01-01 00:00:00"))
	s["objections.parquet"].add(int64(1), "marketing", nil)
	for day := range 14 {
		d := monday - 7 + arrow.Date32(day)
		noon := arrow.Timestamp(int64(d)*86400e6 + 43200e6)
		s["activity.parquet"].add(id, d, 2000+rng.Int64N(9000), 1+8*rng.Float64(), noon)
		s["sleep.parquet"].add(id, noon-5*3600e6, 20_000+rng.Int64N(12_000), noon)
		s["measures.parquet"].add(id, noon, int64(1), 55_000+rng.Int64N(40_000), int64(-3))
		s["measures.parquet"].add(id, noon, int64(10), 105+rng.Int64N(60), int64(0))
		s["measures.parquet"].add(id, noon, int64(9), 65+rng.Int64N(35), int64(0))
		s["minutes.parquet"].add(id, noon+arrow.Timestamp(rng.Int64N(43200)*1e6), 50+40*rng.Float64())
	}
}
