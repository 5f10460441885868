package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

var (
	seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random tests")
	long = flag.Bool("long", false, "run the long tests")
)

func capsOf(lifetime, year budget.Cost) budget.Caps {
	return budget.Caps{Lifetime: lifetime, Year: year}
}

// both reads a log with both readers and says which take it for sound.
func both(t testing.TB, dir string, log []byte) (own error, again *books) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "log"), log, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(dir, ledger.Options{})
	if err == nil {
		l.Close()
	}
	return err, recount(bytes.NewReader(log))
}

// TestForgeryIsExact is the control of the forged logs: the bodies of a real one
// make its very bytes.
func TestForgeryIsExact(t *testing.T) {
	w := goodNight(t)
	log := w.read("ledger/log")
	if !bytes.Equal(forged(t, w.path("ledger.key"), renumbered(bodies(log))), log) {
		t.Error("the bodies of a log, signed again, are another log")
	}
}

// TestBothReadersTakeGoodLogs: every kind of record, rotated keys, scopes of
// projects, panels and years.
func TestBothReadersTakeGoodLogs(t *testing.T) {
	for name, make := range map[string]func(testing.TB) *world{"good night": goodNight, "every kind": rich} {
		t.Run(name, func(t *testing.T) {
			w := make(t)
			err, b := both(t, t.TempDir(), w.read("ledger/log"))
			if err != nil || !b.sound() || b.torn != 0 {
				t.Errorf("got %v, and %v %v torn %d; want two readers that take it", err, b.broken, b.faults, b.torn)
			}
			clock := march
			l, err := ledger.Open(w.path("ledger"), ledger.Options{Clock: func() time.Time { return clock }})
			w.must(err)
			defer l.Close()
			f, err := ledgerFigures(l, &clock)
			if d := compare(f, b.figures()); err != nil || len(d) > 0 {
				t.Errorf("got differences %q (%v), want none", d, err)
			}
		})
	}
	kinds := map[string]bool{}
	for _, body := range bodies(rich(t).read("ledger/log")) {
		kinds[kindOf.FindStringSubmatch(body)[1]] = true
	}
	if len(kinds) != 13 {
		t.Errorf("the rich log has %d kinds of records, want all 13: %v", len(kinds), kinds)
	}
}

