package people

import (
	"math"

	"lethe/testdata/population/world"
)

// Body is what the person's devices would measure on an ordinary morning.
type Body struct {
	Height float64 // cm
	BMI    float64 // kg/m²
	Weight float64 // kg
	Fat    float64 // % of weight
	SBP    float64 // mmHg
	DBP    float64
	RestHR float64 // beats per minute
	Temp   float64 // °C
	SpO2   float64 // %
	Afib   bool
}

// grow draws a body. The shapes follow the national health surveys of western
// Europe: height falls by cohort, BMI peaks at about 60, systolic pressure
// rises with age and weight, diastolic turns down after 55, and about 30 % of
// the adults are at 140/90 mmHg or above.
func (p *Person) grow(s *world.Stream, fitness float64) {
	b := &p.Body
	man := 1.0
	if p.Female {
		man = 0
	}
	region := world.Regions[p.Region]

	b.Height = 164.2 + 13*man + 6.4*s.Normal() - 0.08*math.Max(0, p.Age-30)
	if p.Age < 18 {
		b.Height -= (18 - p.Age) * (2 + 2.6*man)
	}
	b.Height = clamp(b.Height, 120, 212)

	mean := 23.0 + 0.085*(math.Min(p.Age, 60)-18) - 0.06*math.Max(0, p.Age-68) + 0.8*man + region.BMI
	if p.Age < 18 {
		mean = 18 + 0.5*(p.Age-10)
	}
	b.BMI = clamp((mean-0.6*fitness)*math.Exp(0.165*s.Normal()-0.013), 14.5, 58)
	b.Weight = b.BMI * b.Height * b.Height / 1e4
	b.Fat = clamp(1.2*b.BMI+0.2*p.Age-10.8*man-5.4+2*s.Normal(), 5, 58)

	strain := s.Normal() // what lifts both pressures
	b.SBP = 129.4 + 0.46*(p.Age-45) + 0.75*(b.BMI-25) + 5*man*clamp((70-p.Age)/30, 0, 1) + 11.5*strain
	b.DBP = 80.2 + 0.30*(math.Min(p.Age, 55)-45) - 0.28*math.Max(0, p.Age-55) + 0.5*(b.BMI-25) + 2*man + 5*strain + 5.5*s.Normal()
	b.SBP = clamp(b.SBP, 86, 215)
	b.DBP = clamp(b.DBP, 48, b.SBP-18)

	b.RestHR = clamp(67.5-3.2*man+0.3*(b.BMI-25)-0.05*(p.Age-45)-4*fitness+5*s.Normal(), 40, 108)
	b.Temp = 36.55 + 0.15*(1-man) - 0.003*(p.Age-45) + 0.18*s.Normal()
	b.SpO2 = clamp(97.3-0.022*(p.Age-45)-0.06*(b.BMI-25)+0.6*s.Normal(), 88, 99.4)
	b.Afib = s.Chance(0.0008 * math.Exp(0.055*(p.Age-40)))
}
