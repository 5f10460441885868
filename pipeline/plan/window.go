package plan

import (
	"fmt"
	"time"

	"lethe/pipeline/policy"
)

// A Window is the civil days [Start, End) that a dataset speaks of, as ISO
// dates. Rows that arrive on or after Closed are late.
type Window struct {
	Start, End, Closed string
}

// String is the ledger's name of the window.
func (w Window) String() string { return w.Start + "/" + w.End }

// Days is the window's length.
func (w Window) Days() int {
	return int(day(w.End).Sub(day(w.Start)).Hours() / 24)
}

func day(iso string) time.Time {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		panic(fmt.Sprintf("plan: %q is not a day", iso))
	}
	return t
}

func iso(t time.Time) string { return t.Format(time.DateOnly) }

// LastClosed is the last window of a dataset that is closed on date: it ends
// on a boundary of the dataset's period, at least settle days before date.
func LastClosed(d *policy.Dataset, date time.Time) Window {
	end := boundary(d.Every, date.AddDate(0, 0, -d.SettleDays))
	return Window{
		Start:  iso(end.AddDate(0, 0, -d.WindowDays)),
		End:    iso(end),
		Closed: iso(end.AddDate(0, 0, d.SettleDays)),
	}
}

// boundary is the last first-day of a period on or before t.
func boundary(every string, t time.Time) time.Time {
	t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch every {
	case "week":
		return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	case "month":
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	case "quarter":
		return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	case "year":
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// PerYear is the most releases that a period has in one year.
func PerYear(every string) int64 {
	switch every {
	case "day":
		return 366
	case "week":
		return 53
	case "month":
		return 12
	case "quarter":
		return 4
	}
	return 1
}
