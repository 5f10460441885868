package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lethe/privacy/budget"
)

// child is what the test binary does when a test starts it as another process.
func child(job string) {
	l, err := Open(os.Getenv("LEDGER_TEST_DIR"), at(march))
	if err == nil {
		name := os.Getenv("LEDGER_TEST_NAME")
		switch job {
		case "race without lock":
			l.lock = func(int) error { return nil }
			fallthrough
		case "race":
			err = race(l, name)
		case "live":
			err = live(l, name)
		}
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// start runs this binary as a child that does job on the ledger in dir.
func start(t *testing.T, job, dir, name string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LEDGER_TEST_CHILD="+job, "LEDGER_TEST_DIR="+dir, "LEDGER_TEST_NAME="+name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

const (
	processes = 8
	routines  = 8
	units     = 240 // the year's cap; each request is for 1 to 3
)

// race asks from many goroutines until nothing fits, each time for a dataset of its own or for the one that all want,
// and prints "granted N" for N units.
func race(l *Ledger, name string) error {
	var all sync.WaitGroup
	errs := make([]error, routines)
	for g := range routines {
		all.Go(func() { errs[g] = raceOne(l, fmt.Sprintf("%s-%d", name, g)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func raceOne(l *Ledger, name string) error {
	for i := range 10000 {
		cost := budget.Cost{Rho: budget.Rho(1 + i%3)}
		r := request(fmt.Sprintf("own-%s-%d", name, i), planA, cost)
		if i == 2 {
			r = request("shared", planA, cost)
		}
		b, err := l.Begin(r)
		var over *OverBudget
		switch {
		case errors.As(err, &over) && over.Left.Rho == 0:
			return nil
		case errors.As(err, &over), errors.Is(err, ErrInProgress):
			continue
		case err != nil:
			return err
		}
		if b.Status == Granted {
			fmt.Println("granted", b.Release, uint64(cost.Rho))
			// A shared charge that is let go without a draw is granted again: the sums count a release once.
			if err := b.Token.Close(); err != nil {
				return err
			}
		}
	}
	return errors.New("the cap was never reached")
}

// raceSums runs the race and says whether what was granted, what was charged and the cap are the same.
func raceSums(t *testing.T, job string) error {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: budget.Cost{Rho: units}})
	var all sync.WaitGroup
	granted := make([]map[string]uint64, processes)
	errs := make([]error, processes)
	for p := range processes {
		cmd, out := start(t, job, dir, fmt.Sprint(p))
		granted[p] = map[string]uint64{}
		all.Go(func() {
			for out.Scan() {
				var release string
				var n uint64
				if _, err := fmt.Sscanf(out.Text(), "granted %s %d", &release, &n); err != nil {
					errs[p] = errors.Join(errs[p], errors.New(out.Text()))
				}
				granted[p][release] = n
			}
			errs[p] = errors.Join(errs[p], cmd.Wait())
		})
	}
	all.Wait()
	releases := map[string]uint64{}
	for p := range processes {
		for release, n := range granted[p] {
			releases[release] = n
		}
	}
	sum := uint64(0)
	for _, n := range releases {
		sum += n
	}
	after, err := Open(dir, at(march))
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	defer after.Close()
	if life, year := after.Spent("eu"); sum != units || life.Rho != units || year.Rho != units {
		return fmt.Errorf("granted %d and charged %v, %v, want %d", sum, life, year, units)
	}
	if got := len(records(t, after)) - int(l.seq); got != len(releases) {
		return fmt.Errorf("%d charges for %d releases", got, len(releases))
	}
	return nil
}

func TestRaceForTheLastUnits(t *testing.T) {
	rounds := 1
	if *long {
		rounds = 50
	}
	for range rounds {
		if err := raceSums(t, "race"); err != nil {
			t.Fatal(err)
		}
	}
	if err := raceSums(t, "race without lock"); err == nil {
		t.Error("the broken variant, without the lock: the sums found nothing")
	}
}

// live takes releases from charge to published, with mishaps, and says on standard output what the ledger told it, as
// soon as it did: "CHARGE id", "DRAW id" …
func live(l *Ledger, name string) error {
	for i := 0; ; i++ {
		r := request(fmt.Sprintf("d-%s-%d", name, i), planA, small)
		r.Retries = 1000
		for {
			b, err := l.Begin(r)
			if err != nil {
				return err
			}
			if b.Status == Served {
				break
			}
			if err := liveOne(b); err != nil {
				return err
			}
		}
	}
}

func liveOne(b *Begun) error {
	defer b.Token.Close()
	if b.Status == Granted {
		fmt.Println(Charge, b.Release)
		m, err := b.Token.Draw()
		if err != nil {
			return err
		}
		fmt.Println(Drawn, b.Release)
		for _, d := range request("", "", small).Draws {
			if _, err := m.Take(d.Name); err != nil {
				return err
			}
		}
		if err := b.Token.Result(files); err != nil {
			return err
		}
		fmt.Println(Resulted, b.Release)
	}
	if rand.IntN(5) == 0 {
		if err := b.Token.Burn("staged files are gone"); err != nil {
			return err
		}
		fmt.Println(Burned, b.Release)
		return nil
	}
	if err := b.Token.Published(); err != nil {
		return err
	}
	fmt.Println(Published, b.Release)
	return nil
}

// Two processes are killed again and again at moments that nobody chose. Everything that the ledger told them it holds,
// no release is drawn twice, and what is spent is what is charged.
func TestKill(t *testing.T) {
	kills := 60
	if *long {
		kills = 10000
	}
	_, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	acked := map[string]int{} // "DRAW id" → how often a process was told so
	for kill := 0; kill < kills; kill += 2 {
		if kill > 0 && kill%500 == 0 { // a new ledger now and then, so that the children get to work soon
			checkAcked(t, dir, acked)
			_, dir = newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
			clear(acked)
		}
		killTwo(t, dir, fmt.Sprint(kill/10), acked)
		l, err := Open(dir, at(march))
		if err != nil {
			t.Fatalf("after %d kills: %v", kill, err)
		}
		l.Close()
	}
	checkAcked(t, dir, acked)
}

func killTwo(t *testing.T, dir, name string, acked map[string]int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i := range 2 {
		var atWork sync.Once
		cmd, out := start(t, "live", dir, fmt.Sprint(name, "-", i))
		all.Go(func() {
			for out.Scan() {
				if strings.HasPrefix(out.Text(), "failed") {
					t.Error(out.Text())
				}
				atWork.Do(func() {
					time.AfterFunc(time.Duration(rand.IntN(8000))*time.Microsecond, func() { cmd.Process.Kill() })
				})
				mu.Lock()
				acked[out.Text()]++
				mu.Unlock()
			}
			if err := cmd.Wait(); err == nil {
				t.Error("a child ended by itself")
			}
		})
	}
	all.Wait()
}

func checkAcked(t *testing.T, dir string, acked map[string]int) {
	t.Helper()
	l := reopen(t, dir, at(march))
	inLog := map[string]int{}
	charges := 0
	for _, r := range records(t, l) {
		inLog[fmt.Sprint(r.Kind, " ", r.Release)]++
		if r.Kind == Charge {
			charges++
		}
	}
	for line, n := range acked {
		if inLog[line] != 1 {
			t.Errorf("%s was acknowledged, and is in the log %d times", line, inLog[line])
		}
		if n != 1 && strings.HasPrefix(line, string(Drawn)) {
			t.Errorf("%s was acknowledged %d times", line, n)
		}
	}
	if got, _ := l.Spent("eu"); got.Rho != small.Rho*budget.Rho(charges) || got.Delta != small.Delta*budget.Delta(charges) {
		t.Errorf("spent %v for %d charges", got, charges)
	}
	t.Logf("%d records, %d acknowledged", l.seq, len(acked))
}

func BenchmarkOpen100000(b *testing.B) {
	_, dir := logOf40(b)
	name := filepath.Join(dir, "log")
	l := &Ledger{log: memory{new(bytes.Reader)}, state: newState()}
	var log bytes.Buffer
	add := func(r Record) {
		r.Seq, r.Time = l.seq, march
		frame, hash, err := formatFrame(l.hash, r)
		if err != nil {
			b.Fatal(err)
		}
		log.Write(frame)
		l.took(&r, frame, hash)
	}
	add(Record{Kind: Genesis, ID: strings.Repeat("0", 32)})
	add(Record{Kind: Budget, Population: "eu", Caps: budget.Caps{Lifetime: vast, Year: vast}})
	for i := 0; l.seq < 100000; i++ {
		r := request(fmt.Sprint("d-", i), planA, small)
		c := Record{
			Kind: Charge, Population: "eu", Dataset: r.Dataset, Window: r.Window, PlanHash: r.PlanHash,
			PolicyHash: r.PolicyHash, Attempt: 1, Cost: small, Draws: r.Draws,
		}
		c.Release, _ = releaseID(&c)
		add(c)
		add(Record{Kind: Drawn, Release: c.Release})
		add(Record{Kind: Resulted, Release: c.Release, Files: files})
		add(Record{Kind: Published, Release: c.Release})
	}
	if err := os.WriteFile(name, log.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}

// BenchmarkAppend beside BenchmarkWriteAndSync: what a record costs beyond a bare write and fsync of as many bytes.
func BenchmarkAppend(b *testing.B) {
	l, _ := newLedger(b, budget.Caps{Lifetime: vast, Year: vast})
	rho := budget.Rho(1 << 60)
	for b.Loop() {
		rho--
		if err := l.SetCaps("us", budget.Caps{Year: budget.Cost{Rho: rho}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteAndSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := bytes.Repeat([]byte{'x'}, 240)
	for b.Loop() {
		if _, err := f.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
