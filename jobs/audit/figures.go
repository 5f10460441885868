package main

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// figures are what a reader of the ledger came to.
type figures struct {
	size    int64
	genesis string
	root    [32]byte
	scopes  map[scopeName]balance
}

// A scopeName is an account in its lifetime, or in a calendar year of it.
type scopeName struct {
	accountName
	year int // 0 for the lifetime
}

func (n scopeName) String() string { return n.accountName.String() + ", " + n.when() }

func (n scopeName) when() string {
	if n.year == 0 {
		return "lifetime"
	}
	return fmt.Sprintf("year %d", n.year)
}

// A balance is what a scope has spent of its cap.
type balance struct{ spent, limit amounts }

// figures are those of the recount.
func (b *books) figures() figures {
	f := figures{b.size, b.genesis, b.rootOf(b.size), map[scopeName]balance{}}
	for name, a := range b.accounts {
		f.scopes[scopeName{name, 0}] = balance{a.lifetime, a.lifetimeCap}
		for y, spent := range a.years {
			f.scopes[scopeName{name, y}] = balance{spent, a.yearCap}
		}
	}
	return f
}

// ledgerFigures are those of package ledger: its own balances, of every account
// and year that its records name. Clock is the ledger's, which says of which
// year a balance is asked for.
func ledgerFigures(l *ledger.Ledger, clock *time.Time) (figures, error) {
	c, err := l.Checkpoint()
	if err != nil {
		return figures{}, err
	}
	f := figures{c.Size, l.Genesis(), c.Root, map[scopeName]balance{}}
	for r, err := range l.Records() {
		if err != nil {
			return figures{}, err
		}
		switch r.Kind {
		case ledger.Budget:
			f.scopes[scopeName{accountName{r.Population, r.Project}, 0}] = balance{}
		case ledger.Charge, ledger.Panelled:
			for _, project := range []string{"", r.Project} {
				f.scopes[scopeName{accountName{r.Population, project}, r.Time.UTC().Year()}] = balance{}
			}
		}
	}
	for name := range f.scopes {
		*clock = time.Date(max(name.year, 1), 7, 1, 0, 0, 0, 0, time.UTC)
		lifetime, year := l.Spent(ledger.Account{Population: name.population, Project: name.project})
		caps, known := l.Caps(ledger.Account{Population: name.population, Project: name.project})
		if !known {
			return figures{}, errors.New("an account is charged and has no caps")
		}
		if name.year == 0 {
			f.scopes[name] = balance{amountsOf(lifetime), amountsOf(caps.Lifetime)}
		} else {
			f.scopes[name] = balance{amountsOf(year), amountsOf(caps.Year)}
		}
	}
	return f, nil
}

func amountsOf(c budget.Cost) amounts {
	return costBody{uint64(c.Rho), uint64(c.Delta), uint64(c.Epsilon)}.amounts()
}

// compare names every figure in which the ledger's own reader and the recount
// differ.
func compare(own, again figures) (differences []string) {
	differ := func(what string, a, b any) {
		differences = append(differences, fmt.Sprintf("%s: package ledger has %v, the recount %v", what, a, b))
	}
	if own.size != again.size {
		differ("records", own.size, again.size)
	}
	if own.genesis != again.genesis {
		differ("genesis", own.genesis, again.genesis)
	}
	if own.root != again.root {
		differ("root of the tree", fmt.Sprintf("%x", own.root), fmt.Sprintf("%x", again.root))
	}
	for _, name := range scopeNames(own, again) {
		a, inOwn := own.scopes[name]
		b, inAgain := again.scopes[name]
		if !inOwn || !inAgain {
			differ(name.String(), known(inOwn), known(inAgain))
			continue
		}
		for i, amount := range []string{"ρ", "δ", "pure ε"} {
			if a.spent[i].Cmp(b.spent[i]) != 0 {
				differ(fmt.Sprintf("%v: %s spent", name, amount), decimal(a.spent[i], i), decimal(b.spent[i], i))
			}
			if a.limit[i].Cmp(b.limit[i]) != 0 {
				differ(fmt.Sprintf("%v: cap in %s", name, amount), decimal(a.limit[i], i), decimal(b.limit[i], i))
			}
		}
	}
	return differences
}

func known(is bool) string {
	if is {
		return "a balance"
	}
	return "none"
}

// scopeNames are those of any of the figures, accounts by name, the lifetime
// before the years.
func scopeNames(all ...figures) []scopeName {
	names := map[scopeName]bool{}
	for _, f := range all {
		for name := range f.scopes {
			names[name] = true
		}
	}
	return slices.SortedFunc(maps.Keys(names), func(a, b scopeName) int {
		switch {
		case a.population != b.population:
			return compareText(a.population, b.population)
		case a.project != b.project:
			return compareText(a.project, b.project)
		}
		return a.year - b.year
	})
}

func compareText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// decimal is an amount in the one form of package budget: ρ, δ or ε.
func decimal(v *big.Int, which int) string {
	if !v.IsUint64() {
		return v.String() + " units, more than fits"
	}
	u := v.Uint64()
	return [...]string{budget.Rho(u).String(), budget.Delta(u).String(), budget.Epsilon(u).String()}[which]
}
