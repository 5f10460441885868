package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"lethe/privacy/ledger"
)

// TestLargeLedger measures both readers on 100,000 records, and verify as a
// whole. It asserts no time.
func TestLargeLedger(t *testing.T) {
	if !*long {
		t.Skip("needs -long")
	}
	w := newWorld(t)
	const records = 100_000
	w.write("ledger/log", forged(t, w.path("ledger.key"), manyBodies(t, bodies(w.read("ledger/log")), records)))
	log := w.read("ledger/log")

	start := time.Now()
	b := recount(bytes.NewReader(log))
	alone := time.Since(start)
	if !b.sound() || b.size != records {
		t.Fatalf("got %d records, %v %v", b.size, b.broken, b.faults)
	}
	start = time.Now()
	l, err := ledger.Open(w.path("ledger"), ledger.Options{})
	w.must(err)
	w.must(l.Close())
	t.Logf("%d records, %.1f MB: the recount takes %.2f s, ledger.Open %.2f s", records, float64(len(log))/1e6, alone.Seconds(), time.Since(start).Seconds())

	start = time.Now()
	text, code := w.audit("verify")
	t.Logf("audit verify takes %.2f s, signatures and all", time.Since(start).Seconds())
	if code != 0 || !strings.Contains(text, "100,000 records: frames, chain and rules hold") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// manyBodies are the first bodies of a log and, up to a number of records, a
// life of four records for each of many datasets.
func manyBodies(t testing.TB, first []string, records int) []string {
	t.Helper()
	all := append([]string{}, first...)
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	head := func(kind string) headBody { return headBody{int64(len(all)), kind, "2026-03-30T02:00:00Z"} }
	for n := 0; len(all) < records; n++ {
		c := chargeBody{headBody: head("CHARGE"), Population: "eu", Dataset: fmt.Sprintf("dataset-%d", n), Window: "2026-03-23/2026-03-30",
			Plan: planA, Policy: policyC, Attempt: 1, Cost: costBody{1000, 3, 0}, Draws: []drawBody{
				{"mean steps/sum", "gaussian", 60, 1, 20000, "1e+06", "0.03", "1e-09", costBody{400, 1, 0}},
				{"count", "gaussian", 60, 1, 1, "40", "0", "0", costBody{600, 2, 0}}}}
		var err error
		if c.Release, err = c.id(); err != nil {
			t.Fatal(err)
		}
		all = append(all, text(c))
		all = append(all, text(stepBody{head("DRAW"), c.Release}))
		all = append(all, text(resultBody{head("RESULT"), c.Release, []fileBody{{"data.arrow", 1, planA}, {"data.parquet", 2, planB}, {"manifest.json", 3, policyC}}}))
		all = append(all, text(burnedBody{head("BURNED"), c.Release, "staged files are gone"}))
	}
	return all[:records]
}

// TestManyReleases measures verify on a workspace of many releases.
func TestManyReleases(t *testing.T) {
	if !*long {
		t.Skip("needs -long")
	}
	w := newWorld(t)
	const many = 1000
	for n := range many {
		w.release(request(fmt.Sprintf("dataset-%d", n)), turn{})
	}
	start := time.Now()
	text, code := w.audit("verify")
	t.Logf("audit verify of %d releases takes %.2f s", many, time.Since(start).Seconds())
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, text)
	}
	w.must(os.RemoveAll(w.path("workspace")))
}
