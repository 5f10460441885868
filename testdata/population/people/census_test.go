package people

import (
	"testing"

	"lethe/testdata/population/world"
)

func draw(t *testing.T, seed uint64, from int64, n int) []Person {
	t.Helper()
	c := &Census{Seed: seed, Places: world.NewPlaces(), First: world.DayOf(2026, 3, 23), Days: 7}
	crowd := make([]Person, n)
	c.Draw(world.NewStream(), from, crowd)
	return crowd
}

// An account is the same person whoever else is drawn.
func TestSamePersonInAnyPopulation(t *testing.T) {
	all := draw(t, 1, 0, 1000)
	for _, part := range []struct{ from, n int }{{0, 1}, {0, 13}, {504, 8}, {992, 8}} {
		for i, got := range draw(t, 1, int64(part.from), part.n) {
			if want := all[part.from+i]; got != want {
				t.Errorf("person %d of a draw from %d: got %+v, want %+v", i, part.from, got, want)
			}
		}
	}
	if draw(t, 2, 0, 8)[0] == all[0] {
		t.Error("two seeds draw the same person")
	}
}

func TestAccountIDsAreUniqueAndUnordered(t *testing.T) {
	seen := map[int64]bool{}
	falls, last := 0, int64(0)
	for i := range int64(100_000) {
		id := AccountID(1, i)
		if seen[id] || id == StrangerID(i) {
			t.Fatalf("account %d: id %d is another's", i, id)
		}
		if seen[id] = true; id < last {
			falls++
		}
		last = id
	}
	if falls < 20_000 {
		t.Errorf("ids fall %d times in 100,000, want at least 20,000", falls)
	}
}

// The shares are of 200,000 people, so that three standard errors of a share
// of one half are 0.0034: the bounds below are wide beside chance.
func TestBodiesAndDevicesArePlausible(t *testing.T) {
	crowd := draw(t, 1, 0, 200_000)
	share := func(of, is func(*Person) bool) float64 {
		n, k := 0, 0
		for i := range crowd {
			if p := &crowd[i]; of(p) {
				if n++; is(p) {
					k++
				}
			}
		}
		return float64(k) / float64(n)
	}
	all := func(*Person) bool { return true }
	adult := func(p *Person) bool { return p.Age >= 18 }
	old := func(p *Person) bool { return p.Age >= 65 }
	young := func(p *Person) bool { return p.Age >= 18 && p.Age < 35 }
	high := func(p *Person) bool { return p.Body.SBP >= 140 || p.Body.DBP >= 90 }
	owns := func(k Kind) func(*Person) bool { return func(p *Person) bool { return p.Owns[k] } }
	for _, c := range []struct {
		what   string
		of, is func(*Person) bool
		lo, hi float64
	}{
		{"minors", all, func(p *Person) bool { return p.Age < 18 }, 0.015, 0.025},
		{"90 and older", all, func(p *Person) bool { return p.Age >= 90 }, 0.004, 0.012},
		{"women", all, func(p *Person) bool { return p.Female }, 0.47, 0.52},
		{"hypertension", adult, high, 0.27, 0.33},
		{"hypertension of the old", old, high, 0.5, 0.75},
		{"hypertension of the young", young, high, 0.05, 0.2},
		{"obesity", adult, func(p *Person) bool { return p.Body.BMI >= 30 }, 0.13, 0.2},
		{"scale", all, owns(Scale), 0.52, 0.58},
		{"watch", all, owns(Watch), 0.57, 0.63},
		{"cuff", all, owns(BPM), 0.16, 0.2},
		{"mat", all, owns(Mat), 0.32, 0.38},
		{"cuff of the old", old, owns(BPM), 0.25, 0.5},
		{"shared scale", owns(Scale), (*Person).Shared, 0.08, 0.3},
		{"not in the communes", all, func(p *Person) bool { return p.Home == Abroad }, 0.015, 0.04},
		{"atrial fibrillation of the old", old, func(p *Person) bool { return p.Body.Afib }, 0.003, 0.03},
	} {
		if got := share(c.of, c.is); got < c.lo || got > c.hi {
			t.Errorf("share of %s: got %.4f, want %g to %g", c.what, got, c.lo, c.hi)
		}
	}
}
