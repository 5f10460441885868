package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"lethe/privacy/budget"
)

const (
	processes = 8
	routines  = 8
)

// scopes are the caps that a race may be about, each in each of the three amounts.
var scopes = []string{"lifetime", "year", "project lifetime", "project year"}

// amountOf is n units of what a race is about. What is pure costs at least its share of ρ, which is a unit for so little.
func amountOf(unit string, n uint64) budget.Cost {
	switch unit {
	case "rho":
		return budget.Cost{Rho: budget.Rho(n)}
	case "delta":
		return budget.Cost{Delta: budget.Delta(n)}
	}
	return budget.Cost{Rho: 1, Epsilon: budget.Epsilon(n)}
}

func unitsOf(unit string, c budget.Cost) uint64 {
	return map[string]uint64{"rho": uint64(c.Rho), "delta": uint64(c.Delta), "epsilon": uint64(c.Epsilon)}[unit]
}

// race asks again and again from many goroutines, each time for a dataset of its own or for the one that all want. It
// prints "granted RELEASE N" for N units, and how often it asked.
func race(l *Ledger, name string) error {
	unit := os.Getenv("LEDGER_TEST_UNIT")
	attempts, err := strconv.Atoi(os.Getenv("LEDGER_TEST_ATTEMPTS"))
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, routines)
	for g := range routines {
		all.Go(func() { errs[g] = raceOne(l, fmt.Sprintf("%s-%d", name, g), unit, attempts) })
	}
	all.Wait()
	fmt.Println("attempts", routines*attempts)
	return errors.Join(errs...)
}

func raceOne(l *Ledger, name, unit string, attempts int) error {
	for i := range attempts {
		n := uint64(1 + i%3)
		dataset := fmt.Sprintf("own-%s-%d", name, i)
		if i%20 == 2 {
			dataset = fmt.Sprintf("shared-%d", i/20)
		}
		r := request(dataset, planA, small)
		r.Project = "p"
		r.Draws = []Draw{{Name: "count", Mechanism: "laplace", Cells: 1, L0: 1, LInf: 1, Sigma: 1, Cost: amountOf(unit, n)}}
		b, err := l.Begin(r)
		var over *OverBudget
		switch {
		case errors.As(err, &over), errors.Is(err, ErrInProgress):
			continue
		case err != nil:
			return err
		}
		fmt.Println("granted", b.Release, n)
		// A shared charge that is let go without a draw is granted again: the sums count a release once.
		if err := b.Token.Close(); err != nil {
			return err
		}
	}
	return nil
}

// A round is one race for the last units of one cap.
type round struct {
	scope, unit string
	units       uint64
	attempts    int // of each goroutine
}

// ledgerFor makes a ledger in which one cap of a round is the only one that binds.
func (r round) ledgerFor(t *testing.T) (*Ledger, string) {
	bind := vast
	switch r.unit {
	case "rho":
		bind.Rho = budget.Rho(r.units)
	case "delta":
		bind.Delta = budget.Delta(r.units)
	case "epsilon":
		bind.Epsilon = budget.Epsilon(r.units)
	}
	population := budget.Caps{Lifetime: vast, Year: vast}
	project := population
	switch r.scope {
	case "lifetime":
		population.Lifetime = bind
	case "year":
		population.Year = bind
	case "project lifetime":
		project.Lifetime = bind
	case "project year":
		project.Year = bind
	}
	l, dir := newLedger(t, population)
	if err := l.SetCaps(Account{Population: "eu", Project: "p"}, project); err != nil {
		t.Fatal(err)
	}
	return l, dir
}

// run races, and says whether what was granted, what was charged and the cap are the same. It returns how often anybody
// asked.
func (r round) run(t *testing.T, job string) (attempts int, err error) {
	l, dir := r.ledgerFor(t)
	var all sync.WaitGroup
	granted := make([]map[string]uint64, processes)
	asked, errs := make([]int, processes), make([]error, processes)
	for p := range processes {
		cmd, out := start(t, job, dir, fmt.Sprint(p), "LEDGER_TEST_UNIT="+r.unit, "LEDGER_TEST_ATTEMPTS="+strconv.Itoa(r.attempts))
		granted[p] = map[string]uint64{}
		all.Go(func() {
			for out.Scan() {
				var release string
				var n uint64
				if _, err := fmt.Sscanf(out.Text(), "granted %s %d", &release, &n); err == nil {
					granted[p][release] = n
				} else if _, err := fmt.Sscanf(out.Text(), "attempts %d", &asked[p]); err != nil {
					errs[p] = errors.Join(errs[p], errors.New(out.Text()))
				}
			}
			errs[p] = errors.Join(errs[p], cmd.Wait())
		})
	}
	all.Wait()
	for _, n := range asked {
		attempts += n
	}
	if err := errors.Join(errs...); err != nil {
		return attempts, err
	}
	after, err := Open(dir, at(march))
	if err != nil {
		return attempts, err
	}
	defer after.Close()
	return attempts, r.sums(after, l.seq, granted)
}

