package main

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"lethe/jobs/door"
	"lethe/privacy/budget"
)

// manyLines is how many findings of one check are shown to a person.
const manyLines = 40

// A report is the JSON of a verification. Amounts are exact decimals, as text.
type report struct {
	Ledger   string          `json:"ledger"`
	Genesis  string          `json:"genesis"`
	Records  int64           `json:"records"`
	Root     string          `json:"root"` // of the tree over all records, in hex
	Checks   []check         `json:"checks"`
	Balances []balanceReport `json:"balances"`
	Code     int             `json:"exit_code"`
}

type balanceReport struct {
	Population string     `json:"population"`
	Project    string     `json:"project,omitempty"`
	Scope      string     `json:"scope"` // "lifetime" or "year 2026"
	Spent      costReport `json:"spent"`
	Cap        costReport `json:"cap"`
	Left       costReport `json:"left"`
	Epsilon    string     `json:"epsilon,omitempty"` // spent, as it follows from ρ at AtDelta
	AtDelta    string     `json:"at_delta,omitempty"`
}

// costReport is an amount; its epsilon is the part that is pure.
type costReport struct {
	Rho     string `json:"rho"`
	Delta   string `json:"delta"`
	Epsilon string `json:"pure_epsilon"`
}

func costOf(a amounts) costReport {
	return costReport{decimal(a[0], 0), decimal(a[1], 1), decimal(a[2], 2)}
}

// show prints the checks and the balances.
func (a *audit) show() error {
	if a.json {
		return a.door.JSON(a.report())
	}
	if err := a.showChecks(); err != nil {
		return err
	}
	return a.showBalances()
}

func (a *audit) report() report {
	r := report{Ledger: a.settings.ledger, Checks: a.checks, Balances: []balanceReport{}, Code: worst(a.checks)}
	if !a.readable() {
		return r
	}
	f := a.own.figures()
	r.Genesis, r.Records, r.Root = f.genesis, f.size, fmt.Sprintf("%x", f.root)
	for _, name := range scopeNames(f) {
		b := f.scopes[name]
		one := balanceReport{Population: name.population, Project: name.project, Scope: name.when(),
			Spent: costOf(b.spent), Cap: costOf(b.limit), Left: costOf(b.left())}
		if delta, known := a.conversion[name.population]; known && b.spent[0].IsUint64() {
			one.Epsilon, one.AtDelta = budget.EpsilonOf(budget.Rho(b.spent[0].Uint64()), delta).String(), delta.String()
		}
		r.Balances = append(r.Balances, one)
	}
	return r
}

// left is what the cap leaves, and nothing where it is passed.
func (b balance) left() amounts {
	out := zero()
	for i := range out {
		if b.limit[i].Cmp(b.spent[i]) > 0 {
			out[i].Sub(b.limit[i], b.spent[i])
		}
	}
	return out
}

func (a *audit) showChecks() error {
	var out strings.Builder
	for _, c := range a.checks {
		fmt.Fprintf(&out, "%-8s %-11s %s\n", c.Status, c.Name, door.Visible(c.Looked))
		for _, n := range c.Notes {
			fmt.Fprintf(&out, "%-8s %-11s - %s\n", "", "", door.Visible(n))
		}
		for i, f := range c.Findings {
			if i == manyLines {
				fmt.Fprintf(&out, "%-8s %-11s ! and %s more: --json lists them all\n", "", "", door.Thousands(int64(len(c.Findings)-i)))
				break
			}
			fmt.Fprintf(&out, "%-8s %-11s ! %s: %s\n", "", "", f.Kind, f.What)
		}
	}
	return a.say("%s", out.String())
}

// showBalances is the recount's, for a person: rounded against the population.
func (a *audit) showBalances() error {
	if !a.readable() || len(a.own.accounts) == 0 {
		return nil
	}
	f := a.own.figures()
	pure := false
	for _, b := range f.scopes {
		pure = pure || b.spent[2].Sign() > 0
	}
	rows := [][]string{{"account", "scope", "as ε", "ρ spent", "ρ cap", "ρ left", "δ spent", "δ cap", "δ left"}}
	if pure {
		rows[0] = append(rows[0], "pure ε spent", "pure ε cap", "pure ε left")
	}
	for _, name := range scopeNames(f) {
		rows = append(rows, a.row(name, f.scopes[name], pure))
	}
	alone := ""
	if a.book == nil || !a.own.sound() {
		alone = " alone, with what is wrong counted in"
	}
	if err := a.say("\nWhat was spent, by the recount%s (what a project spends, its population spends too):\n", alone); err != nil {
		return err
	}
	return errors.Join(a.door.Table(rows), a.showConversion())
}

