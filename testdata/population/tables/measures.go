package tables

import (
	"math"

	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// Types of measure, numbered as public wearable APIs number them.
const (
	weightKg    = 1
	fatRatio    = 6
	diastolic   = 9
	systolic    = 10
	heartPulse  = 11
	spo2        = 54
	temperature = 71
	muscleKg    = 76
	hydrationKg = 77
	ecgClass    = 130
)

// Attributions.
const (
	byDevice    = 0
	ambiguous   = 1 // a shared scale, and it could be somebody else
	manualEntry = 2
)

// measures is the long table: a type and value × 10^unit, under the UTC day of
// the instant. What one device saw at once has one stamp. The same type comes
// in more than one unit.
//
// Dirt: a weight of 2 kg, of 635 kg, the weight of somebody else in the
// household, a systolic pressure without its diastolic, whales, repeats.
func measures(src Source) Table {
	t := newMeasureRows()
	s := world.NewStream()
	fill := func(crowd []people.Person, day world.Day, full func() error) error {
		for i := range crowd {
			p := &crowd[i]
			if day < p.Created {
				continue
			}
			m := moment{src.stream(s, people.StreamMeasure, p, day), p, day, src.at(p)}
			head := &crowd[p.Head-crowd[0].Index]
			t.weigh(m, head)
			t.press(m)
			t.watch(m)
			t.warm(m)
			if p.Whale {
				t.flood(m)
			}
		}
		t.again.done()
		return full()
	}
	return Table{Name: "measures", Daily: true, Sheet: t.rows, Fill: fill}
}

// moment is a person's day, while its rows are made.
type moment struct {
	*world.Stream
	p      *people.Person
	day    world.Day
	offset int64
}

// at is the person's offset from UTC, near enough for a time of day.
func (src Source) at(p *people.Person) int64 {
	return src.Calendar.Offset(p.Zone, src.First.Start())
}

// clock is an instant of the UTC day at which the person's clock shows about
// the seconds after midnight.
func (m moment) clock(local float64) int64 {
	return m.day.Start() + ((int64(local)-m.offset)%86400+86400)%86400
}

type measureRows struct {
	account, at       *sheet.Column[int64]
	kind              *sheet.Column[int32]
	value             *sheet.Column[int64]
	unit, attribution *sheet.Column[int32]
	device            *sheet.Column[int64]
	rows              *sheet.Sheet
	again             mess
}

func newMeasureRows() *measureRows {
	t := &measureRows{
		account:     sheet.BigInt("account_id"),
		at:          sheet.Timestamp("measured_at"),
		kind:        sheet.Integer("type").Coded(),
		value:       sheet.BigInt("value").Plainly(),
		unit:        sheet.Integer("unit").Coded(),
		attribution: sheet.Integer("attribution").Coded(),
		device:      sheet.BigInt("device_id").Plainly(),
	}
	t.rows = sheet.New(t.account, t.at, t.kind, t.value, t.unit, t.attribution, t.device)
	t.again = mess{sheet: t.rows, account: t.account, alter: func(s *world.Stream) {
		t.value.Set(t.value.At(t.rows.Rows()-1) + int64(s.Between(1, 9)))
	}}
	return t
}

// add is a row: the number is given in the measure's unit, and stored in
// steps × 10^unit.
func (t *measureRows) add(m moment, at int64, kind int32, number float64, step int64, unit int32, attribution int32, device int64) {
	scale := []float64{1, 10, 100, 1000}[-unit]
	t.account.Add(m.p.Account)
	t.at.Add(us(at))
	t.kind.Add(kind)
	t.value.Add(int64(math.Round(number*scale/float64(step))) * step)
	t.unit.Add(unit)
	t.attribution.Add(attribution)
	t.device.Maybe(device, device != 0)
	t.again.after(m.Stream, m.p)
}

// weigh is a morning on the scale: always a weight, and body composition if
// the scale has electrodes.
func (t *measureRows) weigh(m moment, head *people.Person) {
	p := m.p
	if !p.Owns[people.Scale] || !m.Chance(p.Habits.Weigh) {
		return
	}
	at := m.clock(p.Habits.Rise + 900 + 1500*math.Abs(m.Normal()))
	kg := p.Body.Weight*(1+0.007*m.Normal()) - 0.4*people.Year(m.day)
	if m.Chance(0.03) {
		t.add(m, at, weightKg, kg, 1, -1, manualEntry, 0)
		return
	}
	device, attribution := p.Device(people.Scale), int32(byDevice)
	if p.Shared() && m.Chance(0.10) {
		attribution = ambiguous
		if m.Chance(0.5) {
			kg = head.Body.Weight
		}
	}
	switch u := m.Uniform(); {
	case u < 0.001:
		kg = 2
	case u < 0.0013:
		kg = 635
	}
	t.add(m, at, weightKg, kg, 50, -3, attribution, device)
	model := world.Mix(uint64(device)) % 100
	if model < 70 {
		lean := kg * (1 - p.Body.Fat/100)
		t.add(m, at, fatRatio, p.Body.Fat+0.5*m.Normal(), 10, -2, attribution, device)
		if model < 45 {
			t.add(m, at, muscleKg, lean*0.95, 10, -2, attribution, device)
			t.add(m, at, hydrationKg, lean*0.73, 10, -2, attribution, device)
		}
	}
	if model < 25 {
		t.add(m, at, heartPulse, p.Body.RestHR+5+4*m.Normal(), 1, 0, attribution, device)
	}
}

// press is one or two readings of blood pressure, with the pulse.
func (t *measureRows) press(m moment) {
	p := m.p
	if !p.Owns[people.BPM] || !m.Chance(p.Habits.Press) {
		return
	}
	at := m.clock(p.Habits.Rise + 2400*math.Abs(m.Normal()))
	if m.Chance(0.35) {
		at = m.clock(19.5*3600 + 3600*m.Normal())
	}
	device := p.Device(people.BPM)
	for range 1 + m.Below(5)/4 {
		upper := math.Max(70, p.Body.SBP+6*m.Normal())
		lower := clampTo(p.Body.DBP+4*m.Normal(), 40, upper-12)
		t.add(m, at, systolic, upper, 1, 0, byDevice, device)
		if !m.Chance(0.002) {
			t.add(m, at, diastolic, lower, 1, 0, byDevice, device)
		}
		t.add(m, at, heartPulse, p.Body.RestHR+4+4*m.Normal(), 1, 0, byDevice, device)
		at = min(at+120, (m.day+1).Start()-1)
	}
}

// watch is what a wrist measures when asked: oxygen, a one-lead ECG.
func (t *measureRows) watch(m moment) {
	p := m.p
	if !p.Owns[people.Watch] {
		return
	}
	device := p.Device(people.Watch)
	model := world.Mix(uint64(device)) % 100
	if model < 30 && m.Chance(0.2) {
		level := math.Min(100, p.Body.SpO2+0.9*m.Normal())
		t.add(m, m.clock(p.Habits.Rise-3600*m.Uniform()), spo2, level, 1, 0, byDevice, device)
	}
	if model < 20 && m.Chance(0.05) {
		class := 0.0
		switch u := m.Uniform(); {
		case u < 0.09:
			class = 2
		case p.Body.Afib && u < 0.7:
			class = 1
		}
		at := m.clock(10*3600 + 36000*m.Uniform())
		t.add(m, at, ecgClass, class, 1, 0, byDevice, device)
		t.add(m, at, heartPulse, p.Body.RestHR+6+5*m.Normal(), 1, 0, byDevice, device)
	}
}

// warm is a temperature; one reading in eight is taken with a fever.
func (t *measureRows) warm(m moment) {
	p := m.p
	if !p.Owns[people.Thermometer] || !m.Chance(0.12) {
		return
	}
	degrees := p.Body.Temp + 0.2*m.Normal()
	if m.Chance(0.12) {
		degrees += 0.8 + 1.4*m.Uniform()
	}
	t.add(m, m.clock(86000*m.Uniform()), temperature, degrees, 10, -2, byDevice, p.Device(people.Thermometer))
}

// flood is what a broken client sends: the same two values, every five
// minutes, day and night.
func (t *measureRows) flood(m moment) {
	for k := range int64(288) {
		at := m.day.Start() + 300*k
		if k%2 == 0 {
			t.add(m, at, heartPulse, m.p.Body.RestHR+3*m.Normal(), 1, 0, byDevice, m.p.Device(people.Watch))
		} else {
			t.add(m, at, weightKg, m.p.Body.Weight, 50, -3, byDevice, m.p.Device(people.Scale))
		}
	}
}
