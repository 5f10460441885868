package tables

import (
	"math"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// accounts has one row per account.
//
// Dirt: sex in lower case, NULL or X; height NULL, 17, 0, 999 or in
// millimetres; birth dates NULL, 1900-01-01 or in the future; zones that are
// wrong, empty or NULL; postal codes that are no commune's; test accounts;
// erasure requests.
func accounts(src Source) Table {
	account := sheet.BigInt("account_id")
	first, last := sheet.Text("first_name").Coded(), sheet.Text("last_name").Coded()
	email, username, phone := sheet.Text("email"), sheet.Text("username"), sheet.Text("phone")
	birth := sheet.Date("birth_date")
	sex := sheet.Text("sex").Coded()
	height := sheet.Integer("height").Coded()
	address, postal, city := sheet.Text("address").Coded(), sheet.Text("postal_code").Coded(), sheet.Text("city").Coded()
	country, zone := sheet.Text("country").Coded(), sheet.Text("timezone").Coded()
	created, erasure := sheet.Timestamp("created_at").Plainly(), sheet.Timestamp("erasure_requested_at").Plainly()
	test := sheet.Boolean("is_test")
	rows := sheet.New(account, first, last, email, username, phone, birth, sex, height, address, postal, city, country, zone, created, erasure, test)

	s := world.NewStream()
	fill := func(crowd []people.Person, _ world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			id := src.Identify(s, p) // and the stream goes on from there
			account.Add(p.Account)
			first.AddText(id.First)
			last.AddText(id.Last)
			email.AddText(id.Email)
			username.AddText(id.Username)
			phone.AddText(id.Phone)
			addBirth(birth, s, p, src.First)
			addText(sex, sexOf(s, p))
			addHeight(height, s, p)
			address.AddText(id.Address)
			postal.AddText(id.Postal)
			city.AddText(id.City)
			country.AddText(id.Country)
			addText(zone, zoneOf(s, p))
			created.Add(us(p.Created.Start() + int64(s.Below(86400))))
			asked := src.Closing().Start() - int64(60*86400*math.Pow(s.Uniform(), 2)) - 1
			erasure.Maybe(us(asked), s.Chance(0.007))
			test.Add(p.Test)
		}
		return full()
	}
	return Table{Name: "accounts", Sheet: rows, Fill: fill}
}

// missing is the text that addText stores as NULL.
const missing = "\x00"

func addText(c *sheet.Words, text string) {
	if text == missing {
		c.Null()
		return
	}
	c.AddText(text)
}

func addBirth(c *sheet.Column[int32], s *world.Stream, p *people.Person, first world.Day) {
	switch u := s.Uniform(); {
	case u < 0.004:
		c.Null()
	case u < 0.0055:
		c.Add(int32(world.DayOf(1900, 1, 1)))
	case u < 0.006:
		c.Add(int32(first) + int32(s.Between(200, 2000)))
	default:
		c.Add(int32(p.Birth))
	}
}

func sexOf(s *world.Stream, p *people.Person) string {
	switch u := s.Uniform(); {
	case u < 0.012:
		return missing
	case u < 0.016:
		return "X"
	case p.Female && u < 0.05:
		return "f"
	case p.Female:
		return "F"
	}
	return "M"
}

func addHeight(c *sheet.Column[int32], s *world.Stream, p *people.Person) {
	cm := int32(math.Round(p.Body.Height))
	switch u := s.Uniform(); {
	case u < 0.04:
		c.Null()
	case u < 0.0415:
		c.Add(17)
	case u < 0.0425:
		c.Add(0)
	case u < 0.0435:
		c.Add(999)
	case u < 0.0445:
		c.Add(cm * 10)
	default:
		c.Add(cm)
	}
}

func zoneOf(s *world.Stream, p *people.Person) string {
	switch u := s.Uniform(); {
	case u < 0.0006:
		return "Europe/Pari"
	case u < 0.0012:
		return ""
	case u < 0.002:
		return missing
	}
	return world.Zones[p.Zone]
}