func (a *audit) row(name scopeName, b balance, pure bool) []string {
	left := func(i int, form func(uint64) string) string {
		if b.spent[i].Cmp(b.limit[i]) > 0 {
			return "passed"
		}
		return shown(b.left()[i], form)
	}
	row := []string{name.accountName.String(), name.when(), a.epsilon(name.population, b.spent[0]),
		shown(b.spent[0], rhoUp), shown(b.limit[0], rhoDown), left(0, rhoDown),
		shown(b.spent[1], deltaUp), shown(b.limit[1], deltaDown), left(1, deltaDown)}
	if pure {
		row = append(row, shown(b.spent[2], epsilonUp), shown(b.limit[2], epsilonDown), left(2, epsilonDown))
	}
	return row
}

// epsilon is the ε that follows from a ρ at the δ that the population's releases
// are stated at. The ledger does not have that δ; the manifests do.
func (a *audit) epsilon(population string, rho *big.Int) string {
	delta, known := a.conversion[population]
	if !known || !rho.IsUint64() {
		return "-"
	}
	return door.Epsilon(budget.EpsilonOf(budget.Rho(rho.Uint64()), delta))
}

func (a *audit) showConversion() error {
	for _, population := range slices.Sorted(maps.Keys(a.conversion)) {
		if err := a.say("  as ε: what follows from ρ at δ %v, beside the δ spent, as the newest release of %s says it\n", a.conversion[population], population); err != nil {
			return err
		}
	}
	return nil
}

func rhoUp(u uint64) string       { return door.Rho(budget.Rho(u)) }
func rhoDown(u uint64) string     { return door.RhoLeft(budget.Rho(u)) }
func epsilonUp(u uint64) string   { return door.Epsilon(budget.Epsilon(u)) }
func epsilonDown(u uint64) string { return door.EpsilonLeft(budget.Epsilon(u)) }
func deltaUp(u uint64) string     { return roundedDelta(u, true) }
func deltaDown(u uint64) string   { return roundedDelta(u, false) }

// roundedDelta is a δ to three digits.
func roundedDelta(u uint64, up bool) string {
	unit := uint64(1)
	for u/unit >= 1000 {
		unit *= 10
	}
	out := u / unit * unit
	if up && out < u && out <= ^uint64(0)-unit {
		out += unit
	}
	return budget.Delta(out).String()
}

func shown(v *big.Int, form func(uint64) string) string {
	if !v.IsUint64() {
		return "too much"
	}
	return form(v.Uint64())
}

// verdict is what is said at the end. The findings stand in the results.
func (a *audit) verdict() error {
	code := worst(a.checks)
	if code == door.OK {
		if a.json {
			return nil
		}
		return a.say("\n%s\n", a.praise())
	}
	count, of := 0, 0
	var names []string
	for _, c := range a.checks {
		if c.Status == failed {
			count += len(c.Findings)
			of++
			names = append(names, c.Name)
		}
	}
	what := "files are missing or cannot be read; nothing that was read is wrong"
	if code == door.Ledger {
		what = "do not charge to this ledger until that is explained"
		if a.onlyFiles() {
			what = "do not use those releases until that is explained; nothing is wrong with the ledger itself"
		}
	}
	return door.With(code, fmt.Errorf("%s in %s (%s): %s", door.Count(count, "finding"), door.Count(of, "check"), strings.Join(names, ", "), what))
}

// onlyFiles says whether all that is wrong is wrong with what lies in the
// workspace.
func (a *audit) onlyFiles() bool {
	for _, c := range a.checks {
		for _, f := range c.Findings {
			if c.Name != "releases" || f.Kind == setBack || f.Kind == otherLedger || f.Kind == unsigned {
				return false
			}
		}
	}
	return true
}

// praise says that all holds, and of what that does not speak.
func (a *audit) praise() string {
	var left []string
	for _, c := range a.checks {
		if c.Status == skipped {
			left = append(left, c.Name)
		}
	}
	if len(left) == 0 {
		return "All holds."
	}
	return "All that was looked at holds. Not looked at: " + strings.Join(left, ", ") + "."
}
