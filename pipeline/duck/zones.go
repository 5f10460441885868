package duck

import (
	"context"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a window's days must not depend on what the machine has installed

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"lethe/pipeline/plan"
	"lethe/transforms"
)

// zones holds the names of the time zones that a person may have: those that
// the engine lists and Go's tables know.
func (e *Engine) zones(ctx context.Context, c *conn, table string) error {
	names := map[string]int{}
	err := c.batches(ctx, "list the time zones", "SELECT DISTINCT name FROM pg_timezone_names()", []string{"name"}, func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			name := r.Column(0).(*array.String).Value(i)
			if _, err := time.LoadLocation(name); err == nil && name != "Local" {
				names[name] = 0
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.load(ctx, table, names)
}

// periods makes the relation that a Civil step joins: for each zone, from when
// to when in the window, and two days around it, its clocks are how far ahead.
func (c *conn) periods(ctx context.Context, zones, name string, w plan.Window) error {
	from, err := time.Parse(time.DateOnly, w.Start)
	if err != nil {
		return fmt.Errorf("cut days: %w", err)
	}
	to, err := time.Parse(time.DateOnly, w.End)
	if err != nil {
		return fmt.Errorf("cut days: %w", err)
	}
	from, to = from.AddDate(0, 0, -2), to.AddDate(0, 0, 2)
	var rows []string
	err = c.batches(ctx, "cut days", "SELECT value FROM "+transforms.Ident(zones), []string{"value"}, func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			zone := r.Column(0).(*array.String).Value(i)
			loc, err := time.LoadLocation(zone)
			if err != nil {
				return fmt.Errorf("cut days in zone %s: %w", zone, err)
			}
			rows = append(rows, zonePeriods(zone, loc, from, to)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sql := "CREATE OR REPLACE TEMP TABLE " + transforms.Ident(name) + " AS SELECT * FROM (VALUES " + strings.Join(rows, ", ") + ") AS p(zone, starts, ends, shift)"
	return c.exec(ctx, "cut days", sql)
}

func zonePeriods(zone string, loc *time.Location, from, to time.Time) []string {
	var rows []string
	for at := from; at.Before(to); {
		_, ends := at.In(loc).ZoneBounds()
		if ends.IsZero() || ends.After(to) {
			ends = to
		}
		_, ahead := at.In(loc).Zone()
		rows = append(rows, fmt.Sprintf("(%s, TIMESTAMP '%s', TIMESTAMP '%s', %d)",
			transforms.Literal(zone), at.UTC().Format(stamp), ends.UTC().Format(stamp), int64(ahead)*1e6))
		at = ends
	}
	return rows
}
