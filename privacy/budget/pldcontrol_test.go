package budget

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

// changed returns p with its first mechanism changed by f.
func changed(p *PLD, f func(*losses)) *PLD {
	l := *p.parts[0].losses
	l.masses = append([]float64(nil), l.masses...)
	f(&l)
	out := *p
	out.parts = append([]composed{{&l, p.parts[0].times}}, p.parts[1:]...)
	return &out
}

// roundedDown has every mass one point lower, as if the loss had been rounded down to the grid and not up.
func roundedDown(p *PLD) *PLD { return changed(p, func(l *losses) { l.lowest-- }) }

// halfDown has only half of every mass one point lower: the mass nearest to each point, without a regard for Q.
func halfDown(p *PLD) *PLD {
	return changed(p, func(l *losses) {
		next := append(make([]float64, 0, len(l.masses)+1), l.masses...)
		next = append(next, 0)
		for i := range next {
			next[i] /= 2
			if i > 0 {
				next[i] += l.masses[i-1] / 2
			}
		}
		l.masses, l.lowest = next, l.lowest-1
	})
}

func withoutInfinity(p *PLD) *PLD { return changed(p, func(l *losses) { l.infinite = 0 }) }

// cutTail drops the losses above the tilted mean's reach, as a truncation that forgets where the mass went.
func cutTail(p *PLD) *PLD {
	return changed(p, func(l *losses) {
		_, mean, variance := l.moments(0)
		l.masses = l.masses[:int((mean+4*math.Sqrt(variance))/l.interval)-l.lowest]
	})
}

