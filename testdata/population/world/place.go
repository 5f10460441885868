package world

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"sort"
)

// Commune is a place with a postal code of its own.
type Commune struct {
	Postal, Name string
	Departement  string
	Region       int // index into Regions
	Population   int
	Lat, Lon     float64
}

// Region is the level above a departement, with what it does to its people.
type Region struct {
	Name, Zone string
	BMI        float64 // added to the mean
	LogSteps   float64 // added to the mean of the logarithm
	Climb      float64 // metres of elevation per 1,000 steps
}

// Regions of the country: 13, in four zones, each with its weight and hills.
var Regions = []Region{
	{"Armorelle", "north-west", 0.1, 0.02, 5},
	{"Basse-Vernée", "north-west", 0.5, -0.03, 4},
	{"Lignerie", "north-west", 0.2, 0.00, 3},
	{"Capitane", "north-west", -0.5, 0.08, 4},
	{"Hauts-de-Brume", "north-east", 1.0, -0.07, 2},
	{"Champenelle", "north-east", 0.7, -0.05, 4},
	{"Vosgette", "north-east", 0.6, -0.02, 9},
	{"Aquilonne", "south-west", -0.2, 0.02, 4},
	{"Garonnais", "south-west", -0.3, 0.03, 7},
	{"Limousette", "south-west", 0.3, -0.04, 6},
	{"Rhodanie", "south-east", -0.3, 0.05, 14},
	{"Provencelle", "south-east", -0.6, 0.04, 10},
	{"Île-de-Corvale", "south-east", -0.4, 0.03, 12},
}

// Places is the public table of communes. It is the same for every seed.
type Places struct {
	Communes []Commune
	upto     []int // cumulative population
}

const departements = 50

// smallDepartements have fewer than 20,000 inhabitants altogether.
var smallDepartements = map[int]bool{17: true, 23: true, 41: true}

// NewPlaces builds the communes: some 35 to a departement, one of them a
// town, the others of a log-normal size with a median of about 600.
func NewPlaces() *Places {
	p := &Places{}
	s := NewStream().Seed(2026)
	used := map[string]bool{}
	for d := range departements {
		region := d * len(Regions) / departements
		// a grid of 10 by 5 departements over the country
		lat, lon := 49.9-float64(d/10)*1.6, -3.5+float64(d%10)*1.1
		for k := range s.Between(28, 42) {
			p.Communes = append(p.Communes, Commune{
				Postal:      fmt.Sprintf("%02d%03d", d+1, 10*k+10*s.Below(2)/2),
				Name:        communeName(s, used),
				Departement: departementName(d),
				Region:      region,
				Population:  inhabitants(s, k == 0, smallDepartements[d]),
				Lat:         lat + s.Normal()*0.3,
				Lon:         lon + s.Normal()*0.3,
			})
		}
	}
	total := 0
	for _, c := range p.Communes {
		total += c.Population
		p.upto = append(p.upto, total)
	}
	return p
}

func inhabitants(s *Stream, town, small bool) int {
	median, spread := 600.0, 1.2
	if town {
		median, spread = 55_000, 0.9
	}
	if small {
		median /= 6
	}
	if small && town {
		median = 6_000
		spread = 0.2
	}
	return 3 + int(median*math.Exp(spread*s.Normal()))
}

// Home is a commune's index, drawn in proportion to its inhabitants.
func (p *Places) Home(s *Stream) int {
	at := s.Below(p.upto[len(p.upto)-1])
	return sort.SearchInts(p.upto, at+1)
}

// WriteCSV writes the table: postal_code, commune, departement, region, zone,
// population.
func (p *Places) WriteCSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "postal_code,commune,departement,region,zone,population")
	for _, c := range p.Communes {
		r := Regions[c.Region]
		fmt.Fprintf(b, "%s,%s,%s,%s,%s,%d\n", c.Postal, c.Name, c.Departement, r.Name, r.Zone, c.Population)
	}
	return b.Flush()
}
