package tables

import (
	"math"
	"time"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// weekdaySteps is added to the logarithm of steps, Sunday first.
var weekdaySteps = [7]float64{-0.17, -0.01, 0.01, 0.02, 0.01, 0.05, 0.03}

// activity has a row per tracker and civil day on which it was worn.
//
// Dirt: steps -1 and 9,999,999, steps NULL, distance NaN, elevation NULL,
// late rows, repeats.
func activity(src Source) Table {
	account := sheet.BigInt("account_id")
	steps := sheet.Integer("steps")
	distance := sheet.Double("distance_m").Coded()
	elevation := sheet.Double("elevation_m").Coded()
	active := sheet.Integer("active_s").Coded()
	calories := sheet.Double("calories").Coded()
	device := sheet.BigInt("device_id")
	arrived := sheet.Timestamp("received_at").Coded()
	rows := sheet.New(account, steps, distance, elevation, active, calories, device, arrived)

	again := mess{sheet: rows, account: account, alter: func(s *world.Stream) {
		steps.Set(int32(s.Between(50, 12_000)))
	}}
	s := world.NewStream()
	one := func(p *people.Person, day world.Day, season float64) {
		h := p.Habits
		burst := s.Normal()
		n := math.Exp(h.LogSteps + weekdaySteps[day.Weekday()] + 0.07*season + h.Vary*burst)
		weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
		brisk := math.Max(0, n-2500) / 115 * (0.4 + 0.6*s.Uniform())
		if weekend {
			brisk *= 0.9
		}
		account.Add(p.Account)
		steps.Maybe(count(s, n), !s.Chance(0.002))
		distance.Add(metres(s, n*0.00413*p.Body.Height))
		elevation.Maybe(math.Floor(world.Regions[p.Region].Climb*n/1000*(0.3+1.4*s.Uniform())), !s.Chance(0.02))
		active.Add(60 * int32(brisk))
		calories.Add(math.Floor(n * p.Body.Weight * 0.00053))
		device.Add(p.Device(people.Watch))
		arrived.Add(us(received(s, day)))
		again.after(s, p)
	}
	fill := func(crowd []people.Person, day world.Day, full func() error) error {
		season := people.Year(day)
		for i := range crowd {
			p := &crowd[i]
			if !p.Has(people.Watch, day) {
				continue
			}
			src.stream(s, people.StreamActivity, p, day)
			if s.Chance(p.Habits.Wear) {
				one(p, day, season)
			}
		}
		again.done()
		return full()
	}
	return Table{Name: "activity", Daily: true, Sheet: rows, Fill: fill}
}

// count is steps as a tracker reports them, seven days in ten thousand absurd.
func count(s *world.Stream, n float64) int32 {
	switch u := s.Uniform(); {
	case u < 0.0005:
		return -1
	case u < 0.0007:
		return 9_999_999
	}
	return int32(n)
}

// metres is a distance by tens, or not a number.
func metres(s *world.Stream, m float64) float64 {
	if s.Chance(0.004) {
		return math.NaN()
	}
	return 10 * math.Floor(m/10)
}
