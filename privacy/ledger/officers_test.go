package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/privacy/budget"
)

// person is somebody with a key.
type person struct{ name, file, vkey string }

func newPerson(t testing.TB, name string) person {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".key")
	vkey, err := NewKey(file, name)
	if err != nil {
		t.Fatal(err)
	}
	return person{name, file, vkey}
}

func (p person) sign(t testing.TB, s Statement) Signature {
	t.Helper()
	sig, err := s.Sign(p.file)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func signed(t testing.TB, s Statement, by ...person) (all []Signature) {
	t.Helper()
	for _, p := range by {
		all = append(all, p.sign(t, s))
	}
	return all
}

// officed is a ledger with three officers, in which population eu has caps if a test gives it some.
type officed struct {
	*Ledger
	dir               string
	now               time.Time
	alice, bob, carol person
	mallory, falseBob person // who are no officers; the second calls himself bob
}

func newOfficed(t testing.TB) *officed {
	t.Helper()
	o := &officed{dir: filepath.Join(t.TempDir(), "ledger"), now: march}
	o.alice, o.bob, o.carol = newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol")
	o.mallory, o.falseBob = newPerson(t, "mallory"), newPerson(t, "bob")
	l, err := Create(o.dir, Options{
		KeyFile: keyOf(o.dir), Officers: []string{o.alice.vkey, o.bob.vkey, o.carol.vkey},
		Clock: func() time.Time { return o.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	o.Ledger = l
	return o
}

// grant sets caps with the signatures of two officers.
func (o *officed) grant(t testing.TB, population, project string, c budget.Caps) {
	t.Helper()
	sigs := signed(t, o.BudgetStatement(Account{Population: population, Project: project}, c), o.alice, o.bob)
	if err := o.SetCaps(Account{Population: population, Project: project}, c, sigs...); err != nil {
		t.Fatal(err)
	}
}

// refuses says that a call fails with an error that is want, or with any if want is nil, and leaves the log as it was.
func refuses(t testing.TB, l *Ledger, name string, want error, call func() error) {
	t.Helper()
	before := logBytes(t, l.dir)
	err := call()
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want one that is %v", name, err, cmp.Or(want, errors.New("any")))
	}
	if !bytes.Equal(logBytes(t, l.dir), before) {
		t.Errorf("%s: the log changed, want nothing appended", name)
	}
}

func logBytes(t testing.TB, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sixAmounts returns a pointer to each of the six amounts of caps.
func sixAmounts(c *budget.Caps) map[string]*uint64 {
	return map[string]*uint64{
		"lifetime rho": (*uint64)(&c.Lifetime.Rho), "lifetime delta": (*uint64)(&c.Lifetime.Delta), "lifetime epsilon": (*uint64)(&c.Lifetime.Epsilon),
		"year rho": (*uint64)(&c.Year.Rho), "year delta": (*uint64)(&c.Year.Delta), "year epsilon": (*uint64)(&c.Year.Epsilon),
	}
}

var (
	ten   = budget.Caps{Lifetime: budget.Cost{Rho: 10, Delta: 10, Epsilon: 10}, Year: budget.Cost{Rho: 10, Delta: 10, Epsilon: 10}}
	eight = budget.Caps{Lifetime: budget.Cost{Rho: 8, Delta: 8, Epsilon: 8}, Year: budget.Cost{Rho: 8, Delta: 8, Epsilon: 8}}
)

// Without officers nobody can sign: each of the six amounts goes down freely and never up, alone or beside lower ones.
func TestCapsWithoutOfficersNeverRise(t *testing.T) {
	l, _ := newLedger(t, ten)
	strangers := []person{newPerson(t, "alice"), newPerson(t, "bob")}
	if err := l.SetCaps(Account{Population: "eu", Project: "sleep"}, ten); err != nil {
		t.Fatalf("the first caps of a project: %v", err)
	}
	for _, project := range []string{"", "sleep"} {
		for _, base := range []budget.Caps{ten, {}} {
			for name := range sixAmounts(&base) {
				up := base
				*sixAmounts(&up)[name] = 11
				for _, sigs := range [][]Signature{nil, signed(t, l.BudgetStatement(Account{Population: "eu", Project: project}, up), strangers...)} {
					refuses(t, l, fmt.Sprintf("%q: raise %s with %d signatures", project, name, len(sigs)), ErrRaise,
						func() error { return l.SetCaps(Account{Population: "eu", Project: project}, up, sigs...) })
				}
			}
		}
		down := ten
		for name := range sixAmounts(&down) {
			*sixAmounts(&down)[name] = 8
			if err := l.SetCaps(Account{Population: "eu", Project: project}, down); err != nil {
				t.Errorf("%q: lower %s: %v", project, name, err)
			}
		}
		refuses(t, l, "raise to where it was", ErrRaise, func() error { return l.SetCaps(Account{Population: "eu", Project: project}, ten) })
	}
	refuses(t, l, "a project before its population", ErrNoCaps, func() error { return l.SetCaps(Account{Population: "us", Project: "sleep"}, ten) })
	refuses(t, l, "a project that is no id", nil, func() error { return l.SetCaps(Account{Population: "eu", Project: "-"}, ten) })
}

// forgery is an attempt to set the caps of eu to ten with signatures that do not allow it.
type forgery struct {
	name string
	sigs []Signature
}

// forgeries are what a holder of the ledger's key and of alice's could come up with. Before them, the officers signed
// the same caps at an earlier position, for another account and for another ledger.
func (o *officed) forgeries(t *testing.T, earlier []Signature) []forgery {
	t.Helper()
	said := o.BudgetStatement(Account{Population: "eu"}, ten)
	a, b := o.alice.sign(t, said), o.bob.sign(t, said)
	elsewhere := func(s Statement) []Signature { return signed(t, s, o.alice, o.bob) }
	more := ten
	more.Year.Delta++
	twin := newOfficed(t)
	renamed := o.mallory.sign(t, said)
	renamed.Name = "bob"
	return []forgery{
		{"none", nil},
		{"one", []Signature{a}},
		{"one person twice", []Signature{a, a}},
		{"one person twice and another once", []Signature{a, b, a}},
		{"a stranger beside one", []Signature{a, o.mallory.sign(t, said)}},
		{"a stranger beside two", []Signature{a, b, o.mallory.sign(t, said)}},
		{"a stranger who calls himself bob", []Signature{a, o.falseBob.sign(t, said)}},
		{"a stranger's under the name of bob", []Signature{a, renamed}},
		{"alice's under the name of bob", []Signature{a, {"bob", a.Base64}}},
		{"no base64", []Signature{a, {"bob", "?"}}},
		{"other caps", elsewhere(o.BudgetStatement(Account{Population: "eu"}, more))},
		{"another population", elsewhere(o.BudgetStatement(Account{Population: "us"}, ten))},
		{"a project", elsewhere(o.BudgetStatement(Account{Population: "eu", Project: "sleep"}, ten))},
		{"another ledger", elsewhere(twin.BudgetStatement(Account{Population: "eu"}, ten))},
		{"an approval", elsewhere(o.ApproveStatement("eu", planA, march))},
		{"an earlier position", earlier},
		{"an earlier position and this one", []Signature{earlier[0], b}},
	}
}

// rule judges signatures under the statement that sets eu's caps to ten, as a broken ledger would.
type rule func(s *state, sigs []Signature) bool

// brokenRules each forget one thing. The officers' names in a signature are looked up; nothing panics.
func brokenRules(earlier Statement) map[string]rule {
	good := func(s *state, sig Signature, said ...Statement) bool {
		return slices.ContainsFunc(said, func(st Statement) bool { return st.signedBy(sig, s.keys.officers[sig.Name]) == nil })
	}
	count := func(s *state, sigs []Signature, said ...Statement) map[string]int {
		who := map[string]int{}
		for _, sig := range sigs {
			if good(s, sig, said...) {
				who[sig.Name]++
			}
		}
		return who
	}
	now := func(s *state) Statement { return s.budgetStatement(Account{"eu", ""}, ten) }
	return map[string]rule{
		"one is enough": func(s *state, sigs []Signature) bool { return len(count(s, sigs, now(s))) >= 1 },
		"signatures are counted, not people": func(s *state, sigs []Signature) bool {
			return count(s, sigs, now(s))["alice"] >= 2
		},
		"names are not verified": func(s *state, sigs []Signature) bool {
			return len(sigs) == 2 && sigs[0].Name != sigs[1].Name && s.keys.officers[sigs[1].Name] != nil
		},
		"the statement names no position": func(s *state, sigs []Signature) bool {
			return len(count(s, sigs, now(s), earlier)) >= 2
		},
		"the statement names no project": func(s *state, sigs []Signature) bool {
			return len(count(s, sigs, s.budgetStatement(Account{"eu", "sleep"}, ten))) >= 2
		},
		"others are let pass": func(s *state, sigs []Signature) bool { return len(count(s, sigs, now(s))) >= 2 },
	}
}

func TestRaiseNeedsTwoOfficers(t *testing.T) {
	o := newOfficed(t)
	first := o.BudgetStatement(Account{Population: "eu"}, ten)
	early := signed(t, first, o.alice, o.bob)
	try := func(when string, earlier []Signature) {
		for _, f := range o.forgeries(t, earlier) {
			refuses(t, o.Ledger, when+": "+f.name, ErrRaise, func() error { return o.SetCaps(Account{Population: "eu"}, ten, f.sigs...) })
			if f.name != "none" {
				refuses(t, o.Ledger, when+": "+f.name, ErrSignature, func() error { return o.SetCaps(Account{Population: "eu"}, ten, f.sigs...) })
			}
		}
	}
	try("the first caps", signed(t, newOfficed(t).BudgetStatement(Account{Population: "eu"}, ten), o.alice, o.bob))
	refuses(t, o.Ledger, "two lines in one signature", nil, func() error {
		return o.SetCaps(Account{Population: "eu"}, ten, early[0], Signature{"bob", early[0].Base64 + "\n— bob " + early[1].Base64})
	})
	if err := o.SetCaps(Account{Population: "eu"}, ten, early...); err != nil {
		t.Fatalf("the first caps, signed by two: %v", err)
	}
	if err := o.SetCaps(Account{Population: "eu"}, eight); err != nil {
		t.Fatalf("lower caps, signed by none: %v", err)
	}
	try("a replay of the first caps", early)
	between := o.BudgetStatement(Account{Population: "eu"}, ten)
	replay := signed(t, between, o.alice, o.bob) // signed, never used, and overtaken
	lower := eight
	lower.Year.Rho--
	if err := o.SetCaps(Account{Population: "eu"}, lower); err != nil {
		t.Fatal(err)
	}
	try("a raise that was overtaken", replay)

	for name, broken := range brokenRules(between) {
		if !slices.ContainsFunc(o.forgeries(t, replay), func(f forgery) bool { return broken(o.state, f.sigs) }) {
			t.Errorf("a ledger in which %s: every forgery is refused, want one that shows it", name)
		}
	}
	said := o.BudgetStatement(Account{Population: "eu"}, ten)
	if err := o.SetCaps(Account{Population: "eu"}, ten, signed(t, said, o.carol, o.bob)...); err != nil {
		t.Errorf("a raise signed by two: %v", err)
	}
	if got, _ := reopen(t, o.dir, Options{}).Caps(Account{Population: "eu"}); got != ten {
		t.Errorf("got caps %+v, want %+v", got, ten)
	}
}

// Each of the six amounts needs two officers to rise, also where the five others fall, of a population and of a project.
func TestEachAmountIsRaisedByTwoOfficers(t *testing.T) {
	o := newOfficed(t)
	refuses(t, o.Ledger, "a project's caps before its population's", ErrNoCaps, func() error {
		return o.SetCaps(Account{Population: "eu", Project: "sleep"}, ten, signed(t, o.BudgetStatement(Account{Population: "eu", Project: "sleep"}, ten), o.alice, o.bob)...)
	})
	o.grant(t, "eu", "", ten)
	refuses(t, o.Ledger, "a project's first caps without signatures", ErrRaise, func() error { return o.SetCaps(Account{Population: "eu", Project: "sleep"}, budget.Caps{}) })
	o.grant(t, "eu", "sleep", ten)
	for _, project := range []string{"", "sleep"} {
		for name := range sixAmounts(&budget.Caps{}) {
			up := budget.Caps{}
			*sixAmounts(&up)[name] = 11
			said := o.BudgetStatement(Account{Population: "eu", Project: project}, up)
			refuses(t, o.Ledger, "raise "+name+" with one", ErrRaise, func() error { return o.SetCaps(Account{Population: "eu", Project: project}, up, o.bob.sign(t, said)) })
			if err := o.SetCaps(Account{Population: "eu", Project: project}, up, signed(t, said, o.bob, o.carol, o.alice)...); err != nil {
				t.Errorf("%q: raise %s with three: %v", project, name, err)
			}
			o.grant(t, "eu", project, ten)
		}
	}
	before := logBytes(t, o.dir)
	if err := o.SetCaps(Account{Population: "eu"}, ten); err != nil || !bytes.Equal(before, logBytes(t, o.dir)) {
		t.Errorf("the caps that are: got %v, want nothing appended", err)
	}
}

// Officers are two people or none, and nothing is left of a ledger that was not made.
func TestCreateChecksOfficers(t *testing.T) {
	a, b, again := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "alice")
	ledgerKey, err := newKey(osDisk{}, filepath.Join(t.TempDir(), "key"), "lethe/"+strings.Repeat("0", 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, officers := range map[string][]string{
		"one":                 {a.vkey},
		"the same key twice":  {a.vkey, a.vkey},
		"the same name twice": {a.vkey, again.vkey},
		"no key":              {a.vkey, "bob"},
		"a changed key":       {a.vkey, b.vkey[:len(b.vkey)-4] + "AAA="},
		"a line feed":         {a.vkey, b.vkey + "\n"},
		"a ledger's name":     {a.vkey, ledgerKey},
	} {
		dir := filepath.Join(t.TempDir(), "ledger")
		if l, err := Create(dir, Options{KeyFile: keyOf(dir), Officers: officers}); err == nil {
			t.Errorf("%s: got a ledger, want an error", name)
			l.Close()
		}
		for _, file := range []string{keyOf(dir), filepath.Join(dir, logName)} {
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is there (%v), want nothing left", name, filepath.Base(file), err)
			}
		}
	}
}

// Two names with one key behind them are one person who can sign twice.
func TestOneKeyIsOneOfficer(t *testing.T) {
	a := newPerson(t, "alice")
	text, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	alias := filepath.Join(t.TempDir(), "alias.key")
	vkey := rename(t, string(trimLine(text)), "bob", alias)
	dir := filepath.Join(t.TempDir(), "ledger")
	if l, err := Create(dir, Options{KeyFile: keyOf(dir), Officers: []string{a.vkey, vkey}}); err == nil {
		l.Close()
		t.Error("one private key stands under two officers' names, want it refused under the second")
	}
	// Their verifier keys and their names differ, so that comparing either would have let them in.
	if b := (person{"bob", alias, vkey}); vkey == a.vkey || b.sign(t, "text\n").Name == "alice" {
		t.Error("the two are not told apart by name and verifier key: that they are refused shows nothing")
	}
}

// What people exchange is the note of a statement, with no signature or with some, and reads back as it was.
func TestSignedStatementsReadBack(t *testing.T) {
	o := newOfficed(t)
	said := o.BudgetStatement(Account{Population: "eu"}, ten)
	for n, by := range [][]person{nil, {o.alice}, {o.alice, o.carol}} {
		sigs := signed(t, said, by...)
		got, back, err := ParseSigned(said.Note(sigs...))
		if err != nil || got != said || !slices.Equal(back, sigs) {
			t.Errorf("%d signatures: got %q with %v (%v)", n, got, back, err)
		}
	}
	for _, bad := range []string{"", "\n", "\n\n", string(said), "no note", string(said.Note(o.alice.sign(t, said))) + "x"} {
		if got, _, err := ParseSigned([]byte(bad)); err == nil {
			t.Errorf("%q: got %q, want an error", bad, got)
		}
	}
}
