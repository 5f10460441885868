package dp

import (
	"math"
	"math/big"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// sampler is a way to draw one value.
type sampler func(*source) int64

func drawn(s *source, draw sampler, n int) []int64 {
	sample := make([]int64, n)
	for k := range sample {
		sample[k] = draw(s)
	}
	return sample
}

var (
	sigmas = []float64{0.5, 0.6875, 0.75, 1, 1.4140625, 3.3125, 32, 999, 12_345, 1e6, 0x1p40}
	scales = []float64{0.0625, 0.3125, 0.75, 1, 1.6875, 20.5, 1000, 1e6, 0x1p40}
)

func TestDiscreteGaussianHasItsLaw(t *testing.T) {
	next := seeded(t)
	for _, sigma := range sigmas {
		sample := drawn(next(), newGaussianLaw(sigma).draw, draws(100_000))
		if wrong := misfit(sample, gaussianOf(sigma)); wrong != "" {
			t.Errorf("σ %g: %s", sigma, wrong)
		}
		if misfit(sample, gaussianOf(1.04*sigma)) == "" {
			t.Errorf("σ %g: the test sees no difference to 1.04·σ", sigma)
		}
	}
}

func TestDiscreteLaplaceHasItsLaw(t *testing.T) {
	next := seeded(t)
	for _, scale := range scales {
		n := draws(100_000)
		if scale < 0.1 {
			n *= 20 // one in 4e6 is not 0: nothing to compare with a control
		}
		sample := drawn(next(), newLaplaceLaw(scale).draw, n)
		if scale < 0.1 {
			k := 0
			for _, y := range sample {
				if y != 0 {
					k++
				}
			}
			if p := 1 - math.Tanh(1/(2*scale)); upper(k, n) < p || lower(k, n) > p {
				t.Errorf("b %g: %d of %d are not 0, want %g of them", scale, k, n, p)
			}
			continue
		}
		if wrong := misfit(sample, laplaceOf(scale)); wrong != "" {
			t.Errorf("b %g: %s", scale, wrong)
		}
		if misfit(sample, laplaceOf(1.08*scale)) == "" {
			t.Errorf("b %g: the test sees no difference to 1.08·b", scale)
		}
	}
}

// Faults that a sampler could have. Each has to be seen by the same test, and each
// but for its fault is the sampler, which the first line of the table shows.
func TestPlantedFaultsAreSeen(t *testing.T) {
	next := seeded(t)
	gaussian := func(sigma float64, change func(g *gaussianLaw, f *fault)) sampler {
		g, f := newGaussianLaw(sigma), fault{}
		change(&g, &f)
		return f.gaussian(g)
	}
	floored := func(x uint64, h uint) uint64 { return x >> h << h }
	for _, test := range []struct {
		name string
		seen bool
		law  law
		draw sampler
	}{
		{"none", false, gaussianOf(1.4140625), gaussian(1.4140625, func(*gaussianLaw, *fault) {})},
		{"none, wide", false, gaussianOf(1e6), gaussian(1e6, func(*gaussianLaw, *fault) {})},
		{"none, Laplace", false, laplaceOf(1.6875), fault{}.laplace(newLaplaceLaw(1.6875))},
		{"half σ", true, gaussianOf(100), newGaussianLaw(50).draw},
		{"half b", true, laplaceOf(100), newLaplaceLaw(50).draw},
		{"every proposal is kept", true, gaussianOf(100), gaussian(100, func(_ *gaussianLaw, f *fault) { f.keepAll = true })},
		{"σ²/t is floored", true, gaussianOf(1.3125), gaussian(1.3125, func(g *gaussianLaw, f *fault) { f.centre = floored(g.m2, g.h) })},
		{"σ² is floored", true, gaussianOf(1.3125), newGaussianLaw(1).draw},
		{"b is floored", true, laplaceOf(1.6875), newLaplaceLaw(1).draw},
		{"γ is floored", true, gaussianOf(100), gaussian(100, func(_ *gaussianLaw, f *fault) { f.floor = true })},
		{"γ is doubled", true, gaussianOf(100), gaussian(100, func(_ *gaussianLaw, f *fault) { f.twice = true })},
		{"0 comes twice", true, gaussianOf(1.4140625), gaussian(1.4140625, func(_ *gaussianLaw, f *fault) { f.zeroTwice = true })},
		{"0 comes twice, Laplace", true, laplaceOf(1.6875), fault{zeroTwice: true}.laplace(newLaplaceLaw(1.6875))},
		{"0 is never negative but always kept as 1", true, gaussianOf(1.4140625), shifted(newGaussianLaw(1.4140625).draw)},
		{"u is always kept", true, laplaceOf(100), fault{uniform: true}.laplace(newLaplaceLaw(100))},
		{"u is always kept, Gaussian", true, gaussianOf(100), gaussian(100, func(_ *gaussianLaw, f *fault) { f.uniform = true })},
	} {
		wrong := misfit(drawn(next(), test.draw, draws(100_000)), test.law)
		if test.seen != (wrong != "") {
			t.Errorf("%s: the test says %q", test.name, wrong)
		}
	}
	for name, s := range reused(next) {
		if misfit(drawn(s, newGaussianLaw(100).draw, draws(100_000)), gaussianOf(100)) == "" {
			t.Errorf("%s: not seen", name)
		}
	}
}

// fault is a sampler written once more, with one thing wrong.
type fault struct {
	keepAll, floor, twice, zeroTwice, uniform bool
	centre                                    uint64 // instead of M in d
}

func (f fault) exponential(s *source, t uint64) (u, v uint64) {
	if !f.uniform {
		return s.exponential(t)
	}
	for u = s.below(t); s.decayOne(); v++ {
	}
	return u, v
}

func (f fault) gaussian(g gaussianLaw) sampler {
	centre := f.centre
	if centre == 0 {
		centre = g.m2
	}
	return func(s *source) int64 {
		for {
			u, v := f.exponential(s, 1<<g.j)
			y := int64(u + v<<g.j)
			if s.coin() {
				y = -y
				if y == 0 && !f.zeroTwice {
					continue
				}
			}
			x := u<<g.h + v<<(g.w-1)
			d := max(x, centre) - min(x, centre)
			high, low := bits.Mul64(d, d)
			n, a := bits.Div64(high>>g.w, high<<(64-g.w)|low>>g.w, g.m2)
			c := low << (64 - g.w)
			if f.floor {
				a, c = 0, 0
			}
			if f.keepAll || s.decayBy(n, a, c, g.m2) && (!f.twice || s.decayBy(n, a, c, g.m2)) {
				return y
			}
		}
	}
}

func (f fault) laplace(l laplaceLaw) sampler {
	return func(s *source) int64 {
		for {
			u, v := f.exponential(s, l.t)
			y := int64((u + l.t*v) >> l.shift)
			if !s.coin() {
				return y
			}
			if y > 0 || f.zeroTwice {
				return -y
			}
		}
	}
}

// shifted draws again where it is 0 and a coin says so.
func shifted(draw sampler) sampler {
	return func(s *source) int64 {
		if y := draw(s); y != 0 || s.coin() {
			return y
		}
		return 1
	}
}

// reused are sources that hand out random bytes more than once.
func reused(next func() *source) map[string]*source {
	block := make([]byte, 4096)
	next().fill(block)
	honest := next()
	return map[string]*source{
		"the same 4 KiB again and again": newSourceOf(func(b []byte) { copy(b, block) }),
		"each word twice": newSourceOf(func(b []byte) {
			honest.fill(b)
			for n := 0; n < len(b); n += 16 {
				copy(b[n+8:n+16], b[n:n+8])
			}
		}),
	}
}

// The exponent is (|y| − σ²/t)²/(2σ²) to the last bit, near and far.
func TestExponentIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sigma := gridStep(math.Exp2(rapid.Float64Range(-1, 39.9).Draw(t, "log σ")), rapid.Int64Range(0, 3).Draw(t, "steps"))
		g := newGaussianLaw(sigma)
		u := rapid.Uint64Range(0, 1<<g.j-1).Draw(t, "u")
		v := rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64Range(0, 1<<11), rapid.Uint64Range(1<<10, 1<<62)).Draw(t, "v")
		if ratio := sigma / float64(uint64(1)<<g.j); ratio < 0.5 || ratio >= math.Sqrt2 || ratio < math.Sqrt2/2 && g.j > 0 {
			t.Errorf("σ/t is %g", ratio)
		}
		s := new(big.Rat).SetFloat64(sigma)
		s.Mul(s, s)
		y := new(big.Int).Lsh(new(big.Int).SetUint64(v), g.j)
		want := new(big.Rat).SetInt(y.Add(y, new(big.Int).SetUint64(u)))
		want.Sub(want, new(big.Rat).Quo(s, new(big.Rat).SetInt64(1<<g.j)))
		want.Mul(want, want)
		want.Quo(want, s.Add(s, s))

		n, a, f := g.exponent(u, v)
		if a >= g.m2 {
			t.Fatalf("the fraction %d/%d is not below 1", a, g.m2)
		}
		if n == math.MaxUint64 {
			if want.Cmp(new(big.Rat).SetInt(new(big.Int).SetUint64(n))) < 0 {
				t.Error("saturated too early")
			}
			return
		}
		if got := rational(n, a, f, g.m2); got.Cmp(want) != 0 {
			t.Errorf("σ %v, u %d, v %d: got %v, want %v", sigma, u, v, got, want)
		}
		fn, fa, ff := g.farExponent(u, v)
		if v < 1<<10 && (fn != n || fa != a || ff != f) {
			t.Errorf("near %d %d %d, far %d %d %d", n, a, f, fn, fa, ff)
		}
	})
}

