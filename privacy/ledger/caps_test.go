package ledger

import (
	"errors"
	"math"
	"testing"
	"time"

	"lethe/privacy/budget"
)

func TestCapsOnlyGoDown(t *testing.T) {
	caps := budget.Caps{Lifetime: budget.Cost{Rho: 100, Delta: 100}, Year: budget.Cost{Rho: 50, Delta: 50}}
	l, dir := newLedger(t, caps)
	for _, raise := range []func(*budget.Caps){
		func(c *budget.Caps) { c.Lifetime.Rho = 101 }, func(c *budget.Caps) { c.Lifetime.Delta = 101 },
		func(c *budget.Caps) { c.Year.Rho = 51 }, func(c *budget.Caps) { c.Year.Delta = 51 },
	} {
		to := budget.Caps{} // lower in all but one
		raise(&to)
		if err := l.SetCaps(Account{Population: "eu"}, to); !errors.Is(err, ErrRaise) {
			t.Errorf("%+v: got %v, want ErrRaise", to, err)
		}
	}
	if err := l.SetCaps(Account{Population: "eu"}, caps); err != nil {
		t.Error(err)
	}
	if err := l.SetCaps(Account{Population: "EU"}, caps); err == nil {
		t.Error("a population that is no id: got no error")
	}
	if got := kinds(records(t, l)); got != "GENESIS BUDGET POLICY" {
		t.Errorf("the log is %s, want nothing for what did not change", got)
	}
	caps.Year.Rho = 7
	if err := l.SetCaps(Account{Population: "eu"}, caps); err != nil {
		t.Fatal(err)
	}
	if got, ok := reopen(t, dir, Options{}).Caps(Account{Population: "eu"}); got != caps || !ok {
		t.Errorf("got %+v, %v, want %+v", got, ok, caps)
	}
	if got, ok := l.Caps(Account{Population: "us"}); ok {
		t.Errorf("a population without caps has %+v", got)
	}
	r := request("steps", planA, small)
	r.Population = "us"
	if _, err := l.Begin(r); !errors.Is(err, ErrNoCaps) {
		t.Errorf("charge a population without caps: got %v, want ErrNoCaps", err)
	}
}

// A charge fits to the last unit in each of the four amounts, and not by one unit more.
func TestCapsHoldToTheUnit(t *testing.T) {
	for name, caps := range map[string]budget.Caps{
		"lifetime":  {Lifetime: budget.Cost{Rho: 10, Delta: 10}, Year: vast},
		"year 2026": {Lifetime: vast, Year: budget.Cost{Rho: 10, Delta: 10}},
	} {
		l, _ := newLedger(t, caps)
		begin(t, l, request("first", planA, budget.Cost{Rho: 4, Delta: 7})).Token.Close()
		for _, wanted := range []budget.Cost{{Rho: 7}, {Delta: 4}, {Rho: 6, Delta: 4}, {Rho: 7, Delta: 3}} {
			_, err := l.Begin(request("over", planA, wanted))
			var over *OverBudget
			if !errors.As(err, &over) {
				t.Fatalf("%s: charge %v: got %v, want *OverBudget", name, wanted, err)
			}
			if want := (OverBudget{"eu", "", name, wanted, budget.Cost{Rho: 6, Delta: 3}}); *over != want {
				t.Errorf("got %+v, want %+v", *over, want)
			}
		}
		if got := kinds(records(t, l)); got != "GENESIS BUDGET POLICY CHARGE" {
			t.Errorf("%s: the log is %s, want nothing of what was refused", name, got)
		}
		begin(t, l, request("exact", planA, budget.Cost{Rho: 6, Delta: 3})).Token.Close()
		if life, year := l.Spent(Account{Population: "eu"}); life != (budget.Cost{Rho: 10, Delta: 10}) || year != life {
			t.Errorf("%s: spent %v and %v, want 10 and 10", name, life, year)
		}
	}
}

func TestCapsAtTheLargestAmount(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	begin(t, l, request("all", planA, budget.Cost{Rho: math.MaxUint64, Delta: math.MaxUint64 - 1})).Token.Close()
	for _, one := range []budget.Cost{{Rho: 1}, {Delta: 2}} {
		var over *OverBudget
		if _, err := l.Begin(request("more", planA, one)); !errors.As(err, &over) {
			t.Errorf("charge %v: got %v, want *OverBudget", one, err)
		}
	}
	begin(t, l, request("last", planA, budget.Cost{Delta: 1})).Token.Close()
	if life, year := reopen(t, dir, at(march)).Spent(Account{Population: "eu"}); life != (budget.Cost{Rho: math.MaxUint64, Delta: math.MaxUint64}) || year != life {
		t.Errorf("spent %v and %v, want all", life, year)
	}
}

