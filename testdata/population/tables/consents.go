package tables

import (
	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// consents has every decision of an account for a purpose; the latest counts.
// About 80 % of the accounts end with health-research granted.
//
// Dirt: decisions that were delivered twice, two opposite decisions with one
// stamp, decisions of accounts that do not exist or are NULL.
func consents(src Source) Table {
	account := sheet.BigInt("account_id")
	purpose, status := sheet.Text("purpose").Coded(), sheet.Text("status").Coded()
	decided := sheet.Timestamp("decided_at").Plainly()
	rows := sheet.New(account, purpose, status, decided)

	s := world.NewStream()
	again := mess{sheet: rows, account: account, alter: func(*world.Stream) {
		if string(status.At(rows.Rows()-1)) == "granted" {
			status.Set([]byte("withdrawn"))
		} else {
			status.Set([]byte("granted"))
		}
	}}
	decide := func(p *people.Person, what, how string, at int64) {
		account.Add(p.Account)
		purpose.AddText(what)
		status.AddText(how)
		decided.Add(us(at))
		again.after(s, p)
	}
	fill := func(crowd []people.Person, _ world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			src.stream(s, people.StreamConsent, p, 0)
			for _, h := range histories {
				h.write(src, s, p, decide)
			}
		}
		again.done()
		return full()
	}
	return Table{Name: "consents", Sheet: rows, Fill: fill}
}

// history is how often a purpose is decided, and how.
type history struct {
	purpose                                 string
	asked, granted                          float64 // of accounts; of those asked
	withdrawn, regranted, withdrawYesterday float64 // of those granted
}

var histories = []history{
	{"health-research", 0.93, 0.905, 0.035, 0.015, 0.005},
	{"deidentified-research", 0.45, 0.72, 0.03, 0.01, 0.003},
	{"marketing", 0.30, 0.55, 0.12, 0.01, 0.001},
}

func (h history) write(src Source, s *world.Stream, p *people.Person, decide func(*people.Person, string, string, int64)) {
	if !s.Chance(h.asked) {
		return
	}
	yesterday := (src.Closing() - 1).Start()
	at := p.Created.Start() + 43200 + int64(s.Below(43000))
	later := func() int64 {
		at += 1 + int64(s.Uniform()*0.7*float64(yesterday-at))
		return at
	}
	if !s.Chance(h.granted) {
		decide(p, h.purpose, "withdrawn", at)
		return
	}
	decide(p, h.purpose, "granted", at)
	switch u := s.Uniform(); {
	case u < h.withdrawYesterday:
		decide(p, h.purpose, "withdrawn", yesterday+int64(s.Below(86400)))
	case u < h.withdrawYesterday+h.regranted:
		decide(p, h.purpose, "withdrawn", later())
		decide(p, h.purpose, "granted", later())
	case u < h.withdrawYesterday+h.regranted+h.withdrawn:
		decide(p, h.purpose, "withdrawn", later())
	}
}

// objections has the accounts that object to a purpose; some lifted it.
func objections(src Source) Table {
	account := sheet.BigInt("account_id")
	purpose := sheet.Text("purpose").Coded()
	objected, lifted := sheet.Timestamp("objected_at").Plainly(), sheet.Timestamp("lifted_at").Plainly()
	rows := sheet.New(account, purpose, objected, lifted)

	s := world.NewStream()
	fill := func(crowd []people.Person, _ world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			src.stream(s, people.StreamConsent, p, 1)
			if !s.Chance(0.015) {
				continue
			}
			from, to := p.Created.Start()+86400, src.Closing().Start()
			at := from + int64(s.Uniform()*float64(to-from))
			account.Add(p.Account)
			purpose.AddText(s.Pick([]string{"health-research", "health-research", "deidentified-research", "marketing"}))
			objected.Add(us(at))
			lifted.Maybe(us(at+int64(s.Uniform()*float64(to-at))), s.Chance(0.3))
		}
		return full()
	}
	return Table{Name: "objections", Sheet: rows, Fill: fill}
}
