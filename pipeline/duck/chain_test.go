package duck

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

var long = flag.Bool("long", false, "run the tests that take minutes")

// TestMain runs properties a few dozen times, or, with -long, a thousand times.
// A number given on the command line is kept.
func TestMain(m *testing.M) {
	flag.Parse()
	checks := "30"
	if *long {
		checks = "1000"
	}
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "rapid.checks" {
			checks = f.Value.String()
		}
	})
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// A world is a small source: four tables of a company, with all the dirt that
// a row may hold.
type world struct {
	persons, consents, objections, rows table
}

func columns(spec string) transforms.Schema {
	var out transforms.Schema
	for _, c := range strings.Split(spec, ",") {
		name, typ, _ := strings.Cut(c, " ")
		out = append(out, transforms.Column{Name: name, Type: transforms.Type(typ), Role: transforms.Raw})
	}
	return out
}

func drawTable(t *rapid.T, what, spec string, most int, values map[string][]any) table {
	x := table{cols: columns(spec)}
	n := rapid.IntRange(0, most).Draw(t, what)
	for i := range n {
		r := row{}
		for _, c := range x.cols {
			r[c.Name] = rapid.SampledFrom(values[c.Name]).Draw(t, fmt.Sprintf("%s %d %s", what, i, c.Name))
		}
		x.rows = append(x.rows, r)
	}
	return x
}

func day(s string) any { return isoDay(s) }

func at(s string) any { return isoStamp(s) }

// drawWorld leaves plain values in the majority, so that some rows come through.
func drawWorld(t *rapid.T, kind string) world {
	ids := []any{"a", "b", "c", "d", "e", "f", "g", "h", " a ", "A", "", nil, "it's"}
	stamps := []any{at("2025-01-01"), at("2025-06-01"), at("2025-06-01"), at("2026-04-02 12:00:00"), at("2027-01-01"), farFuture, farPast, nil}
	var w world
	w.persons = drawTable(t, "persons", "id string,born date,sex string,height int,zone string,erased timestamp,test bool", 12, map[string][]any{
		"id":   ids,
		"born": {day("1980-05-05"), day("1990-01-01"), day("2008-02-29"), day("2008-03-23"), day("2008-03-24"), day("1930-01-01"), farFuture, nil},
		"sex":  {"F", "M", "f", " m", "X", "", nil}, "height": {int64(170), int64(180), int64(49), int64(251), int64(math.MaxInt64), int64(math.MinInt64), nil},
		"zone":   {"Europe/Paris", "Asia/Kathmandu", "Pacific/Kiritimati", "America/New_York", "Mars/Olympus", "", nil},
		"erased": {nil, nil, nil, nil, at("2026-01-01")}, "test": {false, false, nil, true},
	})
	w.consents = drawTable(t, "consents", "id string,purpose string,status string,decided_at timestamp", 30, map[string][]any{
		"id": ids, "purpose": {"research", "research", "research", "ads", nil}, "status": {"granted", "granted", "granted", "withdrawn", nil}, "decided_at": stamps})
	for _, id := range []any{"a", "b", "c", "d", "it's"} { // or nobody would be left
		w.consents.rows = append(w.consents.rows, row{"id": id, "purpose": "research", "status": "granted", "decided_at": at("2026-01-01")})
	}
	w.objections = drawTable(t, "objections", "id string,lifted_at timestamp", 2, map[string][]any{"id": ids, "lifted_at": stamps})
	times := []any{at("2026-03-23 00:00:00"), at("2026-03-29 00:59:59"), at("2026-03-29 01:00:00"), at("2026-03-29 22:30:00"), at("2026-03-25 12:00:00"),
		at("2026-03-25 12:00:00"), at("2026-03-22 10:00:00"), at("2026-03-30 04:00:00"), at("2026-03-22 18:15:00"), farFuture, farPast, nil}
	spec := "id string,t timestamp"
	if kind == "date" {
		spec = "id string,t date"
		times = []any{day("2026-03-23"), day("2026-03-24"), day("2026-03-24"), day("2026-03-28"), day("2026-03-29"), day("2026-03-22"), day("2026-03-30"), farFuture, nil}
	}
	w.rows = drawTable(t, "rows", spec+",arrived timestamp,value decimal,unit int,type int", 60, map[string][]any{
		"id": ids, "t": times,
		"arrived": {at("2026-03-29"), at("2026-04-01 23:59:59"), at("2026-04-02"), nil},
		"value":   {70.25, 70.0, 705.0, 20.0, 19.999, 400.0, 1e308, -1e308, math.NaN(), math.Inf(1), math.Inf(-1), 0.0, 5e-324, nil},
		"unit":    {int64(0), int64(0), int64(-1), int64(1), int64(math.MinInt64), int64(math.MaxInt64), nil},
		"type":    {int64(1), int64(1), int64(1), int64(2), nil}})
	return w
}

