package ledger

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"lethe/privacy/budget"
)

// Three amounts, each as a cost of n units of it. Pure epsilon has its part in rho, one unit for up to 1414 of them.
var threeAmounts = map[string]func(n uint64) budget.Cost{
	"rho":     func(n uint64) budget.Cost { return budget.Cost{Rho: budget.Rho(n)} },
	"delta":   func(n uint64) budget.Cost { return budget.Cost{Delta: budget.Delta(n)} },
	"epsilon": func(n uint64) budget.Cost { return budget.Cost{Rho: 1, Epsilon: budget.Epsilon(n)} },
}

// balances are what each account of a ledger spent in its life and in one year.
func balances(l *Ledger, year int) map[string][2]budget.Cost {
	all := map[string][2]budget.Cost{}
	for key, a := range l.state.accounts {
		all[key.String()] = [2]budget.Cost{a.lifetime, a.years[year]}
	}
	return all
}

// debited are balances after a charge of these accounts.
func debited(t testing.TB, before map[string][2]budget.Cost, cost budget.Cost, accounts ...Account) map[string][2]budget.Cost {
	t.Helper()
	after := map[string][2]budget.Cost{}
	for name, b := range before {
		after[name] = b
	}
	for _, key := range accounts {
		var sums [2]budget.Cost
		for i, had := range before[key.String()] {
			sum, err := had.Add(cost)
			if err != nil {
				t.Fatal(err)
			}
			sums[i] = sum
		}
		after[key.String()] = sums
	}
	return after
}

// Each of the four scopes that a charge with a project touches binds in each of the three amounts, to the unit, and a
// charge that one of them refuses is taken from none.
func TestEveryScopeBindsInEveryAmount(t *testing.T) {
	for _, tt := range []struct {
		project, scope string
	}{{"", "lifetime"}, {"", "year 2026"}, {"sleep", "lifetime"}, {"sleep", "year 2026"}} {
		for amount, cost := range threeAmounts {
			t.Run(strings.TrimSpace(tt.project+" "+tt.scope+" "+amount), func(t *testing.T) {
				tight := budget.Caps{Lifetime: vast, Year: vast}
				*sixAmounts(&tight)[strings.TrimSuffix(tt.scope, " 2026")+" "+amount] = 10
				caps := map[string]budget.Caps{"": {Lifetime: vast, Year: vast}, "sleep": {Lifetime: vast, Year: vast}}
				caps[tt.project] = tight
				l, dir := newLedger(t, caps[""])
				if err := errors.Join(l.SetCaps(Account{Population: "eu", Project: "sleep"}, caps["sleep"]), l.SetCaps(Account{Population: "eu", Project: "heart"}, budget.Caps{Lifetime: vast, Year: vast}),
					l.SetCaps(Account{Population: "us"}, ten)); err != nil {
					t.Fatal(err)
				}
				limit := tight.Lifetime
				if tt.scope != "lifetime" {
					limit = tight.Year
				}
				charge := func(n uint64) error {
					r := costing(fmt.Sprint("d", n), cost(n))
					r.Project = "sleep"
					b, err := l.Begin(r)
					if err == nil {
						err = b.Token.Close()
					}
					return err
				}
				before := balances(l, 2026)
				if err := charge(6); err != nil {
					t.Fatal(err)
				}
				after := debited(t, before, cost(6), Account{"eu", ""}, Account{"eu", "sleep"})
				if got := balances(l, 2026); !reflect.DeepEqual(got, after) {
					t.Errorf("got balances %v, want %v", got, after)
				}
				// A debit that forgot the project, or took it from another one, would show.
				for _, wrong := range [][]Account{{{"eu", ""}}, {{"eu", "sleep"}}, {{"eu", ""}, {"eu", "heart"}}} {
					if reflect.DeepEqual(after, debited(t, before, cost(6), wrong...)) {
						t.Errorf("a debit of %v passes", wrong)
					}
				}
				var over *OverBudget
				refuses(t, l, "one unit too many", nil, func() error { err := charge(5); errors.As(err, &over); return err })
				if want := (&OverBudget{"eu", tt.project, tt.scope, cost(5), limit.Left(cost(6))}); !reflect.DeepEqual(over, want) {
					t.Errorf("got %+v, want %+v", over, want)
				}
				if got := balances(reopen(t, dir, at(march)), 2026); !reflect.DeepEqual(got, after) {
					t.Errorf("refused: got balances %v, want %v as before", got, after)
				}
				if err := charge(4); err != nil {
					t.Errorf("the last units: %v", err)
				}
				if life, year := l.Spent(Account{Population: "eu", Project: "sleep"}); life != year || life != l.state.accounts[Account{"eu", ""}].lifetime {
					t.Errorf("the project spent %v and %v, want what the population spent", life, year)
				}
			})
		}
	}
}