// The clock, however it jumps, chooses the year and nothing else.
func TestClockChoosesTheYearOnly(t *testing.T) {
	now := march
	caps := budget.Caps{Lifetime: budget.Cost{Rho: 25}, Year: budget.Cost{Rho: 10}}
	_, dir := newLedger(t, caps)
	l := reopen(t, dir, Options{Clock: func() time.Time { return now }})
	newYear := time.Date(2030, 1, 1, 0, 30, 0, 0, time.FixedZone("east", 3600)) // still 2029 in UTC
	for _, step := range []struct {
		now        time.Time
		dataset    string
		rho        budget.Rho
		refused    string
		life, year budget.Rho
	}{
		{march, "a", 10, "", 10, 10},
		{march.AddDate(-10, 0, 0), "b", 6, "", 16, 6},
		{march, "c", 1, "year 2026", 16, 10},
		{newYear.AddDate(0, -6, 0), "d", 4, "", 20, 4},
		{newYear, "e", 7, "lifetime", 20, 4},
		{newYear, "f", 5, "", 25, 9},
		{newYear.Add(time.Hour), "g", 1, "lifetime", 25, 0},
	} {
		now = step.now
		b, err := l.Begin(request(step.dataset, planA, budget.Cost{Rho: step.rho}))
		var over *OverBudget
		if errors.As(err, &over) != (step.refused != "") || over != nil && over.Scope != step.refused {
			t.Errorf("%s: got %v, want refused by %q", step.dataset, err, step.refused)
		}
		if b != nil {
			b.Token.Close()
		}
		for _, l := range []*Ledger{l, reopen(t, dir, at(now))} {
			if life, year := l.Spent(Account{Population: "eu"}); life.Rho != step.life || year.Rho != step.year {
				t.Errorf("%s: spent %v and %v, want %v and %v", step.dataset, life, year, step.life, step.year)
			}
		}
	}
}

func TestPopulationsShareNothing(t *testing.T) {
	cap10 := budget.Caps{Lifetime: budget.Cost{Rho: 10}, Year: budget.Cost{Rho: 10}}
	l, _ := newLedger(t, cap10)
	if err := errors.Join(l.SetCaps(Account{Population: "us"}, cap10), l.SetPolicy("us", "health", 3, policyC)); err != nil {
		t.Fatal(err)
	}
	r := request("steps", planA, budget.Cost{Rho: 10})
	eu := begin(t, l, r)
	r.Population = "us"
	us := begin(t, l, r)
	if eu.Release == us.Release || us.Status != Granted {
		t.Errorf("got releases %s and %s, want two grants", eu.Release, us.Release)
	}
	for _, p := range []string{"eu", "us"} {
		if life, _ := l.Spent(Account{Population: p}); life.Rho != 10 {
			t.Errorf("%s spent %v, want 10", p, life)
		}
	}
}

// A caller's own limit holds as the ledger's caps do, and is not remembered.
func TestLimitHoldsBesideTheCaps(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: budget.Cost{Rho: 20}, Year: budget.Cost{Rho: 10}})
	begin(t, l, request("first", planA, budget.Cost{Rho: 4})).Token.Close()
	for scope, limit := range map[string]budget.Caps{
		"lifetime":  {Lifetime: budget.Cost{Rho: 5}, Year: budget.Cost{Rho: 30}},
		"year 2026": {Lifetime: budget.Cost{Rho: 30}, Year: budget.Cost{Rho: 5}},
	} {
		r := request("limited", planA, budget.Cost{Rho: 2})
		r.Limit = &limit
		var over *OverBudget
		if _, err := l.Begin(r); !errors.As(err, &over) || over.Scope != scope || over.Left.Rho != 1 {
			t.Errorf("limit of the %s: got %v, want *OverBudget with 1 left of it", scope, err)
		}
	}
	r := request("wide", planA, budget.Cost{Rho: 7})
	r.Limit = &budget.Caps{Lifetime: vast, Year: vast}
	var over *OverBudget
	if _, err := l.Begin(r); !errors.As(err, &over) {
		t.Errorf("a limit above the caps: got %v, want the caps to hold", err)
	}
	begin(t, l, request("free", planA, budget.Cost{Rho: 6})).Token.Close()
}
