package world

import (
	"math"
	"testing"
)

// 40,000 draws: the mean of a standard normal is off by more than 0.025 once
// in 1.7 million seeds (5 standard errors); the seed is fixed anyway.
func TestStreams(t *testing.T) {
	s := NewStream().Seed(7, 8)
	sum, square, low := 0.0, 0.0, 0
	for range 40_000 {
		z := s.Normal()
		sum, square = sum+z, square+z*z
		if s.Below(10) == 0 {
			low++
		}
	}
	if mean, variance := sum/40_000, square/40_000; math.Abs(mean) > 0.025 || math.Abs(variance-1) > 0.04 {
		t.Errorf("normal: got mean %.4f and variance %.4f, want 0 and 1", mean, variance)
	}
	if low < 3700 || low > 4300 {
		t.Errorf("a tenth of 40,000: got %d", low)
	}
	if a, b := NewStream().Seed(1, 2).Uint64(), NewStream().Seed(2, 1).Uint64(); a == b {
		t.Error("streams of swapped keys are one")
	}
}

func TestCalendarKnowsTheSpringDay(t *testing.T) {
	first := DayOf(2026, 3, 23)
	c, err := NewCalendar(first, first+6)
	if err != nil {
		t.Fatal(err)
	}
	sunday := DayOf(2026, 3, 29)
	for _, x := range []struct {
		zone  int
		local int64 // seconds after the Sunday's midnight
		want  int64 // hours of UTC offset
	}{
		{Paris, 1 * 3600, 1}, {Paris, 4 * 3600, 2}, {Paris, 12 * 3600, 2},
		{Lisbon, 30 * 60, 0}, {Lisbon, 3 * 3600, 1},
		{Reunion, 3 * 3600, 4}, {Martinique, 3 * 3600, -4},
	} {
		local := sunday.Start() + x.local
		if got := (local - c.UTC(x.zone, local)) / 3600; got != x.want {
			t.Errorf("%s at %d s: got %d h from UTC, want %d", Zones[x.zone], x.local, got, x.want)
		}
	}
	if got := c.Skipped(Paris, sunday); got != 3600 {
		t.Errorf("Paris skips %d s on %s, want 3600", got, sunday)
	}
	if got := c.Skipped(Reunion, sunday); got != 0 {
		t.Errorf("Reunion skips %d s on %s, want 0", got, sunday)
	}
}

func TestPlacesAreShapedLikeTheCountry(t *testing.T) {
	p := NewPlaces()
	codes, regions, zones := map[string]bool{}, map[int]bool{}, map[string]bool{}
	per := map[string]int{}
	villages, total := 0, 0
	for _, c := range p.Communes {
		codes[c.Postal], regions[c.Region], zones[Regions[c.Region].Zone] = true, true, true
		per[c.Departement] += c.Population
		total += c.Population
		if c.Population < 20_000 {
			villages++
		}
	}
	small := 0
	for _, n := range per {
		if n < 20_000 {
			small++
		}
	}
	if n := len(p.Communes); n < 1500 || n > 2500 || len(codes) != n {
		t.Errorf("%d communes with %d postal codes, want 1,500 to 2,500 and as many codes", n, len(codes))
	}
	if len(per) != 50 || len(regions) != 13 || len(zones) != 4 {
		t.Errorf("got %d departements, %d regions, %d zones, want 50, 13, 4", len(per), len(regions), len(zones))
	}
	if villages*100 < 95*len(p.Communes) || small == 0 || small > 5 {
		t.Errorf("got %d communes and %d departements under 20,000, want nearly all and 1 to 5", villages, small)
	}
	if total < 2_000_000 {
		t.Errorf("got %d inhabitants, want millions", total)
	}
}