// What a project may spend is its own, and what it spends its population's too. A project's year ends with the calendar's.
func TestProjectsShareTheirPopulation(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: budget.Cost{Rho: 25}, Year: budget.Cost{Rho: 21}})
	own := budget.Caps{Lifetime: budget.Cost{Rho: 15}, Year: budget.Cost{Rho: 10}}
	if err := errors.Join(l.SetCaps(Account{Population: "eu", Project: "sleep"}, own), l.SetCaps(Account{Population: "eu", Project: "heart"}, own)); err != nil {
		t.Fatal(err)
	}
	next := march.AddDate(1, 0, 0)
	for _, tt := range []struct {
		when             time.Time
		project, dataset string
		rho              budget.Rho
		over             *OverBudget
	}{
		{march, "sleep", "a", 10, nil},
		{march, "sleep", "b", 1, &OverBudget{Project: "sleep", Scope: "year 2026"}},
		{march, "heart", "c", 9, nil},
		{march, "heart", "d", 2, &OverBudget{Project: "heart", Scope: "year 2026", Left: budget.Cost{Rho: 1}}},
		{march, "", "e", 3, &OverBudget{Scope: "year 2026", Left: budget.Cost{Rho: 2}}},
		{next, "sleep", "f", 6, &OverBudget{Project: "sleep", Scope: "lifetime", Left: budget.Cost{Rho: 5}}},
		{next, "sleep", "g", 5, nil},
		{next, "heart", "h", 2, &OverBudget{Scope: "lifetime", Left: budget.Cost{Rho: 1}}},
	} {
		l := reopen(t, dir, at(tt.when))
		r := costing(tt.dataset, budget.Cost{Rho: tt.rho})
		r.Project = tt.project
		b, err := l.Begin(r)
		if b != nil {
			b.Token.Close()
		}
		var over *OverBudget
		errors.As(err, &over)
		if tt.over != nil {
			tt.over.Population, tt.over.Wanted = "eu", budget.Cost{Rho: tt.rho}
		}
		if (err != nil) != (tt.over != nil) || !reflect.DeepEqual(over, tt.over) {
			t.Errorf("%s: got %v, want %v", tt.dataset, err, tt.over)
		}
	}
	r := costing("i", budget.Cost{Rho: 1})
	r.Project = "skin"
	l = reopen(t, dir, at(march))
	refuses(t, l, "a project without caps", ErrNoCaps, func() error { _, err := l.Begin(r); return err })
}

