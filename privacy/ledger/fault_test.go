package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/privacy/budget"
)

// disk is a log whose writes and fsyncs fail on demand, and which remembers what a loss of power would leave.
type disk struct {
	file
	fault   string
	durable []byte // the log as of the last fsync that did its work
}

var errDisk = errors.New("the disk failed")

func (d *disk) WriteAt(p []byte, off int64) (int, error) {
	switch d.fault {
	case "write fails":
		return 0, errDisk
	case "write stops half-way":
		n, err := d.file.WriteAt(p[:len(p)/2], off)
		return n, errors.Join(err, errDisk)
	case "write is short and says nothing":
		return d.file.WriteAt(p[:len(p)-1], off)
	}
	return d.file.WriteAt(p, off)
}

func (d *disk) Sync() error {
	switch d.fault {
	case "fsync fails":
		return errDisk
	case "fsync lies":
		return nil
	}
	all, err := io.ReadAll(io.NewSectionReader(d.file, 0, 1<<30))
	d.durable = all
	return err
}

// onDisk returns a ledger on a disk.
func onDisk(t *testing.T) (*Ledger, *disk, string) {
	_, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	l := reopen(t, dir, at(march))
	d := &disk{file: l.log}
	l.log = d
	return l, d, dir
}

// steps is the life of a release, each step with what the one before made. A step that fails and still hands something
// out returns errGaveOut.
var steps = []struct {
	name string
	do   func(l *Ledger, tok **Token) error
}{
	{"SetCaps", func(l *Ledger, _ **Token) error {
		return l.SetCaps("eu", budget.Caps{Lifetime: vast, Year: budget.Cost{Rho: 1e15, Delta: 1e15}})
	}},
	{"Begin", func(l *Ledger, tok **Token) error {
		b, err := l.Begin(request("steps", planA, small))
		if b != nil {
			*tok = b.Token
		}
		return gaveOut(err, b != nil)
	}},
	{"Draw", func(_ *Ledger, tok **Token) error {
		m, err := (*tok).Draw()
		if err != nil {
			return gaveOut(err, m != nil)
		}
		_, err1 := m.Take("mean steps/sum")
		_, err2 := m.Take("count")
		return errors.Join(err1, err2)
	}},
	{"Result", func(_ *Ledger, tok **Token) error { return (*tok).Result(files) }},
	{"Burn", func(_ *Ledger, tok **Token) error { return (*tok).Burn("staged files are gone") }},
}

var errGaveOut = errors.New("a step failed and gave something out")

func gaveOut(err error, something bool) error {
	if err != nil && something {
		return fmt.Errorf("%w: %w", errGaveOut, err)
	}
	return err
}

// checkDurable runs the life of a release and says whether every record whose step returned was on the disk by then.
func checkDurable(l *Ledger, d *disk, dir string) error {
	var tok *Token
	for i, s := range steps {
		if err := s.do(l, &tok); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "log"), d.durable, 0o600); err != nil {
			return err
		}
		after, err := Open(dir, Options{})
		if err != nil {
			return fmt.Errorf("after %s and a loss of power: %w", s.name, err)
		}
		after.Close()
		if want := int64(3 + i); after.seq != want {
			return fmt.Errorf("after %s and a loss of power there are %d records, want %d", s.name, after.seq, want)
		}
	}
	return tok.Close()
}

func TestNothingIsHandedOutBeforeItIsDurable(t *testing.T) {
	l, d, _ := onDisk(t)
	if err := checkDurable(l, d, t.TempDir()); err != nil {
		t.Error(err)
	}
	l, d, _ = onDisk(t)
	if _, err := l.Begin(request("other", planA, small)); err != nil {
		t.Fatal(err)
	}
	d.fault = "fsync lies" // the broken variant: a ledger that goes on without its fsync
	if err := checkDurable(l, d, t.TempDir()); err == nil {
		t.Error("without fsync: the check found nothing")
	}
}

// Whatever step a fault hits, nothing is handed out, the handle refuses everything from then on, and the next handle
// finds either the step's record or no trace of it.
func TestFaultPoisonsTheHandle(t *testing.T) {
	for i, hit := range steps {
		for _, fault := range []string{
			"write fails", "write stops half-way", "write is short and says nothing", "fsync fails",
		} {
			t.Run(hit.name+"/"+fault, func(t *testing.T) {
				l, d, dir := onDisk(t)
				var tok *Token
				for _, s := range steps[:i] {
					if err := s.do(l, &tok); err != nil {
						t.Fatal(err)
					}
				}
				before, spent := l.seq, l.state.populations["eu"].lifetime
				if i == 0 { // the first fsync of a handle is for what others wrote
					if err := l.exclusive(func() error { return nil }); err != nil {
						t.Fatal(err)
					}
				}
				d.fault = fault
				if err := hit.do(l, &tok); !errors.Is(err, ErrPoisoned) || errors.Is(err, errGaveOut) {
					t.Errorf("got %v, want ErrPoisoned and nothing else", err)
				}
				d.fault = ""
				if _, err := l.Begin(request("next", planA, small)); !errors.Is(err, ErrPoisoned) {
					t.Errorf("the next charge: got %v, want ErrPoisoned", err)
				}
				if tok != nil {
					tok.Close()
				}

				again := reopen(t, dir, at(march))
				written := fault == "fsync fails"
				want := before
				if written {
					want++
				}
				if again.seq != want {
					t.Errorf("the next handle finds %d records, want %d", again.seq, want)
				}
				if written && hit.name == "Begin" {
					spent = small
				}
				if got, _ := again.Spent("eu"); got != spent {
					t.Errorf("spent %v, want %v", got, spent)
				}
				if err := again.SetCaps("us", budget.Caps{}); err != nil {
					t.Errorf("append behind it: %v", err)
				}
				if got := reopen(t, dir, Options{}).seq; got != want+1 {
					t.Errorf("then it holds %d records, want %d", got, want+1)
				}
			})
		}
	}
}

// A record that a dead process wrote and did not fsync is made durable before anything is granted on it.
func TestOthersRecordsAreMadeDurableFirst(t *testing.T) {
	l, d, dir := onDisk(t)
	b, err := reopen(t, dir, at(march)).Begin(request("steps", planA, small))
	if err != nil {
		t.Fatal(err)
	}
	b.Token.Close()
	d.fault = "fsync fails"
	if b, err := l.Begin(request("steps", planA, small)); !errors.Is(err, ErrPoisoned) || b != nil {
		t.Errorf("got %v, %v, want ErrPoisoned and no grant", b, err)
	}
}

func TestLogChangedUnderAnOpenHandle(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(log string, data []byte) error
		want   string
	}{
		"restored": {func(log string, data []byte) error {
			return errors.Join(os.Remove(log), os.WriteFile(log, data, 0o600))
		}, "replaced"},
		"cut": {func(log string, data []byte) error {
			return os.Truncate(log, int64(strings.LastIndexByte(string(data[:len(data)-1]), '\n')+1))
		}, "vanished"},
		"overwritten": {func(log string, data []byte) error {
			data[len(data)-20] ^= 1
			return os.WriteFile(log, data, 0o600)
		}, "changed"},
		"gone": {func(log string, _ []byte) error { return os.Remove(log) }, "replaced"},
	} {
		l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
		log := filepath.Join(dir, "log")
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.change(log, data); err != nil {
			t.Fatal(err)
		}
		_, err = l.Begin(request("steps", planA, small))
		if !errors.Is(err, ErrCorrupt) || !errors.Is(err, ErrPoisoned) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want ErrCorrupt that says %s", name, err, tt.want)
		}
	}
}
