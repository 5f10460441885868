package budget

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawPair draws ρ from 1e-12 to 1e6 and δ from 1e-18 to 1, each evenly in its logarithm.
func drawPair(t *rapid.T) (Rho, Delta) {
	rho := math.Pow(10, rapid.Float64Range(0, 18).Draw(t, "log rho"))
	delta := math.Pow(10, rapid.Float64Range(0, 17.999).Draw(t, "log delta"))
	return Rho(rho), Delta(delta)
}

func TestEpsilonOf(t *testing.T) {
	// The formula of EpsilonOf at its best α, in decimal arithmetic of 60 digits, cut off behind the digits shown.
	for _, tt := range []struct {
		rho   Rho
		delta Delta
		want  Epsilon
	}{
		{5e11, 1e12, 5221534445},    // 5.2215344445…
		{5e8, 1e10, 157606414},      // 0.1576064136…
		{1, 1e10, 3456},             // 0.0000034557…
		{1e11, 1e8, 2881828010},     // 2.8818280091…
		{8e12, 1e9, 32665459416},    // 32.6654594151…
		{1000e12, 1, 1404480220563}, // 1404.4802205625…
		{25e11, 1e16, 8071997714},   // 8.0719977133…
		{0, 0, 0},
		{1, 0, math.MaxUint64},
		{1e12, 1e18, 0},
		{1e12, 2e18, 0},
		{1, 1e18 - 1, 0},
	} {
		got := EpsilonOf(tt.rho, tt.delta)
		if got != tt.want {
			t.Errorf("ρ %v, δ %v: got ε %d, want %d", tt.rho, tt.delta, got, tt.want)
		}
	}
}

func TestEpsilonIsNeverAboveTheSimpleBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho, delta := drawPair(t)
		r := float64(rho) / 1e12
		simple := r + 2*math.Sqrt(r*math.Log(1e18/float64(delta)))
		if got := EpsilonOf(rho, delta); float64(got) > simple*1e9+1 {
			t.Fatalf("ρ %v, δ %v: got ε %v, above %g", rho, delta, got, simple)
		}
	})
}

// The Gaussian mechanism of sensitivity 1 is ρ-zCDP at ρ = 1/(2σ²), and its exact δ at ε is
// Φ(1/(2σ) − εσ) − e^ε·Φ(−1/(2σ) − εσ) (Balle and Wang 2018, Theorem 8). The ε of EpsilonOf must hold for it.
func TestEpsilonHoldsForTheGaussian(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	rapid.Check(t, func(t *rapid.T) {
		rho, delta := drawPair(t)
		rho, delta = min(rho, 50e12), max(delta, 1e6) // where float64 can still tell the two terms apart
		eps := float64(EpsilonOf(rho, delta)) / 1e9
		sigma := math.Sqrt(1 / (2 * float64(rho) / 1e12))
		exact := phi(1/(2*sigma)-eps*sigma) - math.Exp(eps)*phi(-1/(2*sigma)-eps*sigma)
		if claimed := float64(delta) / 1e18; exact > claimed {
			t.Fatalf("ρ %v: at ε %v the mechanism has δ %g, above %g", rho, eps, exact, claimed)
		}
	})
}

func TestRhoForKeepsThePromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eps := Epsilon(rapid.Uint64().Draw(t, "eps") >> rapid.IntRange(0, 63).Draw(t, "shift"))
		delta := Delta(rapid.Uint64().Draw(t, "delta") >> rapid.IntRange(0, 63).Draw(t, "shift"))
		rho := RhoFor(eps, delta)
		if got := EpsilonOf(rho, delta); got > eps {
			t.Fatalf("ε %v, δ %v: ρ %v gives ε %v", eps, delta, rho, got)
		}
		// Nor does it give much away: a thousandth more ρ, and a unit, breaks it wherever δ < 1.
		if more := rho + rho/1000 + 1; delta > 0 && delta < 1e18 && more > rho && EpsilonOf(more, delta) <= eps {
			t.Fatalf("ε %v, δ %v: got ρ %v, but %v would do", eps, delta, rho, more)
		}
	})
}