// A study is a plan over a world, with choices drawn.
type study struct {
	kind   string // of time
	unique string // "", refuse, last
	agg    string
	keys   []string
	clamp  bool
}

func drawStudy(t *rapid.T) study {
	s := study{
		kind:   rapid.SampledFrom([]string{"instant", "local", "date"}).Draw(t, "kind of time"),
		unique: rapid.SampledFrom([]string{"", "refuse", "last"}).Draw(t, "unique"),
		agg:    rapid.SampledFrom([]string{"mean", "median", "sum", "max", "min", "last"}).Draw(t, "aggregate"),
		keys:   rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"weekday", "part", "season"}), 0, 2, rapid.ID).Draw(t, "keys"),
		clamp:  rapid.Bool().Draw(t, "clamp"),
	}
	return s
}

var domains = map[string]int{"weekday": 2, "part": 3, "season": 4, "age": 4, "sex": 3, "bmi": 4}

var sexes = map[string]int{"F": 0, "M": 1}

const width = 2200 // of the measure, in steps

func text(name string) transforms.ReadColumn {
	return transforms.ReadColumn{As: name, Source: name, Type: transforms.String}
}

func stampColumn(name string) transforms.ReadColumn {
	return transforms.ReadColumn{As: name, Source: name, Type: transforms.Timestamp}
}

