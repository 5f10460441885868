package dp

import (
	"errors"
	"flag"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

var long = flag.Bool("long", false, "draw ten times as much")

// alpha is the probability that a statistical test of this package fails though
// the code is right. There are about ten such checks, so one false alarm comes in
// some 1e5 runs. The noise is cryptographic and cannot be seeded.
const alpha = 1e-6

// draws scales a sample size.
func draws(n int) int {
	if *long {
		return 10 * n
	}
	return n
}

// charged returns the meter of a real charge, in a ledger of its own, for the draws.
func charged(t *testing.T, d ...ledger.Draw) *ledger.Meter {
	t.Helper()
	dir := t.TempDir()
	l, err := ledger.Create(dir, ledger.Options{KeyFile: filepath.Join(dir, "key")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	caps := budget.Cost{Rho: math.MaxInt64, Delta: math.MaxInt64}
	hash := strings.Repeat("0", 64)
	err = errors.Join(l.SetCaps(ledger.Account{Population: "people"}, budget.Caps{Lifetime: caps, Year: caps}), l.SetPolicy("people", "health", 1, hash))
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Begin(ledger.Request{
		Population: "people", Dataset: "steps", Window: "2026-03-23/2026-03-30",
		PlanHash: hash, PolicyHash: hash, Draws: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Token.Close() })
	m, err := b.Token.Draw()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func calibrated(t *testing.T, name string, cells, l0, lInf int64, want budget.Rho) ledger.Draw {
	t.Helper()
	d, err := Calibrate(name, cells, l0, lInf, want)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sample returns noise drawn at a ρ for counts, with its σ.
func sample(t *testing.T, n int, l0, lInf int64, want budget.Rho) ([]int64, float64) {
	t.Helper()
	d := calibrated(t, "d", int64(n), l0, lInf, want)
	noisy, err := Noise(charged(t, d), "d", make([]int64, n))
	if err != nil {
		t.Fatal(err)
	}
	return noisy, d.Sigma
}

func TestNoiseNeedsAMeteredDraw(t *testing.T) {
	d := calibrated(t, "count", 3, 1, 1, 5e8)
	exact := []int64{1, 2, 3}
	for name, m := range map[string]*ledger.Meter{"nil": nil, "zero": {}} {
		if _, err := Noise(m, "count", exact); !errors.Is(err, ledger.ErrNotListed) {
			t.Errorf("%s meter: got error %v, want not listed", name, err)
		}
	}
	m := charged(t, d)
	if _, err := Noise(m, "sum", exact); !errors.Is(err, ledger.ErrNotListed) {
		t.Errorf("another name: got error %v, want not listed", err)
	}
	noisy, err := Noise(m, "count", exact)
	if err != nil || len(noisy) != 3 {
		t.Errorf("got %d cells and error %v, want 3", len(noisy), err)
	}
	if exact[0] != 1 || exact[1] != 2 || exact[2] != 3 {
		t.Error("the exact answer was written to")
	}
	if _, err := Noise(m, "count", exact); !errors.Is(err, ledger.ErrTaken) {
		t.Errorf("the same name again: got error %v, want taken", err)
	}
}

// A failure after the draw was taken does not give it back.
func TestNoiseFailedIsTaken(t *testing.T) {
	for name, exact := range map[string][]int64{
		"too few": {1, 2}, "too many": {1, 2, 3, 4}, "none": nil,
		"too large": {1, 2, maxExact + 1}, "too small": {-maxExact - 1, 2, 3}, "least": {math.MinInt64, 0, 0},
	} {
		m := charged(t, calibrated(t, "count", 3, 1, 1, 5e8))
		noisy, err := Noise(m, "count", exact)
		if err == nil || noisy != nil {
			t.Errorf("%s: got %d cells and error %v, want an error", name, len(noisy), err)
		}
		if _, err := Noise(m, "count", []int64{1, 2, 3}); !errors.Is(err, ledger.ErrTaken) {
			t.Errorf("%s, then right: got error %v, want taken", name, err)
		}
	}
}

// No error shows a value.
func TestNoiseErrorsHaveNoValues(t *testing.T) {
	const secret = 9123456789012345678
	m := charged(t, calibrated(t, "count", 1, 1, 1, 5e8))
	_, err := Noise(m, "count", []int64{secret})
	if err == nil || strings.Contains(err.Error(), "91234") {
		t.Errorf("got error %v, want one without the value", err)
	}
}

// At the ends of the range the result is held in it, and nothing overflows.
func TestNoiseAtTheEnds(t *testing.T) {
	const n = 50
	exact := make([]int64, n)
	for k := range exact {
		exact[k] = maxExact - int64(k%2)*2*maxExact
	}
	d := calibrated(t, "d", n, 1, 1<<39, 5e11)
	noisy, err := Noise(charged(t, d), "d", exact)
	if err != nil {
		t.Fatal(err)
	}
	for k, y := range noisy {
		if y > maxExact || y < -maxExact || math.Abs(float64(y-exact[k])) > 9*d.Sigma {
			t.Errorf("cell %d is %.1f σ from its value", k, float64(y-exact[k])/d.Sigma)
		}
	}
}

// upper and lower are Clopper and Pearson's bounds on a probability after k of n,
// each of which is wrong with probability at most alpha/2.
func upper(k, n int) float64 {
	if k == n {
		return 1
	}
	return distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - alpha/2)
}

func lower(k, n int) float64 {
	if k == 0 {
		return 0
	}
	return distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(alpha / 2)
}
