package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lethe/privacy/budget"
)

// child is what the test binary does when a test starts it as another process. The binary links nothing of Lethe but the
// ledger and the amounts.
func child(job string) {
	if err := childJob(job, os.Getenv("LEDGER_TEST_DIR"), os.Getenv("LEDGER_TEST_NAME")); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func childJob(job, dir, name string) error {
	if job == "linear" { // it is told which ledgers, one after the other
		return linearChild(os.Stdin, os.Stdout)
	}
	o := at(march)
	o.KeyFile = keyOf(dir)
	if job == "race without lock" {
		o.disk = lockless{osDisk{}}
	}
	l, err := Open(dir, o)
	if err != nil {
		return err
	}
	switch job {
	case "race", "race without lock":
		return race(l, name)
	case "live":
		return live(l, name)
	}
	return fmt.Errorf("no job %q", job)
}

// start runs this binary as a child that does job on the ledger in dir, with more in its environment.
func start(t testing.TB, job, dir, name string, more ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd, _, out := startWithInput(t, append(more, "LEDGER_TEST_CHILD="+job, "LEDGER_TEST_DIR="+dir, "LEDGER_TEST_NAME="+name)...)
	return cmd, out
}

// startWithInput starts a child that can be told more.
func startWithInput(t testing.TB, env ...string) (*exec.Cmd, io.WriteCloser, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, in, bufio.NewScanner(out)
}

// lockless is a disk on which nobody waits for the lock of a log: the broken variant of every test of races.
type lockless struct{ disk }

func (d lockless) Open(name string, flag int) (file, error) {
	f, err := d.disk.Open(name, flag)
	if err == nil && strings.HasSuffix(name, "/"+logName) {
		return unlocked{f}, nil
	}
	return f, err
}

type unlocked struct{ file }

func (unlocked) Lock(int) error { return nil }

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

// killing is what the children of one ledger were told before they were killed.
type killing struct {
	mu    sync.Mutex
	kills int            // SIGKILLs that ended a child at its work
	acked map[string]int // "DRAW id" → how often a process was told so
	all   struct{ charges, draws, records int64 }
}

// Two processes at a time are killed again and again at moments that nobody chose. Everything that the ledger told them
// it holds, no release is drawn twice, and what is spent is what is charged.
func TestKill(t *testing.T) {
	want := 40
	if *long {
		want = 10000
	}
	k := &killing{acked: map[string]int{}}
	_, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	for round := 0; k.kills < want && !t.Failed(); round++ {
		if round > 0 && round%100 == 0 { // a new ledger now and then, so that the children get to work soon
			k.check(t, dir)
			_, dir = newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
		}
		k.two(t, dir, fmt.Sprint(round/5))
		l, err := Open(dir, at(march))
		if err != nil {
			t.Fatalf("after %d kills: %v", k.kills, err)
		}
		l.Close()
	}
	k.check(t, dir)
	t.Logf("%d processes were killed at their work; %d records: of %d charges and %d draws none was lost or doubled",
		k.kills, k.all.records, k.all.charges, k.all.draws)
}

func (k *killing) two(t *testing.T, dir, name string) {
	var all sync.WaitGroup
	for i := range 2 {
		cmd, out := start(t, "live", dir, fmt.Sprint(name, "-", i))
		all.Go(func() { k.one(t, cmd, out) })
	}
	all.Wait()
}

// one reads what a child says, and kills it a while after its first word.
func (k *killing) one(t *testing.T, cmd *exec.Cmd, out *bufio.Scanner) {
	var atWork sync.Once
	said := 0
	for out.Scan() {
		if strings.HasPrefix(out.Text(), "failed") {
			t.Error(out.Text())
		}
		atWork.Do(func() {
			time.AfterFunc(time.Duration(rand.IntN(6000))*time.Microsecond, func() { cmd.Process.Kill() })
		})
		said++
		k.mu.Lock()
		k.acked[out.Text()]++
		k.mu.Unlock()
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("a child ended by itself: %v", err)
		return
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("a child ended by itself: %v", exit)
	} else if said > 0 {
		k.mu.Lock()
		k.kills++
		k.mu.Unlock()
	}
}

// check holds the ledger against what the children were told, and forgets it.
func (k *killing) check(t *testing.T, dir string) {
	t.Helper()
	l := reopen(t, dir, at(march))
	all := records(t, l)
	for _, problem := range unkept(all, k.acked) {
		t.Error(problem)
	}
	var charges, draws int64
	for _, r := range all {
		switch r.Kind {
		case Charge:
			charges++
		case Drawn:
			draws++
		}
	}
	if got, _ := l.Spent(Account{Population: "eu"}); got.Rho != small.Rho*budget.Rho(charges) || got.Delta != small.Delta*budget.Delta(charges) {
		t.Errorf("spent %v for %d charges", got, charges)
	}
	k.all.charges += charges
	k.all.draws += draws
	k.all.records += l.seq
	if draws > 0 {
		k.control(t, all)
	}
	clear(k.acked)
	l.Close()
}

// control: a log that lost one acknowledged record, and a draw that two processes were told of, are found.
func (k *killing) control(t *testing.T, all []Record) {
	t.Helper()
	for line := range k.acked {
		lost := make([]Record, 0, len(all))
		for _, r := range all {
			if acknowledged(r) != line {
				lost = append(lost, r)
			}
		}
		if unkept(lost, k.acked) == nil {
			t.Errorf("the broken variant, a log without %s: nothing was found", line)
		}
		if strings.HasPrefix(line, string(Drawn)) {
			if unkept(all, map[string]int{line: 2}) == nil {
				t.Errorf("the broken variant, %s twice: nothing was found", line)
			}
			return
		}
	}
}

func acknowledged(r Record) string { return fmt.Sprint(r.Kind, " ", r.Release) }

// unkept says which acknowledged steps the log does not hold exactly once, and which draws two processes were told of.
func unkept(all []Record, acked map[string]int) (problems []string) {
	inLog := map[string]int{}
	for _, r := range all {
		inLog[acknowledged(r)]++
	}
	for line, n := range acked {
		if inLog[line] != 1 {
			problems = append(problems, fmt.Sprintf("%s was acknowledged, and is in the log %d times", line, inLog[line]))
		}
		if n != 1 && strings.HasPrefix(line, string(Drawn)) {
			problems = append(problems, fmt.Sprintf("%s was acknowledged %d times", line, n))
		}
	}
	return problems
}
