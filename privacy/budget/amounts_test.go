package budget

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestAddRefusesWhatDoesNotFit(t *testing.T) {
	top := Cost{math.MaxUint64, math.MaxUint64, math.MaxUint64}
	for _, d := range []Cost{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, top} {
		if got, err := top.Add(d); err == nil {
			t.Errorf("%v + %v: got %v, want an error", top, d, got)
		}
		if d.Fits(top, top) {
			t.Errorf("%v fits behind %v: got true, want false", d, top)
		}
	}
	if got, err := (Cost{math.MaxUint64 - 1, 2, 7}).Add(Cost{1, 3, 1}); err != nil || got != (Cost{math.MaxUint64, 5, 8}) {
		t.Errorf("got %v, %v, want the largest ρ, 5 and 8", got, err)
	}
}

func TestEveryAmountIsLookedAt(t *testing.T) {
	limit, spent := Cost{10, 20, 30}, Cost{7, 20, 29}
	for _, tt := range []struct {
		cost Cost
		want bool
	}{{Cost{3, 0, 1}, true}, {Cost{4, 0, 0}, false}, {Cost{3, 1, 0}, false}, {Cost{0, 0, 2}, false}, {Cost{}, true}} {
		if got := tt.cost.Fits(spent, limit); got != tt.want {
			t.Errorf("%v fits: got %v, want %v", tt.cost, got, tt.want)
		}
	}
	if got := limit.Left(spent); got != (Cost{3, 0, 1}) {
		t.Errorf("left: got %v, want 3, 0 and 1", got)
	}
	if got := limit.Left(Cost{11, 19, 31}); got != (Cost{0, 1, 0}) {
		t.Errorf("left of an overdrawn limit: got %v, want 0, 1 and 0", got)
	}
	if got := limit.Lower(Cost{11, 19, 30}); got != (Cost{10, 19, 30}) {
		t.Errorf("lower: got %v, want 10, 19 and 30", got)
	}
}

func TestPureRhoIsHalfTheSquareRoundedUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eps := Epsilon(rapid.Uint64().Draw(t, "eps") >> rapid.IntRange(0, 63).Draw(t, "shift"))
		want := new(big.Int).SetUint64(uint64(eps))
		want.Mul(want, want).Add(want, big.NewInt(2e6-1)).Quo(want, big.NewInt(2e6))
		got, err := PureRho(eps)
		if !want.IsUint64() {
			if err == nil {
				t.Fatalf("ε %v: got ρ %v, want an error", eps, got)
			}
			return
		}
		if err != nil || uint64(got) != want.Uint64() {
			t.Fatalf("ε %v: got ρ %v, %v, want %v units", eps, got, err, want)
		}
	})
}

func TestSplitNeverGivesMoreThanTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Uint64().Draw(t, "total")
		var weights []*big.Rat
		whole := new(big.Rat)
		for range rapid.IntRange(1, 9).Draw(t, "parts") {
			w := big.NewRat(rapid.Int64Range(0, 1e15).Draw(t, "num"), rapid.Int64Range(1, 1e6).Draw(t, "denom"))
			weights = append(weights, w)
			whole.Add(whole, w)
		}
		parts, err := Split(Rho(total), weights)
		if whole.Sign() == 0 {
			if err == nil {
				t.Fatal("weights of zero: got no error")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := new(big.Int)
		for _, p := range parts {
			sum.Add(sum, new(big.Int).SetUint64(uint64(p)))
		}
		least := new(big.Int).SetUint64(total)
		least.Sub(least, big.NewInt(int64(len(parts)-1)))
		if sum.Cmp(new(big.Int).SetUint64(total)) > 0 || sum.Cmp(least) < 0 {
			t.Fatalf("parts %v sum to %v, want at most %d and at least %v", parts, sum, total, least)
		}
	})
	for _, weights := range [][]*big.Rat{nil, {nil}, {big.NewRat(2, 1), big.NewRat(-1, 1)}} {
		if got, err := Split(Delta(5), weights); err == nil {
			t.Errorf("split by %v: got %v, want an error", weights, got)
		}
	}
}