func TestBrokenPLDsAreBelowTheExactCurve(t *testing.T) {
	one, err := GaussianPLD(1e-3, 5)
	if err != nil {
		t.Fatal(err)
	}
	gaussian, err := one.Compose(60)
	if err != nil {
		t.Fatal(err)
	}
	selected := selections(t, 1e-3, 1e8, 1e4, 50)
	exactG, exactS := exactGaussian(5, 60), exactSelections(1e8, 1e4, 50)
	const delta = 1e6
	for name, tt := range map[string]struct {
		good   *PLD
		damage func(*PLD) *PLD
		exact  func(float64) float64
	}{
		"rounded down, Gaussian":  {gaussian, roundedDown, exactG},
		"half rounded down":       {gaussian, halfDown, exactG},
		"rounded down, selection": {selected, roundedDown, exactS},
		"no infinity, selection":  {selected, withoutInfinity, exactS},
		"tail cut off":            {one, cutTail, exactGaussian(5, 1)},
	} {
		if err := sandwich(tt.good, tt.exact, delta, atSum(tt.good, 60, delta)); err != nil {
			t.Errorf("%s, but whole: %v", name, err)
		}
		if err := sandwich(tt.damage(tt.good), tt.exact, delta, math.Inf(1)); err == nil {
			t.Errorf("%s: nothing was found", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// Infinity mass of n parts is not that of one, which selections of a large δ show.
func TestInfinityIsComposed(t *testing.T) {
	p := selections(t, 1e-3, 1e8, 1e15, 100)
	want := -math.Expm1(100 * math.Log1p(-1e-3))
	if got := p.infinite(); got < want || got > want*(1+1e-11) {
		t.Errorf("100 times 0.001: got %v, want %v", got, want)
	}
}

// The window must hold what the FFT wraps, and the bound what it still loses.
func TestAWindowThatIsTooSmallIsFound(t *testing.T) {
	one, err := GaussianPLD(1e-3, 5)
	if err != nil {
		t.Fatal(err)
	}
	p, err := one.Compose(60)
	if err != nil {
		t.Fatal(err)
	}
	exact, tilt := exactGaussian(5, 60), p.tiltForDelta(1e-9)
	good, err := newCurve(p, tilt)
	if err != nil {
		t.Fatal(err)
	}
	narrow := good.window
	narrow.size /= 4
	narrow.lost = 0
	wrapped := p.transform(tilt, narrow)
	below := 0
	for eps := 1.0; eps < 12; eps += 0.25 {
		if got, want := good.delta(eps), exact(eps); got < want*(1-1e-9) {
			t.Errorf("ε %g: got δ %g, below the exact %g", eps, got, want)
		}
		if wrapped.delta(eps) < exact(eps)*(1-1e-6) {
			below++
		}
	}
	if below == 0 {
		t.Error("a window a quarter as large: no δ is below the exact one")
	}
	t.Logf("window of %d points, a quarter of it below at %d ε", good.window.size, below)
}

// What the FFT loses is less than the bound, for single inputs, whose outputs are known, and for losses without the tilt
// that would hide it: where the exact masses are below 1e-30, all that is there is error. The bound is part of every δ.
func TestTheErrorOfTheFFTIsBounded(t *testing.T) {
	const size = 1 << 14
	fft := fourier.NewFFT(size)
	kappa := math.Log2(size) * unitError
	for _, at := range []int{1, 3, 4095, 8191, 8192, 12287, size - 1} {
		impulse := make([]float64, size)
		impulse[at] = 1
		most := 0.0
		for k, c := range fft.Coefficients(nil, impulse) {
			sin, cos := math.Sincos(2 * math.Pi * float64(at*k%size) / size)
			most = max(most, math.Hypot(real(c)-cos, imag(c)+sin))
		}
		if most > kappa/2 {
			t.Errorf("an impulse at %d: got an error of %g, want at most half of %g", at, most, kappa)
		}
	}
	p, err := GaussianPLD(1e-4, 3)
	if err != nil {
		t.Fatal(err)
	}
	w, err := p.findWindow(0)
	if err != nil {
		t.Fatal(err)
	}
	flat := p.transform(0, window{w.lowest - w.size, 4 * w.size, 0})
	// Half of the error is negative and was cut off.
	noise := 2 * flat.above[flat.window.size/2]
	if eps := float64(flat.window.lowest+flat.window.size/2) * p.interval; exactGaussian(3, 1)(eps) > 1e-30 {
		t.Fatalf("δ(%g) is not 0, so that the test says nothing", eps)
	}
	if !(noise > 0 && noise <= flat.bound) {
		t.Errorf("got masses of %g by error, want some and at most %g", noise, flat.bound)
	}
	if got := flat.delta(3); got < flat.bound {
		t.Errorf("got δ %g, below the error %g", got, flat.bound)
	}
	t.Logf("errors of %g are bounded by %g", noise, flat.bound)
}

// P's masses sum to 1 and slack, however the grid cuts them, and Q's to hardly less than 1 and not to more.
func TestMassesAreRoundedUp(t *testing.T) {
	for name, f := range map[string]func(interval float64) (*PLD, error){
		"Gaussian 0.5":          func(h float64) (*PLD, error) { return GaussianPLD(h, 0.5) },
		"Gaussian 30":           func(h float64) (*PLD, error) { return GaussianPLD(h, 30) },
		"Gaussian 1e5":          func(h float64) (*PLD, error) { return GaussianPLD(h, 1e5) },
		"discrete Gaussian":     func(h float64) (*PLD, error) { return DiscreteGaussianPLD(h, 0.7, 1) },
		"discrete Gaussian 3":   func(h float64) (*PLD, error) { return DiscreteGaussianPLD(h, 7, 3) },
		"discrete Gaussian 2e5": func(h float64) (*PLD, error) { return DiscreteGaussianPLD(h, 2e5, 10000) },
		"Laplace":               func(h float64) (*PLD, error) { return LaplacePLD(h, 1.7) },
		"Laplace 1e5":           func(h float64) (*PLD, error) { return LaplacePLD(h, 1e5) },
		"discrete Laplace":      func(h float64) (*PLD, error) { return DiscreteLaplacePLD(h, 7, 5) },
		"selection":             func(h float64) (*PLD, error) { return SelectionPLD(h, 123456789, 0) },
		"selection with δ":      func(h float64) (*PLD, error) { return SelectionPLD(h, 123456789, 1e15) },
	} {
		for _, interval := range []float64{1e-4, 1e-2} {
			one, err := f(interval)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			l := one.parts[0].losses
			p, q := -1+l.infinite, -1.0
			lost := 0.0 // of each sum so far (Kahan)
			lostQ := 0.0
			for i, m := range l.masses {
				p, lost = kahan(p, lost, m)
				q, lostQ = kahan(q, lostQ, m*math.Exp(-interval*float64(l.lowest+i)))
			}
			if p < slack/2 || p > 2*slack {
				t.Errorf("%s on %g: got a P of 1%+g, want 1%+g", name, interval, p, slack)
			}
			if q += l.infinite; q < -1e-6 || q > 2*slack+l.infinite {
				t.Errorf("%s on %g: got a Q of 1%+g", name, interval, q)
			}
		}
	}
}

func kahan(sum, lost, x float64) (float64, float64) {
	x -= lost
	next := sum + x
	return next, (next - sum) - x
}
