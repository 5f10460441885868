package dp

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// TestGuardRefusesUnsafe crosses what is wrong with a draw with every shape of a
// right one. Among it are all inputs that the library is known to get wrong.
func TestGuardRefusesUnsafe(t *testing.T) {
	for _, mechanism := range mechanisms {
		t.Run(mechanism, func(t *testing.T) { refusesUnsafe(t, mechanism) })
	}
}

func refusesUnsafe(t *testing.T, mechanism string) {
	combinations, reached := 0, 0
	var listed []ledger.Draw
	for _, good := range shapes(t, mechanism) {
		if err := guard(good); err != nil {
			t.Fatalf("right draw %+v: %v", good, err)
		}
		for name, change := range faults(mechanism) {
			d := good
			change(&d)
			combinations++
			if err := guard(d); err == nil {
				t.Errorf("%s: let pass %+v", name, d)
			}
			if d.Name = fmt.Sprint("d", len(listed)); listable(d) {
				listed = append(listed, d)
			}
		}
	}
	// The same through a ledger, as far as the ledger itself lets them pass.
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

// listable says whether the ledger takes a draw, and the sum of the charge fits its caps.
func listable(d ledger.Draw) bool {
	rho, err := budget.PureRho(d.Cost.Epsilon)
	return err == nil && rho <= d.Cost.Rho && d.Cost != (budget.Cost{}) &&
		d.Cells >= 1 && d.Cells <= 1000 && d.L0 >= 1 && d.LInf >= 0 && d.Mechanism != "" &&
		sane(d.Sigma) && sane(d.Epsilon) && sane(d.Delta) &&
		d.Cost.Rho <= 1e15 && d.Cost.Delta <= 1e15
}

func sane(f float64) bool { return f >= 0 && !math.IsInf(f, 0) && !math.Signbit(f) }

func shapes(t *testing.T, mechanism string) []ledger.Draw {
	var d []ledger.Draw
	for _, l0 := range []int64{1, 4, 100} {
		for _, lInf := range []int64{1, 40_000, 1 << 28} {
			for _, want := range []budget.Rho{5e8, 2e11} {
				d = append(d, calibratedAs(t, mechanism, "d", 100, l0, lInf, want))
			}
		}
	}
	return d
}

func faults(mechanism string) map[string]func(d *ledger.Draw) {
	spoil := map[string]func(d *ledger.Draw){
		"half the noise":     func(d *ledger.Draw) { d.Sigma /= 2 },
		"a little less":      func(d *ledger.Draw) { d.Sigma = gridStep(0.9999*d.Sigma, 0) },
		"twice lInf":         func(d *ledger.Draw) { d.LInf *= 2 },
		"ρ short by one":     func(d *ledger.Draw) { d.Cost.Rho-- },
		"nothing charged":    func(d *ledger.Draw) { d.Cost = budget.Cost{} },
		"laplace":            func(d *ledger.Draw) { d.Mechanism = "laplace" },
		"no mechanism":       func(d *ledger.Draw) { d.Mechanism = "" },
		"capitals":           func(d *ledger.Draw) { d.Mechanism = "Discrete-Gaussian" },
		"product wraps":      func(d *ledger.Draw) { d.Cells, d.L0, d.LInf = 4, 4, 1<<62+1 },
		"product above 2^53": func(d *ledger.Draw) { d.LInf = maxExact/d.L0 + 1 },
		"l0 above cells":     func(d *ledger.Draw) { d.L0 = d.Cells + 1 },
	}
	for _, f := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 0.03125, 2 << 40, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		spoil[fmt.Sprint("σ ", f)] = func(d *ledger.Draw) { d.Sigma = f }
	}
	for _, n := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		spoil[fmt.Sprint("l0 ", n)] = func(d *ledger.Draw) { d.L0 = n }
		spoil[fmt.Sprint("lInf ", n)] = func(d *ledger.Draw) { d.LInf = n }
		spoil[fmt.Sprint("cells ", n)] = func(d *ledger.Draw) { d.Cells = n }
	}
	if mechanism == Gaussian {
		libraryFaults(spoil)
	} else {
		exactFaults(spoil, mechanism)
	}
	return spoil
}

func libraryFaults(spoil map[string]func(d *ledger.Draw)) {
	spoil["δ short by one"] = func(d *ledger.Draw) { d.Cost.Delta-- }
	spoil["no δ"] = func(d *ledger.Draw) { d.Cost.Delta = 0 }
	spoil["δ/l0 under 1e-12"] = func(d *ledger.Draw) { d.Delta = 0.99e-12 * float64(d.L0) }
	spoil["exact"] = func(d *ledger.Draw) { d.Mechanism = DiscreteGaussian }
	for _, f := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e9, math.MaxFloat64, 0x1p-51, 17} {
		spoil[fmt.Sprint("ε ", f)] = func(d *ledger.Draw) { d.Epsilon = f }
	}
	for _, f := range []float64{0, -1e-9, math.NaN(), math.Inf(1), 1, 2, 1e-16, 1e-300, math.SmallestNonzeroFloat64} {
		spoil[fmt.Sprint("δ ", f)] = func(d *ledger.Draw) { d.Delta = f }
	}
}

