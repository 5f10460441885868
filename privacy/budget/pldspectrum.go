package budget

import "math"

// A spectrum is the logarithm of a product of spectra, frequency by frequency, with an upper bound of what the factors'
// absolute values may have been.
type spectrum struct {
	logs, phases, bounds []float64
}

func newSpectrum(size int) *spectrum {
	n := size/2 + 1 // the other half of a real sequence's spectrum is its conjugate
	return &spectrum{make([]float64, n), make([]float64, n), make([]float64, n)}
}

// multiply multiplies by factor^times, where each element of factor is off by at most e.
func (s *spectrum) multiply(factor []complex128, times, e float64) {
	for k, f := range factor {
		size := math.Sqrt(real(f)*real(f) + imag(f)*imag(f))
		log := math.Log(size)
		bound := log + e/size // log(1+x) ≤ x
		if e > size/8 {
			bound = math.Log(size + e)
		}
		s.logs[k] += times * log
		s.phases[k] += times * math.Atan2(imag(f), real(f))
		s.bounds[k] += times * bound
	}
}

// finish writes the product and returns a bound on the 1-norm of the error of its inverse transform, computed with the
// relative error kappa, and divided by its length.
func (s *spectrum) finish(out []complex128, runs, kappa float64) float64 {
	// A logarithm is off by some units of 2^-53 of itself and of its phase, and runs of them are added. Where the
	// logarithm itself counts, x·e^(−x) < 1 has it.
	rounding := (runs + 1) * 0x1p-48
	errors, squares := 0.0, 0.0
	for k := range out {
		size := math.Exp(s.logs[k])
		sin, cos := math.Sincos(s.phases[k])
		out[k] = complex(size*cos, size*sin)
		e := math.Exp(s.bounds[k]) - size + rounding*(size+math.Exp(s.bounds[k]))
		errors += 2 * e * e
		squares += 2 * size * size
	}
	return math.Sqrt(errors) + kappa*math.Sqrt(squares)
}
