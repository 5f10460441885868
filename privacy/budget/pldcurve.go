package budget

import (
	"fmt"
	"math"
	"math/bits"

	"gonum.org/v1/gonum/dsp/fourier"
)

// A curve is an upper bound of one composition's δ(ε), sharp around the ε or the δ that its tilt was chosen for.
//
// # Tilt
//
// The error of an FFT is a part of the largest values, and δ is about the smallest. So each part's masses p are tilted
// to p(x)·e^(λx)/E[e^(λL)], composed, and tilted back (Esscher; Alghamdi et al., "The Saddle-Point Method in
// Differential Privacy", ICML 2023, use the same tilt). With K(λ) = Σ times·log E[e^(λL)], a tilted mass w at x stands
// for w·e^(K−λx). An error of e in the sum of tilted masses above ε is therefore one of at most e·e^(K−λε) in δ(ε), for
// λ ≥ 0, and that is of the size of δ(ε) itself times e where the tilted mean K'(λ) is near ε.
//
// # Window
//
// The FFT works modulo n points. Chernoff's bound on the tilted sum says for which n at most lost of it lies outside of
// the window, on either side. What is above wraps to where it weighs too little, so it is added; what is below wraps to
// where it weighs too much, and is added where an ε below the window would have it.
//
// # Error of the FFT
//
// Each output of a radix-2 FFT is a sum of all inputs, each times a root of unity at every level, so that it is off by
// κ·‖input‖₁ at most, κ = log2(n)·η where a level has a relative error of η. In the 2-norm, ‖error‖₂ ≤ κ‖output‖₂
// (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., Theorem 24.2). FFTPACK's roots of unity are off by
// some 9 units of 2^-53, so that η is 15 units; 32 are taken. A part's spectrum s, |s| ≤ 1, is then off by E = κ at each
// frequency, and the product by at most Π(|s|+E)^times − Π|s|^times, which is summed up as it is computed. Back in n
// points, ‖·‖₁ ≤ √n·‖·‖₂. In all it is some 1e-8 to 1e-5 of δ, for 1 to 1e4 parts.
type curve struct {
	interval  float64
	window    window
	tilt, log float64   // λ, K(λ)
	above     []float64 // above[k]: the mass at the window's point k and above
	at        []float64 // at[k]: Σ (1 − e^(x_k−x))⁺·mass over the window
	bound     float64   // on the error of the sum of tilted masses above any point
	relative  float64   // of each mass
	infinite  float64
	most      float64
}

// A window is the points lowest to lowest+size−1 of the grid, size a power of two.
type window struct {
	lowest, size int
	lost         float64 // how much of the tilted mass is outside at most
}

const (
	maxWindow = 1 << 24       // points, that is about 1.1 GiB
	unitError = 0x1p-48       // η
	lostLog   = 44 * math.Ln2 // −log of what a window loses on a side: less than the FFT's error
)

func newCurve(p *PLD, tilt float64) (*curve, error) {
	w, err := p.findWindow(tilt)
	if err != nil {
		return nil, err
	}
	return p.transform(tilt, w), nil
}

// moments returns K(tilt) and the mean and the variance of the tilted sum.
func (p *PLD) moments(tilt float64) (log, mean, variance float64) {
	for _, c := range p.parts {
		l, m, v := c.moments(tilt)
		n := float64(c.times)
		log, mean, variance = log+n*l, mean+n*m, variance+n*v
	}
	return log, mean, variance
}

// tiltForDelta returns about the λ whose tilted mean is the ε at which δ(ε) = delta. There δ is about
// e^(K−λK')/(λ(λ+1)·√(2πV)), V the tilted variance, where the sum is near to normal, and above e^(K−λK')/(λ+1) where it
// is one point.
func (p *PLD) tiltForDelta(delta float64) float64 {
	l := -math.Log(max(delta-p.infinite(), delta*1e-6))
	_, _, v := p.moments(0)
	return p.newton(math.Sqrt(2*l/v), func(tilt, log, mean, variance float64) float64 {
		at := tilt*mean - log + math.Log1p(tilt) + math.Log1p(tilt*math.Sqrt(2*math.Pi*variance))
		return (at - l) / (tilt*variance + 2/(1+tilt))
	})
}

// tiltForEpsilon returns about the λ ≥ 0 with K'(λ) = ε.
func (p *PLD) tiltForEpsilon(eps float64) float64 {
	_, m, v := p.moments(0)
	if !(m < eps) {
		return 0
	}
	return p.newton((eps-m)/v, func(_, _, mean, variance float64) float64 { return (mean - eps) / variance })
}

// newton improves a tilt. Every tilt gives a valid curve, so it need not converge, and where the losses are bounded and ε
// is near their largest there is nothing to converge to.
func (p *PLD) newton(tilt float64, step func(tilt, log, mean, variance float64) float64) float64 {
	highest := 8 / p.interval
	if tilt = min(tilt, highest); !(tilt > 0) {
		return 0
	}
	for range 12 {
		log, mean, variance := p.moments(tilt)
		next := tilt - step(tilt, log, mean, variance)
		if !(next > tilt/2) {
			next = tilt / 2
		}
		next = min(next, 2*tilt, highest)
		if math.Abs(next-tilt) <= tilt/64 {
			return next
		}
		tilt = next
	}
	return tilt
}

