package ledger

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lethe/privacy/budget"
)

var long = flag.Bool("long", false, "run the long tests")

func TestMain(m *testing.M) {
	if job := os.Getenv("LEDGER_TEST_CHILD"); job != "" {
		child(job)
		return
	}
	os.Exit(m.Run())
}

var (
	march   = time.Date(2026, 3, 30, 2, 0, 0, 0, time.UTC)
	planA   = strings.Repeat("a", 64)
	planB   = strings.Repeat("b", 64)
	policyC = strings.Repeat("c", 64)
	files   = []File{{"data.arrow", 4096, strings.Repeat("5", 64)}, {"manifest.json", 0, strings.Repeat("6", 64)}}
	vast    = budget.Cost{Rho: math.MaxUint64, Delta: math.MaxUint64, Epsilon: math.MaxUint64}
)

func at(when time.Time) Options { return Options{Clock: func() time.Time { return when }} }

// newLedger returns a ledger in a new folder, in which population eu has these caps.
func newLedger(t testing.TB, caps budget.Caps) (*Ledger, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	o := at(march)
	o.KeyFile = keyOf(dir)
	l, err := Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := errors.Join(l.SetCaps(Account{Population: "eu"}, caps), l.SetPolicy("eu", "health", 3, policyC)); err != nil {
		t.Fatal(err)
	}
	return l, dir
}

// keyOf is where the tests keep the key of the ledger in dir.
func keyOf(dir string) string { return dir + ".key" }

