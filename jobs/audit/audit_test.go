package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lethe/privacy/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"audit": main})
}

// TestScripts are conversations with the program, in testdata/script. Each
// starts in an empty folder, and has
//
//	night DATASET…   publish the datasets into workspace, charged to .lethe/ledger, which is made the first time
//	back NAME        put the ledger back as it was at `keep NAME`
//	keep NAME        keep the ledger as it is
//	vkey FILE        set VKEY to what the file holds
//	exits CODE COMMAND…   run a command that ends with that exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"night": func(ts *testscript.TestScript, _ bool, args []string) { night(t, ts.MkAbs("."), args) },
			"keep":  func(ts *testscript.TestScript, _ bool, args []string) { put(ts, ".lethe/ledger", args[0]) },
			"back":  func(ts *testscript.TestScript, _ bool, args []string) { put(ts, args[0], ".lethe/ledger") },
			"exits": exits,
			"vkey": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv("VKEY", strings.TrimSpace(ts.ReadFile(args[0])))
			},
		},
	})
}

// night publishes datasets.
func night(t *testing.T, dir string, datasets []string) {
	ledgerIn := dir + "/.lethe"
	var w *world
	if _, err := os.Stat(ledgerIn + "/ledger"); err != nil {
		if err := os.MkdirAll(ledgerIn, 0o700); err != nil {
			t.Fatal(err)
		}
		w = newWorldIn(t, ledgerIn)
	} else {
		w = &world{TB: t, dir: ledgerIn, now: march}
		w.book = w.reopen()
	}
	defer w.book.Close()
	for _, d := range datasets {
		w.release(request(d), turn{})
	}
	w.must(os.MkdirAll(dir+"/workspace", 0o755))
	for _, d := range datasets {
		w.must(os.Rename(ledgerIn+"/workspace/"+d, dir+"/workspace/"+d))
	}
}

// put replaces a folder by a copy of another.
func put(ts *testscript.TestScript, from, to string) {
	ts.Check(os.RemoveAll(ts.MkAbs(to)))
	ts.Check(os.CopyFS(ts.MkAbs(to), os.DirFS(ts.MkAbs(from))))
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := "exit status " + args[0]
	if err := ts.Exec(args[1], args[2:]...); err == nil || err.Error() != code {
		ts.Fatalf("got %v, want %s", err, code)
	}
}

// TestJSON: what the checks print is there as data, with exact amounts.
func TestJSON(t *testing.T) {
	w := goodNight(t)
	w.write(w.first("steps")+"/data.arrow", []byte("other bytes"))
	w.env["LETHE_JSON"] = "true"
	out, _, code := w.run("verify")
	var r report
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name+" "+string(c.Status))
	}
	want := "log ok, signatures ok, genesis skipped, copy skipped, witness skipped, balances ok, releases failed"
	if got := strings.Join(names, ", "); got != want || code != 7 || r.Code != 7 {
		t.Errorf("got %s, exit codes %d and %d, want %s and 7", got, code, r.Code, want)
	}
	if f := r.Checks[6].Findings; len(f) != 1 || f[0].Kind != changed || !strings.HasPrefix(f[0].Release, "2026-03-30-") {
		t.Errorf("got findings %v, want one that steps changed", f)
	}
	if r.Genesis != w.book.Genesis() || r.Records != 15 || len(r.Balances) != 2 {
		t.Errorf("got genesis %s, %d records, %d balances", r.Genesis, r.Records, len(r.Balances))
	}
	got, exact := r.Balances[0], costReport{"0.0021", "2.88e-16", "0"}
	if got.Spent != exact || got.Left.Rho != "0.9979" || got.Scope != "lifetime" || got.AtDelta != "1e-9" {
		t.Errorf("got balance %+v, want %+v spent", got, exact)
	}
	for _, list := range []string{`"notes": null`, `"findings": null`} {
		if strings.Contains(out, list) {
			t.Errorf("a list is null: %s", list)
		}
	}
}

// TestCheckpoint: what is printed is the note that the ledger's key signed, and
// of a size, the one of then.
func TestCheckpoint(t *testing.T) {
	w := goodNight(t)
	for _, size := range []string{"1", "7", "15"} {
		out, _, code := w.run("checkpoint", "--size", size)
		c, err := ledger.ParseCheckpoint([]byte(out))
		if err != nil || code != 0 || w.book.Check(ledger.Evidence{Seen: "stdout", Note: []byte(out)}) != nil {
			t.Errorf("size %s: got %v, exit code %d and %q", size, err, code, out)
		}
		if newest, _, _ := w.run("checkpoint"); (newest == out) != (size == "15") || c.Origin != w.origin() {
			t.Errorf("size %s: got %q, and %q without a size", size, out, newest)
		}
	}
}

