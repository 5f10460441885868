package tables

import (
	"math"
	"time"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// sleep has a row per night on a mat, under the civil day of waking, and now
// and then a nap. Stages are whole minutes in seconds.
//
// Dirt: end before start, hr_average 0 or NULL, snoring NULL, a night of which
// all is deep sleep of 200,000 s, late rows, repeats.
func sleep(src Source) Table {
	t := newSleepRows()
	t.again = mess{sheet: t.rows, account: t.account, alter: func(s *world.Stream) {
		t.light.Set(60 * int32(s.Between(60, 300)))
	}}
	s := world.NewStream()
	fill := func(crowd []people.Person, day world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			if !p.Has(people.Mat, day) {
				continue
			}
			src.stream(s, people.StreamSleep, p, day)
			if s.Chance(0.93) {
				t.night(src, s, p, day)
			}
			if s.Chance(0.008) {
				t.nap(src, s, p, day)
			}
		}
		t.again.done()
		return full()
	}
	return Table{Name: "sleep", Daily: true, Sheet: t.rows, Fill: fill}
}

type sleepRows struct {
	account, start, end                      *sheet.Column[int64]
	asleep, deep, light, rem, awake, snoring *sheet.Column[int32]
	heart, lowest, wakeups                   *sheet.Column[int32]
	arrived                                  *sheet.Column[int64]
	rows                                     *sheet.Sheet
	again                                    mess
}

func newSleepRows() *sleepRows {
	t := &sleepRows{
		account: sheet.BigInt("account_id"),
		start:   sheet.Timestamp("start_at").Coded(),
		end:     sheet.Timestamp("end_at").Coded(),
		asleep:  sheet.Integer("asleep_s").Coded(),
		deep:    sheet.Integer("deep_s").Coded(),
		light:   sheet.Integer("light_s").Coded(),
		rem:     sheet.Integer("rem_s").Coded(),
		awake:   sheet.Integer("awake_s").Coded(),
		snoring: sheet.Integer("snoring_s").Coded(),
		heart:   sheet.Integer("hr_average").Coded(),
		lowest:  sheet.Integer("hr_min").Coded(),
		wakeups: sheet.Integer("wakeups").Coded(),
		arrived: sheet.Timestamp("received_at").Coded(),
	}
	t.rows = sheet.New(t.account, t.start, t.end, t.asleep, t.deep, t.light, t.rem, t.awake, t.snoring, t.heart, t.lowest, t.wakeups, t.arrived)
	return t
}

// night ends when the person's clock says so: on the day that clocks go
// forward most of the lost hour is lost sleep.
func (t *sleepRows) night(src Source, s *world.Stream, p *people.Person, day world.Day) {
	asleep, rise := p.Habits.Sleep+2300*s.Normal(), p.Habits.Rise+1500*s.Normal()
	if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
		late := 1 - 0.75*clamp01((p.Age-55)/15)
		asleep += 1700 * late
		rise += 4200 * late
	}
	asleep -= 0.65 * float64(src.Calendar.Skipped(p.Zone, day))
	asleep = math.Max(5400, math.Min(asleep, 12.5*3600))
	end := src.Calendar.UTC(p.Zone, day.Start()+60*int64(rise/60))
	t.stages(s, p, day, end, asleep)
}

func (t *sleepRows) nap(src Source, s *world.Stream, p *people.Person, day world.Day) {
	end := src.Calendar.UTC(p.Zone, day.Start()+60*int64(s.Between(13*60+30, 17*60)))
	t.stages(s, p, day, end, float64(60*s.Between(18, 80)))
}

func (t *sleepRows) stages(s *world.Stream, p *people.Person, day world.Day, end int64, asleep float64) {
	minutes := int32(asleep / 60)
	deep := int32(asleep / 60 * clampTo(0.235-0.0013*(p.Age-20)+0.03*s.Normal(), 0.02, 0.5))
	rem := int32(asleep / 60 * clampTo(0.215-0.0003*(p.Age-20)+0.03*s.Normal(), 0.03, 0.4))
	awake := int32(asleep / 60 * clampTo(0.035+0.0011*(p.Age-20)+0.025*s.Normal(), 0, 0.4))
	snore := int32(0)
	if p.Habits.Snore > 0 {
		snore = min(minutes, int32(p.Habits.Snore/60*math.Exp(0.5*s.Normal())))
	}
	heart := int32(p.Body.RestHR - 2.5 + 2*s.Normal())
	start := end - 60*int64(minutes+awake)

	t.account.Add(p.Account)
	if s.Chance(0.0005) {
		start, end = end, start
	}
	t.start.Add(us(start))
	t.end.Add(us(end))
	if s.Chance(0.0003) {
		deep = 200_000 / 60
	}
	light := max(0, minutes-deep-rem)
	t.asleep.Add(60 * (deep + light + rem))
	t.deep.Add(60 * deep)
	t.light.Add(60 * light)
	t.rem.Add(60 * rem)
	t.awake.Add(60 * awake)
	t.snoring.Maybe(60*snore, !s.Chance(0.02))
	if s.Chance(0.001) {
		heart = 0
	}
	seen := !s.Chance(0.03)
	t.heart.Maybe(heart, seen)
	t.lowest.Maybe(max(0, heart-int32(5+math.Abs(2.5*s.Normal()))), seen)
	t.wakeups.Add(int32(s.Poisson(0.5 + 0.028*p.Age)))
	t.arrived.Add(us(received(s, day)))
	t.again.after(s, p)
}

func clampTo(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }
func clamp01(x float64) float64         { return clampTo(x, 0, 1) }
