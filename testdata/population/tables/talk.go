package tables

import (
	"fmt"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// logs has the technical lines of about one account in sixty a day, some of
// which say more than they should.
func logs(src Source) Table {
	account, at := sheet.BigInt("account_id").Plainly(), sheet.Timestamp("at").Plainly()
	version, system := sheet.Text("app_version").Coded(), sheet.Text("os").Coded()
	ip, message := sheet.Text("ip"), sheet.Text("message")
	rows := sheet.New(account, at, version, system, ip, message)

	s := world.NewStream()
	fill := func(crowd []people.Person, day world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			src.stream(s, people.StreamLog, p, day)
			if !s.Chance(1.0 / 60) {
				continue
			}
			id := src.Identify(s, p)
			src.stream(s, people.StreamLog, p, day).Uint64()
			account.Maybe(p.Account, !s.Chance(0.01))
			at.Add(us(day.Start() + int64(s.Below(86400))))
			version.AddText(fmt.Sprintf("6.%d.%d", s.Between(0, 4), s.Below(3)))
			system.AddText(s.Pick([]string{"iOS 19.1", "iOS 18.6", "Android 16", "Android 15", "Android 14"}))
			ip.AddText(id.IP)
			message.AddText(logLine(s, src, p, id))
		}
		return full()
	}
	return Table{Name: "logs", Daily: true, Sheet: rows, Fill: fill}
}

func logLine(s *world.Stream, src Source, p *people.Person, id people.Identity) string {
	switch s.Below(8) {
	case 0:
		return "login failed for " + id.Email
	case 1:
		return fmt.Sprintf("pairing %s over %s", src.MAC(p.Device(people.Watch)), id.WiFi)
	case 2:
		return "token refreshed for user " + id.Username
	case 3:
		return "upload of " + src.Serial(p.Device(people.Mat)) + " timed out"
	}
	return s.Pick([]string{"sync done", "sync skipped: no network", "background refresh", "push received", "crash report sent"})
}

// purchases has bank details; no job may open it.
func purchases(src Source) Table {
	account, at := sheet.BigInt("account_id"), sheet.Timestamp("at").Plainly()
	iban, card := sheet.Text("iban"), sheet.Text("card")
	cents := sheet.Integer("amount_cents").Coded()
	rows := sheet.New(account, at, iban, card, cents)

	s := world.NewStream()
	fill := func(crowd []people.Person, _ world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			src.stream(s, people.StreamPurchase, p, 0)
			if !s.Chance(0.07) {
				continue
			}
			account.Add(p.Account)
			at.Add(us(p.Created.Start() - int64(s.Below(86400*6))))
			iban.AddText(ibanOf(s))
			card.AddText(cardOf(s))
			cents.Add(int32(s.Between(2, 30)*1000 - 5))
		}
		return full()
	}
	return Table{Name: "purchases", Sheet: rows, Fill: fill}
}

// ibanOf is a French IBAN of a bank that does not exist, with valid check
// digits (ISO 7064 mod 97-10).
func ibanOf(s *world.Stream) string {
	number := fmt.Sprintf("9999900%03d%011d%02d", s.Below(1000), s.Below(1<<31), s.Below(97))
	rest := 0
	for _, digit := range number + "152700" { // F = 15, R = 27
		rest = (rest*10 + int(digit-'0')) % 97
	}
	return fmt.Sprintf("FR%02d%s", 98-rest, number)
}

// cardOf is a card number in an unassigned range, with its Luhn digit.
func cardOf(s *world.Stream) string {
	number := fmt.Sprintf("990099%09d", s.Below(1_000_000_000))
	sum := 0
	for i, digit := range number {
		d := int(digit - '0')
		if i%2 == 0 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return number + fmt.Sprint((10-sum%10)%10)
}

// support has what people write when something does not work.
func support(src Source) Table {
	account, at := sheet.BigInt("account_id").Plainly(), sheet.Timestamp("at").Plainly()
	message := sheet.Text("message")
	rows := sheet.New(account, at, message)

	s := world.NewStream()
	fill := func(crowd []people.Person, _ world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			src.stream(s, people.StreamSupport, p, 0)
			if !s.Chance(0.02) {
				continue
			}
			id := src.Identify(s, p)
			src.stream(s, people.StreamSupport, p, 0).Uint64()
			account.Maybe(p.Account, !s.Chance(0.05))
			at.Add(us(src.Closing().Start() - int64(s.Below(86400*90)) - 1))
			message.AddText(letter(s, src, p, id))
		}
		return full()
	}
	return Table{Name: "support", Sheet: rows, Fill: fill}
}

func letter(s *world.Stream, src Source, p *people.Person, id people.Identity) string {
	switch s.Below(4) {
	case 0:
		return fmt.Sprintf("Bonjour, je suis %s %s, ma balance n° %s ne répond plus. Rappelez-moi au %s svp.", id.First, id.Last, src.Serial(p.Device(people.Scale)), id.Phone)
	case 1:
		return fmt.Sprintf("Hello, I cannot log in with %s any more. My user name is %s. Thanks, %s", id.Email, id.Username, id.First)
	case 2:
		return fmt.Sprintf("Mon médecin veut mes tensions de mars. Envoyez-les à %s, %s, %s %s.", id.Email, id.Address, id.Postal, id.City)
	}
	return fmt.Sprintf("Please delete everything about %s %s (%s).", id.First, id.Last, id.Phone)
}
