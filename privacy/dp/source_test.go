package dp

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// A chance is decided where the random digits first differ from those of p, in base
// 2^64, by which is smaller, after any number of equal ones.
func TestChanceComparesWithEveryDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.Uint64Range(1, math.MaxUint64).Draw(t, "b")
		a := rapid.Uint64Range(0, b-1).Draw(t, "a")
		f := rapid.Uint64().Draw(t, "f")
		p := digits(a, f, b, 4)
		equal := rapid.IntRange(0, 3).Draw(t, "equal digits")
		words := append([]uint64{}, p[:equal]...)
		if p[equal] > 0 {
			below := rapid.Uint64Range(0, p[equal]-1).Draw(t, "below")
			if !scripted(append(words, below)...).chance(a, f, b) {
				t.Errorf("(%d+%d/2^64)/%d: false below digit %d", a, f, b, equal)
			}
		}
		if p[equal] < math.MaxUint64 {
			above := rapid.Uint64Range(p[equal]+1, math.MaxUint64).Draw(t, "above")
			if scripted(append(words, above)...).chance(a, f, b) {
				t.Errorf("(%d+%d/2^64)/%d: true above digit %d", a, f, b, equal)
			}
		}
	})
}

// digits returns the first n digits of (a + f/2^64)/b in base 2^64.
func digits(a, f, b uint64, n int) []uint64 {
	rest := new(big.Int).SetUint64(a)
	rest.Lsh(rest, 64).Add(rest, new(big.Int).SetUint64(f))
	out := make([]uint64, n)
	for k := range out {
		if k > 0 {
			rest.Lsh(rest, 64)
		}
		q, r := new(big.Int).QuoRem(rest, new(big.Int).SetUint64(b), new(big.Int))
		out[k], rest = q.Uint64(), r
	}
	return out
}

// Lemire's way leaves out low words below 2^64 mod n, and those alone.
func TestBelowLeavesOutTheUneven(t *testing.T) {
	const n = 6 // 2^64 mod 6 is 4
	// The word w has the low word 6w mod 2^64, which is 0 and 2 at w = 0 and (2^64+2)/6.
	for _, w := range []uint64{0, (1<<63 + 1) / 3} {
		if got := scripted(w, math.MaxUint64).below(n); got != n-1 {
			t.Errorf("word %d: got %d, want it left out and %d from the next", w, got, n-1)
		}
	}
	if got := scripted(1).below(n); got != 0 {
		t.Errorf("word 1: got %d, want 0", got)
	}
	s, counts := seeded(t)(), [n]int{}
	for range draws(50_000) {
		counts[s.below(n)]++
	}
	for k, c := range counts {
		if N := draws(50_000); upper(c, N) < 1.0/n || lower(c, N) > 1.0/n {
			t.Errorf("%d came %d times of %d", k, c, N)
		}
	}
}

// The decays against exp(−γ), by Clopper and Pearson. The control takes γ for
// 1.05·γ + 0.02, which has to be seen at every γ.
func TestDecayHasItsProbability(t *testing.T) {
	s := seeded(t)()
	n := draws(200_000)
	const half = 1 << 63
	for _, test := range []struct {
		name  string
		gamma float64
		draw  func() bool
	}{
		{"0", 0, func() bool { return s.decay(0, 0, 7) }},
		{"1/1000", 0.001, func() bool { return s.decay(1, 0, 1000) }},
		{"1/3", 1.0 / 3, func() bool { return s.decay(1<<50, 0, 3<<50) }},
		{"a fraction in f", 0.5, func() bool { return s.decay(0, half, 1) }},
		{"both", 0.625, func() bool { return s.decay(2, half, 4) }},
		{"just under 1", 1, func() bool { return s.decay(1<<60-1, 0, 1<<60) }},
		{"1", 1, s.decayOne},
		{"1 + 0", 1, func() bool { return s.decayBy(1, 0, 0, 9) }},
		{"2 + 3/8", 2.375, func() bool { return s.decayBy(2, 1, half, 4) }},
		{"5", 5, func() bool { return s.decayBy(5, 0, 0, 1) }},
		{"coin", math.Ln2, s.coin},
	} {
		k := 0
		for range n {
			if test.draw() {
				k++
			}
		}
		low, high := lower(k, n), upper(k, n)
		if p := math.Exp(-test.gamma); p < low || p > high {
			t.Errorf("γ %s: %d of %d, want %g of them", test.name, k, n, p)
		}
		if p := math.Exp(-1.05*test.gamma - 0.02); p >= low && p <= high {
			t.Errorf("γ %s: the test sees no difference to 1.05·γ + 0.02", test.name)
		}
	}
}