// plan writes the study down as Compile would.
func (s study) plan(dir string) *plan.Plan {
	key := transforms.AccountKey{Column: "id", Type: transforms.String}
	chain := func(table string, read transforms.Read, more ...plan.Named) plan.Chain {
		read.Table, read.Account = table, key
		return plan.Chain{Scan: plan.Scan{Table: table, Files: dir + "/" + table + "*.parquet", Format: "parquet"}, Steps: append([]plan.Named{{Name: "read", Step: read}}, more...)}
	}
	consents := chain("consents", transforms.Read{Columns: []transforms.ReadColumn{text("purpose"), text("status"), stampColumn("decided_at")}})
	objections := chain("objections", transforms.Read{Columns: []transforms.ReadColumn{stampColumn("lifted_at")}})
	persons := chain("persons", transforms.Read{Columns: []transforms.ReadColumn{{As: "c:born", Source: "born", Type: transforms.Date},
		{As: "c:sex", Source: "sex", Type: transforms.String}, {As: "c:height", Source: "height", Type: transforms.Int}, {As: "c:zone", Source: "zone", Type: transforms.String},
		{As: "c:erased", Source: "erased", Type: transforms.Timestamp}, {As: "c:test", Source: "test", Type: transforms.Bool}}})
	p := &plan.Plan{Dataset: "study", Window: plan.Window{Start: "2026-03-23", End: "2026-03-30", Closed: "2026-04-02"}, Groups: 1}
	p.Admission = plan.Admission{Start: p.Window.Start, Persons: &persons, Consents: &consents, Objections: &objections,
		Decided:  &transforms.Decided{Purpose: "research", Granted: []string{"granted"}},
		Objected: &transforms.Objected{Lifted: true},
		Lookups:  []plan.Lookup{{Relation: "ladder:sex@0", Values: sexes}},
		Screened: transforms.Screened{Consent: true, Objection: true, Erasure: "c:erased", Start: p.Window.Start,
			Excluded: []transforms.Exclusion{{Where: transforms.Where{Column: "c:test", Type: transforms.Bool, Values: []string{"true"}}}}, Age: &transforms.MinimumAge{Column: "c:born", Years: 18},
			Codes: []transforms.Code{{Name: "age", Column: "c:born", Input: "age", Edges: []string{"40", "90"}, Unknown: 3},
				{Name: "sex", Column: "c:sex", Input: "text", Fold: true, Lookup: "ladder:sex@0", Other: 2, Unknown: 2}},
			Measures: []transforms.PersonMeasure{{FixedMeasure: transforms.FixedMeasure{Name: "height", Column: "c:height", Lo: "50", Hi: "250", Times: 1, Over: 1, Clamp: s.clamp}, Low: 120, High: 210}}}}
	if s.kind == "instant" {
		p.Admission.Screened.Zone, p.Admission.Screened.Fallback, p.Admission.Screened.Zones = "c:zone", "Europe/Paris", "zones"
	}
	raw := []string{"r:value", "r:unit", "r:type"}
	read := transforms.Read{Columns: []transforms.ReadColumn{{As: "r:value", Source: "value", Type: transforms.Decimal}, {As: "r:unit", Source: "unit", Type: transforms.Int}, {As: "r:type", Source: "type", Type: transforms.Int}},
		Time:    &transforms.ReadTime{Source: "t", Kind: s.kind, Native: true, From: "2026-03-22", To: "2026-03-31"},
		Arrived: &transforms.ReadColumn{As: "arrived", Source: "arrived", Type: transforms.Timestamp}}
	steps := func(keys []string, agg string) []plan.Named {
		var tallies []string
		out := []plan.Named{
			{Name: "unlink", Step: transforms.Unlink{Keep: append([]string{"at", "arrived"}, raw...), Zone: s.kind == "instant"}},
			{Name: "civil", Step: transforms.Civil{Kind: s.kind, PersonZone: s.kind == "instant", Start: p.Window.Start, End: p.Window.End, Closed: p.Window.Closed, Keep: append([]string{"at", "arrived"}, raw...)}},
		}
		if s.unique != "" {
			out = append(out, plan.Named{Name: "unique", Step: transforms.Unique{Keys: []string{"day", "r:type"}, Values: []string{"r:value", "r:unit"}, Last: s.unique == "last"}})
			tallies = []string{"copies", "conflict"}
		}
		variables := []transforms.Derived{{Name: "scaled", Func: "scale", Args: []string{"r:value", "r:unit"}, Where: []transforms.Where{{Column: "r:type", Type: transforms.Int, Values: []string{"1"}}}},
			{Name: "weekday", Func: "weekday", Mode: "type"}, {Name: "part", Func: "hour", Parts: []int{1, 8, 18}}, {Name: "season", Func: "season", Mode: "south"}}
		return append(out,
			plan.Named{Name: "derive", Step: transforms.Derive{Variables: variables, Keep: tallies}},
			plan.Named{Name: "fixed", Step: transforms.Fixed{Keep: append(slices.Clone(keys), tallies...), Measures: []transforms.FixedMeasure{{Name: "weight", Column: "scaled", Lo: "20", Hi: "400", Clamp: s.clamp, Times: 10, Over: 1, Float: true}}}},
			plan.Named{Name: "unit", Step: transforms.Unit{Keys: keys, Values: []transforms.UnitValue{{Name: "weight", Agg: agg, Lo: 300, Hi: 300 + width}}, Sums: append(slices.Clone(tallies), "bad:weight")}})
	}
	p.Rows = chain("rows", read, steps(s.keys, s.agg)...)
	p.Bands = []plan.Chain{chain("rows", read, append(steps(nil, "last"), plan.Named{Name: "bmi", Step: transforms.Banded{Name: "bmi", Func: "bmi", Edges: []string{"18.5", "25"},
		Args: []transforms.BandedArg{{Column: "weight", Lo: 300, Times: 10, Over: 1}, {Person: true, Column: "height", Lo: 120, Times: 1, Over: 1}}}})...)}
	add := func(k transforms.CellKey) {
		k.Codes = domains[k.Name]
		for i := range k.Codes {
			k.Index = append(k.Index, i)
		}
		p.Cells.Keys = append(p.Cells.Keys, k)
		p.Groups *= int64(k.Codes)
	}
	add(transforms.CellKey{Name: "age", Person: true})
	for _, k := range s.keys {
		add(transforms.CellKey{Name: k})
	}
	add(transforms.CellKey{Name: "bmi", Banded: 1, None: 3})
	p.Cells.Filters = []transforms.CellKey{{Name: "sex", Person: true, Codes: 3, Index: []int{0, 2}}}
	p.Cells.Values = []transforms.CellValue{{Name: "weight", Centre: width / 2, Lo: 300, Divide: 3}}
	p.Cells.Bins = []transforms.CellBins{{Name: "tree:weight", Of: "weight", Bins: width/16 + 1, Width: 16},
		{Name: "histogram:weight", Of: "weight", Bins: 2, Edges: []int64{100, 200, width + 1}},
		{Name: "proportion:weight", Of: "weight", Bins: 2, Edges: []int64{150, 400}, Rest: true}}
	p.Cells.Sums = append([]string{"rows"}, p.Rows.Steps[len(p.Rows.Steps)-1].Step.(transforms.Unit).Sums...)
	p.Measures = []plan.Measure{{Name: "weight", Lo: 300, Width: width, Centre: width / 2, Divide: 3}}
	return p
}

