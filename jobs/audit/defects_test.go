package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// A defect is something that is wrong with a world, or that only looks so, and
// the exit code that follows.
type defect struct {
	name  string
	world func(testing.TB) *world // default goodNight
	spoil func(*world)
	args  string // after `audit`; default verify
	code  int
}

var defects = []defect{
	{name: "a good night"},
	{name: "a good night, all that can be looked at", spoil: func(w *world) {
		w.env["LETHE_GENESIS"] = w.book.Genesis()
		w.witnessed(true)
		w.copied()
	}},
	{name: "every kind of record, rotated keys, project and panel", world: rich},
	{name: "an unfinished append", spoil: func(w *world) {
		log := w.read("ledger/log")
		w.write("ledger/log", append(log, log[:300]...)[:len(log)+90])
	}},
	{name: "a release is staged, one is burned", spoil: func(w *world) {
		w.release(request("staged"), turn{until: "RESULT"})
		w.release(request("burned"), turn{until: "BURNED"})
		w.release(request("charged"), turn{until: "CHARGE"})
		w.release(request("drawn"), turn{until: "DRAW"})
	}},
	{name: "placed, and the process died before PUBLISHED", spoil: func(w *world) {
		w.release(request("placed"), turn{until: "RESULT", lies: true})
	}},

	{name: "no ledger", spoil: func(w *world) { w.must(os.Remove(w.path("ledger/log"))) }, code: 7},
	{name: "the ledger cannot be read", spoil: func(w *world) {
		w.must(os.Remove(w.path("ledger/log")))
		w.must(os.Symlink("log", w.path("ledger/log")))
	}, code: 3},
	{name: "the log is a folder", spoil: func(w *world) {
		w.must(os.Remove(w.path("ledger/log")))
		w.must(os.Mkdir(w.path("ledger/log"), 0o700))
	}, code: 3},
	{name: "an empty log", spoil: func(w *world) { w.write("ledger/log", nil) }, code: 7},
	{name: "a flipped bit", spoil: func(w *world) {
		log := w.read("ledger/log")
		log[bytes.Index(log, []byte("PUBLISHED"))] ^= 1
		w.write("ledger/log", log)
	}, code: 7},
	{name: "a flipped bit in the last signature", spoil: func(w *world) {
		log := w.read("ledger/log")
		at := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1 + signatureAt
		log[at] = "0123456789abcdef"[(strings.IndexByte("0123456789abcdef", log[at])+1)%16]
		w.write("ledger/log", log)
	}, code: 7},
	{name: "the log is cut, the releases show it", spoil: func(w *world) { w.cut(4) }, code: 7},
	{name: "an older copy of the folder, the copy of the checkpoint shows it", spoil: func(w *world) {
		w.older(func() {
			w.must(w.book.Annotate(1, "later"))
			w.copied()
		})
	}, code: 7},
	{name: "an older copy of the folder, the witness shows it", spoil: func(w *world) {
		w.older(func() {
			w.must(w.book.Annotate(1, "later"))
			w.witnessed(true)
		})
	}, code: 7},
	{name: "a fork, the witness shows it", spoil: func(w *world) {
		w.copyTree("ledger", "old")
		w.must(w.book.Annotate(1, "what was said first"))
		w.witnessed(true)
		w.must(os.RemoveAll(w.path("ledger")))
		w.must(os.Rename(w.path("old"), w.path("ledger")))
		l := w.reopen()
		w.must(l.Annotate(1, "what is said now"))
		w.must(l.Close())
	}, code: 7},
	{name: "another ledger in its place", spoil: func(w *world) {
		w.must(os.RemoveAll(w.path("ledger")))
		w.must(os.Remove(w.path("ledger.key")))
		w.env["LETHE_GENESIS"] = w.book.Genesis()
		l, err := ledger.Create(w.path("ledger"), w.options())
		w.must(err)
		w.must(l.Close())
	}, code: 7},
	{name: "another genesis is pinned", spoil: func(w *world) { w.env["LETHE_GENESIS"] = planA }, code: 7},
	{name: "a history written with the key", spoil: func(w *world) {
		w.forge(replace("CHARGE", `"cells":60`, `"cells":61`))
	}, code: 7},
	{name: "a charge over the cap, written with the key", spoil: func(w *world) { w.forge(after("POLICY", budgetOf("", 1e9))) }, code: 7},
	{name: "a raise without signatures, written with the key", spoil: func(w *world) { w.forge(after("POLICY", budgetOf("", 2e12))) }, code: 7},
	{name: "two draws, written with the key", spoil: func(w *world) { w.forge(last("DRAW")) }, code: 7},

	{name: "no copy of the checkpoint", spoil: func(w *world) { w.env["LETHE_CHECKPOINT_COPY"] = w.path("nowhere") }, code: 3},
	{name: "the copy is behind", spoil: func(w *world) {
		w.copied()
		w.must(w.book.Annotate(1, "later"))
	}},
	{name: "the copy is no checkpoint", spoil: func(w *world) {
		w.copied()
		w.write("copies/"+strings.TrimPrefix(w.origin(), "lethe/")+".checkpoint", []byte("nothing\n"))
	}, code: 7},
	{name: "an unwitnessed tail", spoil: func(w *world) {
		w.witnessed(true)
		w.must(w.book.Annotate(1, "one"))
		w.must(w.book.Annotate(1, "two"))
	}},
	{name: "no witness's file", spoil: func(w *world) {
		w.witnessed(true)
		w.must(os.Remove(w.path("witness.note")))
	}, code: 3},
	{name: "a witness of another key", spoil: func(w *world) {
		w.witnessed(true)
		vkey, err := ledger.NewKey(w.path("mallory.key"), "mallory")
		w.must(err)
		w.env["LETHE_WITNESS_KEY"] = vkey
	}, code: 7},
	{name: "the witness's checkpoint without his signature", spoil: func(w *world) {
		w.witnessed(true)
		c, err := w.book.Checkpoint()
		w.must(err)
		w.write("witness.note", c.Note)
	}, code: 7},
	{name: "the witness's checkpoint is of another ledger", spoil: func(w *world) {
		w.witnessed(true)
		note, vkey := w.read("witness.note"), w.env["LETHE_WITNESS_KEY"]
		other := newWorld(w.TB)
		w.must(os.RemoveAll(w.path("ledger")))
		w.must(os.RemoveAll(w.path("workspace")))
		w.must(os.CopyFS(w.path("ledger"), os.DirFS(other.path("ledger"))))
		w.write("witness.note", note)
		w.env["LETHE_WITNESS_KEY"] = vkey
	}, code: 7},

	{name: "no workspace", spoil: func(w *world) { w.must(os.RemoveAll(w.path("workspace"))) }, code: 3},
	{name: "the workspace cannot be read", spoil: func(w *world) {
		w.must(os.RemoveAll(w.path("workspace")))
		w.must(os.Symlink("workspace", w.path("workspace")))
	}, code: 3},
	{name: "a missing release", spoil: func(w *world) { w.must(os.RemoveAll(w.path(w.first("sleep")))) }, code: 3},
	{name: "a missing data file", spoil: func(w *world) { w.must(os.Remove(w.path(w.first("sleep") + "/data.parquet"))) }, code: 3},
	{name: "a missing manifest", spoil: func(w *world) { w.must(os.Remove(w.path(w.first("sleep") + "/manifest.json"))) }, code: 3},
	{name: "a folder for a data file", spoil: func(w *world) {
		name := w.path(w.first("sleep") + "/data.parquet")
		w.must(os.Remove(name))
		w.must(os.Mkdir(name, 0o700))
	}, code: 7},
	{name: "a changed data file", spoil: func(w *world) { w.write(w.first("sleep")+"/data.arrow", []byte("other bytes")) }, code: 7},
	{name: "a data file that leads elsewhere", spoil: func(w *world) {
		name := w.path(w.first("sleep") + "/data.arrow")
		w.must(os.Rename(name, w.path("elsewhere")))
		w.must(os.Symlink(w.path("elsewhere"), name))
	}, code: 7},
	{name: "one more file", spoil: func(w *world) { w.write(w.first("sleep")+"/raw.csv", []byte("a")) }, code: 7},
	{name: "a replaced manifest", spoil: func(w *world) { w.edit("sleep", `[]`, `["nothing to see here"]`) }, code: 7},
	{name: "a manifest in another form", spoil: func(w *world) { w.edit("sleep", `"rows": 1`, `"rows":1`) }, code: 7},
	{name: "a manifest in another's place", spoil: func(w *world) {
		w.write(w.first("sleep")+"/manifest.json", w.read(w.first("steps")+"/manifest.json"))
	}, code: 7},
	{name: "a release without a result", spoil: func(w *world) { w.release(request("early"), turn{until: "DRAW", lies: true}) }, code: 7},
	{name: "a burned release still lies there", spoil: func(w *world) { w.release(request("burned"), turn{until: "BURNED", lies: true}) }, code: 7},
	{name: "a withdrawn release still lies there", spoil: func(w *world) {
		w.must(w.book.WithdrawRelease(filepath.Base(w.first("sleep")), "found to be wrong"))
	}, code: 7},
	{name: "a manifest of nobody's making", spoil: func(w *world) {
		id := w.release(request("honest"), turn{until: "RESULT", lies: true})
		made := strings.Replace(id, "-30-", "-30-x", 1)
		text := bytes.ReplaceAll(w.read("workspace/honest/"+id+"/manifest.json"), []byte(id), []byte(made))
		w.must(os.Rename(w.path("workspace/honest/"+id), w.path("workspace/honest/"+made)))
		w.write("workspace/honest/"+made+"/manifest.json", text)
	}, code: 7},
	{name: "a release of another ledger", spoil: func(w *world) {
		other := newWorld(w.TB)
		other.release(request("foreign"), turn{})
		w.must(os.CopyFS(w.path("workspace"), os.DirFS(other.path("workspace"))))
	}, code: 7},

	untrueManifest("a manifest that understates its charge", func(w *world) turn {
		return turn{draft: func(m *release.Manifest) {
			m.Mechanisms = m.Mechanisms[1:]
			m.Guarantee.Loss = w.loss(budget.Cost{Rho: 500_000_000, Delta: 48})
		}}
	}),
	untrueManifest("a manifest with more noise than was drawn", func(*world) turn {
		return turn{draft: func(m *release.Manifest) {
			m.Mechanisms[1].Sigma *= 2
			m.Mechanisms[1].Event.Gaussian.NoiseMultiplier *= 2
		}}
	}),
	untrueManifest("a manifest with a lower ε than follows", func(*world) turn {
		return turn{draft: func(m *release.Manifest) { m.Guarantee.Epsilon /= 2 }}
	}),
	untrueManifest("population to date too low", func(w *world) turn {
		return turn{draft: func(m *release.Manifest) { m.ToDate = w.loss(cost) }}
	}),
	untrueManifest("another plan, policy and window", func(*world) turn {
		return turn{draft: func(m *release.Manifest) {
			m.Plan, m.Policy.Hash, m.Window.Start = planB, planA, "2026-03-01"
		}}
	}),
	untrueManifest("another population", func(*world) turn {
		return turn{draft: func(m *release.Manifest) { m.Population = "us" }}
	}),
	untrueManifest("a version of the policy that was not on record", func(*world) turn {
		return turn{draft: func(m *release.Manifest) { m.Policy.Version = 2 }}
	}),
	untrueManifest("a charge that paid for another release", func(w *world) turn {
		return turn{draft: func(m *release.Manifest) {
			const first = 3 // the first charge of a good night
			proof, err := w.book.Prove(first)
			w.must(err)
			for r, err := range w.book.Records() {
				w.must(err)
				if r.Seq == first {
					m.Charge = release.ChargeOf(first, r.Hash, w.book.Genesis(), proof)
				}
			}
		}}
	}),
	untrueManifest("a proof that the ledger's key did not sign", func(w *world) turn {
		return turn{draft: func(m *release.Manifest) {
			at := len(m.Charge.Proof) - 1
			name, _, _ := strings.Cut(m.Charge.Proof[at], "+")
			m.Charge.Proof[at] = name[:len(name)-len(name[strings.LastIndex(name, " "):])] + " AAAAAA=="
		}}
	}),

	{name: "several things at once", spoil: func(w *world) {
		w.must(os.RemoveAll(w.path(w.first("sleep"))))
		w.write(w.first("steps")+"/data.arrow", []byte("other bytes"))
		w.env["LETHE_GENESIS"] = planA
	}, code: 7},

	{name: "a hash that is none", args: "verify --genesis abc", code: 2},
	{name: "a witness without his key", args: "verify --witness x", code: 2},
	{name: "a key without its witness", args: "verify --witness-key x", code: 2},
	{name: "an unknown flag", args: "verify --fast", code: 2},
	{name: "an unknown command", args: "certify", code: 2},
	{name: "checkpoint of too many records", args: "checkpoint --size 99", code: 2},
	{name: "checkpoint without a ledger", spoil: func(w *world) { w.must(os.Remove(w.path("ledger/log"))) }, args: "checkpoint", code: 7},
	{name: "witness without a key", args: "witness --keep x", code: 2},
	{name: "witness with a key that is not there", args: "witness --key $DIR/none.key --keep $DIR/note --first", code: 3},
	{name: "witness for the first time, and not told so", spoil: func(w *world) { w.newKey() }, args: "witness --key $DIR/walt.key --keep $DIR/note", code: 3},
	{name: "witness for the first time again", spoil: func(w *world) { w.witnessed(true) },
		args: "witness --key $DIR/walt.key --keep $DIR/witness.note --first", code: 3},
	{name: "witness of a ledger that was set back", spoil: func(w *world) {
		w.older(func() {
			w.must(w.book.Annotate(1, "later"))
			w.witnessed(true)
		})
	}, args: "witness --key $DIR/walt.key --keep $DIR/witness.note", code: 7},
	{name: "witness of a ledger that goes on", spoil: func(w *world) {
		w.witnessed(true)
		w.must(w.book.Annotate(1, "later"))
	}, args: "witness --key $DIR/walt.key --keep $DIR/witness.note"},
	{name: "key over another", spoil: func(w *world) { w.newKey() }, args: "key $DIR/walt.key --name walt", code: 3},
	{name: "key in no folder", args: "key $DIR/none/walt.key --name walt", code: 3},
	{name: "key without a name", args: "key $DIR/walt.key", code: 2},
	{name: "key of a name that is none", args: "key $DIR/walt.key --name Walt", code: 2},
}