// Pure epsilon is a part of the same loss that rho counts, so that no draw has less rho than its epsilon makes.
func TestPureEpsilonIsInRho(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	var sum budget.Cost
	for i, eps := range []budget.Epsilon{1, 1414, 1415, 2000, 1e6, 1e9, 3e9 + 1} {
		rho, err := budget.PureRho(eps)
		if err != nil {
			t.Fatal(err)
		}
		try := func(c budget.Cost) error {
			b, err := l.Begin(costing(fmt.Sprint("d", i), c))
			if err == nil {
				err = b.Token.Close()
			}
			return err
		}
		refuses(t, l, fmt.Sprintf("ε %v with one unit of ρ less", eps), nil, func() error { return try(budget.Cost{Rho: rho - 1, Delta: 1, Epsilon: eps}) })
		refuses(t, l, fmt.Sprintf("ε %v alone", eps), nil, func() error { return try(budget.Cost{Epsilon: eps}) })
		if err := try(budget.Cost{Rho: rho, Epsilon: eps}); err != nil {
			t.Errorf("ε %v with its ρ: %v", eps, err)
		}
		if sum, err = sum.Add(budget.Cost{Rho: rho, Epsilon: eps}); err != nil {
			t.Fatal(err)
		}
	}
	if life, year := l.Spent(Account{Population: "eu"}); life != sum || year != sum {
		t.Errorf("spent %v and %v, want the sum %v", life, year, sum)
	}
	refuses(t, l, "an ε whose ρ does not fit", nil, func() error {
		_, err := l.Begin(costing("vast", budget.Cost{Rho: math.MaxUint64, Epsilon: math.MaxUint64}))
		return err
	})
	two := costing("two", budget.Cost{Rho: 1, Epsilon: 1})
	two.Draws = append(two.Draws, Draw{Name: "sum", Mechanism: "laplace", Cells: 1, L0: 1, Sigma: 1, Cost: budget.Cost{Epsilon: 1000}})
	two.Draws[0].Cost.Rho = 100
	refuses(t, l, "a draw that leans on the ρ of another", nil, func() error { _, err := l.Begin(two); return err })
}

func panelled(dataset string, year, of, number int64) Request {
	r := request(dataset, planA, small)
	r.Panel = &Panel{year, of, number}
	return r
}