// touched is how many groups one unit may be in.
func (s study) touched() int {
	n := 1
	for _, k := range s.keys {
		n *= domains[k]
	}
	return n
}

const now = "2026-04-02 12:00:00"

// answer is the oracle's: who was refused why, totals per group, tallies.
func (s study) answer(w world) (map[string]int64, *Exact) {
	p := s.plan("")
	a := p.Admission
	run := func(step transforms.Step, named map[string]table, from ...[]row) []row {
		tables := make([]table, len(from))
		for i, f := range from {
			tables[i] = table{rows: f}
		}
		return oracle(step, tables, named)
	}
	named := map[string]table{"ladder:sex@0": {}, "zones": {}}
	for v, code := range sexes {
		named["ladder:sex@0"] = table{rows: append(named["ladder:sex@0"].rows, row{"value": v, "code": int64(code)})}
	}
	for _, z := range []string{"Europe/Paris", "Asia/Kathmandu", "Pacific/Kiritimati", "America/New_York"} {
		named["zones"] = table{rows: append(named["zones"].rows, row{"value": z})}
	}
	decided, objected := *a.Decided, *a.Objected
	decided.Now, objected.Now = now, now
	persons := run(a.Persons.Steps[0].Step, nil, w.persons.rows)
	screened := run(a.Screened, named, persons, run(decided, nil, run(a.Consents.Steps[0].Step, nil, w.consents.rows)), run(objected, nil, run(a.Objections.Steps[0].Step, nil, w.objections.rows)))
	refused := map[string]int64{}
	var keys []row
	for i, r := range screened {
		reason, _ := r["refused"].(string)
		refused[reason]++
		keys = append(keys, row{"account": r["account"], "subject": int64(i)})
	}
	admitted := run(a.Admitted(), nil, screened, keys)
	last := func(ch plan.Chain) []row {
		var rows []row
		for _, n := range ch.Steps {
			switch n.Step.(type) {
			case transforms.Read:
				rows = run(n.Step, nil, w.rows.rows)
			default:
				rows = run(n.Step, nil, rows, admitted)
			}
		}
		return rows
	}
	x := NewExact(p)
	for _, r := range run(p.Cells, nil, last(p.Rows), admitted, last(p.Bands[0])) {
		if takeBin(p, x, r) {
			continue
		}
		for name, v := range r {
			if to := x.Totals[name]; to != nil && v != nil {
				to[r["cell"].(int64)] = v.(int64)
			} else if name != "cell" && v != nil {
				x.Tally[name] += v.(int64)
			}
		}
	}
	// late rows are the rows of the window that came in after it closed
	civil := p.Rows.Steps[2].Step.(transforms.Civil)
	civil.Closed = ""
	for _, r := range run(civil, nil, run(p.Rows.Steps[1].Step, nil, run(p.Rows.Steps[0].Step, nil, w.rows.rows), admitted)) {
		if arrived, ok := r["arrived"].(time.Time); ok && !arrived.Before(isoDay(p.Window.Closed)) {
			x.Tally["late"]++
		}
	}
	return refused, x
}

// takeBin takes over a row of the oracle that is of one bin.
func takeBin(p *plan.Plan, x *Exact, r row) bool {
	for _, b := range p.Cells.Bins {
		if n, ok := r[b.Name].(int64); ok {
			if n >= 0 {
				x.Totals[b.Name][r["cell"].(int64)*b.Bins+n] = r["subjects"].(int64)
			}
			return true
		}
	}
	return false
}

