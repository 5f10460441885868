package ledger

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sys/unix"

	"lethe/privacy/budget"
)

var seed = flag.Uint64("seed", 0, "replay the random tests from this seed; 0 takes a new one")

// seedOf returns the seed of a random test and says what it is.
func seedOf(t testing.TB) uint64 {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("replay with -args -seed %d", s)
	return s
}

const (
	datasets  = 2 // that the clients of a history want
	charges   = 3 // that the cap allows, each of one unit
	perClient = 6 // steps of one client in a history
	clients   = 8
)

// call is what a client did, and what it was told. An attempt is that of Begun, or of the token that was used.
type call struct {
	step    string
	dataset int
	attempt int
	told    string // "granted 1", "ok" or an error's name
}

// linearState is the naive ledger: releases of one plan, which may be retried once.
type linearState struct {
	left  int
	slots [datasets]linearSlot
}

type linearSlot struct {
	state   string
	attempt int
	burned  int
	running bool // the current attempt
}

// linear says whether a history of calls is one that the naive ledger gives in some order.
var linear = porcupine.Model{
	Init: func() any { return linearState{left: charges} },
	Step: func(state, in, out any) (bool, any) {
		s, c := state.(linearState), in.(call)
		told := s.does(c)
		return told == out.(string), s
	},
}

// does takes a step and returns what the client is told.
func (s *linearState) does(c call) string {
	sl := &s.slots[c.dataset]
	if c.step == "begin" {
		return s.begin(sl)
	}
	current := c.attempt == sl.attempt
	if c.step == "close" {
		sl.running = sl.running && !current
		return "ok"
	}
	for _, way := range []struct{ step, from, to string }{
		{"draw", "charged", "drawn"}, {"result", "drawn", "resulted"}, {"published", "resulted", "published"},
		{"burn", "drawn", "burned"}, {"burn", "resulted", "burned"},
	} {
		if current && c.step == way.step && sl.state == way.from {
			sl.state = way.to
			if way.to == "burned" {
				sl.burned++
			}
			return "ok"
		}
	}
	if c.step == "draw" {
		return "drawn already"
	}
	return "out of order"
}

func (s *linearState) begin(sl *linearSlot) string {
	if sl.running && sl.state != "burned" && sl.state != "published" {
		return "in progress"
	}
	switch sl.state {
	case "published":
		return fmt.Sprint("served ", sl.attempt)
	case "charged", "resulted":
		sl.running = true
		return fmt.Sprint(map[string]string{"charged": "granted ", "resulted": "resume "}[sl.state], sl.attempt)
	case "drawn":
		sl.state = "burned"
		sl.burned++
	}
	if sl.burned > 1 {
		return "burned"
	}
	if s.left == 0 {
		return "over budget"
	}
	s.left--
	sl.state, sl.attempt, sl.running = "charged", sl.attempt+1, true
	return fmt.Sprint("granted ", sl.attempt)
}

// tell names what a client was told, for the model.
func tell(err error) string {
	var over *OverBudget
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &over):
		return "over budget"
	case errors.Is(err, ErrInProgress):
		return "in progress"
	case errors.Is(err, ErrBurned):
		return "burned"
	case errors.Is(err, ErrDrawn):
		return "drawn already"
	case errors.Is(err, ErrOrder):
		return "out of order"
	}
	return "failed: " + err.Error()
}

// client takes random steps, and remembers when it called and when it was answered, on a clock that processes share.
type client struct {
	l      *Ledger
	rng    *rand.Rand
	id     int
	held   *Begun
	of     int // dataset of held
	report func(porcupine.Operation)
}

func (c *client) run() {
	for range perClient {
		c.step()
	}
	if c.held != nil {
		c.use("close")
	}
}

func (c *client) step() {
	if c.held == nil {
		c.begin(c.rng.IntN(datasets))
		return
	}
	steps := []string{"draw", "result", "published", "burn", "close"}
	if c.rng.IntN(3) > 0 { // most of the time, what leads on
		steps = steps[:3]
	}
	c.use(steps[c.rng.IntN(len(steps))])
}

