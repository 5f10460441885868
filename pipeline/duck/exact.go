package duck

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

// Exact is the exact answer of a plan over some people: it is private, and
// lives only between the local half and the noise.
type Exact struct {
	Totals map[string][]int64 // per total, one integer a group, or one for each bin of each group
	Tally  map[string]int64   // for the operator's sealed record
}

// NewExact is the answer over nobody.
func NewExact(p *plan.Plan) *Exact {
	x := &Exact{Totals: map[string][]int64{}, Tally: map[string]int64{}}
	x.Totals["subjects"] = make([]int64, p.Groups)
	for _, m := range p.Measures {
		for _, part := range []string{"n:", "c:", "t:"} {
			x.Totals[part+m.Name] = make([]int64, p.Groups)
		}
		if m.Divide > 0 {
			x.Totals["q:"+m.Name] = make([]int64, p.Groups)
		}
	}
	for _, b := range p.Cells.Bins {
		x.Totals[b.Name] = make([]int64, p.Groups*b.Bins)
	}
	return x
}

// Merge adds the answer over other people.
func (x *Exact) Merge(y *Exact) error {
	for name, to := range x.Totals {
		for i, v := range y.Totals[name] {
			if (v > 0 && to[i] > math.MaxInt64-v) || (v < 0 && to[i] < math.MinInt64-v) {
				return fmt.Errorf("merge shards: total %s does not fit 64 bits", name)
			}
			to[i] += v
		}
	}
	for name, v := range y.Tally {
		x.Tally[name] += v
	}
	return nil
}

// Shard is one of Of disjoint parts of the people, cut by subject.
type Shard struct{ Number, Of int }

// Exact runs a plan's local half over the admitted people of a shard.
func (e *Engine) Exact(ctx context.Context, p *plan.Plan, who *Admitted, s Shard) (*Exact, error) {
	c, err := e.connect()
	if err != nil {
		return nil, err
	}
	defer c.close()
	admitted := transforms.Ident(who.table)
	if s.Of > 1 {
		admitted = transforms.Ident("shard")
		if err := c.view(ctx, "shard", fmt.Sprintf("SELECT * FROM %s WHERE subject %% %d = %d", transforms.Ident(who.table), s.Of, s.Number)); err != nil {
			return nil, err
		}
	}
	if z := p.Admission.Screened.Zones; z != "" {
		if err := c.periods(ctx, z, "periods", p.Window); err != nil {
			return nil, err
		}
	}
	from := []string{"", admitted}
	for _, b := range p.Bands {
		last, err := e.rows(ctx, c, b, "band "+b.Steps[len(b.Steps)-1].Name, admitted)
		if err != nil {
			return nil, err
		}
		from = append(from, last)
	}
	if from[0], err = e.rows(ctx, c, p.Rows, "rows", admitted); err != nil {
		return nil, err
	}
	sql, err := p.Cells.SQL(from...)
	if err != nil {
		return nil, err
	}
	if err := c.view(ctx, "cells", sql); err != nil {
		return nil, err
	}
	x := NewExact(p)
	if err := c.cells(ctx, p, x); err != nil {
		return nil, fmt.Errorf("dataset %s: %w", p.Dataset, err)
	}
	return x, e.dropped(ctx, c, p, x)
}

// chain makes the views of a chain and gives the last one's name.
func (e *Engine) chain(ctx context.Context, c *conn, ch plan.Chain, name, admitted string) (string, error) {
	before := ""
	for i, n := range ch.Steps {
		from := []string{before, admitted}
		switch n.Step.(type) {
		case transforms.Read:
			files, err := e.relation(ch.Scan, ch.Scan.Files)
			if err != nil {
				return "", err
			}
			from = []string{files}
		case transforms.People:
			from = []string{admitted}
		case transforms.Civil:
			from = []string{before, "periods"}
		}
		sql, err := n.Step.SQL(from...)
		if err != nil {
			return "", err
		}
		view := fmt.Sprintf("%s %d %s", name, i+1, n.Name)
		if err := c.view(ctx, view, sql); err != nil {
			return "", err
		}
		before = transforms.Ident(view)
	}
	return before, nil
}

// cells reads the small exact table.
func (c *conn) cells(ctx context.Context, p *plan.Plan, x *Exact) error {
	bins := p.Cells.Bins
	names := []string{"cell"}
	for _, b := range bins {
		names = append(names, b.Name)
	}
	first := len(names) // of the totals
	names = append(names, "subjects")
	for _, v := range p.Cells.Values {
		names = append(names, "n:"+v.Name, "c:"+v.Name, "t:"+v.Name)
		if v.Divide > 0 {
			names = append(names, "q:"+v.Name)
		}
	}
	names = append(names, p.Cells.Sums...)
	return c.batches(ctx, "aggregate", "SELECT * FROM cells", names, func(r arrow.Record) error {
		cols := make([]*array.Int64, len(names))
		for i := range names {
			cols[i] = r.Column(i).(*array.Int64)
		}
		for row := range int(r.NumRows()) {
			group := cols[0].Value(row)
			if cols[0].IsNull(row) || group < 0 || group >= p.Groups {
				return errors.New("aggregate: a group outside the published domain")
			}
			binned, err := x.bin(bins, cols[1:first], row, group, cols[first].Value(row))
			if err != nil {
				return err
			}
			if binned {
				continue
			}
			for i, name := range names[first:] {
				if to := x.Totals[name]; to != nil {
					to[group] = cols[first+i].Value(row)
				} else {
					x.Tally[name] += cols[first+i].Value(row)
				}
			}
		}
		return nil
	})
}

// bin takes over a row that counts the subjects of one bin, and says whether it
// is one.
func (x *Exact) bin(bins []transforms.CellBins, cols []*array.Int64, row int, group, subjects int64) (bool, error) {
	for i, b := range bins {
		if cols[i].IsNull(row) {
			continue
		}
		switch n := cols[i].Value(row); {
		case n >= b.Bins:
			return true, errors.New("aggregate: a bin outside the published domain")
		case n >= 0:
			x.Totals[b.Name][group*b.Bins+n] = subjects
		}
		return true, nil
	}
	return false, nil
}

// dropped counts, for the operator, the rows that end before they are used:
// rows of a text table that were misread, and rows of the window that arrived
// after it closed.
func (e *Engine) dropped(ctx context.Context, c *conn, p *plan.Plan, x *Exact) error {
	for i, n := range p.Rows.Steps {
		civil, ok := n.Step.(transforms.Civil)
		if !ok {
			continue
		}
		before := transforms.Ident(fmt.Sprintf("rows %d %s", i, p.Rows.Steps[i-1].Name))
		count := func(tally, from, where string) (err error) {
			x.Tally[tally], err = c.number(ctx, "count rows", "SELECT count(*) FROM "+from+" WHERE "+where)
			return err
		}
		if closed := civil.Closed; closed != "" {
			civil.Closed, civil.Keep = "", []string{"arrived"}
			window, err := civil.SQL(before, "periods")
			if err != nil {
				return err
			}
			if err := count("late", "("+window+")", "arrived >= TIMESTAMP "+transforms.Literal(closed)); err != nil {
				return err
			}
		}
		if read, ok := p.Rows.Steps[0].Step.(transforms.Read); ok && read.Text {
			if err := errors.Join(count("format", before, "misread > 0"), count("read", before, "true")); err != nil {
				return err
			}
		}
	}
	return nil
}
