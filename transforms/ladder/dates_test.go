package ladder

import (
	"strings"
	"testing"
	"time"
)

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func TestDatesLabels(t *testing.T) {
	for _, test := range []struct {
		level    string
		from, to time.Time
		want     string
	}{
		{"day", date(2024, 2, 28), date(2024, 3, 2), "before 2024-02-28|2024-02-28|2024-02-29|2024-03-01|from 2024-03-02|unknown"},
		{"week", date(2026, 12, 28), date(2027, 1, 6), "before 2026-12-28|2026-W53|2027-W01|from 2027-01-06|unknown"},
		{"month", date(2026, 1, 15), date(2026, 4, 1), "before 2026-01-15|2026-01|2026-02|2026-03|from 2026-04-01|unknown"},
		{"quarter", date(2025, 11, 3), date(2026, 4, 2), "before 2025-11-03|2025-Q4|2026-Q1|2026-Q2|from 2026-04-02|unknown"},
		{"year", date(2025, 1, 1), date(2027, 1, 1), "before 2025-01-01|2025|2026|from 2027-01-01|unknown"},
	} {
		l, err := Dates("d", DatesOptions{Levels: []string{test.level}, From: test.from, To: test.to})
		if err != nil {
			t.Errorf("%s: %v", test.level, err)
			continue
		}
		if got := strings.Join(l.Levels[1].Labels, "|"); got != test.want {
			t.Errorf("%s: got %s, want %s", test.level, got, test.want)
		}
	}
}

// Every day of forty years has the label that the calendar gives it.
func TestDatesPlaceDays(t *testing.T) {
	from, to := date(1995, 5, 17), date(2021, 8, 3)
	formats := map[string]func(time.Time) string{
		"day":     func(d time.Time) string { return d.Format("2006-01-02") },
		"week":    func(d time.Time) string { return periodLabel("week", d) },
		"month":   func(d time.Time) string { return d.Format("2006-01") },
		"quarter": func(d time.Time) string { return d.Format("2006-") + "Q" + string('1'+rune(d.Month()-1)/3) },
		"year":    func(d time.Time) string { return d.Format("2006") },
	}
	for level, format := range formats {
		l, err := Dates("d", DatesOptions{Levels: []string{level}, From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		v := l.Levels[1]
		for d := date(1990, 1, 1); d.Year() < 2030; d = d.AddDate(0, 0, 1) {
			want := format(d)
			if d.Before(from) {
				want = "before 1995-05-17"
			} else if !d.Before(to) {
				want = "from 2021-08-03"
			}
			if got := v.Labels[v.IndexNumber(float64(d.Unix()/86400), true)]; got != want {
				t.Fatalf("%s of %s: got %s, want %s", level, d.Format(time.DateOnly), got, want)
			}
		}
	}
}

func TestDatesBeforeTheEpoch(t *testing.T) {
	l, err := Dates("d", DatesOptions{Levels: []string{"day", "year"}, From: date(1950, 1, 1), To: date(1971, 1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if v := l.Levels[1]; v.Labels[v.IndexNumber(-1, true)] != "1969-12-31" {
		t.Errorf("day -1: got %s, want 1969-12-31", v.Labels[v.IndexNumber(-1, true)])
	}
}

func TestDatesRefuse(t *testing.T) {
	from, to := date(2020, 1, 1), date(2021, 1, 1)
	for _, test := range []struct {
		want string
		o    DatesOptions
	}{
		{"does not nest", DatesOptions{Levels: []string{"week", "month"}, From: from, To: to}},
		{"does not nest", DatesOptions{Levels: []string{"day", "week", "year"}, From: from, To: to}},
		{"finest first", DatesOptions{Levels: []string{"year", "month"}, From: from, To: to}},
		{"finest first", DatesOptions{Levels: []string{"day", "day"}, From: from, To: to}},
		{"none of", DatesOptions{Levels: []string{"hour"}, From: from, To: to}},
		{"no level", DatesOptions{From: from, To: to}},
		{"no range", DatesOptions{Levels: []string{"day"}, From: to, To: from}},
		{"no range", DatesOptions{Levels: []string{"day"}, To: to}},
		{"more than", DatesOptions{Levels: []string{"day"}, From: date(1900, 1, 1), To: to}},
	} {
		if test.o.From.IsZero() {
			test.o.To = time.Time{}
		}
		if _, err := Dates("d", test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got error %v, want one with %q", test.o.Levels, err, test.want)
		}
	}
}
