package people

import (
	"fmt"
	"strings"

	"lethe/testdata/population/world"
)

// Identity is the text by which a person is known. It is synthetic, lives
// under reserved domains and unassigned numbers, and occurs nowhere else.
type Identity struct {
	First, Last, Email, Username, Phone string
	Address, Postal, City, Country      string
	Latitude, Longitude                 float64
	WiFi, IP                            string
}

// Identify draws a person's identity. The family name, address and network
// are the household's.
func (c *Census) Identify(s *world.Stream, p *Person) Identity {
	var id Identity
	s.Seed(c.Seed, StreamIdentity, uint64(p.Head), 1)
	id.Last = world.FamilyName(s)
	c.address(s, p, &id)
	id.WiFi = fmt.Sprintf("%s-%s-%04x", s.Pick([]string{"Maisonnette", "Boxelle", "Fibrelle"}), strings.ToUpper(fold(id.Last)[:3]), s.Below(1<<16))
	id.IP = fmt.Sprintf("2001:db8:%x:%x::%x", p.Head>>16&0xffff, p.Head&0xffff, s.Below(1<<16))
	if s.Chance(0.5) {
		id.IP = fmt.Sprintf("%s.%d", s.Pick([]string{"192.0.2", "198.51.100", "203.0.113"}), s.Between(1, 254))
	}

	s.Seed(c.Seed, StreamIdentity, uint64(p.Index), 2)
	id.First = world.FirstName(s, p.Female)
	if p.Slot > 0 && s.Chance(0.25) {
		id.Last = world.FamilyName(s)
	}
	local := fold(id.First) + s.Pick([]string{".", "_", "-", ""}) + fold(id.Last)
	id.Email = fmt.Sprintf("%s%d@%s", local, s.Below(1000), s.Pick(world.MailHosts))
	id.Username = fmt.Sprintf("%s_%s%d", fold(id.First), s.Pick([]string{"runelle", "marchette", "velonne", "yogine", "trekoux"}), s.Below(10_000))
	id.Phone = phone(s)
	if p.Test {
		id.Email = "qa+" + id.Email
	}
	return id
}

// address is a commune's, or one the table of communes does not have.
func (c *Census) address(s *world.Stream, p *Person, id *Identity) {
	id.Address = fmt.Sprintf("%d %s", s.Between(1, 180), s.Pick(world.Streets))
	id.Country = "FR"
	if s.Chance(0.06) {
		id.Country = s.Pick([]string{"fr", "fr", "Fr"})
	}
	if p.Home != Abroad {
		home := c.Places.Communes[p.Home]
		id.Postal, id.City = home.Postal, home.Name
		id.Latitude, id.Longitude = home.Lat+0.01*s.Normal(), home.Lon+0.01*s.Normal()
		return
	}
	switch p.Zone {
	case world.Reunion:
		id.Postal, id.City, id.Latitude, id.Longitude = fmt.Sprintf("974%02d", s.Between(1, 80)), "Saint-Corvalin", -21.1, 55.5
	case world.Martinique:
		id.Postal, id.City, id.Latitude, id.Longitude = fmt.Sprintf("972%02d", s.Between(0, 40)), "Fort-Glycelle", 14.6, -61
	case world.Brussels:
		id.Postal, id.City, id.Country, id.Latitude, id.Longitude = fmt.Sprint(s.Between(1000, 9992)), "Woluvette", "BE", 50.8, 4.4
	case world.Berlin:
		id.Postal, id.City, id.Country, id.Latitude, id.Longitude = fmt.Sprint(s.Between(60000, 99998)), "Neuglycken", "DE", 50.1, 8.7
	default: // a company's own code, a typing error
		id.Postal, id.City, id.Latitude, id.Longitude = fmt.Sprintf("%d9%d CEDEX %02d", s.Between(60, 95), s.Between(10, 99), s.Between(1, 20)), "Courbelette CEDEX", 48.9, 2.2
	}
}

// phone is in the unassigned range +33 700, in one of the ways people type.
func phone(s *world.Stream) string {
	n := s.Below(1_000_000)
	switch u := s.Uniform(); {
	case u < 0.8:
		return fmt.Sprintf("+33700%06d", n)
	case u < 0.9:
		return fmt.Sprintf("07 00 %02d %02d %02d", n/10_000, n/100%100, n%100)
	}
	return fmt.Sprintf("0700%06d", n)
}

// Serial and MAC of a device are functions of its id, so that a shared scale
// has one of each.
func (c *Census) Serial(device int64) string {
	return fmt.Sprintf("LTH%09X", world.Mix(c.Seed^world.Mix(uint64(device)))&0xfffffffff)
}

// MAC is locally administered (02:…), hence nobody's.
func (c *Census) MAC(device int64) string {
	m := world.Mix(c.Seed ^ world.Mix(uint64(device)+1<<40))
	return fmt.Sprintf("02:4c:%02x:%02x:%02x:%02x", m>>24&0xff, m>>16&0xff, m>>8&0xff, m&0xff)
}

var folding = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "É", "e", "ï", "i", "œ", "oe", "'", "", " ", "")

// fold is a name in the letters of an e-mail address.
func fold(name string) string { return strings.ToLower(folding.Replace(name)) }
