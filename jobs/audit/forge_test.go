package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/privacy/ledger"
)

// bodies takes a log apart into what its records say.
func bodies(log []byte) (out []string) {
	for line := range strings.Lines(string(log)) {
		out = append(out, strings.TrimSuffix(line[bodyAt:], "\n"))
	}
	return out
}

var number = regexp.MustCompile(`^\{"seq":[0-9]+`)

// renumbered gives each body the number of its place.
func renumbered(all []string) []string {
	out := make([]string, len(all))
	for i, b := range all {
		out[i] = number.ReplaceAllString(b, fmt.Sprintf(`{"seq":%d`, i))
	}
	return out
}

// forged is the log that whoever holds the ledger's key makes of bodies: chain,
// tree and signatures hold.
func forged(t testing.TB, keyFile string, all []string) []byte {
	t.Helper()
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewSigner(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	var before []byte
	var stored []tlog.Hash
	tree := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, _ error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for n, body := range all {
		hash := sha256.Sum256(append(bytes.Clone(before), body...))
		more, err := tlog.StoredHashes(int64(n), hash[:], tree)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		root, err := tlog.TreeHash(int64(n)+1, tree)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := key.Sign(fmt.Appendf(nil, "%s\n%d\n%v\n", key.Name(), n+1, root))
		if err != nil {
			t.Fatal(err)
		}
		before = fmt.Appendf(nil, "%08x %x %x %s\n", len(body), hash, signature, body)
		log.Write(before)
	}
	return log.Bytes()
}

// frames are the lines that bodies make, in a chain, with signatures of nobody.
func frames(all []string) []byte {
	var log, before []byte
	for _, body := range all {
		hash := sha256.Sum256(append(bytes.Clone(before), body...))
		before = fmt.Appendf(nil, "%08x %x %s %s\n", len(body), hash, strings.Repeat("0", 128), body)
		log = append(log, before...)
	}
	return log
}

// forge replaces the log by one with other bodies.
func (w *world) forge(edit func([]string) []string) {
	w.Helper()
	all := bodies(w.read("ledger/log"))
	w.write("ledger/log", forged(w, w.path("ledger.key"), renumbered(edit(all))))
}

// replace edits the first body of a kind that holds the old text.
func replace(kind, old, new string) func([]string) []string {
	return func(all []string) []string {
		for i, b := range all {
			if strings.Contains(b, `"kind":"`+kind+`"`) && strings.Contains(b, old) {
				all[i] = strings.ReplaceAll(b, old, new)
				return all
			}
		}
		panic("no " + kind + " holds " + old)
	}
}

// after puts bodies behind the first of a kind.
func after(kind string, more ...string) func([]string) []string {
	return func(all []string) []string {
		for i, b := range all {
			if strings.Contains(b, `"kind":"`+kind+`"`) {
				return append(append(append([]string{}, all[:i+1]...), more...), all[i+1:]...)
			}
		}
		panic("no " + kind)
	}
}

// last is the last body of a kind, once more.
func last(kind string) func([]string) []string {
	return func(all []string) []string {
		for i := len(all) - 1; i >= 0; i-- {
			if strings.Contains(all[i], `"kind":"`+kind+`"`) {
				return append(append(append([]string{}, all[:i+1]...), all[i]), all[i+1:]...)
			}
		}
		panic("no " + kind)
	}
}

// without leaves out the first of a kind.
func without(kind string) func([]string) []string {
	return func(all []string) []string {
		for i, b := range all {
			if strings.Contains(b, `"kind":"`+kind+`"`) {
				return append(append([]string{}, all[:i]...), all[i+1:]...)
			}
		}
		panic("no " + kind)
	}
}

const stamp = `"time":"2026-03-30T02:00:00Z"`

func budgetOf(project string, rho int64) string {
	c := fmt.Sprintf(`{"rho":%d,"delta":1000000000000,"epsilon":1000000000000}`, rho)
	return fmt.Sprintf(`{"seq":0,"kind":"BUDGET",%s,"population":"eu","project":"%s","lifetime":%s,"year":%s,"signatures":[]}`, stamp, project, c, c)
}

func policyOf(version int) string {
	return fmt.Sprintf(`{"seq":0,"kind":"POLICY",%s,"population":"eu","policy":"health","version":%d,"hash":"%s"}`, stamp, version, strings.Repeat("d", 64))
}

// rich is a world whose log has every kind of record.
func rich(t testing.TB) *world {
	w := newWorld(t, "ada", "grace")
	w.caps("cardio", capsOf(wide, wide))
	r := request("pulse")
	r.Project = "cardio"
	w.release(r, turn{})
	for _, name := range w.officers {
		expires := march.AddDate(0, 1, 0)
		s, err := w.book.ApproveStatement("study-1", planB, expires).Sign(w.path(name + ".key"))
		w.must(err)
		w.must(w.book.Approve("study-1", planB, expires, s))
	}
	r = request("sleep")
	r.Approved, r.PlanHash = "study-1", planB
	w.release(r, turn{})
	panel := request("cohort")
	panel.Panel = &ledger.Panel{Year: 2026, Of: 4, Number: 2}
	w.release(panel, turn{})
	w.release(request("steps"), turn{until: "BURNED"})
	again := request("steps")
	again.Retries = 1
	w.release(again, turn{until: "CHARGE"})
	w.must(w.book.WithdrawRequest("study-1", "the study ended"))
	_, err := w.book.Rotate()
	w.must(err)
	w.must(w.book.Annotate(1, "agreed on by the board"))
	w.now = march.AddDate(1, 0, 0)
	id := w.release(request("activity"), turn{})
	w.must(w.book.WithdrawRelease(id, "found to be wrong"))
	w.must(os.RemoveAll(w.path("workspace/activity")))
	return w
}