func exactFaults(spoil map[string]func(d *ledger.Draw), mechanism string) {
	spoil["a step less"] = func(d *ledger.Draw) { d.Sigma, d.Cost.Rho = gridStep(d.Sigma, -1), d.Cost.Rho-1 }
	spoil["off the grid"] = func(d *ledger.Draw) { d.Sigma = math.Nextafter(d.Sigma, math.Inf(1)) }
	spoil["between the grid"] = func(d *ledger.Draw) { d.Sigma = (d.Sigma + gridStep(d.Sigma, 1)) / 2 }
	spoil["of the library"] = func(d *ledger.Draw) { d.Mechanism = Gaussian }
	if mechanism == DiscreteLaplace {
		spoil["ε short by one"] = func(d *ledger.Draw) { d.Cost.Epsilon-- }
		spoil["no pure ε"] = func(d *ledger.Draw) { d.Cost.Epsilon = 0 }
		spoil["ε above 16"] = func(d *ledger.Draw) {
			d.Sigma = gridStep(float64(d.L0)*float64(d.LInf)/16.1, 0)
			d.Cost = budget.Cost{Rho: 200e12, Epsilon: 17e9}
		}
	} else {
		spoil["as a Laplace"] = func(d *ledger.Draw) { d.Mechanism = DiscreteLaplace }
		spoil["not countable"] = func(d *ledger.Draw) {
			d.L0, d.LInf, d.Sigma, d.Cost.Rho = 1, maxExact, 0.5, math.MaxUint64
		}
	}
	for _, f := range []float64{-1, math.NaN(), math.Inf(1), 1, 1e-6, math.SmallestNonzeroFloat64} {
		spoil[fmt.Sprint("ε ", f)] = func(d *ledger.Draw) { d.Epsilon = f }
		spoil[fmt.Sprint("δ ", f)] = func(d *ledger.Draw) { d.Delta = f }
	}
}

// Whatever a draw says, the guard answers, and what it lets pass is drawn: nothing
// panics and nothing runs on. Half of the draws are right but for their charge, which
// is all that there is.
func TestNoDrawPanics(t *testing.T) {
	passed := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		d := anyDraw(t)
		CalibrateAs(d.Mechanism, "d", d.Cells, d.L0, d.LInf, d.Cost.Rho)
		CalibratePure("d", d.Cells, d.L0, d.LInf, d.Cost.Epsilon)
		HalfWidthOf(d)
		if guard(d) != nil {
			return
		}
		passed[d.Mechanism]++
		of, err := mechanismOf(d.Mechanism)
		if err != nil {
			t.Fatal(err)
		}
		of.add(d, []int64{-maxExact, 0, maxExact})
	})
	t.Logf("passed: %v", passed)
	if passed[DiscreteGaussian] == 0 || passed[DiscreteLaplace] == 0 {
		t.Error("no right draw among them")
	}
}

func anyDraw(t *rapid.T) ledger.Draw {
	mechanism := rapid.SampledFrom(mechanisms).Draw(t, "mechanism")
	if rapid.Bool().Draw(t, "right") {
		lInf := rapid.Int64Range(1, 1<<20).Draw(t, "lInf")
		sigma := gridStep(float64(lInf)*math.Exp2(rapid.Float64Range(-1, 20).Draw(t, "log σ/lInf")), 0)
		all := budget.Cost{Rho: math.MaxUint64, Delta: math.MaxUint64, Epsilon: math.MaxUint64}
		return ledger.Draw{Mechanism: mechanism, Cells: 3, L0: 1, LInf: lInf, Sigma: sigma, Cost: all}
	}
	number, float := rapid.OneOf(rapid.Int64Range(-1, 100), rapid.Int64()), rapid.Float64()
	return ledger.Draw{
		Mechanism: mechanism,
		Cells:     number.Draw(t, "cells"), L0: number.Draw(t, "l0"), LInf: number.Draw(t, "lInf"),
		Sigma: float.Draw(t, "σ"), Epsilon: float.Draw(t, "ε"), Delta: float.Draw(t, "δ"),
		Cost: budget.Cost{
			Rho:     budget.Rho(rapid.Uint64().Draw(t, "ρ")),
			Delta:   budget.Delta(rapid.Uint64().Draw(t, "charged δ")),
			Epsilon: budget.Epsilon(rapid.Uint64().Draw(t, "pure ε")),
		},
	}
}