// store writes a world as Parquet.
func (w world) store(t failer, db *sql.DB, dir string) {
	t.Helper()
	for name, x := range map[string]table{"persons": w.persons, "consents": w.consents, "objections": w.objections, "rows": w.rows} {
		storeTable(t, db, filepath.Join(dir, name+".parquet"), x)
	}
}

func storeTable(t failer, db *sql.DB, path string, x table) {
	t.Helper()
	var cols, values []string
	null := make([]string, len(x.cols))
	for i, c := range x.cols {
		cols = append(cols, transforms.Ident(c.Name))
		null[i] = "CAST(NULL AS " + duckTypes[c.Type] + ")"
	}
	values = append(values, "("+strings.Join(null, ", ")+", false)")
	for _, r := range x.rows {
		var cells []string
		for _, c := range x.cols {
			cells = append(cells, literalOf(c.Type, r[c.Name]))
		}
		values = append(values, "("+strings.Join(cells, ", ")+", true)")
	}
	query := "COPY (SELECT " + strings.Join(cols, ", ") + " FROM (VALUES " + strings.Join(values, ", ") + ") t(" + strings.Join(cols, ", ") + ", real) WHERE real) TO " + transforms.Literal(path)
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("store %s: %v", path, err)
	}
}

// exact admits and answers over the parts of a study's people.
func exact(t failer, e *Engine, p *plan.Plan, shards int) (map[string]int64, *Exact) {
	t.Helper()
	ctx := context.Background()
	who, err := e.Admit(ctx, &p.Admission, isoStamp(now))
	if err != nil {
		t.Fatalf("admit: %v", err)
	}
	sum := NewExact(p)
	for n := range shards {
		x, err := e.Exact(ctx, p, who, Shard{n, shards})
		if err == nil {
			err = sum.Merge(x)
		}
		if err != nil {
			t.Fatalf("exact: %v", err)
		}
	}
	return who.Refused, sum
}

func sameExact(got, want *Exact) error {
	for name, w := range want.Totals {
		if !slices.Equal(got.Totals[name], w) {
			return fmt.Errorf("total %s: got %v, want %v", name, got.Totals[name], w)
		}
	}
	for name := range maps.Keys(got.Tally) {
		if got.Tally[name] != want.Tally[name] {
			return fmt.Errorf("tally %s: got %d, want %d", name, got.Tally[name], want.Tally[name])
		}
	}
	return nil
}