// rational is n + (a + f/2^64)/b.
func rational(n, a, f, b uint64) *big.Rat {
	word := func(x uint64) *big.Rat { return new(big.Rat).SetInt(new(big.Int).SetUint64(x)) }
	r := word(f)
	r.Quo(r, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 64)))
	r.Add(r, word(a))
	r.Quo(r, word(b))
	return r.Add(r, word(n))
}

func TestSaturate(t *testing.T) {
	for _, test := range []struct {
		shift   uint
		u, v, t uint64
		want    int64
	}{
		{0, 3, 2, 10, 23},
		{2, 3, 2, 10, 5},
		{0, 0, 1 << 22, 1 << 40, 1 << 62},
		{0, 1<<40 - 1, 1<<22 - 1, 1 << 40, 1<<62 - 1},
		{29, 0, 1 << 50, 1 << 40, 1 << 61},
		{29, 0, 1 << 51, 1 << 40, 1 << 62},
		{29, 5, math.MaxUint64, 1 << 40, 1 << 62},
		{0, 1<<40 - 1, math.MaxUint64, 1 << 40, 1 << 62},
	} {
		if got := saturate(test.shift, test.u, test.v, test.t); got != test.want {
			t.Errorf("(%d + %d·%d) >> %d: got %d, want %d", test.u, test.t, test.v, test.shift, got, test.want)
		}
	}
}
