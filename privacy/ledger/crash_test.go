package ledger

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const (
	ledgerDir = "/data/ledger"
	keyFile   = "/keys/ledger.key"
	copyDir   = "/copy"
)

// counts are what a simulation did.
type counts struct {
	crashes, kills, faults, records, torn, holed, ops int
}

func (c *counts) add(o counts) {
	c.crashes += o.crashes
	c.kills += o.kills
	c.faults += o.faults
	c.records += o.records
	c.torn += o.torn
	c.holed += o.holed
	c.ops += o.ops
}

// world is one ledger from its creation on, with every crash that befalls it.
type world struct {
	rng      *rand.Rand
	disk     *crashDisk
	book     *auditor
	breakIt  func(*process) disk // the broken variant, or nil
	officers []*signer
	copies   bool
	rotating bool // one call in four rotates the key
	storm    bool // faults come one after the other
	runners  int
	policy   int64 // the last version that was acknowledged
	days     int   // the clock's
	evicted  bool  // since the last crash, the cache forgot what was never on the disk
	err      error // the first promise that was broken
	counts
}

func newWorld(seed uint64, breakIt func(*process) disk) *world {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := &world{
		rng: rng, book: newAuditor(), breakIt: breakIt, runners: 1 + rng.IntN(2),
		copies: rng.IntN(3) == 0, rotating: rng.IntN(8) == 0, storm: rng.IntN(4) == 0,
	}
	if rng.IntN(3) == 0 {
		w.officers = people()
	}
	w.disk = newCrashDisk(rng, "/data", "/keys", copyDir)
	w.disk.loose = rng.IntN(2) == 0
	return w
}

// people are two officers, the same in every world.
var people = sync.OnceValue(func() (all []*signer) {
	for _, name := range []string{"ada", "ben"} {
		skey, _, err := note.GenerateKey(crand.Reader, name)
		if err != nil {
			panic(err)
		}
		s, err := parseKey(skey)
		if err != nil {
			panic(err)
		}
		all = append(all, s)
	}
	return all
})

func (w *world) violated(err error) {
	if w.err == nil && err != nil {
		w.err = err
	}
}

func (w *world) options(p *process) Options {
	o := Options{KeyFile: keyFile, Genesis: w.book.hashes[0], Clock: w.clock, disk: p}
	if w.breakIt != nil {
		o.disk = w.breakIt(p)
	}
	if w.copies {
		o.Copy = copyDir
	}
	return o
}

// clock goes forwards and back, and over the end of the year.
func (w *world) clock() time.Time { return march.AddDate(0, 0, w.days) }

// live makes a ledger and lets it be worked on until it holds some tens of records.
func (w *world) live() {
	for sessions := 0; w.err == nil && sessions < 40; sessions++ {
		if w.disk.names[ledgerDir+"/log"] == nil {
			w.create()
			continue
		}
		w.plan(1 + w.rng.IntN([]int{20, 60, 150}[w.rng.IntN(3)]))
		w.days = w.rng.IntN(400)
		w.session()
		if w.crash() > 20 {
			return
		}
	}
}

// plan fixes when the power goes, and what else happens before.
func (w *world) plan(ops int) {
	w.disk.ops, w.disk.plan = 0, []event{{op: ops, fault: []fault{powerBefore, powerAfter}[w.rng.IntN(2)]}}
	other := []fault{killBefore, killAfter, eio, enospc, shortWrite, badSync, badSync}
	times := 4
	if w.storm {
		times = 12
	}
	for range w.rng.IntN(times) {
		w.disk.plan = append(w.disk.plan, event{op: w.rng.IntN(ops), fault: other[w.rng.IntN(len(other))]})
	}
}

// create makes the ledger on a new disk, at times with a crash in between.
func (w *world) create() {
	loose := w.disk.loose
	w.disk = newCrashDisk(w.rng, "/data", "/keys", copyDir)
	w.disk.loose = loose
	if w.rng.IntN(2) == 0 {
		w.plan(1 + w.rng.IntN(40))
	}
	o := w.options(&process{crashDisk: w.disk})
	for _, officer := range w.officers {
		o.Officers = append(o.Officers, officer.vkey)
	}
	l, err := Create(ledgerDir, o)
	if err == nil {
		w.violated(w.book.vouched(0, l.Genesis()))
	}
	if w.disk.dead || w.rng.IntN(2) == 0 {
		w.crash()
	}
}

// session is what happens between two crashes: programs take turns, one operation of the disk after the other.
func (w *world) session() {
	var turns []func() (struct{}, bool)
	for range w.runners {
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			r := &runner{world: w}
			r.run(func() { yield(struct{}{}) })
		})
		defer stop()
		turns = append(turns, next)
	}
	for at := 0; len(turns) > 0; {
		if w.rng.IntN(4) == 0 || at >= len(turns) {
			at = w.rng.IntN(len(turns))
		}
		if _, more := turns[at](); !more {
			turns = append(turns[:at], turns[at+1:]...)
		}
	}
}