// TestChainProperty runs whole studies, from Parquet files to merged integers,
// on the engine and on the oracle. Nothing in a row may make a run fail. Then
// it takes one account out of every table: no total may move by more than the
// sensitivity, in no more groups than one unit touches.
func TestChainProperty(t *testing.T) {
	source := t.TempDir()
	db := unlocked(t)
	engines := map[int]*Engine{}
	for _, threads := range []int{1, 3} {
		engines[threads], _ = start(t, Options{Source: source, Threads: threads, Memory: "512MB"})
	}
	n, full := 0, 0
	check := func(t *rapid.T) {
		n++
		s := drawStudy(t)
		w := drawWorld(t, s.kind)
		dir := fmt.Sprintf("w%d", n)
		if err := os.Mkdir(filepath.Join(source, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		w.store(t, db, filepath.Join(source, dir))
		e := engines[rapid.SampledFrom([]int{1, 3}).Draw(t, "threads")]
		refused, got := exact(t, e, s.plan(dir), rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "shards"))
		wantRefused, want := s.answer(w)
		if !maps.Equal(refused, wantRefused) {
			t.Fatalf("refused: got %v, want %v", refused, wantRefused)
		}
		if err := sameExact(got, want); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if slices.Max(want.Totals["subjects"]) > 0 {
			full++
		}
		id := rapid.SampledFrom([]any{"a", "b", "c", "d", "it's"}).Draw(t, "who goes")
		_, less := s.answer(w.without(id))
		if err := within(got, less, s.touched()); err != nil {
			t.Fatalf("%+v without %v: %v", s, id, err)
		}
	}
	rapid.Check(t, check)
	if full == 0 {
		t.Error("no study had a person in it: the property is empty")
	}
}

// TestCopiesOfADay: rows of one day are copies whatever their hour, also where
// the part of the day is a key.
func TestCopiesOfADay(t *testing.T) {
	source := t.TempDir()
	db := unlocked(t)
	born, granted := day("1980-01-01"), at("2026-01-01")
	w := world{
		persons:    table{columns("id string,born date,sex string,height int,zone string,erased timestamp,test bool"), []row{{"id": "a", "born": born, "sex": "F"}, {"id": "b", "born": born, "sex": "F"}}},
		consents:   table{columns("id string,purpose string,status string,decided_at timestamp"), nil},
		objections: table{columns("id string,lifted_at timestamp"), nil},
		rows: table{columns("id string,t timestamp,arrived timestamp,value decimal,unit int,type int"), []row{
			{"id": "a", "t": at("2026-03-24 02:00:00"), "value": 60.0, "unit": int64(0), "type": int64(1), "arrived": at("2026-03-25")},
			{"id": "a", "t": at("2026-03-24 20:00:00"), "value": 90.0, "unit": int64(0), "type": int64(1), "arrived": at("2026-03-26")},
			{"id": "b", "t": at("2026-03-24 02:00:00"), "value": 60.0, "unit": int64(0), "type": int64(1)},
			{"id": "b", "t": at("2026-03-25 20:00:00"), "value": 90.0, "unit": int64(0), "type": int64(1)}}},
	}
	for _, id := range []string{"a", "b"} {
		w.consents.rows = append(w.consents.rows, row{"id": id, "purpose": "research", "status": "granted", "decided_at": granted})
	}
	if err := os.Mkdir(source+"/w", 0o755); err != nil {
		t.Fatal(err)
	}
	w.store(t, db, source+"/w")
	e, _ := start(t, Options{Source: source})
	for _, unique := range []string{"refuse", "last"} {
		s := study{kind: "local", unique: unique, agg: "mean", keys: []string{"part"}}
		_, got := exact(t, e, s.plan("w"), 1)
		_, want := s.answer(w)
		if err := sameExact(got, want); err != nil {
			t.Errorf("%s: %v", unique, err)
		}
	}
}

func (w world) without(id any) world {
	out := w
	for from, to := range map[*table]*table{&w.persons: &out.persons, &w.consents: &out.consents, &w.objections: &out.objections, &w.rows: &out.rows} {
		to.rows = slices.DeleteFunc(slices.Clone(from.rows), func(r row) bool {
			s, ok := r["id"].(string)
			return ok && strings.TrimSpace(s) == id
		})
	}
	return out
}

// within says whether two answers are those of neighbours.
func within(a, b *Exact, touched int) error {
	most := map[string]int64{"subjects": 1, "n:weight": 1, "c:weight": width - width/2, "t:weight": 300 + width,
		"q:weight": 367 * 367, "tree:weight": 1, "histogram:weight": 1, "proportion:weight": 1} // 367 = round(1100 / 3)
	for name, limit := range most {
		moved := 0
		for i := range a.Totals[name] {
			d := a.Totals[name][i] - b.Totals[name][i]
			if d != 0 {
				moved++
			}
			if max(d, -d) > limit {
				return fmt.Errorf("total %s moves by %d", name, d)
			}
		}
		if moved > touched {
			return fmt.Errorf("total %s moves in %d groups, one unit is in %d", name, moved, touched)
		}
	}
	return nil
}

// TestWithinSeesTooMuch is the control of within.
func TestWithinSeesTooMuch(t *testing.T) {
	p := study{}.plan("")
	a, b := NewExact(p), NewExact(p)
	a.Totals["c:weight"][0] = width
	if within(a, b, 1) == nil {
		t.Error("a value outside its bounds passed")
	}
	a = NewExact(p)
	a.Totals["subjects"][0], a.Totals["subjects"][1] = 1, 1
	if within(a, b, 1) == nil {
		t.Error("a person in two groups passed")
	}
}

// TestInvariance: the order of rows, their split into files, threads and
// shards change nothing; each run has its own subjects.
func TestInvariance(t *testing.T) {
	source := t.TempDir()
	db := unlocked(t)
	s := study{kind: "instant", unique: "refuse", agg: "mean", keys: []string{"weekday", "part"}}
	crowd := func(dir, order string, files int) {
		write(t, db, source+"/"+dir+"/persons.parquet", `SELECT 'p' || i AS id, DATE '1940-01-01' + CAST(i * 7919 % 29000 AS INTEGER) AS born, ['F', 'M', 'x', NULL][i % 4 + 1] AS sex,
			CAST(140 + i % 60 AS BIGINT) AS height, ['Europe/Paris', 'Asia/Tokyo', 'nowhere', 'America/New_York'][i % 4 + 1] AS zone, CASE WHEN i % 50 = 0 THEN TIMESTAMP '2026-01-01' END AS erased, i % 70 = 0 AS test
			FROM range(3000) t(i) ORDER BY `+order)
		write(t, db, source+"/"+dir+"/consents.parquet", `SELECT 'p' || i % 3000 AS id, 'research' AS purpose, CASE WHEN i % 11 = 0 THEN 'withdrawn' ELSE 'granted' END AS status,
			TIMESTAMP '2025-01-01' + INTERVAL (i % 400) DAY AS decided_at FROM range(5000) t(i) ORDER BY `+order)
		write(t, db, source+"/"+dir+"/objections.parquet", "SELECT 'p' || i * 37 AS id, CASE WHEN i % 2 = 0 THEN TIMESTAMP '2026-01-01' END AS lifted_at FROM range(60) t(i) ORDER BY "+order)
		for f := range files {
			write(t, db, fmt.Sprintf("%s/%s/rows%d.parquet", source, dir, f), fmt.Sprintf(`SELECT 'p' || i * 37 %% 3100 AS id, TIMESTAMP '2026-03-21' + INTERVAL (i * 7907 %% 864000) SECOND AS t,
				CASE WHEN i %% 9 = 0 THEN TIMESTAMP '2026-04-01 18:00:00' + INTERVAL (i %% 12) HOUR END AS arrived,
				CASE WHEN i %% 97 = 0 THEN 'nan'::DOUBLE WHEN i %% 89 = 0 THEN NULL ELSE 300 + i * 13 %% 1500 + k * (i %% 20) END AS value, CAST(-1 AS BIGINT) AS unit, CAST(1 + i %% 2 AS BIGINT) AS type
				FROM range(20000) t(i), range(2) u(k) WHERE (k = 0 OR i %% 10 = 0) AND hash(i) %% %d = %d ORDER BY %s`, files, f, order))
		}
	}
	var want *Exact
	orders := 20
	if *long {
		orders = 200
	}
	for n := range orders {
		dir := fmt.Sprintf("o%d", n)
		crowd(dir, fmt.Sprintf("hash(i + %d)", n*1000003), 1+n%3)
		e, _ := start(t, Options{Source: source, Threads: 1 + n%4, Memory: "512MB"})
		_, got := exact(t, e, s.plan(dir), []int{1, 2, 4}[n%3])
		e.Close()
		if want == nil {
			want = got
			if slices.Max(want.Totals["n:weight"]) < 20 || want.Tally["late"] == 0 || want.Tally["copies"] == 0 {
				t.Fatalf("the crowd is too thin: %v", want)
			}
		}
		if err := sameExact(got, want); err != nil {
			t.Errorf("order %d, %d threads, %d shards: %v", n, 1+n%4, []int{1, 2, 4}[n%3], err)
		}
	}
	subjects := func(key []byte) map[string]bool {
		e, c := start(t, Options{Source: source, Key: key})
		who, err := e.Admit(context.Background(), &s.plan("o0").Admission, isoStamp(now))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, r := range c.get(t, "SELECT account, CAST(subject AS VARCHAR) AS subject FROM "+transforms.Ident(who.table)).rows {
			out[r["account"].(string)+" "+r["subject"].(string)] = true
			out[r["subject"].(string)] = true
		}
		return out
	}
	key := []byte("a key of thirty-two bytes, tests")
	one, two := subjects(nil), subjects(nil)
	for k := range one {
		if two[k] {
			t.Fatal("two runs share a subject")
		}
	}
	if !maps.Equal(subjects(key), subjects(key)) { // control: a run that kept its key would be found
		t.Error("one key gives two sets of subjects")
	}
}
