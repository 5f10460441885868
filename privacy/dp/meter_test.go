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

var mechanisms = []string{Gaussian, DiscreteGaussian, DiscreteLaplace}

var long = flag.Bool("long", false, "draw ten times as much")

// alpha is the probability that a statistical check of this package fails though
// the code is right. There are about 200 such checks, so one false alarm comes in
// some 5,000 runs. What [Noise] draws is cryptographic and cannot be seeded; the
// samplers below it are tested on words that can (-seed).
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
	caps := budget.Cost{Rho: math.MaxInt64, Delta: math.MaxInt64, Epsilon: math.MaxInt64}
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

// calibrated is a draw of the library's Gaussian.
func calibrated(t *testing.T, name string, cells, l0, lInf int64, want budget.Rho) ledger.Draw {
	t.Helper()
	return calibratedAs(t, Gaussian, name, cells, l0, lInf, want)
}

func calibratedAs(t *testing.T, mechanism, name string, cells, l0, lInf int64, want budget.Rho) ledger.Draw {
	t.Helper()
	d, err := CalibrateAs(mechanism, name, cells, l0, lInf, want)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// added returns what Noise makes of n cells of this value with a charged draw.
func added(t *testing.T, d ledger.Draw, value int64) []int64 {
	t.Helper()
	exact := make([]int64, d.Cells)
	for k := range exact {
		exact[k] = value
	}
	noisy, err := Noise(charged(t, d), d.Name, exact)
	if err != nil {
		t.Fatal(err)
	}
	return noisy
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
	for _, mechanism := range mechanisms {
		t.Run(mechanism, func(t *testing.T) { needsAMeteredDraw(t, calibratedAs(t, mechanism, "count", 3, 1, 1, 5e8)) })
	}
}

func needsAMeteredDraw(t *testing.T, d ledger.Draw) {
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
		for _, mechanism := range mechanisms {
			m := charged(t, calibratedAs(t, mechanism, "count", 3, 1, 1, 5e8))
			noisy, err := Noise(m, "count", exact)
			if err == nil || noisy != nil {
				t.Errorf("%s %s: got %d cells and error %v, want an error", mechanism, name, len(noisy), err)
			}
			if _, err := Noise(m, "count", []int64{1, 2, 3}); !errors.Is(err, ledger.ErrTaken) {
				t.Errorf("%s %s, then right: got error %v, want taken", mechanism, name, err)
			}
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
	for _, mechanism := range mechanisms {
		d := calibratedAs(t, mechanism, "d", n, 1, 1<<39, 5e11)
		noisy, err := Noise(charged(t, d), "d", exact)
		if err != nil {
			t.Fatal(err)
		}
		held := 0
		for k, y := range noisy {
			if y > maxExact || y < -maxExact || math.Abs(float64(y-exact[k])) > 30*d.Sigma { // e^-30 of a Laplace is beyond
				t.Errorf("%s: cell %d is %.1f σ from its value", mechanism, k, float64(y-exact[k])/d.Sigma)
			}
			if y == exact[k] {
				held++
			}
		}
		// Half of the noise points outwards: 50 of 50 or none do with probability 2^-49.
		if held == 0 || held == n {
			t.Errorf("%s: %d of %d are held at the end", mechanism, held, n)
		}
	}
}

// upper and lower are Clopper and Pearson's bounds on a probability after k of n,
// each of which is wrong with probability at most alpha/2.
func upper(k, n int) float64 {
	if k == n {
		return 1
	}
	return betaQuantile(k+1, n-k, 1-alpha/2)
}

func lower(k, n int) float64 {
	if k == 0 {
		return 0
	}
	return betaQuantile(k, n-k+1, alpha/2)
}

// betaQuantile bisects: the Quantile of gonum v0.16.0 is far off where one argument is
// small and the other large (a Beta of 5 and 49,996 at 1−5e-7: 0.042, right is 5e-4).
func betaQuantile(a, b int, p float64) float64 {
	beta := distuv.Beta{Alpha: float64(a), Beta: float64(b)}
	low, high := 0.0, 1.0
	for range 100 {
		if mid := low + (high-low)/2; beta.CDF(mid) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// Where none, one or all of n are, the bounds are roots.
func TestBoundsAreClopperAndPearsons(t *testing.T) {
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-6*want }
	for _, n := range []int{10, 50_000, 2_000_000} {
		root := math.Pow(alpha/2, 1/float64(n))
		none := -math.Expm1(math.Log(alpha/2) / float64(n))
		one := -math.Expm1(math.Log1p(-alpha/2) / float64(n))
		if !near(upper(0, n), none) || !near(lower(n, n), root) || !near(lower(1, n), one) {
			t.Errorf("%d: got %g, %g and %g, want %g, %g and %g", n, upper(0, n), lower(n, n), lower(1, n), none, root, one)
		}
	}
	// P(at most 16 of 50,000) is alpha/2 at the bound: as a sum, without a Beta.
	p, sum := upper(16, 50_000), 0.0
	binomial := distuv.Binomial{N: 50_000, P: p}
	for k := range 17 {
		sum += binomial.Prob(float64(k))
	}
	if !near(sum, alpha/2) {
		t.Errorf("P(at most 16 of 50,000) is %g at the bound %g, want %g", sum, p, alpha/2)
	}
}
