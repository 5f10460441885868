package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/jobs/door"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// A world is a ledger and a workspace, as a few nights left them.
type world struct {
	testing.TB
	dir      string
	book     *ledger.Ledger
	now      time.Time
	officers []string          // names; the key of each lies in dir
	env      map[string]string // of the program, beside the folders
}

var (
	march      = time.Date(2026, 3, 30, 2, 0, 0, 0, time.UTC)
	planA      = strings.Repeat("a", 64)
	planB      = strings.Repeat("b", 64)
	policyC    = strings.Repeat("c", 64)
	cost       = budget.Cost{Rho: 700_000_000, Delta: 96}
	wide       = budget.Cost{Rho: 1e12, Delta: 1e12, Epsilon: 1e12}
	conversion = budget.Delta(1e9)
)

// newWorld has a ledger with the caps of population eu on record. With names of
// officers, they signed them.
func newWorld(t testing.TB, officers ...string) *world {
	t.Helper()
	return newWorldIn(t, t.TempDir(), officers...)
}

func newWorldIn(t testing.TB, dir string, officers ...string) *world {
	t.Helper()
	w := &world{TB: t, dir: dir, now: march, officers: officers, env: map[string]string{}}
	o := w.options()
	for _, name := range officers {
		vkey, err := ledger.NewKey(w.path(name+".key"), name)
		w.must(err)
		o.Officers = append(o.Officers, vkey)
	}
	var err error
	w.book, err = ledger.Create(w.path("ledger"), o)
	w.must(err)
	t.Cleanup(func() { w.book.Close() })
	w.caps("", budget.Caps{Lifetime: wide, Year: wide})
	w.must(w.book.SetPolicy("eu", "health", 3, policyC))
	return w
}

func (w *world) options() ledger.Options {
	return ledger.Options{KeyFile: w.path("ledger.key"), Clock: func() time.Time { return w.now }}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) read(name string) []byte {
	w.Helper()
	text, err := os.ReadFile(w.path(name))
	w.must(err)
	return text
}

// write makes a file, and the folders above it.
func (w *world) write(name string, text []byte) {
	w.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	w.must(os.WriteFile(w.path(name), text, 0o600))
}

// caps sets those of eu, or of a project of it, with every officer's signature.
func (w *world) caps(project string, c budget.Caps) {
	w.Helper()
	var signatures []ledger.Signature
	said := w.book.BudgetStatement(ledger.Account{Population: "eu", Project: project}, c)
	for _, name := range w.officers {
		s, err := said.Sign(w.path(name + ".key"))
		w.must(err)
		signatures = append(signatures, s)
	}
	w.must(w.book.SetCaps(ledger.Account{Population: "eu", Project: project}, c, signatures...))
}

// request asks for a dataset in two draws, which cost cost together.
func request(dataset string) ledger.Request {
	return ledger.Request{
		Population: "eu", Dataset: dataset, Window: "2026-03-23/2026-03-30", PlanHash: planA, PolicyHash: policyC,
		Draws: []ledger.Draw{
			{Name: "mean steps/sum", Mechanism: "gaussian", Cells: 60, L0: 1, LInf: 20000, Sigma: 1e6, Epsilon: 0.03, Delta: 1e-9,
				Cost: budget.Cost{Rho: 200_000_000, Delta: 48}},
			{Name: "count", Mechanism: "gaussian", Cells: 60, L0: 1, LInf: 1, Sigma: 40, Cost: budget.Cost{Rho: 500_000_000, Delta: 48}},
		},
	}
}

// A turn is what is special about a release.
type turn struct {
	draft  func(*release.Manifest) // before it is sealed
	sealed func(*release.Manifest)
	until  string          // the last record that is appended; default PUBLISHED
	placed func(id string) // after its files are there, before PUBLISHED
	lies   bool            // it lies in the workspace although it was not published
}

// begin charges for a request.
func (w *world) begin(r ledger.Request) *ledger.Begun {
	w.Helper()
	b, err := w.book.Begin(r)
	w.must(err)
	if b.Status != ledger.Granted {
		w.Fatalf("begin %s: got status %d, want Granted", r.Dataset, b.Status)
	}
	w.Cleanup(func() { b.Token.Close() })
	return b
}

// release brings a release from its charge to the workspace. Its data files are
// bytes that nobody reads.
func (w *world) release(r ledger.Request, how turn) string {
	w.Helper()
	b := w.begin(r)
	defer b.Token.Close()
	if how.until == "CHARGE" {
		return b.Release
	}
	meter, err := b.Token.Draw()
	w.must(err)
	for _, d := range r.Draws {
		_, err := meter.Take(d.Name)
		w.must(err)
	}
	texts := map[string][]byte{
		release.ArrowFile:   []byte("arrow " + b.Release),
		release.ParquetFile: []byte("parquet " + b.Release),
	}
	m := w.manifest(r, b, texts, how)
	text, err := m.Marshal()
	w.must(err)
	texts[release.ManifestFile] = text
	if how.until != "DRAW" {
		w.must(b.Token.Result(filesOf(texts)))
	}
	if how.until == "" || how.lies {
		for name, text := range texts {
			w.write(filepath.Join("workspace", r.Dataset, b.Release, name), text)
		}
	}
	if how.placed != nil {
		how.placed(b.Release)
	}
	if how.until == "" {
		w.must(b.Token.Published())
	}
	if how.until == "BURNED" {
		w.must(b.Token.Burn("staged files are gone"))
	}
	return b.Release
}

