package duck

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

// Admitted is the table of one window's admitted people inside the engine,
// and, for the operator, how many were refused for which reason ("" for the
// admitted).
type Admitted struct {
	table   string
	Refused map[string]int64
}

const stamp = "2006-01-02 15:04:05.000000"

// Admit builds the admitted table. Consent, objection and erasure are judged
// as of now, whatever the window.
func (e *Engine) Admit(ctx context.Context, a *plan.Admission, now time.Time) (*Admitted, error) {
	c, err := e.connect()
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, l := range a.Lookups {
		if err := e.load(ctx, l.Relation, l.Values); err != nil {
			return nil, err
		}
	}
	if a.Screened.Zones != "" {
		if err := e.zones(ctx, c, a.Screened.Zones); err != nil {
			return nil, err
		}
	}
	steps, err := e.admission(a, now.UTC().Format(stamp))
	if err != nil {
		return nil, err
	}
	for _, v := range steps {
		if err := c.view(ctx, v.name, v.sql); err != nil {
			return nil, err
		}
	}
	of := a.Start + " " + a.Screened.Zone
	screened, keys, table := "screened:"+of, "surrogates:"+of, "admitted:"+of
	if err := c.exec(ctx, "screen the people", "CREATE OR REPLACE TABLE "+transforms.Ident(screened)+" AS SELECT * FROM "+transforms.Ident("screened")); err != nil {
		return nil, err
	}
	out := &Admitted{table: table}
	if out.Refused, err = c.reasons(ctx, screened); err != nil {
		return nil, err
	}
	if err := e.surrogates(ctx, c, screened, keys); err != nil {
		return nil, err
	}
	sql, err := a.Admitted().SQL(transforms.Ident(screened), transforms.Ident(keys))
	if err != nil {
		return nil, err
	}
	if err := c.exec(ctx, "admit the people", "CREATE OR REPLACE TABLE "+transforms.Ident(table)+" AS "+sql); err != nil {
		return nil, err
	}
	for _, t := range []string{screened, keys} {
		if err := c.exec(ctx, "forget the screened people", "DROP TABLE "+transforms.Ident(t)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// view is a named SELECT.
type view struct{ name, sql string }

// admission renders the views of an admission, in order.
func (e *Engine) admission(a *plan.Admission, now string) ([]view, error) {
	var out []view
	add := func(name string, step transforms.Step, from ...string) error {
		sql, err := step.SQL(from...)
		out = append(out, view{name, sql})
		return err
	}
	read := func(name string, ch *plan.Chain) error {
		files, err := e.relation(ch.Scan, ch.Scan.Files)
		if err != nil {
			return err
		}
		return add(name, ch.Steps[0].Step, files)
	}
	if a.Persons != nil {
		if err := read("persons", a.Persons); err != nil {
			return nil, err
		}
	} else {
		var parts []string
		for i, ch := range a.Others {
			name := fmt.Sprintf("persons %d", i+1)
			if err := read(name, &ch); err != nil {
				return nil, err
			}
			parts = append(parts, "SELECT account FROM "+transforms.Ident(name))
		}
		// DISTINCT, for one part makes no union that would drop copies
		out = append(out, view{"persons", "SELECT DISTINCT account FROM (" + strings.Join(parts, " UNION ALL ") + ")"})
	}
	decided, objected := "", ""
	if a.Decided != nil {
		d := *a.Decided
		d.Now = now
		decided = transforms.Ident("decided")
		if err := read("decisions", a.Consents); err != nil {
			return nil, err
		}
		if err := add("decided", d, transforms.Ident("decisions")); err != nil {
			return nil, err
		}
	}
	if a.Objected != nil {
		o := *a.Objected
		o.Now = now
		objected = transforms.Ident("objected")
		if err := read("objections", a.Objections); err != nil {
			return nil, err
		}
		if err := add("objected", o, transforms.Ident("objections")); err != nil {
			return nil, err
		}
	}
	return out, add("screened", a.Screened, transforms.Ident("persons"), decided, objected)
}

// view makes or replaces a view that only this connection sees.
func (c *conn) view(ctx context.Context, name, sql string) error {
	return c.exec(ctx, "prepare step "+name, "CREATE OR REPLACE TEMP VIEW "+transforms.Ident(name)+" AS "+sql)
}

func (c *conn) reasons(ctx context.Context, screened string) (map[string]int64, error) {
	out := map[string]int64{}
	sql := "SELECT coalesce(refused, '') AS reason, count(*) AS people FROM " + transforms.Ident(screened) + " GROUP BY 1"
	return out, c.batches(ctx, "count the people refused", sql, []string{"reason", "people"}, func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			out[r.Column(0).(*array.String).Value(i)] = r.Column(1).(*array.Int64).Value(i)
		}
		return nil
	})
}

// number runs a query with one integer for an answer.
func (c *conn) number(ctx context.Context, doing, sql string) (int64, error) {
	var n int64
	return n, c.batches(ctx, doing, sql, []string{"n"}, func(r arrow.Record) error {
		n = r.Column(0).(*array.Int64).Value(0)
		return nil
	})
}
