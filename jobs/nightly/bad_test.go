package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// A bad is one kind of bad input: how a good working folder is spoilt, what is
// typed, and which exit code follows.
type bad struct {
	name  string
	spoil func(b *bench)
	args  string // after `nightly`; empty for `run --new-ledger`
	code  int
}

// a bench is the working folder of one case: source, p.yaml, and what a run makes.
type bench struct {
	*testing.T
	dir     string
	nobody  bool // run as a user who may not write everywhere
	skipped string
	env     []string
}

const messages = "testdata/messages.txtar"

// TestBadInput gives the program every kind of bad input that we know. Each
// message is in testdata/messages.txtar, which reads as a list of them; none
// holds a value of a row.
func TestBadInput(t *testing.T) {
	golden, err := txtar.ParseFile(messages)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := map[string]string{}
	if golden != nil {
		for _, f := range golden.Files {
			want[f.Name] = string(f.Data)
		}
	}
	cases := slices.Concat(badSources, badText, badPolicies, badCalls, badPlaces, badLedgers)
	got := make([]string, len(cases))
	t.Run("kinds", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				got[i] = c.run(t)
				if !*update && got[i] != want[c.name] && got[i] != "" {
					t.Errorf("got\n%s\nwant\n%s", got[i], want[c.name])
				}
			})
		}
	})
	if *update {
		write(t, cases, got, want)
	}
}

func write(t *testing.T, cases []bad, got []string, have map[string]string) {
	a := &txtar.Archive{Comment: []byte("What nightly says to bad input, by the kinds of bad_test.go. Written by go test ./jobs/nightly -run BadInput -update.\n")}
	for i, c := range cases {
		if got[i] == "" {
			got[i] = have[c.name] // skipped here
		}
		a.Files = append(a.Files, txtar.File{Name: c.name, Data: []byte(got[i])})
	}
	if err := os.WriteFile(messages, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run spoils a folder, runs the program in it and gives what it said.
func (c bad) run(t *testing.T) string {
	b := &bench{T: t, dir: t.TempDir()}
	smallSource(t, filepath.Join(b.dir, "source"))
	b.policy()
	if c.spoil != nil {
		c.spoil(b)
	}
	if b.skipped != "" {
		t.Skip(b.skipped)
	}
	args := []string{"run", "--new-ledger"}
	if c.args != "" {
		args = strings.Fields(c.args)
	}
	text, code := b.nightly(args...)
	if code != c.code {
		t.Errorf("exit code: got %d, want %d\n%s", code, c.code, text)
	}
	return fmt.Sprintf("$ nightly %s\n%sexit code %d\n", strings.Join(args, " "), text, code)
}

// nightly runs the program and gives its messages, without what is not the
// same everywhere.
func (b *bench) nightly(args ...string) (string, int) {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Args[0] = "nightly"
	cmd.Dir = b.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LETHE_POLICY=p.yaml", "LETHE_SOURCE=source", "LETHE_DATE=2026-04-02", "LETHE_THREADS=1"}, b.env...)
	if b.nobody {
		b.as(cmd, exe)
	}
	var out, err2 bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err2
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !asExit(err, &exit) {
		b.Fatal(err)
	}
	for _, text := range []string{out.String(), err2.String()} {
		if strings.Contains(text, "CANARY") {
			b.Errorf("a value of a row is in the output:\n%s", text)
		}
	}
	return b.same(err2.String()), cmd.ProcessState.ExitCode()
}

func asExit(err error, to **exec.ExitError) bool {
	exit, ok := err.(*exec.ExitError)
	*to = exit
	return ok
}

// as runs the program as a user without rights, where the tests have them all.
func (b *bench) as(cmd *exec.Cmd, exe string) {
	if os.Getuid() != 0 {
		return
	}
	link := filepath.Join(b.dir, "nightly")
	if err := os.Link(exe, link); err != nil {
		b.Skip("the program cannot be linked to where another user may run it")
	}
	cmd.Path = link
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	b.must(os.Chmod(b.dir, 0o777))
	b.must(os.Chmod(filepath.Dir(b.dir), 0o755))
}

var (
	planHash  = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
	releaseID = regexp.MustCompile(`\b\d{4}-\d\d-\d\d-[a-z2-7]{16}\b`)
	progress  = regexp.MustCompile(`(?m)^(steps|people): .*\n`)
	ledgerID  = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	probe     = regexp.MustCompile(`probe-\d+`)
	year      = regexp.MustCompile(`year 20\d\d`)
)

func (b *bench) same(text string) string {
	text = strings.ReplaceAll(text, b.dir, "$DIR")
	text = planHash.ReplaceAllString(text, "HASH")
	text = releaseID.ReplaceAllString(text, "RELEASE")
	text = ledgerID.ReplaceAllString(text, "ID")
	text = year.ReplaceAllString(text, "year YYYY")
	text = probe.ReplaceAllString(text, "probe-PID")
	return progress.ReplaceAllString(text, "")
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// write makes a file, and the folders above it.
func (b *bench) write(name, text string) {
	b.Helper()
	b.must(os.MkdirAll(filepath.Dir(b.path(name)), 0o755))
	b.must(os.WriteFile(b.path(name), []byte(text), 0o644))
}

// policy writes the small policy with texts replaced.
func (b *bench) policy(replace ...string) {
	b.Helper()
	text, err := os.ReadFile("testdata/small.yaml")
	b.must(err)
	for i := 0; i+1 < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			b.Fatalf("the small policy does not hold %q", replace[i])
		}
		text = []byte(strings.ReplaceAll(string(text), replace[i], replace[i+1]))
	}
	b.write("p.yaml", string(text))
}

// dataset puts one more dataset into the small policy.
func (b *bench) dataset(text string) { b.policy("datasets:\n", "datasets:\n"+text) }

// activity replaces the activity by one file of the given columns.
func (b *bench) activity(columns ...column) {
	writeParquet(b, b.path("source/activity/part-0.parquet"), columns...)
}

// renamed gives the steps column another name.
func renamed(name string) func(*bench) {
	return func(b *bench) {
		columns := oneDay([]int64{7})
		columns[3].name = name
		b.activity(columns...)
	}
}

// replacing changes the small policy.
func replacing(texts ...string) func(*bench) { return func(b *bench) { b.policy(texts...) } }

// capped makes a ledger whose caps are lower than the policy's.
func capped(c budget.Caps) func(*bench) {
	return func(b *bench) {
		l, err := ledger.Create(b.path(".lethe/ledger"), ledger.Options{KeyFile: b.path(".lethe/ledger.key")})
		b.must(err)
		b.must(l.SetCaps(ledger.Account{Population: "small-accounts"}, c))
		b.must(l.Close())
	}
}