func reopen(t testing.TB, dir string, o Options) *Ledger {
	t.Helper()
	o.KeyFile = keyOf(dir)
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// request asks for a dataset under a plan, in two draws that cost cost together.
func request(dataset, plan string, cost budget.Cost) Request {
	draws := []Draw{
		{Name: "mean steps/sum", Mechanism: "gaussian", Cells: 40, L0: 4, LInf: 20000, Sigma: 1264911.0640673518,
			Epsilon: 0.3, Delta: 1e-9, Cost: budget.Cost{Rho: cost.Rho}},
		{Name: "count", Mechanism: "gaussian", Cells: 40, L0: 4, LInf: 1, Sigma: 63.245553203367585,
			Cost: budget.Cost{Delta: cost.Delta}},
	}
	draws = slices.DeleteFunc(draws, func(d Draw) bool { return d.Cost == budget.Cost{} })
	return Request{
		Population: "eu", Dataset: dataset, Window: "2026-03-23/2026-03-30",
		PlanHash: plan, PolicyHash: policyC, Draws: draws,
	}
}

var small = budget.Cost{Rho: 5e8, Delta: 1e6}

// advance brings a granted release to a state and drops its token as the end of its process would.
func advance(t testing.TB, tok *Token, to attemptState) {
	t.Helper()
	defer tok.Close()
	if to == charged {
		return
	}
	drawAll(t, tok)
	if to == drawn {
		return
	}
	if err := tok.Result(files); err != nil {
		t.Fatal(err)
	}
	switch to {
	case published:
		if err := tok.Published(); err != nil {
			t.Fatal(err)
		}
	case burned:
		if err := tok.Burn("staged files are gone"); err != nil {
			t.Fatal(err)
		}
	}
}

func drawAll(t testing.TB, tok *Token) {
	t.Helper()
	m, err := tok.Draw()
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.s.draws {
		if _, err := m.Take(name); err != nil {
			t.Fatal(err)
		}
	}
}

func begin(t testing.TB, l *Ledger, r Request) *Begun {
	t.Helper()
	b, err := l.Begin(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func records(t testing.TB, l *Ledger) (all []Record) {
	t.Helper()
	for r, err := range l.Records() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// kinds returns the kinds of records, "GENESIS BUDGET POLICY …".
func kinds(all []Record) string {
	var s []string
	for _, r := range all {
		s = append(s, string(r.Kind))
	}
	return strings.Join(s, " ")
}

func TestCreateAndOpen(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	if _, err := Create(dir, Options{KeyFile: keyOf(dir)}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: got %v, want fs.ErrExist", err)
	}
	again := reopen(t, dir, Options{})
	if l.Genesis() != again.Genesis() || !validHash(l.Genesis()) || l.Genesis() != records(t, l)[0].Hash {
		t.Errorf("genesis: got %q and %q, want the hash of record 0", l.Genesis(), again.Genesis())
	}
	if other, _ := newLedger(t, budget.Caps{}); other.Genesis() == l.Genesis() {
		t.Error("two ledgers of the same second have one genesis")
	}
	for name, want := range map[string]fs.FileMode{".": fs.ModeDir | 0o700, "log": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: got mode %v (%v), want %v", name, info.Mode(), err, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 || entries[1].Name() != runningName {
		t.Errorf("the folder holds %v (%v), want the log and the folder of locks", entries, err)
	}
	_, err := Open(t.TempDir(), Options{})
	if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open an empty folder: got %v, want ErrNotFound", err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Errorf("close twice: got %v", err)
	}
	if _, err := l.Begin(request("steps", planA, small)); !errors.Is(err, ErrClosed) {
		t.Errorf("begin after close: got %v, want ErrClosed", err)
	}
}

// TestLifeCycle is the table of the package doc: a release of plan a was left in a state by a process that is gone, and
// another process asks again.
func TestLifeCycle(t *testing.T) {
	const nothing = attemptState("")
	for _, tt := range []struct {
		left      attemptState
		burns     int // attempts burned before that one
		plan      string
		retries   int
		supersede bool

		want     Status // 0 if err
		attempt  int
		err      error
		appended string
	}{
		{left: nothing, plan: planA, want: Granted, attempt: 1, appended: "CHARGE"},
		{left: charged, plan: planA, want: Granted, attempt: 1},
		{left: drawn, plan: planA, retries: 1, want: Granted, attempt: 2, appended: "BURNED CHARGE"},
		{left: drawn, plan: planA, err: ErrBurned, appended: "BURNED"},
		{left: drawn, burns: 1, plan: planA, retries: 1, err: ErrBurned, appended: "BURNED"},
		{left: drawn, burns: 1, plan: planA, retries: 2, want: Granted, attempt: 3, appended: "BURNED CHARGE"},
		{left: burned, plan: planA, retries: 1, want: Granted, attempt: 2, appended: "CHARGE"},
		{left: burned, plan: planA, err: ErrBurned},
		{left: resulted, plan: planA, want: Resume, attempt: 1},
		{left: published, plan: planA, want: Served, attempt: 1},
		{left: nothing, plan: planB, supersede: true, want: Granted, attempt: 1, appended: "CHARGE"},
		{left: charged, plan: planA, supersede: true, want: Granted, attempt: 1},
		{left: charged, plan: planB, err: new(Superseded)},
		{left: drawn, plan: planB, err: new(Superseded)},
		{left: burned, plan: planB, retries: 1, err: new(Superseded)},
		{left: resulted, plan: planB, err: new(Superseded)},
		{left: published, plan: planB, err: new(Superseded)},
		{left: charged, plan: planB, supersede: true, want: Granted, attempt: 1, appended: "CHARGE"},
		{left: drawn, plan: planB, supersede: true, want: Granted, attempt: 1, appended: "CHARGE"},
		{left: burned, plan: planB, supersede: true, want: Granted, attempt: 1, appended: "CHARGE"},
		{left: resulted, plan: planB, supersede: true, want: Granted, attempt: 1, appended: "CHARGE"},
		{left: published, plan: planB, supersede: true, want: Granted, attempt: 1, appended: "CHARGE"},
	} {
		name := fmt.Sprintf("%s/%d/%.1s/%d/%v", tt.left, tt.burns, tt.plan, tt.retries, tt.supersede)
		t.Run(name, func(t *testing.T) {
			l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
			first := request("steps", planA, small)
			first.Retries = 9
			for range tt.burns {
				advance(t, begin(t, l, first).Token, burned)
			}
			if tt.left != nothing {
				advance(t, begin(t, l, first).Token, tt.left)
			}
			l = reopen(t, dir, at(march))
			before, spent := len(records(t, l)), l.state.accounts[Account{"eu", ""}].lifetime

			r := request("steps", tt.plan, small)
			r.Retries, r.Supersede = tt.retries, tt.supersede
			b, err := l.Begin(r)

			if got := kinds(records(t, l)[before:]); got != tt.appended {
				t.Errorf("appended %q, want %q", got, tt.appended)
			}
			if strings.HasSuffix(tt.appended, "CHARGE") {
				spent, _ = spent.Add(small)
			}
			if got, _ := l.Spent(Account{Population: "eu"}); got != spent {
				t.Errorf("spent %v, want %v", got, spent)
			}
			if tt.err != nil {
				var other *Superseded
				if !errors.Is(err, tt.err) && !(errors.As(tt.err, &other) && errors.As(err, &other)) {
					t.Fatalf("got error %v, want %v", err, tt.err)
				}
				if other != nil && (other.Current != planA || other.Wanted != planB) {
					t.Errorf("got %+v, want it to name both plans", other)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b.Status != tt.want || b.Attempt != tt.attempt {
				t.Errorf("got status %d of attempt %d, want %d of %d", b.Status, b.Attempt, tt.want, tt.attempt)
			}
			if got := b.Files != nil; got != (tt.want != Granted) || got && !slices.Equal(b.Files, files) {
				t.Errorf("got files %v", b.Files)
			}
			if got := b.Token != nil; got != (tt.want != Served) {
				t.Fatalf("got token %v", got)
			}
			switch tt.want { // and it goes on to the end
			case Granted:
				advance(t, b.Token, published)
			case Resume:
				if _, err := b.Token.Draw(); !errors.Is(err, ErrDrawn) {
					t.Errorf("draw on resume: got %v, want ErrDrawn", err)
				}
				if err := b.Token.Published(); err != nil {
					t.Error(err)
				}
				b.Token.Close()
			}
			if b := begin(t, l, r); b.Status != Served {
				t.Errorf("at last: got status %d, want Served", b.Status)
			}
		})
	}
}

func TestSupersedingBackAndForth(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	seen := map[string]bool{}
	for i, want := range []struct {
		plan    string
		attempt int
	}{{planA, 1}, {planB, 1}, {planA, 2}, {planB, 2}} {
		r := request("steps", want.plan, small)
		r.Supersede = true
		b := begin(t, l, r)
		if b.Status != Granted || b.Attempt != want.attempt || seen[b.Release] {
			t.Errorf("%d: got %+v, want a new release of attempt %d", i, b, want.attempt)
		}
		seen[b.Release] = true
		advance(t, b.Token, published)
		l = reopen(t, dir, at(march))
	}
	var other *Superseded
	if _, err := l.Begin(request("steps", planA, small)); !errors.As(err, &other) {
		t.Errorf("the older plan: got %v, want *Superseded", err)
	}
	if b := begin(t, l, request("steps", planB, small)); b.Status != Served || b.Attempt != 2 {
		t.Errorf("the newest plan: got %+v, want attempt 2 served", b)
	}
	if got, _ := l.Spent(Account{Population: "eu"}); got != (budget.Cost{Rho: 4 * small.Rho, Delta: 4 * small.Delta}) {
		t.Errorf("spent %v, want four charges", got)
	}
}

// A plan that comes back has its retries anew.
func TestSupersedingForgetsBurns(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	for _, want := range []struct {
		plan    string
		attempt int
	}{{planA, 1}, {planA, 2}, {planB, 1}, {planA, 3}, {planA, 4}} {
		r := request("steps", want.plan, small)
		r.Retries, r.Supersede = 1, true
		b := begin(t, l, r)
		if b.Attempt != want.attempt {
			t.Errorf("got attempt %d, want %d", b.Attempt, want.attempt)
		}
		advance(t, b.Token, burned)
	}
	r := request("steps", planA, small)
	r.Retries = 1
	if _, err := l.Begin(r); !errors.Is(err, ErrBurned) {
		t.Errorf("got %v, want ErrBurned", err)
	}
}

func TestReleaseID(t *testing.T) {
	// printf '2:eu,5:steps,21:2026-03-23/2026-03-30,64:%s,1:1,' aaa…a | sha256sum | cut -c1-20 | xxd -r -p | base32
	const want = "2026-03-30-j6vvcl6bdwo45prl"
	ids := map[string]bool{}
	for _, r := range []Record{
		{Population: "eu", Dataset: "steps", Window: "2026-03-23/2026-03-30", PlanHash: planA, Attempt: 1},
		{Population: "eus", Dataset: "teps", Window: "2026-03-23/2026-03-30", PlanHash: planA, Attempt: 1},
		{Population: "eu", Dataset: "steps", Window: "2026-03-16/2026-03-30", PlanHash: planA, Attempt: 1},
		{Population: "eu", Dataset: "steps", Window: "2026-03-23/2026-03-30", PlanHash: planB, Attempt: 1},
		{Population: "eu", Dataset: "steps", Window: "2026-03-23/2026-03-30", PlanHash: planA, Attempt: 11},
	} {
		id, err := releaseID(&r)
		if err != nil || ids[id] {
			t.Errorf("%+v: got %s (%v), want an id of its own", r, id, err)
		}
		if len(ids) == 0 && id != want {
			t.Errorf("got %s, want %s", id, want)
		}
		ids[id] = true
	}
}

func TestRunLock(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	r := request("steps", planA, small)
	r.Retries = 1
	b := begin(t, l, r)
	lockFile := filepath.Join(dir, "running", b.Release)
	superseding := request("steps", planB, small)
	superseding.Supersede = true
	other := reopen(t, dir, at(march))
	for _, state := range []string{"charged", "drawn"} {
		for _, from := range []*Ledger{l, other} {
			for _, r := range []Request{r, superseding} {
				if _, err := from.Begin(r); !errors.Is(err, ErrInProgress) {
					t.Errorf("%s: got %v, want ErrInProgress", state, err)
				}
			}
		}
		if state == "charged" {
			drawAll(t, b.Token)
		}
	}
	if got := kinds(records(t, l)); got != "GENESIS BUDGET POLICY CHARGE DRAW" {
		t.Errorf("the log is %s, want nothing burned", got)
	}
	if _, err := os.Stat(lockFile); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	if err := errors.Join(b.Token.Close(), b.Token.Close()); err != nil {
		t.Errorf("close twice: got %v", err)
	}
	if _, err := os.Stat(lockFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after close: got %v, want the lock file gone", err)
	}
	if err := b.Token.Result(files); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed token: got %v, want ErrClosed", err)
	}
	if b := begin(t, other, r); b.Attempt != 2 {
		t.Errorf("after close: got attempt %d, want 2", b.Attempt)
	}
}

// Closing removes the lock file, so the next holder may lock a file that has lost its name.
func TestRunLockHasOneHolder(t *testing.T) {
	dir := t.TempDir()
	var holders atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				run, err := lockRun(osDisk{}, dir, "release")
				if errors.Is(err, ErrInProgress) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if got := holders.Add(1); got != 1 {
					t.Errorf("got %d holders at once, want 1", got)
				}
				runtime.Gosched()
				holders.Add(-1)
				if err := run.release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestTokenKeepsTheOrder(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	tok := begin(t, l, request("steps", planA, small)).Token
	step := func(name string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	step("result before draw", tok.Result(files), ErrOrder)
	step("published before draw", tok.Published(), ErrOrder)
	step("burn before draw", tok.Burn("no reason"), ErrOrder)
	m, err := tok.Draw()
	step("draw", err, nil)
	_, err = tok.Draw()
	step("second draw", err, ErrDrawn)
	_, err = m.Take("mean steps/sum")
	step("take", err, nil)
	step("result before every draw was taken", tok.Result(files), ErrOrder)
	_, err = m.Take("mean steps/sum")
	step("take again", err, ErrTaken)
	_, err = m.Take("median steps")
	step("take what is not listed", err, ErrNotListed)
	d, err := m.Take("count")
	step("take the other", err, nil)
	if want := request("steps", planA, small).Draws[1]; d != want {
		t.Errorf("take: got %+v, want %+v", d, want)
	}
	step("published before result", tok.Published(), ErrOrder)
	for _, bad := range [][]File{
		nil, {{"", 1, files[0].SHA256}}, {files[0], files[0]}, {{"a", -1, files[0].SHA256}}, {{"a", 1, "ABC"}}, {{"é", 1, files[0].SHA256}},
	} {
		if err := tok.Result(bad); err == nil {
			t.Errorf("result %v: got no error", bad)
		}
	}
	step("result", tok.Result(files), nil)
	step("second result", tok.Result(files), ErrOrder)
	step("published", tok.Published(), nil)
	step("burn what is published", tok.Burn("no reason"), ErrOrder)

	for name, err := range map[string]error{
		"draw": func() error { _, err := new(Token).Draw(); return err }(), "result": new(Token).Result(files),
		"published": new(Token).Published(), "burn": new(Token).Burn("x"), "take": func() error { _, err := new(Meter).Take("count"); return err }(),
	} {
		step("zero value: "+name, err, ErrClosed)
	}
}

func TestChargeNamesItsRecord(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	b := begin(t, l, request("steps", planA, small))
	seq, hash := b.Token.Charge()
	b.Token.Close()
	r := records(t, l)[seq]
	if r.Kind != Charge || r.Hash != hash || r.Release != b.Release || r.Cost != small || !slices.Equal(r.Draws, request("steps", planA, small).Draws) {
		t.Errorf("charge %d %s is %+v", seq, hash, r)
	}
	if s, h := begin(t, reopen(t, dir, at(march)), request("steps", planA, small)).Token.Charge(); s != seq || h != hash {
		t.Errorf("granted again: got charge %d %s, want %d %s", s, h, seq, hash)
	}
}

func TestBeginRefusesAMalformedRequest(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	for name, breakIt := range map[string]func(*Request){
		"population":    func(r *Request) { r.Population = "EU" },
		"dataset":       func(r *Request) { r.Dataset = "../steps" },
		"window order":  func(r *Request) { r.Window = "2026-03-30/2026-03-30" },
		"window day":    func(r *Request) { r.Window = "2026-02-23/2026-02-30" },
		"window end":    func(r *Request) { r.Window = "2026-03-23" },
		"plan hash":     func(r *Request) { r.PlanHash = "A" + planA[1:] },
		"policy hash":   func(r *Request) { r.PolicyHash = "" },
		"retries":       func(r *Request) { r.Retries = -1 },
		"no draws":      func(r *Request) { r.Draws = nil },
		"draw twice":    func(r *Request) { r.Draws[1].Name = r.Draws[0].Name },
		"free draw":     func(r *Request) { r.Draws[0].Cost = budget.Cost{} },
		"NaN":           func(r *Request) { r.Draws[0].Sigma = math.NaN() },
		"infinite":      func(r *Request) { r.Draws[0].Epsilon = math.Inf(1) },
		"minus zero":    func(r *Request) { r.Draws[0].Delta = math.Copysign(0, -1) },
		"no cells":      func(r *Request) { r.Draws[0].Cells = 0 },
		"quote":         func(r *Request) { r.Draws[0].Name = `a"b` },
		"new line":      func(r *Request) { r.Draws[0].Mechanism = "a\nb" },
		"too long":      func(r *Request) { r.Draws[0].Name = strings.Repeat("x", 201) },
		"sum overflows": func(r *Request) { r.Draws[0].Cost, r.Draws[1].Cost = vast, budget.Cost{Rho: 1} },
	} {
		r := request("steps", planA, small)
		breakIt(&r)
		if _, err := l.Begin(r); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if got := kinds(records(t, l)); got != "GENESIS BUDGET POLICY" {
		t.Errorf("the log is %s, want nothing charged", got)
	}
	begin(t, l, request("steps", planA, small)).Token.Close()
	other := request("steps", planA, budget.Cost{Rho: 1})
	if _, err := l.Begin(other); err == nil {
		t.Error("other draws under the same plan hash: got no error")
	}
}