func (c *client) begin(dataset int) {
	r := request(fmt.Sprint("d-", dataset), planA, budget.Cost{Rho: 1})
	r.Retries = 1
	var b *Begun
	c.timed(call{step: "begin", dataset: dataset}, func() string {
		var err error
		if b, err = c.l.Begin(r); err != nil {
			return tell(err)
		}
		return fmt.Sprint([]string{Granted: "granted ", Resume: "resume ", Served: "served "}[b.Status], b.Attempt)
	})
	if b != nil && b.Token != nil {
		c.held, c.of = b, dataset
	}
}

func (c *client) use(step string) {
	tok := c.held.Token
	c.timed(call{step: step, dataset: c.of, attempt: tok.Attempt()}, func() string {
		switch step {
		case "draw":
			m, err := tok.Draw()
			if err == nil {
				_, err = m.Take("mean steps/sum")
			}
			return tell(err)
		case "result":
			return tell(tok.Result(files))
		case "published":
			return tell(tok.Published())
		case "burn":
			return tell(tok.Burn("staged files are gone"))
		}
		return tell(tok.Close())
	})
	if step == "close" {
		c.held = nil
	}
}

func (c *client) timed(what call, do func() string) {
	from := monotonic()
	told := do()
	to := monotonic()
	c.report(porcupine.Operation{ClientId: c.id, Input: what, Call: from, Output: told, Return: to})
}

// monotonic is in nanoseconds, the same for every process of the machine.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

// together runs these clients at once and returns their history.
func together(handles []*Ledger, seed uint64, first int) (history []porcupine.Operation) {
	var all sync.WaitGroup
	var mu sync.Mutex
	begin := make(chan struct{})
	for i, l := range handles {
		c := &client{l: l, id: first + i, rng: rand.New(rand.NewPCG(seed, uint64(first+i))), report: func(op porcupine.Operation) {
			mu.Lock()
			defer mu.Unlock()
			history = append(history, op)
		}}
		all.Go(func() {
			<-begin
			c.run()
		})
	}
	close(begin)
	all.Wait()
	return history
}