// findWindow returns the smallest window that Chernoff's bound finds in a few attempts.
func (p *PLD) findWindow(tilt float64) (window, error) {
	log, _, variance := p.moments(tilt)
	lowest, highest := 0, 0
	for _, c := range p.parts {
		lowest += c.times * c.lowest
		highest += c.times * (c.lowest + len(c.masses) - 1)
	}
	low, high := float64(lowest), float64(highest)
	best := math.Sqrt(2 * lostLog / variance) // for a normal distribution
	for _, f := range []float64{0.5, 0.7, 1, 1.4, 2} {
		s := min(best*f, 8/p.interval)
		up, _, _ := p.moments(tilt + s)
		down, _, _ := p.moments(tilt - s)
		high = min(high, (up-log+lostLog)/s/p.interval+1)
		low = max(low, (log-down-lostLog)/s/p.interval-1)
	}
	if !(high-low < maxWindow-2) {
		return window{}, fmt.Errorf("interval %g is too fine: the losses spread over more than %d points", p.interval, maxWindow)
	}
	w := window{lowest: int(math.Floor(low)), size: 1 << bits.Len(uint(int(math.Ceil(high))-int(math.Floor(low))))}
	if w.lowest > lowest || w.lowest+w.size <= highest {
		w.lost = 2 * math.Exp(-lostLog)
	}
	return w, nil
}

// transform composes the tilted parts within w.
func (p *PLD) transform(tilt float64, w window) *curve {
	c := &curve{interval: p.interval, window: w, tilt: tilt, infinite: p.infinite(), most: p.most()}
	fft := fourier.NewFFT(w.size)
	kappa := math.Log2(float64(w.size)) * unitError
	total := newSpectrum(w.size)
	masses := make([]float64, w.size)
	coefficients := make([]complex128, w.size/2+1)
	origin, runs, digits := 0, 0.0, 0.0
	for _, part := range p.parts {
		log, sum := part.tilted(masses, tilt)
		times := float64(part.times)
		total.multiply(fft.Coefficients(coefficients, masses), times, kappa*sum)
		origin += part.times * part.lowest
		runs += times
		c.log += times * log
		digits += times * (math.Abs(log) + tilt*part.extent() + 4)
	}
	c.bound = w.lost + total.finish(coefficients, runs, kappa)
	// Each exponent was made of terms that sum to digits at most, in 8 roundings; the sums over the window have one a point.
	c.relative = 8*digits*0x1p-53 + float64(w.size)*0x1p-51 + 0x1p-34
	c.untilt(fft.Sequence(masses, coefficients), origin)
	return c
}

// tilted writes the tilted masses to out, modulo its length, and returns the logarithm of what they were divided by and
// their sum, which is 1 but for rounding.
func (g *losses) tilted(out []float64, tilt float64) (log, sum float64) {
	clear(out)
	log, _, _ = g.moments(tilt)
	end := len(g.masses) - 1
	rest := log - tilt*g.interval*float64(g.lowest+end)
	for i, m := range g.masses {
		w := m * math.Exp(tilt*g.interval*float64(i-end)-rest)
		out[i&(len(out)-1)] += w
		sum += w
	}
	return log, sum
}

// extent returns the largest absolute loss of the grid.
func (g *losses) extent() float64 {
	return g.interval * math.Max(math.Abs(float64(g.lowest)), math.Abs(float64(g.lowest+len(g.masses)-1)))
}

// untilt sums up the masses in sequence, n times too large, whose element 0 is at origin modulo n.
func (c *curve) untilt(sequence []float64, origin int) {
	n, h := c.window.size, c.interval
	c.above, c.at = make([]float64, n), make([]float64, n)
	above, at := 0.0, 0.0
	for k := n - 1; k >= 0; k-- {
		// One point down, each 1 − e^(x_k−x) becomes (1 − e^(−h)) + e^(−h)·(1 − e^(x_k−x)), so nothing cancels.
		at = -math.Expm1(-h)*above + math.Exp(-h)*at
		x := c.window.lowest + k
		if w := sequence[(x-origin)&(n-1)]; w > 0 {
			above += w / float64(n) * math.Exp(c.log-c.tilt*h*float64(x))
		}
		c.above[k], c.at[k] = above, at
	}
}

// delta returns an upper bound of δ(eps), at most 1.
func (c *curve) delta(eps float64) float64 {
	if eps >= c.most {
		return min(c.infinite, 1)
	}
	sum := 0.0
	k := max(0, int(math.Ceil(eps/c.interval))-c.window.lowest)
	if k < c.window.size {
		gap := float64(c.window.lowest+k)*c.interval - eps
		sum = -math.Expm1(-gap)*c.above[k] + math.Exp(-gap)*c.at[k]
	}
	d := (sum+c.bound*math.Exp(c.log-c.tilt*eps))*(1+c.relative) + c.infinite
	if !(d < 1) { // far from the tilt it may be infinite, or infinite times 0
		return 1
	}
	return d
}
