package budget

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Rounding says what becomes of the part of an amount that is below its unit.
type Rounding int

const (
	Down Rounding = iota // for caps
	Up                   // for charges
)

const (
	rhoPlaces     = 12
	deltaPlaces   = 18
	epsilonPlaces = 9
)

// ParseRho reads a ρ written as digits, optionally a fraction, optionally a negative exponent of at most two digits:
// "12", "0.5", "1e-9", "1.5e-8". Anything else is an error: signs, leading zeros, positive exponents, infinities,
// other bases, separators, blanks, more than 64 characters, and values that do not fit.
func ParseRho(s string, r Rounding) (Rho, error) {
	u, err := parse(s, rhoPlaces, r)
	return Rho(u), err
}

// ParseDelta reads a δ as [ParseRho] reads a ρ. That it is a probability is for the caller to check.
func ParseDelta(s string, r Rounding) (Delta, error) {
	u, err := parse(s, deltaPlaces, r)
	return Delta(u), err
}

// ParseEpsilon reads an ε as [ParseRho] reads a ρ.
func ParseEpsilon(s string, r Rounding) (Epsilon, error) {
	u, err := parse(s, epsilonPlaces, r)
	return Epsilon(u), err
}

// RhoFromRat returns v as a ρ, rounded as told. A negative value and one that does not fit are errors.
func RhoFromRat(v *big.Rat, r Rounding) (Rho, error) {
	u, err := units(v, rhoPlaces, r)
	return Rho(u), err
}

// String returns the exact value in the one form that [ParseRho] reads back: "0.0005" and, below 0.0001, "5e-5".
func (r Rho) String() string { return format(uint64(r), rhoPlaces) }

// String returns the exact value in the one form that [ParseDelta] reads back.
func (d Delta) String() string { return format(uint64(d), deltaPlaces) }

// String returns the exact value in the one form that [ParseEpsilon] reads back.
func (e Epsilon) String() string { return format(uint64(e), epsilonPlaces) }

// decimal: whole, fraction, exponent. Two digits of exponent reach below every unit and bound the work.
var decimal = regexp.MustCompile(`^(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:e-([1-9][0-9]?))?$`)

func parse(s string, places int, r Rounding) (uint64, error) {
	if len(s) > 64 {
		return 0, errors.New("parse amount: longer than 64 characters")
	}
	m := decimal.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("parse amount %q: want digits as in 12, 0.5 or 1.5e-8", s)
	}
	whole, fraction, exponent := m[1], m[2], m[3]
	digits, _ := new(big.Int).SetString(whole+fraction, 10) // the expression lets only digits through
	shift := len(fraction)
	if exponent != "" {
		n, err := strconv.Atoi(exponent)
		if err != nil {
			return 0, fmt.Errorf("parse amount %q: %w", s, err)
		}
		shift += n
	}
	u, err := units(new(big.Rat).SetFrac(digits, power10(shift)), places, r)
	if err != nil {
		return 0, fmt.Errorf("parse amount %q: %w", s, err)
	}
	return u, nil
}

// units returns v as a count of 10^-places.
func units(v *big.Rat, places int, r Rounding) (uint64, error) {
	if v.Sign() < 0 {
		return 0, errors.New("a negative amount")
	}
	n := new(big.Int).Mul(v.Num(), power10(places))
	q, rest := n.QuoRem(n, v.Denom(), new(big.Int))
	if r == Up && rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsUint64() {
		return 0, errors.New("the amount does not fit")
	}
	return q.Uint64(), nil
}

func power10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func format(u uint64, places int) string {
	if u == 0 {
		return "0"
	}
	digits := strconv.FormatUint(u, 10)
	point := len(digits) - places // the value is 0.digits × 10^point
	digits = strings.TrimRight(digits, "0")
	switch {
	case point <= -4: // under 0.0001
		s := digits[:1]
		if len(digits) > 1 {
			s += "." + digits[1:]
		}
		return s + "e-" + strconv.Itoa(1-point)
	case point <= 0:
		return "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		return digits + strings.Repeat("0", point-len(digits))
	}
	return digits[:point] + "." + digits[point:]
}