// crash takes the power, looks at what is left, and says how many records that is.
func (w *world) crash() int {
	for _, f := range w.disk.hits {
		switch f {
		case powerBefore, powerAfter:
		case killBefore, killAfter:
			w.kills++
		default:
			w.faults++
		}
	}
	w.crashes++
	w.ops += w.disk.ops
	w.book.live, w.evicted = map[string]*process{}, false
	// Looking changes the disk, so two are made that are alike.
	seed := w.rng.Uint64()
	dead := w.disk
	w.disk = dead.crash(rand.New(rand.NewPCG(seed, 1)))
	w.disk.rng = w.rng
	if w.err != nil {
		return 0
	}
	n, err := w.look(dead.crash(rand.New(rand.NewPCG(seed, 1))))
	w.violated(err)
	return n
}

// look opens the ledger that a crash left, and holds it against what was promised.
func (w *world) look(d *crashDisk) (int, error) {
	o := w.options(nil)
	o.disk = &process{crashDisk: d}
	l, err := Open(ledgerDir, o)
	if errors.Is(err, ErrNotFound) && len(w.book.hashes) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("unreadable: %w", err)
	}
	defer l.Close()
	w.countTail(d.names[ledgerDir+"/log"].cache[l.end:], l)
	var all []Record
	for r, err := range l.Records() {
		if err != nil {
			return 0, err
		}
		all = append(all, r)
	}
	spent, _ := l.Spent(Account{Population: "eu"})
	if err := w.book.check(all, spent); err != nil {
		return 0, err
	}
	w.records = len(all)
	return len(all), w.goOn(l, all)
}

// countTail counts what the crash left behind the last whole record.
func (w *world) countTail(tail []byte, l *Ledger) {
	if len(tail) > 0 {
		w.torn++
		if beginning(tail, l.seq) != errTorn {
			w.holed++
		}
	}
}

// goOn: what is published is served, and the ledger takes a record and opens again.
func (w *world) goOn(l *Ledger, all []Record) error {
	if w.rng.IntN(4) > 0 {
		return nil
	}
	for _, r := range all {
		c := l.state.releases[r.Release]
		if r.Kind != Charge || c.state != published || c.slot.current != c {
			continue
		}
		q := request(r.Dataset, r.PlanHash, small)
		q.PolicyHash = r.PolicyHash
		if b, err := l.Begin(q); err != nil || b.Status != Served || !slices.Equal(b.Files, files) {
			return fmt.Errorf("a published release is not served: %v", err)
		}
	}
	if err := l.Annotate(0, "after the crash"); err != nil {
		return fmt.Errorf("it takes no record: %w", err)
	}
	again, err := Open(ledgerDir, Options{disk: l.disk})
	if err != nil || again.seq != l.seq {
		return fmt.Errorf("it does not open with one more record: %v", err)
	}
	return again.Close()
}

// simulate lives through worlds of consecutive seeds until so many crashes befell them.
func simulate(seed uint64, crashes int, breakIt func(*process) disk) (total counts, err error) {
	for ; total.crashes < crashes; seed++ {
		w := newWorld(seed, breakIt)
		w.live()
		total.add(w.counts)
		if w.err != nil {
			return total, fmt.Errorf("seed %d, crash %d: %w", seed, w.crashes, w.err)
		}
	}
	return total, nil
}

func (c counts) String() string {
	return fmt.Sprintf("%d crash points, %d faults, %d processes killed, %d records; %d torn tails, %d with a hole",
		c.crashes, c.faults, c.kills, c.records, c.torn, c.holed)
}

// The default is quick; with -long, both cores of a small machine are kept busy for some minutes.
func TestCrashes(t *testing.T) {
	crashes, workers := 2000, 2
	if *long {
		crashes = 100_000
	}
	seed := seedOf(t)
	var total counts
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range workers {
		all.Go(func() {
			c, err := simulate(seed+uint64(n)<<32, crashes/workers, nil)
			mu.Lock()
			defer mu.Unlock()
			if total.add(c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	t.Logf("%v, seed %d", total, seed)
	if !t.Failed() && (total.torn == 0 || total.holed == 0) {
		t.Error("no tail was torn, or none had a hole: the disk is too kind")
	}
}

// A seed that finds something finds it again.
func TestCrashesReplay(t *testing.T) {
	seed := seedOf(t)
	first, err1 := simulate(seed, 100, nil)
	again, err2 := simulate(seed, 100, nil)
	if first != again || err1 != nil || err2 != nil {
		t.Errorf("got %+v (%v), then %+v (%v)", first, err1, again, err2)
	}
}

// The simulation finds every broken variant.
func TestCrashesFindWhatIsBroken(t *testing.T) {
	seed := seedOf(t)
	for name, breakIt := range breaks {
		c, err := simulate(seed, 20_000, breakIt)
		if err == nil {
			t.Errorf("%s: %v found nothing", name, c)
		}
		t.Logf("%s: found after %d crash points: %v", name, c.crashes, err)
	}
}
