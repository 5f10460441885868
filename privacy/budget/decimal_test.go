package budget

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRho(t *testing.T) {
	for _, tt := range []struct {
		in       string
		down, up Rho
	}{
		{"0", 0, 0},
		{"12", 12e12, 12e12},
		{"0.5", 5e11, 5e11},
		{"1e-9", 1000, 1000},
		{"1.5e-8", 15000, 15000},
		{"0.0000000000019", 1, 2},
		{"1.5e-12", 1, 2},
		{"1e-99", 0, 1},
		{"0.00e-99", 0, 0},
		{"18446744.073709551615", math.MaxUint64, math.MaxUint64},
	} {
		down, err1 := ParseRho(tt.in, Down)
		up, err2 := ParseRho(tt.in, Up)
		if down != tt.down || up != tt.up || err1 != nil || err2 != nil {
			t.Errorf("%s: got %d and %d (%v, %v), want %d and %d", tt.in, down, up, err1, err2, tt.down, tt.up)
		}
	}
	if got, err := ParseRho("18446744.0737095516151", Down); err != nil || got != math.MaxUint64 {
		t.Errorf("just under the limit, down: got %d, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", " 1", "1 ", "-1", "+1", "-0", ".5", "5.", "1.e-3", "01", "00", ".inf", "Inf", "NaN", "nan", "0x1p3", "0x10",
		"1_0", "1,5", "1E-9", "1e9", "1e+9", "1e-0", "1e-09", "1e-", "1e-100", "1e-1000000000", "e-5", "1\n", "١",
		"18446744.073709551616", "99999999999999999999", strings.Repeat("9", 65), strings.Repeat("9", 1<<20),
	} {
		if got, err := ParseRho(in, Down); err == nil {
			t.Errorf("%.70q: got %d, want an error", in, got)
		}
	}
	if got, err := ParseRho("18446744.0737095516151", Up); err == nil {
		t.Errorf("just over the limit, up: got %d, want an error", got)
	}
	if got, err := RhoFromRat(big.NewRat(-1, 3), Up); err == nil {
		t.Errorf("a negative fraction: got %d, want an error", got)
	}
}

func TestString(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Rho(0).String(), "0"},
		{Rho(5e8).String(), "0.0005"},
		{Rho(1e8).String(), "0.0001"},
		{Rho(99999999).String(), "9.9999999e-5"},
		{Rho(1).String(), "1e-12"},
		{Rho(120e12).String(), "120"},
		{Rho(12500e9).String(), "12.5"},
		{Rho(math.MaxUint64).String(), "18446744.073709551615"},
		{Delta(1e10).String(), "1e-8"},
		{Delta(1e18).String(), "1"},
		{Epsilon(12e9).String(), "12"},
		{Epsilon(math.MaxUint64).String(), "18446744073.709551615"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestStringsParseBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.Uint64().Draw(t, "u") / uint64(math.Pow10(rapid.IntRange(0, 19).Draw(t, "shift")))
		for _, r := range []Rounding{Up, Down} {
			rho, err1 := ParseRho(Rho(u).String(), r)
			delta, err2 := ParseDelta(Delta(u).String(), r)
			eps, err3 := ParseEpsilon(Epsilon(u).String(), r)
			if uint64(rho) != u || uint64(delta) != u || uint64(eps) != u || err1 != nil || err2 != nil || err3 != nil {
				t.Fatalf("%d: got %d, %d, %d (%v, %v, %v)", u, rho, delta, eps, err1, err2, err3)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0.5", "12", "1e-9", "1.5e-8", "1e9", "-1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		down, err := ParseRho(s, Down)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || want.Cmp(big.NewRat(0, 1)) < 0 {
			t.Fatalf("%q was accepted", s)
		}
		low := new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(down)), big.NewInt(1e12))
		if gap := want.Sub(want, low); gap.Sign() < 0 || gap.Cmp(big.NewRat(1, 1e12)) >= 0 {
			t.Fatalf("%q: got %v, which is off by %v", s, down, gap)
		}
	})
}
