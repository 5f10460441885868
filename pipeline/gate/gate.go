// Package gate re-checks what would leave, with nothing but the plan and the
// rows themselves in its hands. Only what it lets through, an [Approved], can
// be delivered.
//
// For statistics it looks at the plan and at noisy values alone: that the
// groups are exactly the public ones in their public order, whoever is in
// them; that no column is there that the plan does not name; that no number
// stands where its error says it is unusable. It never looks at exact values,
// and nothing it finds leads to another draw.
package gate

import (
	"errors"
	"fmt"

	"lethe/pipeline/plan"
	"lethe/pipeline/release"
)

// Approved is a table that may leave. The zero value is not approved.
type Approved struct {
	plan  *plan.Plan
	table *release.Table
}

// Table is the approved table.
func (a Approved) Table() *release.Table { return a.table }

// Plan is the plan that it was checked against.
func (a Approved) Plan() *plan.Plan { return a.plan }

// ErrRefused is wrapped by every error of this package.
var ErrRefused = errors.New("the gate refused the release")

// Statistics checks a table of noisy statistics against its plan.
func Statistics(p *plan.Plan, t *release.Table) (Approved, error) {
	if err := statistics(p, t); err != nil {
		return Approved{}, fmt.Errorf("%w: dataset %s: %w", ErrRefused, p.Dataset, err)
	}
	return Approved{p, t}, nil
}

func statistics(p *plan.Plan, t *release.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	want := p.Columns()
	if len(t.Columns) != len(want) {
		return fmt.Errorf("%d columns, the plan publishes %d", len(t.Columns), len(want))
	}
	for i := range t.Columns {
		if t.Columns[i].Name != want[i] {
			return fmt.Errorf("column %d is not the plan's %s", i+1, want[i])
		}
	}
	if err := groups(p, t); err != nil {
		return err
	}
	return usable(p, t)
}

// groups checks that the rows are the full public domain in order: each table
// of the plan, the last key counting fastest.
func groups(p *plan.Plan, t *release.Table) error {
	tables := p.Tables()
	rows := 0
	for _, keys := range tables {
		n := p.GroupsOf(keys)
		if rows+int(n) > t.Rows {
			return fmt.Errorf("%d rows are fewer than the public groups", t.Rows)
		}
		for g := range n {
			for k := range p.Keys {
				c := &t.Columns[k]
				got := c.Labels[c.Codes[rows+int(g)]]
				if c.Kind != release.Category || got != p.Label(keys, k, g) {
					return fmt.Errorf("row %d, column %s is not the public label", rows+int(g)+1, p.Keys[k].Name)
				}
			}
		}
		rows += int(n)
	}
	if rows != t.Rows {
		return fmt.Errorf("%d rows, the public groups are %d", t.Rows, rows)
	}
	return nil
}

// usable checks that a value is missing exactly where it is flagged unusable.
func usable(p *plan.Plan, t *release.Table) error {
	for i := len(p.Keys); i+2 < len(t.Columns); i += 3 {
		value, half, flag := &t.Columns[i], &t.Columns[i+1], &t.Columns[i+2]
		if flag.Kind != release.Bool || flag.Valid != nil || half.Kind != release.Decimal {
			return fmt.Errorf("column %s has no error and flag of its own", value.Name)
		}
		for row, bad := range flag.Bools {
			if value.Null(row) != bad || (!bad && half.Null(row)) {
				return fmt.Errorf("column %s, row %d: a number and its flag disagree", value.Name, row+1)
			}
		}
	}
	return nil
}
