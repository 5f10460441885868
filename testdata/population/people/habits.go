package people

import "lethe/testdata/population/world"

// Habits is what the person does, in the mean.
type Habits struct {
	LogSteps float64 // mean of the logarithm of steps a day
	Vary     float64 // its standard deviation from day to day
	Wear     float64 // share of days with a worn tracker
	Weigh    float64 // weighings a day
	Press    float64 // blood-pressure readings a day
	Sleep    float64 // seconds asleep in a working night
	Rise     float64 // seconds after midnight of waking, on a working day
	Snore    float64 // seconds of snoring a night; 0 for who does not
}

// live draws the habits: steps with a median of about 6,500 that fall with age
// and weight, seven hours of sleep, snoring by weight, age and sex.
func (p *Person) live(s *world.Stream, fitness float64) {
	h := &p.Habits
	man := 0.0
	if !p.Female {
		man = 1
	}
	old := clamp(p.Age-48, 0, 60)
	h.LogSteps = 8.80 + 0.05*man + 0.004*clamp(p.Age-30, -15, 18) - 0.0125*old - 0.017*(p.Body.BMI-25) +
		world.Regions[p.Region].LogSteps + 0.30*fitness + 0.17*s.Normal()
	h.Vary = 0.28 + 0.18*s.Uniform()
	h.Wear = 1 - 0.35*s.Uniform()*s.Uniform()
	h.Weigh = 0.10 + 0.52*s.Uniform()
	h.Press = 0.15 + 0.6*s.Uniform()

	hours := 6.95 + 0.14*(1-man) - 0.012*(clamp(p.Age, 18, 50)-18) + 0.008*old + 0.62*s.Normal()
	if p.Age < 22 {
		hours += 0.4
	}
	h.Sleep = 3600 * clamp(hours, 4, 10.5)
	h.Rise = 3600 * clamp(7.1-0.018*(p.Age-40)+0.8*s.Normal(), 4.5, 11)

	likely := 0.10 + 0.022*(p.Body.BMI-22) + 0.004*(p.Age-30) + 0.14*man
	if s.Chance(clamp(likely, 0.04, 0.92)) {
		h.Snore = clamp(600*s.Normal()+1500+160*(p.Body.BMI-25)+500*man, 240, 15000)
	}
}

// equip draws the devices: trackers for the young, cuffs for the old and for
// those who need one. A household weighs on its head's scale, mostly.
func (p *Person) equip(s *world.Stream, head *Person) {
	p.Owns[Watch] = s.Chance(clamp(0.695-0.0035*(p.Age-20), 0.2, 0.95))
	p.Owns[Mat] = s.Chance(clamp(0.285+0.0021*(p.Age-20)+0.00002*p.Habits.Snore, 0.05, 0.9))
	p.Owns[Scale] = s.Chance(clamp(0.515+0.012*(p.Body.BMI-22)+0.001*(p.Age-40), 0.1, 0.9))
	cuff := 0.06 + 0.0052*clamp(p.Age-28, 0, 60)
	if p.Body.SBP >= 140 || p.Body.DBP >= 90 {
		cuff += 0.11
	}
	p.Owns[BPM] = s.Chance(cuff)
	p.Owns[Thermometer] = s.Chance(0.07)
	p.ScaleOwner = p.Index
	if p.Slot > 0 && head.Owns[Scale] && p.Owns[Scale] && s.Chance(0.85) {
		p.ScaleOwner = head.Index
	}
}
