package tables

import (
	"fmt"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// devices has a row per device and account: a shared scale has two or more
// rows with one device_id, serial and MAC. An account has one household_id.
//
// Dirt: battery NULL, -1 or 255.
func devices(src Source) Table {
	device, account, household := sheet.BigInt("device_id"), sheet.BigInt("account_id"), sheet.BigInt("household_id")
	kind := sheet.Text("kind").Coded()
	serial, mac := sheet.Text("serial"), sheet.Text("mac")
	model, firmware := sheet.Text("model").Coded(), sheet.Text("firmware").Coded()
	activated := sheet.Timestamp("activated_at").Plainly()
	battery := sheet.Integer("battery").Coded()
	wifi := sheet.Text("wifi_ssid").Coded()
	rows := sheet.New(device, account, household, kind, serial, mac, model, firmware, activated, battery, wifi)

	s := world.NewStream()
	one := func(p *people.Person, k people.Kind, ssid string) {
		id := p.Device(k)
		which := world.Mix(uint64(id))
		device.Add(id)
		account.Add(p.Account)
		household.Add(p.Household)
		kind.AddText(k.String())
		serial.AddText(src.Serial(id))
		mac.AddText(src.MAC(id))
		model.AddText(fmt.Sprintf("%s-%c", k, 'A'+rune(which>>32%4)))
		firmware.AddText(fmt.Sprintf("%d.%d.%d", 1+which>>40%4, which>>44%10, s.Below(3)))
		from, to := p.Created.Start(), src.Closing().Start()
		activated.Add(us(from + 3600*int64(s.Uniform()*s.Uniform()*float64(to-from)/3600)))
		charge := int32(s.Between(1, 20) * 5)
		switch u := s.Uniform(); {
		case u < 0.002:
			charge = -1
		case u < 0.004:
			charge = 255
		}
		battery.Maybe(charge, !s.Chance(0.01))
		wifi.AddText(ssid)
	}
	fill := func(crowd []people.Person, _ world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			ssid := src.Identify(s, p).WiFi
			src.stream(s, people.StreamDevice, p, 0)
			for _, k := range people.Kinds {
				if p.Owns[k] {
					one(p, k, ssid)
				}
			}
		}
		return full()
	}
	return Table{Name: "devices", Sheet: rows, Fill: fill}
}
