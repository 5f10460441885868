// Package tables turns persons into the rows of the source's tables, with the
// dirt that real tables have. One file per table; each says what its columns
// hold and which dirt it carries.
package tables

import (
	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// Table is one table with the buffer its rows are made in. It is used by one
// goroutine at a time.
type Table struct {
	Name  string // file name without .parquet, or folder of a daily table
	Daily bool
	Sheet *sheet.Sheet
	// Fill adds the rows of the persons, on the day if Daily. It calls full
	// now and then, which may write the sheet away as a row group.
	Fill func(crowd []people.Person, day world.Day, full func() error) error
}

// Source is what every table is made from.
type Source struct {
	*people.Census
	Calendar *world.Calendar
}

// All is a set of tables, the longest first, with buffers of their own.
func All(src Source) []Table {
	return []Table{
		minutes(src), measures(src), activity(src), sleep(src), environment(src), logs(src),
		accounts(src), devices(src), consents(src), objections(src), purchases(src), support(src),
	}
}

// us is a time in microseconds.
func us(seconds int64) int64 { return seconds * 1_000_000 }

// stream starts the stream of a person's rows in a table on a day.
func (src Source) stream(s *world.Stream, table uint64, p *people.Person, day world.Day) *world.Stream {
	return s.Seed(src.Seed, table, uint64(p.Index), uint64(day))
}

// received is when the rows of a day arrive, in seconds: in the next twelve
// hours, or within three days, or, for four rows in a thousand, so late that a
// window with three days of patience is closed.
func received(s *world.Stream, day world.Day) int64 {
	end := (day + 1).Start()
	switch u := s.Uniform(); {
	case u < 0.004:
		return end + 86400*int64(s.Between(11, 20)) + 60*int64(s.Below(1440))
	case u < 0.08:
		return end + 60*int64(s.Below(2*1440))
	}
	return end + 300*int64(s.Below(144))
}