// untrueManifest is a release whose manifest RESULT has as it is, and which does
// not say what the ledger says.
func untrueManifest(name string, how func(*world) turn) defect {
	return defect{name: name, spoil: func(w *world) { w.release(request("untrue"), how(w)) }, code: 7}
}

// cut takes records off the end of the log.
func (w *world) cut(records int) {
	w.Helper()
	lines := bytes.SplitAfter(w.read("ledger/log"), []byte("\n"))
	w.write("ledger/log", bytes.Join(lines[:len(lines)-1-records], nil))
}

// older lets something happen, and puts back the folder of before.
func (w *world) older(happens func()) {
	w.Helper()
	w.copyTree("ledger", "old")
	happens()
	w.must(os.RemoveAll(w.path("ledger")))
	w.must(os.Rename(w.path("old"), w.path("ledger")))
}

func (w *world) reopen() *ledger.Ledger {
	w.Helper()
	l, err := ledger.Open(w.path("ledger"), w.options())
	w.must(err)
	return l
}

func (w *world) origin() string {
	w.Helper()
	c, err := w.book.Checkpoint()
	w.must(err)
	return c.Origin
}

// newKey makes the witness's key.
func (w *world) newKey() {
	w.Helper()
	vkey, err := ledger.NewKey(w.path("walt.key"), "walt")
	w.must(err)
	w.env["LETHE_WITNESS_KEY"] = vkey
}

