package people

import (
	"math"

	"lethe/testdata/population/world"
)

// Block is the number of accounts that are drawn together, because they share
// households. A chunk of accounts starts and ends between blocks.
const Block = 8

// Census draws persons.
type Census struct {
	Seed   uint64
	Places *world.Places
	First  world.Day // the first day of data
	Days   int
}

// Closing is the day on which the source is as it is: three days after the
// last day of data.
func (c *Census) Closing() world.Day { return c.First + world.Day(c.Days) + 3 }

// Streams of a person, so that no table's draws move another's.
const (
	StreamHousehold uint64 = iota + 1
	StreamPerson
	StreamIdentity
	StreamConsent
	StreamDevice
	StreamActivity
	StreamSleep
	StreamMeasure
	StreamMinute
	StreamEnvironment
	StreamLog
	StreamPurchase
	StreamSupport
)

// Draw fills people with the persons whose indexes start at from, a multiple
// of Block.
func (c *Census) Draw(s *world.Stream, from int64, people []Person) {
	for at := 0; at < len(people); at += Block {
		c.block(s, from+int64(at), people[at:min(at+Block, len(people))])
	}
}

// block draws eight neighbours in households of one to four.
func (c *Census) block(s *world.Stream, from int64, people []Person) {
	s.Seed(c.Seed, StreamHousehold, uint64(from))
	head := 0
	size := householdSize(s)
	for i := range people {
		if i == head+size {
			head, size = i, householdSize(s)
		}
		people[i] = Person{Index: from + int64(i), Head: from + int64(head), Slot: i - head}
	}
	for i := range people {
		p := &people[i]
		c.person(s, p, &people[p.Head-from])
	}
}

func householdSize(s *world.Stream) int {
	switch u := s.Uniform(); {
	case u < 0.64:
		return 1
	case u < 0.91:
		return 2
	case u < 0.97:
		return 3
	}
	return 4
}

func (c *Census) person(s *world.Stream, p, head *Person) {
	s.Seed(c.Seed, StreamPerson, uint64(p.Index))
	p.Account = AccountID(c.Seed, p.Index)
	p.Household = 5_000_000 + p.Head*7 + int64(world.Mix(c.Seed^uint64(p.Head))%7)
	p.born(s, c.First, head)
	c.settle(s, p, head)
	p.Created = c.First - 1 - world.Day(12*365*math.Pow(s.Uniform(), 1.7))
	if s.Chance(0.004) {
		p.Created = c.First + world.Day(s.Below(c.Days))
	}
	p.Test = s.Chance(0.005)
	p.Whale = p.Index%whaleEvery == whaleFirst
	fitness := s.Normal()
	p.grow(s, fitness)
	p.live(s, fitness)
	p.equip(s, head)
}

// settle finds a home: in the country in proportion to the inhabitants, or in
// one person of forty somewhere that the table of communes does not know.
func (c *Census) settle(s *world.Stream, p, head *Person) {
	if p.Slot > 0 {
		p.Home, p.Region, p.Zone = head.Home, head.Region, head.Zone
		return
	}
	p.Home = c.Places.Home(s)
	p.Region = c.Places.Communes[p.Home].Region
	switch u := s.Uniform(); {
	case u < 0.007:
		p.Home, p.Zone = Abroad, world.Reunion
	case u < 0.011:
		p.Home, p.Zone = Abroad, world.Martinique
	case u < 0.017:
		p.Home, p.Zone = Abroad, world.Brussels
	case u < 0.022:
		p.Home, p.Zone = Abroad, world.Berlin
	case u < 0.026:
		p.Home = Abroad // a code that is not in the table
	case u < 0.033:
		p.Zone = world.Lisbon // away from home
	}
}