// broken are logs that whoever holds the key could sign, and that no sound
// program writes. Want is a word of the recount's fault.
var broken = []struct {
	name string
	edit func([]string) []string
	want string
}{
	{"a charge over the lifetime cap", chain(replace("CHARGE", `"rho":700000000`, `"rho":2000500000000`), replace("CHARGE", `"rho":200000000`, `"rho":2000000000000`)), "lifetime cap"},
	{"a cap lowered below a later charge", after("POLICY", budgetOf("", 5e8)), "cap of eu"},
	{"two draws of one charge", last("DRAW"), "DRAW of release"},
	{"no draw before the result", without("DRAW"), "RESULT of release"},
	{"two results", last("RESULT"), "RESULT of release"},
	{"published twice", last("PUBLISHED"), "PUBLISHED of release"},
	{"published without a result", without("RESULT"), "comes after DRAW"},
	{"steps without a charge", without("CHARGE"), "never charged"},
	{"a charge twice", last("CHARGE"), "charged twice"},
	{"a raise without signatures", after("POLICY", budgetOf("", 2e12)), "without the signatures"},
	{"caps of a project before the population's", after("GENESIS", budgetOf("cardio", 1)), "before its population"},
	{"no caps", without("BUDGET"), "no caps"},
	{"a policy that goes back", after("POLICY", policyOf(2)), "goes back"},
	{"a policy's version with another content", after("POLICY", policyOf(3)), "goes back"},
	{"a charge under a policy that is not the newest", after("POLICY", policyOf(4)), "not the newest"},
	{"a charge under no policy", without("POLICY"), "not the newest"},
	{"a charge that is not the sum of its draws", replace("CHARGE", `"rho":700000000`, `"rho":600000000`), "sum of its draws"},
	{"a draw that is not counted", replace("CHARGE", `"rho":200000000,"delta":48`, `"rho":100000000,"delta":48`), "sum of its draws"},
	{"an ε that is not in ρ", chain(replace("CHARGE", `"rho":700000000,"delta":96,"epsilon":0`, `"rho":700000000,"delta":96,"epsilon":900000000`),
		replace("CHARGE", `"rho":500000000,"delta":48,"epsilon":0`, `"rho":500000000,"delta":48,"epsilon":900000000`)), "below that of its ε"},
	{"an id that does not follow", replace("CHARGE", `"plan":"aa`, `"plan":"ba`), "id that follows"},
	{"a second attempt at once", replace("CHARGE", `"attempt":1`, `"attempt":2`), "attempt 2"},
	{"a plan that is superseded and was not there", replace("CHARGE", `"supersedes":""`, `"supersedes":"`+planB+`"`), "supersedes"},
	{"a request that nobody approved", replace("CHARGE", `"request":""`, `"request":"study-9"`), "not approved"},
	{"withdrawn before it was published", after("RESULT", `{"seq":0,"kind":"WITHDRAW",`+stamp+`,"release":"RELEASE","request":"","reason":"x"}`), "WITHDRAW of"},
	{"a remark about what is to come", after("POLICY", `{"seq":0,"kind":"ANNOTATE",`+stamp+`,"about":9,"text":"x"}`), "earlier record"},
	{"a remark that says nothing", after("POLICY", `{"seq":0,"kind":"ANNOTATE",`+stamp+`,"about":1,"text":""}`), "says something"},
	{"a second GENESIS", last("GENESIS"), "only the first"},
	{"no GENESIS", without("GENESIS"), "GENESIS is the first"},
	{"another format", replace("GENESIS", `"format":2`, `"format":3`), "format 2"},
	{"a kind that nobody knows", after("POLICY", `{"seq":0,"kind":"FORGIVE",`+stamp+`,"release":""}`), "not known"},
	{"a blank", replace("DRAW", `","release"`, `", "release"`), "one form"},
	{"a key twice", replace("DRAW", `"release"`, `"release":"","release"`), "one form"},
	{"a key in capitals", replace("DRAW", `"release"`, `"Release"`), "one form"},
	{"a key too many", replace("DRAW", `"release"`, `"cells":1,"release"`), "fields of its kind"},
	{"an escape", replace("DRAW", `"release":"2`, `"release":"\u0032`), "byte that no record holds"},
	{"another form of a number", replace("CHARGE", `"sigma":40`, `"sigma":4e1`), "one form"},
	{"an integer with a fraction", replace("CHARGE", `"cells":60`, `"cells":60.0`), "fields of its kind"},
	{"a number below zero", replace("CHARGE", `"linf":1,`, `"linf":-1,`), "below zero"},
	{"no list", replace("GENESIS", `"officers":[]`, `"officers":null`), "missing"},
	{"a fraction of a second", replace("POLICY", `02:00:00Z`, `02:00:00.5Z`), "time"},
	{"a text that is too long", after("POLICY", `{"seq":0,"kind":"ANNOTATE",`+stamp+`,"about":1,"text":"`+strings.Repeat("x", 201)+`"}`), "200 bytes"},
	{"one officer", replace("GENESIS", `"officers":[]`, `"officers":["ada+x+x"]`), "officer"},
}

func chain(edits ...func([]string) []string) func([]string) []string {
	return func(all []string) []string {
		for _, e := range edits {
			all = e(all)
		}
		return all
	}
}

// TestBothReadersRefuse signs logs that break a rule: both readers must see it,
// and the recount must say what it is.
func TestBothReadersRefuse(t *testing.T) {
	w := newWorld(t)
	id := w.release(request("steps"), turn{})
	good := bodies(w.read("ledger/log"))
	dir := t.TempDir()
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			all := c.edit(append([]string{}, good...))
			for i := range all {
				all[i] = strings.ReplaceAll(all[i], "RELEASE", id)
			}
			err, b := both(t, dir, forged(t, w.path("ledger.key"), renumbered(all)))
			said := fmt.Sprint(b.broken, b.faults)
			if err == nil || b.sound() {
				t.Errorf("package ledger says %v, the recount %s: want two that refuse", err, said)
			}
			if !strings.Contains(said, c.want) {
				t.Errorf("the recount says %s, want a word of %q", said, c.want)
			}
		})
	}
}