// witnessed lets a witness vouch, and names him to the program.
func (w *world) witnessed(first bool) {
	w.Helper()
	w.newKey()
	w.env["LETHE_WITNESS"] = w.path("witness.note")
	_, err := ledger.Witness{KeyFile: w.path("walt.key"), File: w.path("witness.note"), First: first}.Vouch(w.path("ledger"), nil)
	w.must(err)
}

// copied keeps a copy of the newest checkpoint, and names its folder to the
// program.
func (w *world) copied() {
	w.Helper()
	w.must(os.MkdirAll(w.path("copies"), 0o700))
	c, err := w.book.Checkpoint()
	w.must(err)
	w.write("copies/"+strings.TrimPrefix(c.Origin, "lethe/")+".checkpoint", c.Note)
	w.env["LETHE_CHECKPOINT_COPY"] = w.path("copies")
}

// edit replaces a text in the manifest of a dataset.
func (w *world) edit(dataset, old, new string) {
	w.Helper()
	name := w.first(dataset) + "/manifest.json"
	text := bytes.Replace(w.read(name), []byte(old), []byte(new), 1)
	if bytes.Equal(text, w.read(name)) {
		w.Fatalf("the manifest does not hold %q", old)
	}
	w.write(name, text)
}

const messages = "testdata/messages.txtar"

