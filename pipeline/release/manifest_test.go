package release

import (
	"bytes"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

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
		Charge:         Charge{7, strings.Repeat("3", 64), strings.Repeat("4", 64)},
		Terms:          Terms,
	}
	m, err = m.Seal(sampleTable(), []File{{ArrowFile, 1234, strings.Repeat("5", 64)}, {ParquetFile, 987, strings.Repeat("6", 64)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
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
		{"another format", "lethe-release/1", "lethe-release/2", "format"},
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
