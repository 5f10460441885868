package dp

import (
	"math"
	"math/big"
	"math/bits"
)

// The exact samplers of Canonne, Kamath and Steinke, "The Discrete Gaussian for
// Differential Privacy" (NeurIPS 2020, arXiv 2004.00010), in words of 64 bits. No
// floating point lies between the random bytes and the noise.
//
// The parameter is the draw's Sigma itself: a float64 is a rational number, and one
// with at most 26 significant bits has a square that fits a word with room to spare,
//
//	Sigma = m·2^e,  2^25 <= m < 2^26,  Sigma² = M·2^2e,  M = m²,  2^50 <= M < 2^52.
//
// Others are refused. The grid costs at most 2^-25 of σ, that is 6e-8 of ρ.

// gridShift is how many of a float64's 53 significant bits are 0 on the grid.
const gridShift = 53 - 26

// onGrid says whether a positive x has at most 26 significant bits.
func onGrid(x float64) bool { return math.Float64bits(x)%(1<<gridShift) == 0 }

// split returns m and e of a positive, normal x on the grid.
func split(x float64) (m uint64, e int) {
	b := math.Float64bits(x)
	return (b%(1<<52) | 1<<52) >> gridShift, int(b>>52) - 1075 + gridShift
}

// gridStep returns the number of the grid that is so many steps above x, rounded up.
func gridStep(x float64, steps int64) float64 {
	b := (math.Float64bits(x) + 1<<gridShift - 1) >> gridShift
	return math.Float64frombits((b + uint64(steps)) << gridShift)
}

// A gaussianLaw is the discrete Gaussian, P(y) ∝ exp(−y²/(2σ²)) for every integer y.
//
// Algorithm 3 draws Y with P(y) ∝ exp(−|y|/t) and keeps it with probability
// exp(−γ), γ = (|y| − σ²/t)²/(2σ²). Together the exponent is −y²/(2σ²) and a
// constant, whichever t >= 1 is taken. The paper takes ⌊σ⌋+1. Here t is a power of
// two, 2^j, with σ/t from √½ to √2 (from ½ where σ is below √½, and t is 1), so that
// σ²/t has no more bits than M. At least half are kept, and at a large σ at least 65 of
// 100, (σ/t)·√(π/2)·exp(−σ²/(2t²)) of them, where the paper's t keeps 76.
//
// With h = j−2e, σ²/t = M/2^h and |y| = u + 2^j·v,
//
//	γ = d²/(M·2^w),  d = |u·2^h + v·2^(w−1) − M|,  w = 1 + j + h, which is 51 or 53.
type gaussianLaw struct {
	m2      uint64 // M
	j, h, w uint
}

// newGaussianLaw takes a sigma that guard lets pass.
func newGaussianLaw(sigma float64) gaussianLaw {
	m, e := split(sigma)
	m2 := m * m
	j := e + 26
	if m2 < 1<<51 && j > 0 {
		j-- // σ/t is m/2^25 and not m/2^26
	}
	h := j - 2*e
	return gaussianLaw{m2: m2, j: uint(j), h: uint(h), w: uint(1 + j + h)}
}

func (g gaussianLaw) draw(s *source) int64 {
	for {
		u, v := s.exponential(1 << g.j)
		negative := s.coin()
		if negative && u == 0 && v == 0 {
			continue // 0 would be drawn twice as often
		}
		n, a, f := g.exponent(u, v)
		if !s.decayBy(n, a, f, g.m2) {
			continue
		}
		y := saturate(0, u, v, 1<<g.j)
		if negative {
			return -y
		}
		return y
	}
}

// exponent returns γ = n + (a + f/2^64)/M, a < M.
func (g gaussianLaw) exponent(u, v uint64) (n, a, f uint64) {
	if v >= 1<<10 {
		return g.farExponent(u, v) // once in e^1024 draws
	}
	// x <= 2^62, so d² >> w < 2^74 and its high word is below M.
	x := u<<g.h + v<<(g.w-1)
	d := max(x, g.m2) - min(x, g.m2)
	high, low := bits.Mul64(d, d)
	n, a = bits.Div64(high>>g.w, high<<(64-g.w)|low>>g.w, g.m2)
	return n, a, low << (64 - g.w)
}

// farExponent is exponent where d does not fit a word. n saturates: nobody will
// count to 2^64.
func (g gaussianLaw) farExponent(u, v uint64) (n, a, f uint64) {
	d := new(big.Int).SetUint64(v)
	d.Lsh(d, g.w-1)
	d.Add(d, new(big.Int).SetUint64(u<<g.h))
	d.Sub(d, new(big.Int).SetUint64(g.m2))
	part := new(big.Int).SetUint64(g.m2)
	part.Lsh(part, g.w)
	whole, rest := new(big.Int).QuoRem(d.Mul(d, d), part, new(big.Int))
	n = math.MaxUint64
	if whole.IsUint64() {
		n = whole.Uint64()
	}
	f = new(big.Int).And(rest, big.NewInt(1<<g.w-1)).Uint64() << (64 - g.w)
	return n, rest.Rsh(rest, g.w).Uint64(), f
}

// A laplaceLaw is the discrete Laplace distribution, P(y) ∝ exp(−|y|/b) for every
// integer y, b = t/2^shift: Algorithm 2. ⌊X/2^shift⌋ of the X with P(x) ∝ exp(−x/t) is
// geometric with the ratio exp(−2^shift/t); −0 is drawn again. At most half is.
type laplaceLaw struct {
	t     uint64
	shift uint
}

// newLaplaceLaw takes a scale that guard lets pass.
func newLaplaceLaw(scale float64) laplaceLaw {
	m, e := split(scale)
	if e >= 0 {
		return laplaceLaw{t: m << e}
	}
	return laplaceLaw{t: m, shift: uint(-e)}
}

func (l laplaceLaw) draw(s *source) int64 {
	for {
		u, v := s.exponential(l.t)
		y := saturate(l.shift, u, v, l.t)
		switch negative := s.coin(); {
		case !negative:
			return y
		case y > 0:
			return -y
		}
	}
}

// saturate returns ⌊(u + t·v)/2^shift⌋, at most 2^62. An exact value and a result are
// within ±2^53, so noise beyond ±2^54 is all the same to the result.
func saturate(shift uint, u, v, t uint64) int64 {
	high, low := bits.Mul64(t, v)
	low, carry := bits.Add64(low, u, 0)
	high += carry
	if y := high<<(64-shift) | low>>shift; high>>shift == 0 && y < 1<<62 {
		return int64(y)
	}
	return 1 << 62
}
