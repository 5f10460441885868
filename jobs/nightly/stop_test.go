package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestStopped tells a run to stop in the middle of its work: it ends with the
// signal's code and a last line that says how things stand, and the next run
// goes on with the charges that were made.
func TestStopped(t *testing.T) {
	for _, stop := range []struct {
		signal os.Signal
		code   int
	}{{os.Interrupt, 130}, {syscall.SIGTERM, 143}} {
		b := &bench{T: t, dir: t.TempDir()}
		smallSource(t, b.path("source"))
		b.policy()
		last, code := b.stopped(stop.signal)
		if code != stop.code {
			t.Errorf("%v: exit code: got %d, want %d", stop.signal, code, stop.code)
		}
		if want := "nightly: stopped by a signal: no release is half delivered; run the same command again to go on"; !strings.HasPrefix(last, want) {
			t.Errorf("%v: last line: got %q, want %q…", stop.signal, last, want)
		}
		before, err := os.ReadFile(b.path(".lethe/ledger/log"))
		b.must(err)
		if text, code := b.nightly("run"); code != 0 {
			t.Errorf("the next run: exit code %d\n%s", code, text)
		}
		after, err := os.ReadFile(b.path(".lethe/ledger/log"))
		b.must(err)
		if got, want := strings.Count(string(after), `"kind":"CHARGE"`), strings.Count(string(before), `"kind":"CHARGE"`); got != want {
			t.Errorf("charges: got %d after the next run, want the %d of the stopped one", got, want)
		}
	}
}

// stopped starts a run that would take long and stops it while it aggregates.
func (b *bench) stopped(signal os.Signal) (last string, code int) {
	exe, err := os.Executable()
	b.must(err)
	cmd := exec.Command(exe, "run", "--new-ledger", "--shards", "1024")
	cmd.Args[0], cmd.Dir = "nightly", b.dir
	cmd.Env = []string{"LETHE_POLICY=p.yaml", "LETHE_SOURCE=source", "LETHE_DATE=2026-04-02", "LETHE_THREADS=1"}
	said, err := cmd.StderrPipe()
	b.must(err)
	b.must(cmd.Start())
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		last = lines.Text()
		if strings.HasSuffix(last, "aggregate 2/1024") {
			b.must(cmd.Process.Signal(signal))
		}
	}
	io.Copy(io.Discard, said)
	cmd.Wait() // its code is looked at
	return last, cmd.ProcessState.ExitCode()
}
