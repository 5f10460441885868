package dp

import (
	"fmt"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// The mechanisms, as [ledger.Draw].Mechanism names them. Sigma is the standard
// deviation of the first, the σ of the second, whose standard deviation is never
// above it, and the scale b of the third, whose standard deviation is about √2·b.
//
// The two discrete ones are exact: their noise has the law that the cost is derived
// for, without a δ. Their Sigma is a float64 of at most 26 significant bits, which is
// the parameter itself (discrete.go), and the draw's own Epsilon and Delta, which
// speak to the library, are 0.
const (
	Gaussian         = "gaussian"          // of the library, rounded to integers
	DiscreteGaussian = "discrete-gaussian" // P(y) ∝ exp(−y²/(2σ²))
	DiscreteLaplace  = "discrete-laplace"  // P(y) ∝ exp(−|y|/b), purely private
)

// Default is the mechanism of [Calibrate].
const Default = DiscreteGaussian

// mechanism is what this package knows of one: its limits, its price, its noise.
type mechanism struct {
	arguments func(ledger.Draw) error // says what is wrong with a draw beyond its shape
	cost      func(l0, lInf int64, sigma float64) budget.Cost
	calibrate func(shape ledger.Draw, want budget.Rho) (ledger.Draw, error) // costs at most want
	add       func(d ledger.Draw, exact []int64) ([]int64, error)
}

func mechanismOf(name string) (mechanism, error) {
	switch name {
	case Gaussian:
		return mechanism{libraryArguments, libraryCost, calibrateLibrary, addLibrary}, nil
	case DiscreteGaussian:
		return mechanism{exactArguments(minSigma), gaussianCost, calibrateGaussian, addGaussian}, nil
	case DiscreteLaplace:
		return mechanism{exactArguments(minScale), laplaceCost, calibrateLaplace, addLaplace}, nil
	}
	return mechanism{}, fmt.Errorf("mechanism %q is none of %q, %q and %q", name, Gaussian, DiscreteGaussian, DiscreteLaplace)
}