func TestAPanelIsUsedOnce(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	if err := errors.Join(l.SetCaps(Account{Population: "us"}, budget.Caps{Lifetime: vast, Year: vast}), l.SetPolicy("us", "health", 1, policyC)); err != nil {
		t.Fatal(err)
	}
	b := begin(t, l, panelled("cohort-a", 2026, 10, 3))
	all := records(t, l)
	if r := all[len(all)-1]; r.Kind != Panelled || r.Panel != (Panel{2026, 10, 3}) || r.Cost != small || r.Release != b.Release {
		t.Errorf("got %+v, want charge and panel in one record", r)
	}
	if got := kinds(all); strings.Contains(got, "CHARGE") {
		t.Errorf("the log is %s, want no CHARGE beside the PANEL", got)
	}
	try := func(l *Ledger, r Request) func() error {
		return func() error {
			b, err := l.Begin(r)
			if err == nil {
				err = b.Token.Close()
			}
			return err
		}
	}
	used := map[string]Request{
		"the used one":       panelled("cohort-b", 2026, 10, 3),
		"another cut":        panelled("cohort-b", 2026, 11, 4),
		"another, finer cut": panelled("cohort-b", 2026, 1000, 999),
		"a cut into one":     panelled("cohort-b", 2026, 1, 0),
	}
	newYear := panelled("cohort-b", 2027, 10, 4) // its last day is the last of 2026
	newYear.Window = "2026-12-01/2027-01-01"
	beyond := map[string]Request{
		"panel 10 of 10": panelled("cohort-b", 2026, 10, 10), "panel -1": panelled("cohort-b", 2026, 10, -1),
		"no panels": panelled("cohort-b", 2026, 0, 0), "no year": panelled("cohort-b", 0, 10, 4),
		"a year that is not the window's": panelled("cohort-b", 2027, 10, 4), "the year of the day after it": newYear,
	}
	check := func(state string) {
		t.Helper()
		for name, r := range used {
			refuses(t, l, state+": "+name, ErrPanelUsed, try(l, r))
		}
		for name, r := range beyond {
			refuses(t, l, state+": "+name, nil, try(l, r))
		}
	}
	check("charged")
	b.Token.Close()
	b = begin(t, l, panelled("cohort-a", 2026, 10, 3))
	advance(t, b.Token, burned)
	check("burned")
	l = reopen(t, dir, at(march))
	check("reopened")

	again := panelled("cohort-a", 2026, 10, 3)
	again.Retries = 1
	refuses(t, l, "a retry with the panel that burned", ErrPanelUsed, try(l, again))
	again.Panel.Number = 4
	if b := begin(t, l, again); b.Attempt != 2 {
		t.Errorf("a retry with another panel: got attempt %d, want 2", b.Attempt)
	} else {
		advance(t, b.Token, published)
		if err := l.WithdrawRelease(b.Release, "recalled"); err != nil {
			t.Fatal(err)
		}
	}
	refuses(t, l, "the panel of a withdrawn release", ErrPanelUsed, try(l, panelled("cohort-b", 2026, 10, 4)))

	later := panelled("cohort-c", 2027, 12, 3)
	later.Window = "2027-03-23/2027-03-30"
	elsewhere := panelled("cohort-a", 2026, 7, 3)
	elsewhere.Population = "us"
	for name, r := range map[string]Request{
		"another panel": panelled("cohort-b", 2026, 10, 5), "another year, another cut": later, "another population": elsewhere,
	} {
		if err := try(l, r)(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A panel's charge that waits to be drawn is granted again for the same panel, and for nothing else.
func TestAPanelsChargeIsForThatPanel(t *testing.T) {
	l, dir := newLedger(t, budget.Caps{Lifetime: vast, Year: vast})
	first := begin(t, l, panelled("cohort-a", 2026, 10, 3))
	first.Token.Close()
	l = reopen(t, dir, at(march))
	for name, r := range map[string]Request{
		"another panel": panelled("cohort-a", 2026, 10, 4), "another year": panelled("cohort-a", 2027, 10, 3),
		"another cut": panelled("cohort-a", 2026, 11, 3), "no panel": request("cohort-a", planA, small),
	} {
		refuses(t, l, name, nil, func() error { _, err := l.Begin(r); return err })
	}
	if b := begin(t, l, panelled("cohort-a", 2026, 10, 3)); b.Release != first.Release || b.Status != Granted {
		t.Errorf("the same panel: got %+v, want the charge granted again", b)
	}
}

// Draws that cost nothing, and none at all, are a panel's alone. It still needs caps and is debited like any charge.
func TestOnlyPanelsAreFree(t *testing.T) {
	l, _ := newLedger(t, budget.Caps{})
	free, none := costing("cohort-a", budget.Cost{}), costing("cohort-b", budget.Cost{})
	none.Draws = nil
	cost := costing("cohort-c", budget.Cost{Rho: 1})
	for name, r := range map[string]*Request{"draws of zero": &free, "no draws": &none, "draws of one unit": &cost} {
		refuses(t, l, name+" without a panel", nil, func() error { _, err := l.Begin(*r); return err })
	}
	free.Panel, none.Panel, cost.Panel = &Panel{2026, 4, 0}, &Panel{2026, 4, 1}, &Panel{2026, 4, 2}
	for name, r := range map[string]Request{"draws of zero": free, "no draws": none} {
		b, err := l.Begin(r)
		if err != nil {
			t.Errorf("%s with a panel: %v", name, err)
			continue
		}
		advance(t, b.Token, published)
	}
	var over *OverBudget
	refuses(t, l, "a panel that costs what is not there", nil, func() error { _, err := l.Begin(cost); errors.As(err, &over); return err })
	if over == nil || over.Scope != "lifetime" {
		t.Errorf("got %+v, want *OverBudget of the lifetime", over)
	}
	elsewhere := free
	elsewhere.Population, elsewhere.Panel = "us", &Panel{2026, 4, 0}
	refuses(t, l, "a panel of a population without caps", ErrNoCaps, func() error { _, err := l.Begin(elsewhere); return err })
	// Nothing of what was refused uses a panel up.
	if got := l.state.cuts[cutKey{"eu", 2026}].used; len(got) != 2 || got[2] != "" {
		t.Errorf("got panels %v used, want 0 and 1", got)
	}
}