// TestRecountRefusesInTheRichLog tries the rules of officers and panels. A
// record before the rotation cannot be signed anew, so the recount is asked alone.
func TestRecountRefusesInTheRichLog(t *testing.T) {
	w := rich(t)
	good := bodies(w.read("ledger/log"))
	for _, c := range []struct{ name, kind, old, new, want string }{
		{"caps that the officers did not sign", "BUDGET", `"rho":1000000000000`, `"rho":1000000000001`, "signatures of two officers"},
		{"an approval of another plan", "APPROVE", planB, planA, "not signed by an officer"},
		{"an approval for longer", "APPROVE", "2026-04-30", "2027-04-30", "not signed by an officer"},
		{"a key that nobody signed", "KEYROTATED", `"signature":"`, `"signature":"AAAA`, "not signed by the one in force"},
	} {
		all := replace(c.kind, c.old, c.new)(append([]string{}, good...))
		b := replay(all)
		if !strings.Contains(fmt.Sprint(b.broken, b.faults), c.want) {
			t.Errorf("%s: got %v %v, want %q", c.name, b.broken, b.faults, c.want)
		}
	}
	panel := replace("PANEL", `"panel":2`, `"panel":4`)(append([]string{}, good...))
	if b := replay(panel); !strings.Contains(fmt.Sprint(b.faults), "panel 4 of 4") {
		t.Errorf("a panel that is none: got %v", b.faults)
	}
	approval := slices.IndexFunc(good, func(body string) bool { return strings.Contains(body, `"kind":"APPROVE"`) })
	if b := replay(slices.Insert(slices.Clone(good), approval, good[approval])); !strings.Contains(fmt.Sprint(b.faults), "is on record already") {
		t.Errorf("an approval that is copied: got %v", b.faults)
	}
	var genesis genesisBody
	if err := json.Unmarshal([]byte(good[0]), &genesis); err != nil {
		t.Fatal(err)
	}
	first, err := readKey(genesis.Officers[0])
	if err != nil {
		t.Fatal(err)
	}
	alias, err := note.NewEd25519VerifierKey("somebody", first.key)
	if err != nil {
		t.Fatal(err)
	}
	if b := replay([]string{strings.Replace(good[0], genesis.Officers[1], alias, 1)}); !strings.Contains(fmt.Sprint(b.faults), "a name or key stands twice") {
		t.Errorf("one key under two officers' names: got %v", b.faults)
	}
	if b := replay(good); !b.sound() {
		t.Errorf("the rich log without its frames: got %v %v, want it taken", b.broken, b.faults)
	}
}

// replay enters bodies without frames, so that rules can be tried where no key
// is there to sign. What is signed over the frames is not looked at.
func replay(all []string) *books {
	b := newBooks()
	log := frames(all)
	var before []byte
	for line := range bytes.Lines(log) {
		f, err := takeApart(line, before)
		if err != nil {
			b.broken = err
			return b
		}
		before = line
		record, err := read(f.body)
		if err != nil {
			b.broken = err
			return b
		}
		record.enter(b, fmt.Sprintf("%x", f.hash))
		if b.size == 0 {
			b.genesis = fmt.Sprintf("%x", f.hash)
		}
		b.size++
	}
	return b
}

// TestCompareSeesEveryFigure alters one figure of one reader at a time.
func TestCompareSeesEveryFigure(t *testing.T) {
	b := recount(bytes.NewReader(rich(t).read("ledger/log")))
	if d := compare(b.figures(), b.figures()); len(d) > 0 {
		t.Fatalf("the same figures differ: %q", d)
	}
	alter := map[string]func(*figures){
		"records": func(f *figures) { f.size++ },
		"genesis": func(f *figures) { f.genesis = planA },
		"root":    func(f *figures) { f.root[31] ^= 1 },
	}
	for name := range b.figures().scopes {
		alter[name.String()+": a balance"] = func(f *figures) { delete(f.scopes, name) }
		for i := range 3 {
			alter[fmt.Sprintf("%v: spent %d", name, i)] = func(f *figures) { f.scopes[name].spent[i].Add(f.scopes[name].spent[i], big.NewInt(1)) }
			alter[fmt.Sprintf("%v: cap %d", name, i)] = func(f *figures) { f.scopes[name].limit[i].Sub(f.scopes[name].limit[i], big.NewInt(1)) }
		}
	}
	for what, change := range alter {
		mine, theirs := copyOf(b.figures()), copyOf(b.figures())
		change(&theirs)
		if d := compare(mine, theirs); len(d) != 1 {
			t.Errorf("%s is altered: got %q, want one difference", what, d)
		}
	}
	t.Logf("%d figures altered, one difference each", len(alter))
}

