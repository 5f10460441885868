package tables

import (
	"math"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// minutes has a row per minute of the UTC day for the few: steps in bouts
// while awake, a pulse every ten minutes.
func minutes(src Source) Table {
	account := sheet.BigInt("account_id")
	at := sheet.Timestamp("at")
	steps := sheet.Integer("steps")
	heart := sheet.Integer("heart_rate")
	rows := sheet.New(account, at, steps, heart)

	s := world.NewStream()
	one := func(p *people.Person, day world.Day) {
		mean := math.Exp(p.Habits.LogSteps)
		offset := src.at(p)
		walking := 0
		for minute := range int64(1440) {
			stamp := day.Start() + 60*minute
			local := float64((stamp+offset)%86400) / 3600
			awake := local > p.Habits.Rise/3600 && local < 23
			if walking > 0 {
				walking--
			} else if awake && s.Chance(mean/6500*0.017) {
				walking = s.Between(2, 9)
			}
			n, beats := 0, p.Body.RestHR
			if awake {
				beats += 12
			}
			if walking > 0 {
				n, beats = s.Between(8, 24)*5, beats+22
			}
			account.Add(p.Account)
			at.Add(us(stamp))
			steps.Add(int32(n))
			heart.Maybe(int32(beats+4*s.Normal()), minute%10 == 0)
		}
	}
	fill := func(crowd []people.Person, day world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			if !p.Minute {
				continue
			}
			src.stream(s, people.StreamMinute, p, day)
			one(p, day)
			if err := full(); err != nil {
				return err
			}
		}
		return nil
	}
	return Table{Name: "minutes", Daily: true, Sheet: rows, Fill: fill}
}