func filesOf(texts map[string][]byte) (out []ledger.File) {
	for name, text := range texts {
		sum := sha256.Sum256(text)
		out = append(out, ledger.File{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(out, func(a, b ledger.File) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// manifest is what pipeline would say of the release.
func (w *world) manifest(r ledger.Request, b *ledger.Begun, texts map[string][]byte, how turn) release.Manifest {
	w.Helper()
	start, end, _ := strings.Cut(r.Window, "/")
	seq, hash := b.Token.Charge()
	proof, err := w.book.Prove(seq)
	w.must(err)
	m := release.Manifest{
		Release: b.Release, Dataset: r.Dataset, Kind: release.Statistics, Population: r.Population,
		Window: release.Window{Start: start, End: end}, Plan: r.PlanHash, Policy: release.Policy{Name: "health", Version: 3, Hash: r.PolicyHash},
		Guarantee: release.Guarantee{Variant: "approximate zCDP", Unit: "account", Adjacency: "add-remove one account with all its rows"},
		Charge:    release.ChargeOf(seq, hash, w.book.Genesis(), proof), Terms: release.Terms,
	}
	var sum budget.Cost
	for _, d := range r.Draws {
		mechanism, err := release.MechanismOf(d)
		w.must(err)
		m.Mechanisms = append(m.Mechanisms, mechanism)
		sum, err = sum.Add(d.Cost)
		w.must(err)
	}
	spent, _ := w.book.Spent(ledger.Account{Population: r.Population})
	m.Guarantee.Loss = w.loss(sum)
	m.ToDate = w.loss(spent)
	if how.draft != nil {
		how.draft(&m)
	}
	var files []release.File
	for _, f := range filesOf(texts) {
		files = append(files, release.File(f))
	}
	m, err = m.Seal(&release.Table{Rows: 1, Columns: []release.Column{{Name: "subjects", Kind: release.Int, Ints: []int64{41}}}}, files)
	w.must(err)
	if how.sealed != nil {
		how.sealed(&m)
	}
	return m
}

func (w *world) loss(c budget.Cost) release.Loss {
	w.Helper()
	l, err := release.LossOf(c, conversion)
	w.must(err)
	return l
}

// goodNight is a world in which three releases were published.
func goodNight(t testing.TB) *world {
	w := newWorld(t)
	for _, dataset := range []string{"pulse", "sleep", "steps"} {
		w.release(request(dataset), turn{})
	}
	return w
}

// audit runs the program and gives what it says, without what is not the same
// everywhere.
func (w *world) audit(args ...string) (string, int) {
	w.Helper()
	out, messages, code := w.run(args...)
	return w.same(out + messages), code
}

func (w *world) run(args ...string) (out, messages string, code int) {
	var o, e bytes.Buffer
	env := map[string]string{"LETHE_LEDGER": w.path("ledger"), "LETHE_WORKSPACE": w.path("workspace")}
	for name, value := range w.env {
		env[name] = value
	}
	d := &door.Door{Out: &o, Err: &e, Getenv: func(name string) string { return env[name] }, Named: "audit"}
	err := program(context.Background(), d, args)
	code = d.Report(err)
	return o.String(), e.String(), code
}

var (
	hashes  = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
	origins = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	roots   = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`)
)

func (w *world) same(text string) string {
	text = strings.ReplaceAll(text, w.dir, "$DIR")
	text = hashes.ReplaceAllString(text, "HASH")
	text = origins.ReplaceAllString(text, "NAME")
	return roots.ReplaceAllString(text, "ROOT")
}

// copyTree copies a folder within the world.
func (w *world) copyTree(from, to string) {
	w.Helper()
	w.must(os.CopyFS(w.path(to), os.DirFS(w.path(from))))
}

// inside is a hash over every file of the world.
func (w *world) inside() string {
	w.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d %s", path, len(text), text)
		return err
	})
	w.must(err)
	return hex.EncodeToString(sum.Sum(nil))
}

// first is the id of the only release of a dataset in the workspace.
func (w *world) first(dataset string) string {
	w.Helper()
	entries, err := os.ReadDir(w.path("workspace/" + dataset))
	if err != nil || len(entries) != 1 {
		w.Fatal(errors.Join(errors.New("there is not one release of "+dataset), err))
	}
	return filepath.Join("workspace", dataset, entries[0].Name())
}