func copyOf(f figures) figures {
	scopes := map[scopeName]balance{}
	for name, b := range f.scopes {
		scopes[name] = balance{b.spent.copied(), b.limit.copied()}
	}
	f.scopes = scopes
	return f
}

// TestReadersAgreeOnMutants changes logs at random, as accidents do and as
// whoever holds the key can: both readers take a log or both refuse it, and where
// they take it they have one root.
func TestReadersAgreeOnMutants(t *testing.T) {
	many := 600
	if *long {
		many = 20_000
	}
	t.Logf("-seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 1))
	small := newWorld(t)
	small.release(request("steps"), turn{})
	logs := [][]byte{small.read("ledger/log"), rich(t).read("ledger/log")}
	good := bodies(logs[0])
	dir := t.TempDir()
	taken, refused := 0, 0
	for n := range many {
		var log []byte
		if random.IntN(2) == 0 {
			log = accident(random, logs[random.IntN(2)])
		} else {
			log = forged(t, small.path("ledger.key"), rewritten(random, good))
		}
		err, b := both(t, dir, log)
		if (err == nil) != b.sound() {
			t.Fatalf("-seed %d, mutant %d: package ledger says %v, the recount %v %v", *seed, n, err, b.broken, b.faults)
		}
		if err == nil {
			taken++
		} else {
			refused++
		}
	}
	t.Logf("%d logs taken by both, %d refused by both", taken, refused)
	if taken == 0 || refused == 0 {
		t.Error("the mutants are all of one kind")
	}
}

// accident is a log as a disk, or a hand without the key, leaves it.
func accident(random *rand.Rand, log []byte) []byte {
	out := bytes.Clone(log)
	i := random.IntN(len(out))
	switch random.IntN(6) {
	case 0:
		out[i] ^= 1 << random.IntN(8)
	case 1:
		out = out[:i]
	case 2:
		out = append(out, out[:random.IntN(600)]...)
	case 3:
		lines := bytes.SplitAfter(out, []byte("\n"))
		out = bytes.Join(lines[:1+random.IntN(len(lines)-1)], nil)
	case 4: // sectors that were never written
		for at := i / sectorBytes * sectorBytes; at < min(i/sectorBytes*sectorBytes+sectorBytes*(1+random.IntN(2)), len(out)); at++ {
			out[at] = 0
		}
	default: // the end of the last record, of which the file's length is known and the bytes are not
		from := bytes.LastIndexByte(out[:len(out)-1], '\n') + 1
		clear(out[from+random.IntN(len(out)-from):])
	}
	return out
}

// rewritten are bodies in which whoever holds the key changed something.
func rewritten(random *rand.Rand, good []string) []string {
	all := append([]string{}, good...)
	i := random.IntN(len(all))
	switch random.IntN(5) {
	case 0:
		all = append(all[:i], all[i+1:]...)
	case 1:
		all = append(all, all[i])
	case 2:
		j := random.IntN(len(all))
		all[i], all[j] = all[j], all[i]
	default:
		body := []byte(all[i])
		at := random.IntN(len(body))
		alphabet := []byte(`0123456789abcdef",:{}[]-+.e `)
		body[at] = alphabet[random.IntN(len(alphabet))]
		all[i] = string(body)
		return all
	}
	return renumbered(all)
}

// FuzzRecount: no bytes make the recount fail in another way than to say so.
func FuzzRecount(f *testing.F) {
	w := newWorld(f)
	w.release(request("steps"), turn{})
	log := w.read("ledger/log")
	f.Add(log)
	f.Add(log[:len(log)-40])
	f.Add(frames([]string{`{"seq":0,"kind":"GENESIS"}`}))
	f.Add(frames([]string{`{"seq":0,"kind":"PANEL",` + stamp + `}`, policyOf(1), budgetOf("", 5)}))
	f.Fuzz(func(t *testing.T, log []byte) {
		b := recount(bytes.NewReader(log))
		if b.sound() && b.size == 0 {
			t.Error("a log without a record is taken")
		}
		replay(strings.Split(string(log), "\n"))
	})
}
