package tables

import (
	"lethe/testdata/population/people"
	"lethe/testdata/population/sheet"
	"lethe/testdata/population/world"
)

// mess repeats rows as sources do. Of 100,000 rows, 500 come twice, 50 come
// again with another value, 100 come again under an account that is not in
// accounts, 50 come again without an account.
type mess struct {
	sheet   *sheet.Sheet
	account *sheet.Column[int64]
	alter   func(*world.Stream) // changes the last row's value
	twice   []int
}

// after is called when a row was added.
func (m *mess) after(s *world.Stream, p *people.Person) {
	row := m.sheet.Rows() - 1
	switch u := s.Below(100_000); {
	case u < 500:
		m.twice = append(m.twice, row)
	case u < 550:
		m.sheet.Repeat(row)
		m.alter(s)
	case u < 650:
		m.sheet.Repeat(row)
		m.account.Set(people.StrangerID(p.Index))
	case u < 700:
		m.sheet.Repeat(row)
		m.account.SetNull()
	}
}

// done appends the rows that come twice: a source's second delivery.
func (m *mess) done() {
	for _, row := range m.twice {
		m.sheet.Repeat(row)
	}
	m.twice = m.twice[:0]
}