// historyOver runs 8 clients over 4 handles of one new ledger. With a fork, half of them work on a copy of the folder,
// which is a view that stays behind.
func historyOver(t *testing.T, seed uint64, d disk, fork bool) []porcupine.Operation {
	_, dir := newLedger(t, budget.Caps{Lifetime: budget.Cost{Rho: charges}, Year: vast})
	copied := dir
	if fork {
		copied = filepath.Join(t.TempDir(), "copy")
		if err := errors.Join(os.CopyFS(copied, os.DirFS(dir)), os.Chmod(copied, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	var handles []*Ledger
	for i := range clients {
		if i%2 == 1 {
			handles = append(handles, handles[i-1])
			continue
		}
		o := at(march)
		o.KeyFile, o.disk = keyOf(dir), d
		l, err := Open([]string{dir, copied}[i/2%2], o)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		handles = append(handles, l)
	}
	return together(handles, seed, 0)
}

func TestHistoriesAreLinearizable(t *testing.T) {
	from, histories := seedOf(t), 16
	if *long {
		histories = 300
	}
	count, told := 0, map[string]int{}
	for i := range histories {
		h := historyOver(t, from+uint64(i), osDisk{}, false)
		count += len(h)
		for _, op := range h {
			told[op.Output.(string)]++
		}
		if !porcupine.CheckOperations(linear, h) {
			t.Fatalf("history %d of seed %d is not linearizable: %v", i, from, h)
		}
	}
	t.Logf("%d operations in %d histories, all linearizable; told %v", count, histories, told)
	for _, want := range []string{"granted 2", "resume 1", "served 1", "over budget", "burned", "in progress", "drawn already", "out of order"} {
		if *long && told[want] == 0 {
			t.Errorf("nobody was told %q", want)
		}
	}
	for name, broken := range map[string]func(uint64) []porcupine.Operation{
		"without the lock":                     func(s uint64) []porcupine.Operation { return historyOver(t, s, lockless{osDisk{}}, false) },
		"a copy of the folder, its view stale": func(s uint64) []porcupine.Operation { return historyOver(t, s, osDisk{}, true) },
	} {
		if !findsBroken(from, broken) {
			t.Errorf("the broken variant, %s: 20 histories are linearizable", name)
		}
	}
}

func findsBroken(from uint64, history func(seed uint64) []porcupine.Operation) bool {
	for i := range uint64(20) {
		if !porcupine.CheckOperations(linear, history(from+i)) {
			return true
		}
	}
	return false
}

// linearChild takes lines "dir seed first", runs two clients with a handle each on the ledger there, prints what they
// did and then "done".
func linearChild(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var dir string
		var seed uint64
		var first int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %d", &dir, &seed, &first); err != nil {
			return err
		}
		o := at(march)
		o.KeyFile = keyOf(dir)
		a, err1 := Open(dir, o)
		b, err2 := Open(dir, o)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		for _, op := range together([]*Ledger{a, b}, seed, first) {
			c := op.Input.(call)
			fmt.Fprintf(out, "%d %s %d %d %d %d %q\n", op.ClientId, c.step, c.dataset, c.attempt, op.Call, op.Return, op.Output)
		}
		fmt.Fprintln(out, "done")
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// helper is a process that runs two clients of each history.
type helper struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

// history reads what its clients did in the history that it was told to take part in.
func (h helper) history() (some []porcupine.Operation, err error) {
	for h.out.Scan() && h.out.Text() != "done" {
		var op porcupine.Operation
		var c call
		var told string
		if _, err := fmt.Sscanf(h.out.Text(), "%d %s %d %d %d %d %q",
			&op.ClientId, &c.step, &c.dataset, &c.attempt, &op.Call, &op.Return, &told); err != nil {
			return nil, fmt.Errorf("%s: %w", h.out.Text(), err)
		}
		op.Input, op.Output = c, told
		some = append(some, op)
	}
	return some, h.out.Err()
}

func TestHistoriesOfProcessesAreLinearizable(t *testing.T) {
	from, histories, count := seedOf(t), 10, 0
	if *long {
		histories = 100
	}
	helpers := make([]helper, clients/2)
	for i := range helpers {
		cmd, in, out := startWithInput(t, "LEDGER_TEST_CHILD=linear")
		helpers[i] = helper{in, out}
		defer cmd.Wait()
		defer in.Close()
	}
	overlaps := 0
	for i := range histories {
		_, dir := newLedger(t, budget.Caps{Lifetime: budget.Cost{Rho: charges}, Year: vast})
		for k, h := range helpers {
			fmt.Fprintln(h.in, dir, from+uint64(i), 2*k)
		}
		var all []porcupine.Operation
		for _, h := range helpers {
			some, err := h.history()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, some...)
		}
		count += len(all)
		overlaps += overlapping(all)
		if !porcupine.CheckOperations(linear, all) {
			t.Fatalf("history %d of seed %d is not linearizable: %v", i, from, all)
		}
	}
	if overlaps == 0 || count < histories*clients*perClient {
		t.Errorf("%d operations, %d of them at the same time as one of another process: that shows nothing", count, overlaps)
	}
	t.Logf("%d operations in %d histories over %d processes, all linearizable; %d were concurrent with another process's",
		count, histories, len(helpers), overlaps)
}

// overlapping counts the operations that another process's was concurrent with.
func overlapping(all []porcupine.Operation) (n int) {
	for _, a := range all {
		for _, b := range all {
			if a.ClientId/2 != b.ClientId/2 && a.Call <= b.Return && b.Call <= a.Return {
				n++
				break
			}
		}
	}
	return n
}

// The model is the naive one, and refuses what no ledger may answer.
func TestLinearModelRefusesWrongHistories(t *testing.T) {
	begin := func(id int, told string, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: id, Input: call{step: "begin"}, Output: told, Call: from, Return: to}
	}
	draw := func(id int, told string, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: id, Input: call{step: "draw", attempt: 1}, Output: told, Call: from, Return: to}
	}
	for name, tt := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"one waits":          {[]porcupine.Operation{begin(0, "granted 1", 1, 4), begin(1, "in progress", 2, 3)}, true},
		"two are granted":    {[]porcupine.Operation{begin(0, "granted 1", 1, 4), begin(1, "granted 1", 2, 3)}, false},
		"waits for nobody":   {[]porcupine.Operation{begin(1, "in progress", 1, 2), begin(0, "granted 1", 3, 4)}, false},
		"drawn twice":        {[]porcupine.Operation{begin(0, "granted 1", 1, 2), draw(0, "ok", 3, 5), draw(1, "ok", 4, 6)}, false},
		"drawn before grant": {[]porcupine.Operation{draw(1, "ok", 1, 2), begin(0, "granted 1", 3, 4)}, false},
	} {
		if got := porcupine.CheckOperations(linear, tt.history); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}
