package world

import (
	"fmt"
	"time"
	_ "time/tzdata" // the same civil days where a machine has no zone files
)

// Day is a civil or UTC day, in days since 1970-01-01.
type Day int32

// DayOf is the day of a date.
func DayOf(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Time is the day's start in UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Start is the day's start in UTC, in seconds.
func (d Day) Start() int64 { return int64(d) * 86400 }

// String is the day as 2006-01-02.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// Weekday is the day's weekday.
func (d Day) Weekday() time.Weekday { return time.Weekday((int(d) + 4) % 7) }

// Zones people live in. The account table may say something else, or nothing.
var Zones = []string{"Europe/Paris", "Europe/Brussels", "Europe/Berlin", "Europe/Lisbon", "Indian/Reunion", "America/Martinique"}

// Indexes into Zones.
const (
	Paris = iota
	Brussels
	Berlin
	Lisbon
	Reunion
	Martinique
)

// Calendar knows the offsets of the zones over a span of days, by the hour.
type Calendar struct {
	from    int64     // seconds, the first hour of the tables
	offsets [][]int64 // zone, hour → seconds east of UTC
}

// NewCalendar covers the days from first to last, and a few around them.
func NewCalendar(first, last Day) (*Calendar, error) {
	c := &Calendar{from: (first - 3).Start()}
	hours := int(last-first+7) * 24
	for _, name := range Zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return nil, fmt.Errorf("load zone %s: %w", name, err)
		}
		table := make([]int64, hours)
		for h := range table {
			_, offset := time.Unix(c.from+int64(h)*3600, 0).In(zone).Zone()
			table[h] = int64(offset)
		}
		c.offsets = append(c.offsets, table)
	}
	return c, nil
}

// Offset is a zone's seconds east of UTC at an instant.
func (c *Calendar) Offset(zone int, utc int64) int64 {
	return c.offsets[zone][(utc-c.from)/3600]
}

// UTC is the instant at which a zone's clocks show the local time, both in
// seconds. In the hour that spring skips it is the instant an hour later.
func (c *Calendar) UTC(zone int, local int64) int64 {
	guess := local - c.Offset(zone, local)
	return local - c.Offset(zone, guess)
}

// Skipped is how many seconds the zone's clocks jump on a day: 3600 on the
// spring day, -3600 in autumn, 0 otherwise.
func (c *Calendar) Skipped(zone int, d Day) int64 {
	noon := d.Start() + 12*3600
	return c.Offset(zone, noon) - c.Offset(zone, noon-86400)
}
