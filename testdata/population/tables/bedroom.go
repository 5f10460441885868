package tables

import (
	"math"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// environment has an hourly row of the bedroom of the few whose minute rows
// are kept, with the place it was sent from.
//
// Dirt: temperature NaN, co2 NULL, an hour without light.
func environment(src Source) Table {
	account := sheet.BigInt("account_id")
	device := sheet.BigInt("device_id")
	household := sheet.BigInt("household_id")
	at := sheet.Timestamp("at")
	noise := sheet.Double("noise_db").Coded()
	light := sheet.Double("light_lux").Coded()
	temp := sheet.Double("temperature_c").Coded()
	co2 := sheet.Integer("co2_ppm")
	ip := sheet.Text("ip").Coded()
	lat := sheet.Double("latitude").Coded()
	lon := sheet.Double("longitude").Coded()
	rows := sheet.New(account, device, household, at, noise, light, temp, co2, ip, lat, lon)

	s := world.NewStream()
	one := func(p *people.Person, id people.Identity, hour int64) {
		local := float64((hour+src.Calendar.Offset(p.Zone, hour))%86400) / 3600
		night := local < p.Habits.Rise/3600 || local > 23
		lux, decibel, ppm := 60+220*math.Max(0, math.Sin((local-6)/13*math.Pi)), 41.0, 560.0
		if night {
			lux, decibel, ppm = 0.5, 31, 780+60*math.Mod(local+2, 24)
		}
		account.Add(p.Account)
		device.Add(p.Device(people.Mat))
		household.Add(p.Household)
		at.Add(us(hour))
		noise.Add(math.Round(decibel + p.Habits.Snore/1500 + 3*s.Normal()))
		light.Maybe(math.Round(lux*(0.5+s.Uniform())), !s.Chance(0.01))
		degrees := math.Round(10*(19.2+1.2*math.Sin((local-9)/24*2*math.Pi)+0.4*s.Normal())) / 10
		if s.Chance(0.003) {
			degrees = math.NaN()
		}
		temp.Add(degrees)
		co2.Maybe(int32(5*math.Round((ppm+70*s.Normal())/5)), !s.Chance(0.02))
		ip.AddText(id.IP)
		lat.Add(math.Round(id.Latitude*1e5) / 1e5)
		lon.Add(math.Round(id.Longitude*1e5) / 1e5)
	}
	fill := func(crowd []people.Person, day world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			if !p.Minute {
				continue
			}
			id := src.Identify(s, p)
			src.stream(s, people.StreamEnvironment, p, day)
			for hour := range int64(24) {
				one(p, id, day.Start()+3600*hour)
			}
			if err := full(); err != nil {
				return err
			}
		}
		return nil
	}
	return Table{Name: "environment", Daily: true, Sheet: rows, Fill: fill}
}
