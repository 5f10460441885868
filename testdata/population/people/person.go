// Package people makes the persons behind the accounts: who lives with whom,
// where, in what body, and with which devices. Text that identifies them is
// drawn apart (identity.go), because only the accounts table needs it.
package people

import (
	"math"

	"lethe/testdata/population/world"
)

// Kind of device.
type Kind int

// Kinds, in the order of a device id's last digits.
const (
	Scale Kind = iota
	Watch
	BPM
	Mat
	Thermometer
	kinds
)

// Kinds is every kind of device.
var Kinds = []Kind{Scale, Watch, BPM, Mat, Thermometer}

// String is the kind as the devices table spells it.
func (k Kind) String() string {
	return []string{"scale", "watch", "bpm", "mat", "thermometer"}[k]
}

// Abroad is the Home of a person whose postal code is not in the communes.
const Abroad = -1

// Person is one account and the human behind it.
type Person struct {
	Index     int64 // 0, 1, 2, … in the order of generation
	Account   int64 // account_id
	Household int64 // household_id
	Head      int64 // index of the household's first person
	Slot      int   // place in the household, 0 = head
	Female    bool
	Age       float64   // years on the first day
	Birth     world.Day // true, whatever the account says
	Home      int       // commune, or Abroad
	Region    int
	Zone      int // index into world.Zones
	Created   world.Day
	Test      bool
	Whale     bool // a client that sends the same thing every five minutes
	Minute    bool // minute and hourly rows are kept

	Body   Body
	Habits Habits
	Owns   [kinds]bool
	// ScaleOwner is the index of the person whose scale this person uses.
	ScaleOwner int64
}

// Has says whether the person uses a device of the kind on the day.
func (p *Person) Has(k Kind, d world.Day) bool { return p.Owns[k] && d >= p.Created }

// Device is the id of the person's device of a kind.
func (p *Person) Device(k Kind) int64 {
	owner := p.Index
	if k == Scale {
		owner = p.ScaleOwner
	}
	return 30_000_000 + owner*8 + int64(k)
}

// Shared says whether the person weighs on another one's scale, or might be
// taken for somebody who does.
func (p *Person) Shared() bool { return p.Owns[Scale] && p.ScaleOwner != p.Index }

// whaleEvery: accounts 1234, 5234, 9234, … are whales.
const whaleEvery, whaleFirst = 4000, 1234

// AccountID is the key of the account with an index. Ids grow with the index
// from one block of 64 accounts to the next, are shuffled within a block and
// have gaps; the day of creation has nothing to do with them.
func AccountID(seed uint64, index int64) int64 {
	block, at := uint64(index)>>6, uint64(index)&63
	key := world.Mix(seed ^ world.Mix(block+1))
	at = ((key|1)*at + key>>32) & 63
	gap := world.Mix(key+at) % 23
	return 10_000_000 + int64((block<<6+at)*23+gap)
}

// StrangerID is an account id that no account has or will have.
func StrangerID(index int64) int64 { return 4_000_000 + index%5_000_000 }

// born draws the person's year and day of birth and the sex, given the head.
func (p *Person) born(s *world.Stream, first world.Day, head *Person) {
	switch {
	case p.Slot == 0 && s.Chance(0.007):
		p.Age = 90 + 8*s.Uniform()
	case p.Slot == 0:
		p.Age = adultAge(s)
	case p.Slot == 1:
		p.Age = clamp(head.Age+4*s.Normal(), 18, 97)
	case head.Age > 30 && head.Age < 64:
		p.Age = 11 + 15*s.Uniform() // a child with an account
	default:
		p.Age = adultAge(s)
	}
	p.Birth = first - world.Day(p.Age*365.2425)
	p.Female = s.Chance(0.49)
	if p.Slot == 1 && s.Chance(0.9) {
		p.Female = !head.Female
	}
}

// adultAge is a mixture: young buyers of gadgets, and a broad middle with a
// tail of people who were told to watch their blood pressure.
func adultAge(s *world.Stream) float64 {
	for {
		age := 31 + 9*s.Normal()
		if s.Chance(0.58) {
			age = 52 + 15*s.Normal()
		}
		if age >= 18 && age < 95 {
			return age
		}
	}
}

func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }

// Year is the part of a season: +1 in mid July, -1 in mid January.
func Year(d world.Day) float64 {
	return math.Cos(2 * math.Pi * float64(d.Time().YearDay()-196) / 365)
}
