package budget

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

const coarse = 4e-3 // keeps the properties quick

// drawPart draws one of the mechanisms, and how often it runs.
func drawPart(t *rapid.T) Part {
	multiplier := math.Exp(rapid.Float64Range(math.Log(1.2), math.Log(50)).Draw(t, "log multiplier"))
	var p *PLD
	var err error
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		p, err = GaussianPLD(coarse, multiplier)
	case 1:
		p, err = DiscreteGaussianPLD(coarse, multiplier, 1)
	case 2:
		p, err = LaplacePLD(coarse, multiplier)
	case 3:
		p, err = DiscreteLaplacePLD(coarse, 2*multiplier, 2)
	default:
		p, err = SelectionPLD(coarse, Epsilon(1e9/multiplier), Delta(rapid.Uint64Range(0, 1e3).Draw(t, "delta")))
	}
	if err != nil {
		t.Fatal(err)
	}
	return Part{p, rapid.IntRange(1, 12).Draw(t, "times")}
}

func drawDelta(t *rapid.T) Delta {
	return Delta(math.Pow(10, rapid.Float64Range(6, 16).Draw(t, "log delta")))
}

func compose(t *rapid.T, parts ...Part) *PLD {
	p, err := Compose(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func epsilonAt(t *rapid.T, p *PLD, delta Delta) Epsilon {
	eps, err := p.EpsilonAt(delta)
	if err != nil {
		t.Fatal(err)
	}
	return eps
}

// near is what two curves of the same distribution may differ by: they are bounds with a different tilt, window and order
// of sums, each within a millionth of δ, that is less than 1e-6/λ in ε, and rounded up.
func near(eps Epsilon) Epsilon { return 1000 + eps/1e6 }

func TestPLDGrowsWithEveryPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Custom(drawPart), 2, 4).Draw(t, "parts")
		delta := drawDelta(t)
		less, more := epsilonAt(t, compose(t, parts[1:]...), delta), epsilonAt(t, compose(t, parts...), delta)
		if more < less-min(less, near(less)) {
			t.Fatalf("δ %v: got ε %v with another part, %v without", delta, more, less)
		}
		again := parts[0]
		again.Times++
		if once, twice := epsilonAt(t, compose(t, parts[0]), delta), epsilonAt(t, compose(t, again), delta); twice < once-min(once, near(once)) {
			t.Fatalf("δ %v: got ε %v for %d times, %v for one time less", delta, twice, again.Times, once)
		}
	})
}

func TestEpsilonOfAPLDFallsWithDelta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := compose(t, rapid.SliceOfN(rapid.Custom(drawPart), 1, 3).Draw(t, "parts")...)
		low, high := drawDelta(t), drawDelta(t)
		if low > high {
			low, high = high, low
		}
		atLow, atHigh := epsilonAt(t, p, low), epsilonAt(t, p, high)
		if atHigh > atLow && atHigh-atLow > near(atLow) {
			t.Fatalf("got ε %v at δ %v, and %v at the larger %v", atLow, low, atHigh, high)
		}
		if atHigh == math.MaxUint64 || atHigh == 0 {
			return
		}
		back, err := p.DeltaAt(atHigh)
		if err != nil {
			t.Fatal(err)
		}
		if back > high+high/1000+1e5 { // at the largest loss, δ is that of the FFT
			t.Fatalf("δ %v: got ε %v, and there δ %v", high, atHigh, back)
		}
	})
}

func TestTheOrderOfPartsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Custom(drawPart), 2, 4).Draw(t, "parts")
		delta := drawDelta(t)
		mixed := rapid.Permutation(parts).Draw(t, "mixed")
		want := epsilonAt(t, compose(t, parts...), delta)
		nested := compose(t, Part{compose(t, mixed[:1]...), 1}, Part{compose(t, mixed[1:]...), 1})
		for _, p := range []*PLD{compose(t, mixed...), nested} {
			if got := epsilonAt(t, p, delta); max(got, want)-min(got, want) > near(want) {
				t.Fatalf("δ %v: got ε %v, in another order %v", delta, got, want)
			}
		}
	})
}

// Gaussians of multipliers s1, s2, … are together one of 1/√Σ 1/s², and Σ 1/(2s²)-zCDP. That the interval is small against
// each part's loss is said in PLD's doc.
func TestGaussianPLDIsBetweenTheExactCurveAndTheSumOfRho(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts []Part
		squares := 0.0
		for range rapid.IntRange(1, 3).Draw(t, "mechanisms") {
			multiplier := math.Exp(rapid.Float64Range(math.Log(0.8), math.Log(100)).Draw(t, "log multiplier"))
			p, err := GaussianPLD(coarse, multiplier)
			if err != nil {
				t.Fatal(err)
			}
			times := rapid.IntRange(1, 100).Draw(t, "times")
			parts = append(parts, Part{p, times})
			squares += float64(times) / (multiplier * multiplier)
		}
		delta := drawDelta(t)
		got, bound := epsilonAt(t, compose(t, parts...), delta), EpsilonOf(Rho(squares/2*1e12*(1-1e-14)), delta)
		if got > bound {
			t.Fatalf("δ %v: got ε %v, and %v of the sum of ρ", delta, got, bound)
		}
		if exact := exactGaussian(1/math.Sqrt(squares), 1)(float64(got) / 1e9); exact*1e18 > float64(delta)*(1+accuracy) {
			t.Fatalf("δ %v: got ε %v, where the exact δ is %g", delta, got, exact)
		}
	})
}

// BenchmarkPLDYear composes a year: 365 nights, 6 releases, 3 draws of different noise each.
func BenchmarkPLDYear(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var parts []Part
		for i := range 18 {
			p, err := GaussianPLD(PLDInterval, 60+7*float64(i))
			if err != nil {
				b.Fatal(err)
			}
			parts = append(parts, Part{p, 365})
		}
		p, err := Compose(parts...)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.EpsilonAt(1e12); err != nil {
			b.Fatal(err)
		}
	}
}
