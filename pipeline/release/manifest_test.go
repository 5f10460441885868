package release

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a manifest that nothing is wrong with.
func sample(t testing.TB) Manifest {
	t.Helper()
	draw := ledger.Draw{Name: "mean steps/sum", Mechanism: "gaussian", Cells: 60, L0: 1, LInf: 20000, Sigma: 1e6,
		Cost: budget.Cost{Rho: 200_000_000, Delta: 48}}
	mechanism, err := MechanismOf(draw)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := LossOf(draw.Cost, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	toDate, err := LossOf(budget.Cost{Rho: 1_000_000_000, Delta: 480}, 5e9)
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{
		Release: "2026-03-30-aaaaaaaaaaaaaaaa", Dataset: "steps-by-sex", Kind: Statistics, Population: "eu-accounts",
		Window: Window{"2026-03-23", "2026-03-30"},
		Plan:   strings.Repeat("1", 64), Policy: Policy{"connected-health-eu", 3, strings.Repeat("2", 64)},
		Guarantee: Guarantee{Variant: "approximate zCDP", Unit: "account",
			Adjacency: "add-remove one account with all its rows", Loss: loss},
		ToDate: toDate, Mechanisms: []Mechanism{mechanism},
		PostProcessing: []string{"mean = sum / count, clamped to [0, 40000]"},
		Unprotected:    []string{"the labels of sex: the whole public ladder"},
		NotCovered:     []string{"two accounts of one human"},
		Charge:         ChargeOf(7, strings.Repeat("3", 64), strings.Repeat("4", 64), sampleProof(t, 7, strings.Repeat("3", 64))),
		Terms:          Terms,
	}
	m, err = m.Seal(sampleTable(), []File{{ArrowFile, 1234, strings.Repeat("5", 64)}, {ParquetFile, 987, strings.Repeat("6", 64)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sampleProof is the proof of a record that ends a ledger whose other records are all zeros. Its signature is none.
func sampleProof(t testing.TB, seq int64, hash string) []byte {
	t.Helper()
	var stored []tlog.Hash
	tree := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, _ error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for n := range seq + 1 {
		leaf := make([]byte, 32)
		if n == seq {
			if _, err := hex.Decode(leaf, []byte(hash)); err != nil {
				t.Fatal(err)
			}
		}
		more, err := tlog.StoredHashes(n, leaf, tree)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	root, err1 := tlog.TreeHash(seq+1, tree)
	path, err2 := tlog.ProveRecord(seq+1, seq, tree)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	lines := []string{"c2sp.org/tlog-proof@v1", fmt.Sprintf("index %d", seq)}
	for _, h := range path {
		lines = append(lines, h.String())
	}
	lines = append(lines, "", "lethe/"+strings.Repeat("0", 32), fmt.Sprint(seq+1), root.String(), "", "— lethe/"+strings.Repeat("0", 32)+" AAAAAA==")
	return []byte(strings.Join(lines, "\n") + "\n")
}

func TestManifestHasOneForm(t *testing.T) {
	got, err := sample(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/manifest.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	m, err := Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.Marshal(); err != nil || !bytes.Equal(again, want) {
		t.Errorf("read and written again: got error %v and\n%s", err, again)
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := sample(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", `"rows": 3,`, `"rows": 3, "people": 4711,`, "people"},
		{"unknown key inside", `"cells": 60,`, `"cells": 60, "exact": 1,`, "exact"},
		{"repeated key", `"rows": 3,`, "\"rows\": 3,\n  \"rows\": 3,", "one form"},
		{"key in capitals", `"rows"`, `"Rows"`, "one form"},
		{"missing key", "  \"rows\": 3,\n", "", "one form"},
		{"another layout", `"rows": 3`, `"rows":3`, "one form"},
		{"another number form", `"version": 3`, `"version": 3e0`, "cannot unmarshal"},
		{"another amount form", `"0.0002"`, `"2e-4"`, "one form"},
		{"escaped letter", "Re-identification", `\u0052e-identification`, "one form"},
		{"time in a day", `"2026-03-30"`, `"2026-03-30T04:00:00Z"`, "window"},
		{"path for a name", `"steps-by-sex"`, `"../secrets"`, "dataset"},
		{"another label", "differentially private", "safe", "label"},
		{"another format", "lethe-release/2", "lethe-release/1", "format"},
		{"more behind it", "\n}\n", "\n}\n{}\n", "more follows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := bytes.Replace(good, []byte(c.old), []byte(c.new), 1)
			if bytes.Equal(bad, good) {
				t.Fatal("the case changes nothing")
			}
			if _, err := Parse(bad); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestCheckManifest(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Manifest)
		want  string
	}{
		{"the word", func(m *Manifest) { m.NotCovered = []string{"fully Anonymous data"} }, "anonymous"},
		{"broken UTF-8", func(m *Manifest) { m.Unprotected = []string{"a\xff"} }, "printable"},
		{"terminal escape", func(m *Manifest) { m.PostProcessing = []string{"\x1b[2J"} }, "printable"},
		{"cohort", func(m *Manifest) { m.Kind, m.Label = Cohort, "de-identified: controlled workspace only" }, "kind"},
		{"loss below its draws", func(m *Manifest) { m.Guarantee.Rho-- }, "below the sum"},
		{"loss above its draws", func(m *Manifest) { m.Mechanisms = nil }, "above the sum"},
		{"to date below this one", func(m *Manifest) { m.ToDate.Rho = 1 }, "to date"},
		{"noise too small for its price", func(m *Manifest) {
			m.Mechanisms[0].Sigma /= 2
			m.Mechanisms[0].Event.Gaussian.NoiseMultiplier /= 2
		}, "of its noise"},
		{"another multiplier", func(m *Manifest) { m.Mechanisms[0].Event.Gaussian.NoiseMultiplier = 51 }, "multiplier"},
		{"infinite noise", func(m *Manifest) { m.Mechanisms[0].Sigma = math.Inf(1) }, "finite"},
		{"no files", func(m *Manifest) { m.Files = nil }, "no files"},
		{"itself among its files", func(m *Manifest) { m.Files[0].Name = ManifestFile }, "want data.arrow"},
		{"no columns", func(m *Manifest) { m.Columns = nil }, "no columns"},
		{"proof of another record", func(m *Manifest) { m.Charge.Hash = strings.Repeat("5", 64) }, "proof"},
		{"proof in another place", func(m *Manifest) { m.Charge.Seq = 6 }, "proof"},
		{"no proof", func(m *Manifest) { m.Charge.Proof = nil }, "proof"},
		{"window of no day", func(m *Manifest) { m.Window.End = m.Window.Start }, "window"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := sample(t)
			c.spoil(&m)
			if _, err := m.Marshal(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestLabelFor(t *testing.T) {
	this, toDate := Loss{Epsilon: 100_000_000, At: 1e9}, Loss{Epsilon: 3e9, At: 1e10}
	for kind, want := range map[string]string{
		Statistics: "differentially private (ε 0.1, δ 1e-9 of this release; ε 3, δ 1e-8 of the population to date)",
		Synthetic:  "differentially private (ε 0.1, δ 1e-9 of this release; ε 3, δ 1e-8 of the population to date)",
		Cohort:     "de-identified: controlled workspace only",
	} {
		if got, err := LabelFor(kind, this, toDate); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", kind, got, err, want)
		}
	}
	if _, err := LabelFor("anonymous", this, toDate); err == nil {
		t.Error("got a label for an unknown kind")
	}
}

func FuzzParse(f *testing.F) {
	good, err := sample(f).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := m.Marshal(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("read %q, wrote %q, %v", b, again, err)
		}
	})
}