// sums: the grants, the charges and the balances of every account make up exactly the cap.
func (r round) sums(l *Ledger, before int64, granted []map[string]uint64) error {
	releases := map[string]uint64{}
	for _, some := range granted {
		for release, n := range some {
			releases[release] = n
		}
	}
	told := uint64(0)
	for _, n := range releases {
		told += n
	}
	charges, inLog := 0, uint64(0)
	for rec, err := range l.Records() {
		if err != nil {
			return err
		}
		if rec.Seq < before {
			continue
		}
		if n, ok := releases[rec.Release]; !ok || n != unitsOf(r.unit, rec.Cost) {
			return fmt.Errorf("record %d charges what nobody was granted", rec.Seq)
		}
		charges++
		inLog += unitsOf(r.unit, rec.Cost)
	}
	if told != r.units || inLog != r.units || charges != len(releases) {
		return fmt.Errorf("granted %d in %d releases, charged %d in %d, want %d", told, len(releases), inLog, charges, r.units)
	}
	for _, project := range []string{"", "p"} {
		if life, year := l.Spent(Account{Population: "eu", Project: project}); life != year || unitsOf(r.unit, life) != r.units {
			return fmt.Errorf("project %q spent %v and %v, want %d", project, life, year, r.units)
		}
	}
	return nil
}

func TestRaceForTheLastUnits(t *testing.T) {
	units, attempts := uint64(100), 16
	rounds := []round{{"project year", "epsilon", units, attempts}}
	if *long {
		units, attempts, rounds = 4000, 1310, nil
		for _, scope := range scopes {
			for _, unit := range []string{"rho", "delta", "epsilon"} {
				rounds = append(rounds, round{scope, unit, units, attempts})
			}
		}
	}
	asked := 0
	for _, r := range rounds {
		n, err := r.run(t, "race")
		if err != nil {
			t.Fatalf("%s in %s: %v", r.scope, r.unit, err)
		}
		asked += n
	}
	t.Logf("%d attempts by %d processes of %d goroutines in %d rounds: no grant over a cap, every sum exact",
		asked, processes, routines, len(rounds))
	broken := round{"lifetime", "rho", 100, 16}
	for range 5 {
		if _, err := broken.run(t, "race without lock"); err != nil {
			return
		}
	}
	t.Error("the broken variant, without the lock: five rounds found nothing")
}

// Open reads the log first, and then what it holds it against. Whatever another handle does in between, if the log's lock
// lets it, must not make a good ledger look like one that was set back, or its key like a foreign one.
func TestOpenBesideAnotherHandle(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(o Options, origin string) string // what Open reads second
		do     func(l *Ledger) error
	}{
		"append": {func(o Options, origin string) string { return copyName(o.Copy, origin) },
			func(l *Ledger) error { return l.Annotate(0, "busy") }},
		"rotate": {func(o Options, origin string) string { return o.KeyFile },
			func(l *Ledger) error { _, err := l.Rotate(); return err }},
	} {
		dir := filepath.Join(t.TempDir(), "ledger")
		o := at(march)
		o.KeyFile, o.Copy = keyOf(dir), t.TempDir()
		l, err := Create(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		o.disk = &meddling{disk: osDisk{}, when: tt.before(o, l.origin()), do: func() {
			if free(t, filepath.Join(dir, logName)) {
				if err := tt.do(l); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}}
		again, err := Open(dir, o)
		if err != nil {
			t.Errorf("%s while the ledger is opened: %v", name, err)
		} else if err := again.Close(); err != nil {
			t.Error(err)
		}
		l.Close()
	}
}

// meddling does something once, just before a file is opened.
type meddling struct {
	disk
	when string
	do   func()
}

func (m *meddling) Open(name string, flag int) (file, error) {
	if name == m.when && m.do != nil {
		do := m.do
		m.do = nil
		do()
	}
	return m.disk.Open(name, flag)
}

// free says whether nobody holds the lock of a file.
func free(t *testing.T, name string) bool {
	f, err := osDisk{}.Open(name, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Lock(syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// A process that died behind KEYROTATED left the only copy of the key in force beside the old one's file. A handle that
// was opened before and rotates too is refused, and leaves that key alone.
func TestStaleRotationKeepsTheKeyInForce(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{})
	stale := reopen(t, dir, at(march))
	l.disk = dies{osDisk{}}
	if _, err := l.Rotate(); !errors.Is(err, errDied) {
		t.Fatalf("got %v, want the end of the process", err)
	}
	if got := kinds(records(t, l)); got != "GENESIS BUDGET POLICY KEYROTATED" {
		t.Fatalf("the log is %s, want the rotation on record", got)
	}
	if _, err := stale.Rotate(); !errors.Is(err, ErrPoisoned) {
		t.Errorf("rotate with the key before: got %v, want ErrPoisoned", err)
	}
	o := at(march)
	o.KeyFile = keyOf(dir)
	after, err := Open(dir, o)
	if err != nil {
		t.Fatalf("the key in force is lost: %v", err)
	}
	if err := errors.Join(after.Annotate(0, "goes on"), after.Close()); err != nil {
		t.Error(err)
	}
}

var errDied = errors.New("the process died")

// dies is a disk of a process that dies before a rename.
type dies struct{ disk }

func (dies) Rename(string, string) error { return errDied }

// Two goroutines that hold one token draw once.
func TestOneTokenDrawsOnce(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	for i := range 20 {
		tok := begin(t, l, request(fmt.Sprint("d-", i), planA, small)).Token
		meters, errs := make([]*Meter, 4), make([]error, 4)
		var all sync.WaitGroup
		for g := range meters {
			all.Go(func() { meters[g], errs[g] = tok.Draw() })
		}
		all.Wait()
		meters = slices.DeleteFunc(meters, func(m *Meter) bool { return m == nil })
		errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, ErrDrawn) })
		if len(meters) != 1 || len(errs) != 1 || errs[0] != nil {
			t.Errorf("got %d meters and errors %v, want one and none but ErrDrawn", len(meters), errs)
		}
		tok.Close()
	}
}