// TestVerifyWhileNightsGoOn: releases are delivered, the copy is kept and a
// witness vouches while verify runs; it sees nothing wrong.
func TestVerifyWhileNightsGoOn(t *testing.T) {
	w := goodNight(t)
	w.witnessed(true)
	w.copied()
	w.must(w.book.Close())
	o := w.options()
	o.Copy = w.path("copies")
	var err error
	w.book, err = ledger.Open(w.path("ledger"), o)
	w.must(err)
	done, ended := make(chan bool), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-done:
				ended <- n
				return
			default:
			}
			if out, messages, code := w.run("verify"); code != 0 {
				t.Errorf("exit code %d\n%s%s", code, out, messages)
			}
			n++
		}
	}()
	witness := ledger.Witness{KeyFile: w.path("walt.key"), File: w.path("witness.note")}
	for n := range 15 {
		w.releaseWhole(request(fmt.Sprintf("night-%d", n)))
		_, err := witness.Vouch(w.path("ledger"), nil)
		w.must(err)
	}
	close(done)
	if n := <-ended; n == 0 {
		t.Error("verify never ran meanwhile")
	} else {
		t.Logf("verify ran %d times over 15 nights", n)
	}
}

// releaseWhole is release, as deliver does it: the folder appears at once.
func (w *world) releaseWhole(r ledger.Request) {
	w.Helper()
	hidden := &world{TB: w.TB, dir: w.path("hidden"), now: w.now, book: w.book}
	hidden.release(r, turn{placed: func(id string) {
		w.must(os.MkdirAll(w.path("workspace/"+r.Dataset), 0o755))
		w.must(os.Rename(hidden.path("workspace/"+r.Dataset+"/"+id), w.path("workspace/"+r.Dataset+"/"+id)))
	}})
}

// TestReadersThatDisagree: where one reader takes a log and the other does not,
// that is a finding of its own.
func TestReadersThatDisagree(t *testing.T) {
	w := goodNight(t)
	log := w.read("ledger/log")
	good, bad := recount(bytes.NewReader(log)), recount(bytes.NewReader(log))
	bad.fault(3, "a fault that package ledger does not see")
	for _, c := range []struct {
		name string
		a    audit
		want bool
	}{
		{"both take it", audit{book: w.book, own: good}, false},
		{"both refuse it", audit{refuse: ledger.ErrCorrupt, own: bad}, false},
		{"the recount refuses it", audit{book: w.book, own: bad}, true},
		{"package ledger refuses it", audit{refuse: ledger.ErrCorrupt, own: good}, true},
		{"package ledger cannot read it", audit{refuse: os.ErrPermission, own: good}, false},
	} {
		c.a.settings = &settings{ledger: "ledger"}
		got := false
		for _, f := range c.a.log().Findings {
			got = got || f.Kind == disagreement
		}
		if got != c.want {
			t.Errorf("%s: got a finding %v, want %v", c.name, got, c.want)
		}
	}
}

// TestLinks: an auditor's program links neither the engine nor the noise nor the
// formats of data, and of ours only what reads the ledger and manifests.
func TestLinks(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if unwelcome(path) {
			t.Errorf("the program links %s", path)
		}
	}
	for _, path := range []string{"github.com/duckdb/duckdb-go/v2/mapping", "github.com/apache/arrow/go/v15/arrow",
		"github.com/google/differential-privacy/go/v3/noise", "lethe/pipeline", "lethe/pipeline/duck", "lethe/transforms"} {
		if !unwelcome(path) {
			t.Errorf("%s would pass", path)
		}
	}
}

func unwelcome(path string) bool {
	for _, library := range []string{"github.com/duckdb/", "github.com/apache/", "github.com/google/differential-privacy"} {
		if strings.HasPrefix(path, library) {
			return true
		}
	}
	ours, is := strings.CutPrefix(path, "lethe/")
	switch ours {
	case "jobs/audit", "jobs/door", "pipeline/release", "pipeline/policy", "privacy/ledger", "privacy/budget", "transforms/ladder":
		return false
	}
	return is
}

// TestRecountIsItsOwn: the second reader shares no code with the first but the
// way amounts are written.
func TestRecountIsItsOwn(t *testing.T) {
	for _, name := range []string{"recount.go", "recount_body.go", "recount_budget.go", "recount_rules.go", "recount_sign.go", "recount_tree.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{`"lethe/privacy/ledger"`, `"golang.org/x/mod`, `"github.com/transparency-dev`, "ledger."} {
			for line := range bytes.Lines(text) {
				code, _, _ := bytes.Cut(line, []byte("//"))
				if bytes.Contains(code, []byte(other)) && !bytes.Contains(code, []byte("keyring.ledger")) && !bytes.Contains(code, []byte("k.ledger")) {
					t.Errorf("%s uses %s: %s", name, other, line)
				}
			}
		}
	}
}
