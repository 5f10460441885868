package dp

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

func TestCalibrateIsWithinAndNearWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := budget.Rho(math.Pow(10, rapid.Float64Range(5, 11.9).Draw(t, "log ρ")))
		l0 := rapid.Int64Range(1, 200).Draw(t, "l0")
		lInf := int64(math.Pow(10, rapid.Float64Range(1, 6).Draw(t, "log lInf")))
		d, err := CalibrateAs(Gaussian, "d", 1000, l0, lInf, want)
		if err != nil {
			t.Fatal(err)
		}
		if d.Cost.Rho > want {
			t.Errorf("costs ρ %d, wanted %d", d.Cost.Rho, want)
		}
		// The library's search stops when its bracket of σ is at most 1/1000 of its
		// lower end, so σ is at most 1.001 times what it could be and ρ at least
		// 1/1.001² of it; the rest is what floating point costs.
		float := budget.Rho(math.Ceil(2*floatError*float64(l0)*(1+math.Sqrt(2))*1e12)) + 1
		if floor := budget.Rho(float64(want)/(1.001*1.001)) - 2*float; want > 3*float && d.Cost.Rho < floor {
			t.Errorf("costs ρ %d of %d wanted: σ could be smaller", d.Cost.Rho, want)
		}
		exact := float64(l0) * float64(lInf) * float64(lInf) / (2 * d.Sigma * d.Sigma) * 1e12
		if float64(d.Cost.Rho) < exact*(1-1e-12) {
			t.Errorf("charged ρ %d, costs %g", d.Cost.Rho, exact)
		}
		if d.Cost.Delta == 0 {
			t.Error("the sampler's δ is not charged")
		}
	})
}

// An exact mechanism has the least parameter of its grid that costs no more than what
// is wanted: the next one below costs more. The charge is the cost as integers have it.
func TestCalibrateExactIsTheLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mechanism := rapid.SampledFrom([]string{DiscreteGaussian, DiscreteLaplace}).Draw(t, "mechanism")
		want := budget.Rho(math.Pow(10, rapid.Float64Range(5, 11.9).Draw(t, "log ρ")))
		l0 := rapid.Int64Range(1, 200).Draw(t, "l0")
		lInf := int64(math.Pow(10, rapid.Float64Range(0, 6).Draw(t, "log lInf")))
		d, err := CalibrateAs(mechanism, "d", 1000, l0, lInf, want)
		if err != nil {
			t.Fatal(err)
		}
		if d.Cost.Rho > want || d.Cost.Delta != 0 || d.Delta != 0 || d.Epsilon != 0 {
			t.Errorf("wanted ρ %v, got %+v", want, d)
		}
		sensitivity := big.NewInt(l0 * lInf)
		sigma := new(big.Rat).SetFloat64(d.Sigma)
		if mechanism == DiscreteGaussian {
			sensitivity.Mul(sensitivity, big.NewInt(lInf))
			roundedUp(t, sensitivity, 1e12, sigma.Mul(sigma, sigma).Mul(sigma, big.NewRat(2, 1)), uint64(d.Cost.Rho))
		} else {
			roundedUp(t, sensitivity, 1e9, sigma, uint64(d.Cost.Epsilon))
		}
		less := d
		less.Sigma = gridStep(d.Sigma, -1)
		of, err := mechanismOf(mechanism)
		if err != nil {
			t.Fatal(err)
		}
		if c := of.cost(l0, lInf, less.Sigma); mechanism == DiscreteGaussian && c.Rho <= want {
			t.Errorf("σ %v would do, it costs %v of %v", less.Sigma, c, want)
		} else if rho, _ := budget.PureRho(c.Epsilon); c.Epsilon > 0 && rho <= want {
			t.Errorf("b %v would do, it costs %v of %v", less.Sigma, c, want)
		}
	})
}

// roundedUp holds units >= scale·num/den > units−1, without a division.
func roundedUp(t *rapid.T, num *big.Int, scale int64, den *big.Rat, units uint64) {
	exact := new(big.Rat).SetInt(num)
	exact.Mul(exact, new(big.Rat).SetInt64(scale))
	times := func(u uint64) *big.Rat {
		return new(big.Rat).Mul(den, new(big.Rat).SetInt(new(big.Int).SetUint64(u)))
	}
	if times(units).Cmp(exact) < 0 || times(units-1).Cmp(exact) >= 0 {
		t.Errorf("charged %d units for %v/%v of 1/%d", units, num, den, scale)
	}
}

