package dp

import (
	"fmt"
	"math"
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
		d, err := Calibrate("d", 1000, l0, lInf, want)
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
	}{
		{"no cells", 0, 1, 1, 5e8},
		{"l0 above cells", 2, 3, 1, 5e8},
		{"l0 above 1e6", 2e6, 1e6 + 1, 1, 5e11},
		{"no lInf", 1, 1, 0, 5e8},
		{"overflow", 4, 4, 1<<62 + 1, 5e8},
		{"no ρ", 1, 1, 1, 0},
		{"ρ of one unit", 1, 1, 1, 1},
		{"σ under the least", 1, 1, 1, 5e12},
		{"σ over the largest", 1, 1, 1 << 45, 5e8},
	} {
		if d, err := Calibrate("d", test.cells, test.l0, test.lInf, test.want); err == nil {
			t.Errorf("%s: got σ %g, want an error", test.name, d.Sigma)
		} else if d != (ledger.Draw{}) {
			t.Errorf("%s: got an error and a draw", test.name)
		}
	}
}

// TestGuardRefusesUnsafe crosses what is wrong with a draw with every shape of a
// right one. Among it are all inputs that the library is known to get wrong.
func TestGuardRefusesUnsafe(t *testing.T) {
	spoil := faults()
	combinations, reached := 0, 0
	for _, good := range shapes(t) {
		if err := guard(good); err != nil {
			t.Fatalf("right draw %+v: %v", good, err)
		}
		for name, change := range spoil {
			d := good
			change(&d)
			combinations++
			if err := guard(d); err == nil {
				t.Errorf("%s: let pass %+v", name, d)
			}
		}
	}
	// The same through a ledger, as far as the ledger itself lets them pass.
	var listed []ledger.Draw
	for _, good := range shapes(t) {
		for _, change := range spoil {
			d := good
			change(&d)
			d.Name = fmt.Sprint("d", len(listed))
			if d.Cost == (budget.Cost{}) || d.Cells < 1 || d.Cells > 1000 || d.L0 < 1 || d.LInf < 0 || d.Mechanism == "" || !sane(d.Sigma) || !sane(d.Epsilon) || !sane(d.Delta) {
				continue
			}
			if d.Cost.Rho > 1e15 || d.Cost.Delta > 1e15 {
				continue // the sum of the charge would not fit its caps
			}
			listed = append(listed, d)
		}
	}
	m := charged(t, listed...)
	for _, d := range listed {
		reached++
		if noisy, err := Noise(m, d.Name, make([]int64, d.Cells)); err == nil || noisy != nil {
			t.Errorf("%s: drew", d.Name)
		}
	}
	t.Logf("%d unsafe draws refused, %d of them from a ledger's meter", combinations, reached)
	if combinations < 500 || reached < 150 {
		t.Errorf("only %d combinations, %d from a ledger", combinations, reached)
	}
}

func sane(f float64) bool { return f >= 0 && !math.IsInf(f, 0) }

func shapes(t *testing.T) []ledger.Draw {
	var d []ledger.Draw
	for _, l0 := range []int64{1, 4, 100} {
		for _, lInf := range []int64{1, 40_000, 1 << 30} {
			for _, want := range []budget.Rho{5e8, 2e11} {
				d = append(d, calibrated(t, "d", 100, l0, lInf, want))
			}
		}
	}
	return d
}

func faults() map[string]func(d *ledger.Draw) {
	spoil := map[string]func(d *ledger.Draw){
		"half the noise":     func(d *ledger.Draw) { d.Sigma /= 2 },
		"a little less":      func(d *ledger.Draw) { d.Sigma *= 0.9999 },
		"twice lInf":         func(d *ledger.Draw) { d.LInf *= 2 },
		"ρ short by one":     func(d *ledger.Draw) { d.Cost.Rho-- },
		"δ short by one":     func(d *ledger.Draw) { d.Cost.Delta-- },
		"no δ":               func(d *ledger.Draw) { d.Cost.Delta = 0 },
		"nothing charged":    func(d *ledger.Draw) { d.Cost = budget.Cost{} },
		"laplace":            func(d *ledger.Draw) { d.Mechanism = "laplace" },
		"no mechanism":       func(d *ledger.Draw) { d.Mechanism = "" },
		"capitals":           func(d *ledger.Draw) { d.Mechanism = "Gaussian" },
		"δ/l0 under 1e-12":   func(d *ledger.Draw) { d.Delta = 0.99e-12 * float64(d.L0) },
		"product wraps":      func(d *ledger.Draw) { d.Cells, d.L0, d.LInf = 4, 4, 1<<62+1 },
		"product above 2^53": func(d *ledger.Draw) { d.LInf = maxExact/d.L0 + 1 },
		"l0 above cells":     func(d *ledger.Draw) { d.L0 = d.Cells + 1 },
	}
	for _, f := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e9, math.MaxFloat64, 0x1p-51, 17} {
		spoil[fmt.Sprint("ε ", f)] = func(d *ledger.Draw) { d.Epsilon = f }
	}
	for _, f := range []float64{0, -1e-9, math.NaN(), math.Inf(1), 1, 2, 1e-16, 1e-300, math.SmallestNonzeroFloat64} {
		spoil[fmt.Sprint("δ ", f)] = func(d *ledger.Draw) { d.Delta = f }
	}
	for _, f := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 0.499, 2 << 40, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		spoil[fmt.Sprint("σ ", f)] = func(d *ledger.Draw) { d.Sigma = f }
	}
	for _, n := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		spoil[fmt.Sprint("l0 ", n)] = func(d *ledger.Draw) { d.L0 = n }
		spoil[fmt.Sprint("lInf ", n)] = func(d *ledger.Draw) { d.LInf = n }
		spoil[fmt.Sprint("cells ", n)] = func(d *ledger.Draw) { d.Cells = n }
	}
	return spoil
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