// TestDefects gives the program every defect that we know. What it says to each
// is in testdata/messages.txtar. It writes nothing.
func TestDefects(t *testing.T) {
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
	got := make([]string, len(defects))
	t.Run("each", func(t *testing.T) {
		for i, c := range defects {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				got[i] = c.run(t)
				if !*update && got[i] != want[c.name] {
					t.Errorf("got\n%s\nwant\n%s", got[i], want[c.name])
				}
			})
		}
	})
	if len(want) != len(defects) && !*update {
		t.Errorf("%s has %d messages, and there are %d defects", messages, len(want), len(defects))
	}
	if *update {
		writeMessages(t, got)
	}
}

// run spoils a world, runs the program on it and gives what it said.
func (c defect) run(t *testing.T) string {
	t.Helper()
	make := c.world
	if make == nil {
		make = goodNight
	}
	w := make(t)
	if c.spoil != nil {
		c.spoil(w)
	}
	args := []string{"verify"}
	if c.args != "" {
		args = strings.Fields(c.args)
	}
	writes := args[0] == "witness" || args[0] == "key"
	if !writes {
		defer func(before string) {
			if w.inside() != before {
				t.Error("the program changed a file")
			}
		}(w.inside())
	}
	shown := strings.Join(args, " ")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$DIR", w.dir)
	}
	text, code := w.audit(args...)
	if code != c.code {
		t.Errorf("exit code: got %d, want %d\n%s", code, c.code, text)
	}
	return fmt.Sprintf("$ audit %s\n%sexit code %d\n", shown, text, code)
}

func writeMessages(t *testing.T, got []string) {
	t.Helper()
	a := &txtar.Archive{Comment: []byte("What audit says to defects, by the names of defects_test.go. Written by go test ./jobs/audit -run Defects -update.\n")}
	for i, c := range defects {
		a.Files = append(a.Files, txtar.File{Name: c.name, Data: []byte(got[i])})
	}
	if err := os.WriteFile(messages, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