func TestCostOfTheSampler(t *testing.T) {
	for _, test := range []struct {
		rho          float64
		cut, rounded float64 // as the comment in sampler.go has them
	}{
		{0.0005, 2e-19, 4e-16},
		{0.5, 3e-15, 6e-16},
	} {
		shift := math.Sqrt(2 * test.rho)
		if got := strip(shift); got < test.cut/2 || got > test.cut*1.5 {
			t.Errorf("ρ %g: cut %.2g, want about %g", test.rho, got, test.cut)
		}
		if got := uneven(shift, 1e3/shift); got < test.rounded*0.75 || got > test.rounded*1.5 {
			t.Errorf("ρ %g: rounding %.2g, want about %g", test.rho, got, test.rounded)
		}
		t.Logf("ρ %g: cut %.3g, rounding %.3g, charged %d", test.rho, strip(shift), uneven(shift, 1e3/shift), samplerDelta(1, 1000, 1000/shift))
	}
	if one, ten := samplerDelta(1, 7, 100), samplerDelta(10, 7, 100); ten < 10*one-10 || ten > 10*one {
		t.Errorf("δ of ten cells is %d, of one %d", ten, one)
	}
	if rho(1, 1, 1e6) == 0 || samplerDelta(1, 1, 1e6) == 0 {
		t.Error("something costs nothing")
	}
	// Exactly 1/2, and what floating point adds: 2e-13 · (1 + √1) rounded up.
	if got := rho(1, 10, 10); got != 500_000_000_001 {
		t.Errorf("ρ at σ = lInf: got %d, want 500000000001", got)
	}
}

func TestCalibrateRefuses(t *testing.T) {
	for _, test := range []struct {
		name            string
		cells, l0, lInf int64
		want            budget.Rho
		only            string
	}{
		{"no cells", 0, 1, 1, 5e8, ""},
		{"l0 above cells", 2, 3, 1, 5e8, ""},
		{"l0 above 1e6", 2e6, 1e6 + 1, 1, 5e11, Gaussian},
		{"no lInf", 1, 1, 0, 5e8, ""},
		{"overflow", 4, 4, 1<<62 + 1, 5e8, ""},
		{"no ρ", 1, 1, 1, 0, ""},
		{"ρ of one unit", 1, 1, 1, 1, Gaussian},
		{"σ under the least", 1, 1, 1, 5e12, Gaussian},
		{"σ under the least, exact", 1, 1, 1, 5e12, DiscreteGaussian},
		{"b under the least", 1, 1, 1, 129e12, DiscreteLaplace},
		{"more than can be counted", 1, 1, maxExact, math.MaxUint64, ""},
		{"σ over the largest", 1, 1, 1 << 45, 5e8, ""},
	} {
		for _, mechanism := range mechanisms {
			if test.only != "" && mechanism != test.only {
				continue
			}
			if d, err := CalibrateAs(mechanism, "d", test.cells, test.l0, test.lInf, test.want); err == nil {
				t.Errorf("%s, %s: got σ %g, want an error", mechanism, test.name, d.Sigma)
			} else if d != (ledger.Draw{}) {
				t.Errorf("%s, %s: got an error and a draw", mechanism, test.name)
			}
		}
	}
	for name, got := range map[string]func() (ledger.Draw, error){
		"no mechanism":   func() (ledger.Draw, error) { return CalibrateAs("", "d", 1, 1, 1, 5e8) },
		"no ε":           func() (ledger.Draw, error) { return CalibratePure("d", 1, 1, 1, 0) },
		"ε above 16":     func() (ledger.Draw, error) { return CalibratePure("d", 1, 1, 1, 17e9) },
		"ε without end":  func() (ledger.Draw, error) { return CalibratePure("d", 1, 1, maxExact, math.MaxUint64) },
		"pure, no cells": func() (ledger.Draw, error) { return CalibratePure("d", 0, 1, 1, 1e9) },
		"none can":       func() (ledger.Draw, error) { return Cheapest("d", 1, 1, 1, 0) },
	} {
		if d, err := got(); err == nil || d != (ledger.Draw{}) {
			t.Errorf("%s: got %+v and error %v, want an error alone", name, d, err)
		}
	}
}

// A draw that guard lets pass and the library would draw otherwise is refused:
// more noise than the library makes is another σ than was charged.
func TestNoiseRefusesAnotherSigma(t *testing.T) {
	d := calibrated(t, "d", 1, 1, 1, 5e8)
	d.Sigma = math.Nextafter(d.Sigma, math.Inf(1))
	if err := guard(d); err != nil {
		t.Fatal(err)
	}
	if _, err := Noise(charged(t, d), "d", []int64{0}); err == nil {
		t.Error("got no error")
	}
}

func TestCalibrateIsTheDefault(t *testing.T) {
	got, err := Calibrate("d", 10, 2, 3, 5e8)
	if want := calibratedAs(t, Default, "d", 10, 2, 3, 5e8); err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
}
