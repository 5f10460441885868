package budget

import (
	"fmt"
	"math"
	"testing"
)

// accuracy is more than the relative error of the exact δs.
const accuracy = 1e-8

// fftShare is how much of δ the bound of the FFT's error may be here.
const fftShare = 1e-5

// sandwich checks p's ε at δ against the exact δ(ε): at that ε it is at most δ, and where ε is lower by what is allowed it
// is above. DeltaAt must not be below it either.
func sandwich(p *PLD, exact func(eps float64) float64, delta Delta, allowed float64) error {
	got, err := p.EpsilonAt(delta)
	if err != nil {
		return err
	}
	d := float64(delta) / 1e18
	eps := float64(got) / 1e9
	if at := exact(eps); at > d*(1+accuracy) {
		return fmt.Errorf("δ %v: got ε %v, where the exact δ is %g", delta, got, at)
	}
	if lower := eps - allowed; lower > 0 {
		if at := exact(lower); at < d*(1-fftShare) {
			return fmt.Errorf("δ %v: got ε %v, but %g would do by more than %g: exact δ %g", delta, got, lower, allowed, at)
		}
	}
	back, err := p.DeltaAt(got)
	if err != nil {
		return err
	}
	if at := exact(eps); float64(back) < at*1e18*(1-accuracy) {
		return fmt.Errorf("ε %v: got δ %v, below the exact %g", got, back, at)
	}
	return nil
}

var deltas = []Delta{1e17, 1e14, 1e12, 1e9, 1e6, 1e3}

// exactGaussian is δ(ε) of the Gaussian mechanism (Balle and Wang, "Improving the Gaussian Mechanism for Differential
// Privacy", ICML 2018, Theorem 8). n of multiplier s are one of s/√n.
func exactGaussian(multiplier float64, n int) func(float64) float64 {
	s := multiplier / math.Sqrt(float64(n))
	return func(eps float64) float64 {
		return phi(1/(2*s)-eps*s) - math.Exp(eps)*phi(-1/(2*s)-eps*s)
	}
}

func TestGaussianPLDIsNotBelowTheExactCurve(t *testing.T) {
	for _, tt := range []struct {
		interval, multiplier float64
		n                    int
	}{
		{1e-3, 0.5, 1}, {1e-2, 0.5, 30}, {1e-3, 1, 1}, {1e-2, 1, 100}, {1e-4, 5, 1}, {1e-3, 5, 365}, {1e-4, 20, 3},
		{1e-4, 100, 1}, {1e-4, 100, 365}, {2e-4, 100, 5000}, {1e-5, 1000, 1}, {1e-3, 100, 10000}, {1e-2, 100, 300},
	} {
		one, err := GaussianPLD(tt.interval, tt.multiplier)
		if err != nil {
			t.Fatal(err)
		}
		p, err := one.Compose(tt.n)
		if err != nil {
			t.Fatal(err)
		}
		for _, delta := range deltas {
			if err := sandwich(p, exactGaussian(tt.multiplier, tt.n), delta, excess(p, delta)); err != nil {
				t.Errorf("%v: %v", tt, err)
			}
		}
	}
}

func TestLaplacePLDIsNotBelowTheExactCurve(t *testing.T) {
	for _, interval := range []float64{1e-4, 7e-3, 0.3} {
		for _, multiplier := range []float64{0.5, 1, 3, 17.9, 100} {
			p, err := LaplacePLD(interval, multiplier)
			if err != nil {
				t.Fatal(err)
			}
			exact := func(eps float64) float64 { return max(0, -math.Expm1((eps-1/multiplier)/2)) }
			for _, delta := range deltas {
				if err := sandwich(p, exact, delta, excess(p, delta)); err != nil {
					t.Errorf("interval %g, multiplier %g: %v", interval, multiplier, err)
				}
			}
		}
	}
}

// atSum is the excess where ε may be one of few possible sums of n losses (see PLD).
func atSum(p *PLD, n int, delta Delta) float64 {
	return excess(p, delta) + p.interval*math.Sqrt(float64(n))/5
}

