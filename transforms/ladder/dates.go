package ladder

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DatesOptions describe a ladder of calendar periods.
type DatesOptions struct {
	// Levels are "day", "week" (ISO 8601, from Monday), "month", "quarter" and
	// "year", finest first. Required. A week nests in none of the later three.
	Levels []string
	// From and To are the range [From, To); their civil dates count, whatever
	// their zone. Required. Days outside are one label before and one after.
	From, To time.Time
}

// periods, finest first.
var periods = []string{"day", "week", "month", "quarter", "year"}

// Dates returns a ladder over days since 1970-01-01. Labels are ISO: "2026-03-30",
// "2026-W13", "2026-03", "2026-Q1", "2026". Every level begins with "before
// <From>" and ends with "from <To>" and Unknown; a period that From or To cuts
// has its usual label and holds only its days inside the range.
func Dates(name string, o DatesOptions) (*Ladder, error) {
	o.From, o.To = civil(o.From), civil(o.To)
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("ladder %s: %w", name, err)
	}
	l := &Ladder{Name: name, Input: Date, Levels: []Level{open()}}
	for _, p := range o.Levels {
		v := calendar(p, o.From, o.To)
		if len(v.Labels)-1 > MaxLabels {
			return nil, fmt.Errorf("ladder %s: level %s has more than %d periods", name, p, MaxLabels)
		}
		l.Levels = append(l.Levels, v)
	}
	l.Levels = append(l.Levels, top())
	return l, l.Validate()
}

func (o DatesOptions) check() error {
	var errs []error
	if !o.From.Before(o.To) || o.From.Year() < 1 || o.To.Year() > 9999 {
		errs = append(errs, fmt.Errorf("from %s to %s is no range", o.From.Format(time.DateOnly), o.To.Format(time.DateOnly)))
	}
	if len(o.Levels) == 0 {
		errs = append(errs, errors.New("no level: give at least one of "+strings.Join(periods, ", ")))
	}
	for n, p := range o.Levels {
		at := slices.Index(periods, p)
		switch {
		case at < 0:
			errs = append(errs, fmt.Errorf("level %q is none of %s", p, strings.Join(periods, ", ")))
		case n > 0 && at <= slices.Index(periods, o.Levels[n-1]):
			errs = append(errs, fmt.Errorf("level %s stands after %s: list the finest first", p, o.Levels[n-1]))
		case n > 0 && o.Levels[n-1] == "week":
			errs = append(errs, fmt.Errorf("a week does not nest in a %s: leave one of them out", p))
		}
	}
	return errors.Join(errs...)
}

// calendar cuts [from, to) at every start of a period inside it.
func calendar(period string, from, to time.Time) Level {
	v := Level{Name: period, Labels: []string{"before " + from.Format(time.DateOnly)}}
	for at := from; at.Before(to) && len(v.Edges) <= MaxLabels; at = next(period, at) {
		v.Edges = append(v.Edges, days(at))
		v.Labels = append(v.Labels, periodLabel(period, at))
	}
	v.Edges = append(v.Edges, days(to))
	v.Labels = append(v.Labels, "from "+to.Format(time.DateOnly), Unknown)
	v.Other = v.Unknown()
	return v
}

// next is the start of the period after the one that holds t.
func next(period string, t time.Time) time.Time {
	y, m, d := t.Date()
	switch period {
	case "day":
		d++
	case "week":
		d += 7 - (int(t.Weekday())+6)%7 // days since Monday
	case "month":
		m, d = m+1, 1
	case "quarter":
		m, d = m+3-(m-1)%3, 1
	case "year":
		y, m, d = y+1, 1, 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func periodLabel(period string, t time.Time) string {
	switch period {
	case "week":
		y, w := t.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", y, w)
	case "month":
		return t.Format("2006-01")
	case "quarter":
		return fmt.Sprintf("%04d-Q%d", t.Year(), (t.Month()+2)/3)
	case "year":
		return t.Format("2006")
	}
	return t.Format(time.DateOnly)
}

func civil(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// days since 1970-01-01 of a midnight in UTC.
func days(t time.Time) float64 { return float64(t.Unix() / 86400) }
