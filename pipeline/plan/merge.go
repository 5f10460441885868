package plan

import (
	"slices"

	"lethe/transforms"
)

// MergeAdmissions joins the admissions of plans that start on the same day and
// do not ask for two different time zones of a person, so that a run builds each
// admitted table once. What one plan asks for beside another changes nothing of
// who is admitted, nor of the other's keys. The result is in the order of first
// appearance, with the number of each plan's own.
func MergeAdmissions(plans []*Plan) (merged []*Admission, of map[*Plan]int) {
	of = map[*Plan]int{}
	for _, p := range plans {
		i := slices.IndexFunc(merged, func(a *Admission) bool { return a.serves(&p.Admission) })
		if i < 0 {
			i = len(merged)
			merged = append(merged, p.Admission.clone())
		} else {
			merged[i].add(&p.Admission)
		}
		of[p] = i
	}
	return merged, of
}

// serves says whether one admitted table can be for both.
func (a *Admission) serves(b *Admission) bool {
	x, y := a.Screened.Zone, b.Screened.Zone
	return a.Start == b.Start && (x == "" || y == "" || x == y)
}

func (a *Admission) clone() *Admission {
	b := *a
	b.Others = append([]Chain(nil), a.Others...)
	b.Lookups = append([]Lookup(nil), a.Lookups...)
	b.Screened.Codes = append(b.Screened.Codes[:0:0], a.Screened.Codes...)
	b.Screened.Measures = append(b.Screened.Measures[:0:0], a.Screened.Measures...)
	if a.Persons != nil {
		p := *a.Persons
		b.Persons = &p
	}
	return &b
}

// add takes over what b has beside a's own.
func (a *Admission) add(b *Admission) {
	if a.Persons != nil {
		a.addPersons(b)
	}
	a.Others = append(a.Others, b.Others...)
	for _, l := range b.Lookups {
		if !slices.ContainsFunc(a.Lookups, func(x Lookup) bool { return x.Relation == l.Relation }) {
			a.Lookups = append(a.Lookups, l)
		}
	}
	s, t := &a.Screened, b.Screened
	for _, c := range t.Codes {
		if !slices.ContainsFunc(s.Codes, func(x transforms.Code) bool { return x.Name == c.Name }) {
			s.Codes = append(s.Codes, c)
		}
	}
	for _, m := range t.Measures {
		if !slices.ContainsFunc(s.Measures, func(x transforms.PersonMeasure) bool { return x.Name == m.Name }) {
			s.Measures = append(s.Measures, m)
		}
	}
	if s.Zone == "" {
		s.Zone, s.Fallback, s.Zones = t.Zone, t.Fallback, t.Zones
	}
}

func (a *Admission) addPersons(b *Admission) {
	read, more := a.Persons.Steps[0].Step.(transforms.Read), b.Persons.Steps[0].Step.(transforms.Read)
	read.Columns = slices.Clone(read.Columns)
	for _, c := range more.Columns {
		if !slices.ContainsFunc(read.Columns, func(x transforms.ReadColumn) bool { return x.As == c.As }) {
			read.Columns = append(read.Columns, c)
		}
	}
	p := Chain{Scan: a.Persons.Scan, Steps: []Named{{"read", read}}}
	for _, name := range b.Persons.Scan.Columns {
		if !slices.Contains(p.Scan.Columns, name) {
			p.Scan.Columns = append(slices.Clone(p.Scan.Columns), name)
		}
	}
	a.Persons = &p
}