// sums returns Σ (P − e^ε·Q)⁺ over the joint outcomes of independent parts, each a list of outcomes' P and Q.
func sums(parts [][][2]float64) func(float64) float64 {
	joint := [][2]float64{{1, 1}}
	for _, part := range parts {
		var next [][2]float64
		for _, j := range joint {
			for _, o := range part {
				next = append(next, [2]float64{j[0] * o[0], j[1] * o[1]})
			}
		}
		joint = next
	}
	return func(eps float64) float64 {
		sum := 0.0
		for _, j := range joint {
			sum += max(0, j[0]-math.Exp(eps)*j[1])
		}
		return sum
	}
}

// moved returns the outcomes of noise proportional to weight and of the same moved by d.
func moved(weight func(y float64) float64, d, last int) [][2]float64 {
	whole := 0.0
	for y := -last; y <= last; y++ {
		whole += weight(float64(y))
	}
	var out [][2]float64
	for y := -last; y <= last+d; y++ {
		out = append(out, [2]float64{weight(float64(y)) / whole, weight(float64(y-d)) / whole})
	}
	return out
}

func TestDiscreteGaussianPLDIsNotBelowTheExactCurve(t *testing.T) {
	for _, tt := range []struct {
		sigma       float64
		sensitivity int
		cells       []int // by how much each differs
	}{
		{0.5, 1, []int{1}}, {1, 1, []int{1}}, {3.3, 1, []int{1}}, {20, 1, []int{1}}, {5, 3, []int{3}},
		{2, 1, []int{1, 1}}, {6, 2, []int{2, 2}}, {6, 2, []int{2, 1}},
	} {
		one, err := DiscreteGaussianPLD(1e-3, tt.sigma, tt.sensitivity)
		if err != nil {
			t.Fatal(err)
		}
		p, err := one.Compose(len(tt.cells))
		if err != nil {
			t.Fatal(err)
		}
		allowed := 0.0
		var cells [][][2]float64
		for _, d := range tt.cells {
			weight := func(y float64) float64 { return math.Exp(-y * y / (2 * tt.sigma * tt.sigma)) }
			cells = append(cells, moved(weight, d, int(12*tt.sigma)+2))
			if d < tt.sensitivity {
				allowed = math.Inf(1) // a smaller change is covered, not met
			}
		}
		for _, delta := range deltas {
			if err := sandwich(p, sums(cells), delta, allowed+atSum(p, len(tt.cells), delta)); err != nil {
				t.Errorf("%v: %v", tt, err)
			}
		}
	}
}

func TestDiscreteLaplacePLDCoversEveryVector(t *testing.T) {
	for _, tt := range []struct {
		scale       float64
		sensitivity int
		cells       []int
	}{
		{1, 1, []int{1}}, {3, 4, []int{4}}, {10, 1, []int{1}}, {3, 4, []int{2, 2}}, {3, 4, []int{3, 1}}, {3, 4, []int{3}},
		{2, 3, []int{1, 1}}, {5, 3, []int{1, 1, 1}}, {5, 3, []int{2}},
	} {
		p, err := DiscreteLaplacePLD(1e-3, tt.scale, tt.sensitivity)
		if err != nil {
			t.Fatal(err)
		}
		allowed := math.Inf(1)
		if len(tt.cells) == 1 && tt.cells[0] == tt.sensitivity {
			allowed = 0
		}
		var cells [][][2]float64
		for _, d := range tt.cells {
			// Beyond the first and the last change all outcomes have the same loss, so that tails are single outcomes.
			a := math.Exp(-1 / tt.scale)
			var out [][2]float64
			for y := 0; y <= d; y++ {
				out = append(out, [2]float64{tail(a, y, d), tail(a, d-y, d)})
			}
			cells = append(cells, out)
		}
		for _, delta := range deltas {
			if err := sandwich(p, sums(cells), delta, allowed+atSum(p, len(tt.cells), delta)); err != nil {
				t.Errorf("%v: %v", tt, err)
			}
		}
	}
}

// tail returns the mass of the discrete Laplace distribution of ratio a at y from 1 to d−1, up to 0, or from d on.
func tail(a float64, y, d int) float64 {
	if y == 0 || y == d {
		return math.Pow(a, float64(y)) / (1 + a)
	}
	return math.Pow(a, float64(y)) * (1 - a) / (1 + a)
}
