package budget

import (
	"errors"
	"fmt"
	"math/big"
)

// Split divides total in proportion to weights. Every part is rounded down, so the parts never sum to more than total,
// and what rounding leaves over, less than one unit a part, is spent by nobody. A negative or missing weight, and
// weights that sum to zero, are errors.
func Split[A Rho | Delta](total A, weights []*big.Rat) ([]A, error) {
	sum := new(big.Rat)
	for i, w := range weights {
		if w == nil || w.Sign() < 0 {
			return nil, fmt.Errorf("split: weight %d is missing or negative", i+1)
		}
		sum.Add(sum, w)
	}
	if sum.Sign() == 0 {
		return nil, errors.New("split: the weights sum to zero")
	}
	whole := new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(total)), big.NewInt(1))
	parts := make([]A, len(weights))
	for i, w := range weights {
		part := new(big.Rat).Mul(whole, w)
		part.Quo(part, sum)
		u, err := units(part, 0, Down)
		if err != nil {
			return nil, fmt.Errorf("split: %w", err)
		}
		parts[i] = A(u)
	}
	return parts, nil
}
