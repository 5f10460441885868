package transforms

import "fmt"

// Fixed drops or clamps implausible values and puts the rest on an integer
// grid: value ↦ round(value × Times / Over), where Over/Times is the measure's
// step. A missing value, NaN and a dropped value are NULL.
type Fixed struct {
	Measures []FixedMeasure
	Keep     []string // keys and tallies
}

// FixedMeasure is one measure's plausible range and step.
type FixedMeasure struct {
	Name   string
	Column string // the raw column it is made of
	Lo, Hi string // decimal literals, inclusive; the plausible range, or what the grid can hold
	Clamp  bool   // implausible values are clamped, otherwise dropped
	Times  int64  // the step is Over/Times in lowest terms
	Over   int64
	Float  bool // the column is DOUBLE
	Small  bool // no grid value is above 2^28 or below -2^28: 32 bits hold it, and its sums are faster
}

// Whole says whether the value is on the grid already.
func (m FixedMeasure) Whole() bool { return !m.Float && m.Times == 1 && m.Over == 1 }

// Schema turns raw measures into grid values and adds a tally "bad:NAME" of
// implausible ones.
func (f Fixed) Schema(in Schema) (Schema, error) {
	out, err := keep("fixed", in, f.Keep)
	if err != nil {
		return nil, err
	}
	if err := in.with("fixed", f.Keep, Key, Tally); err != nil {
		return nil, err
	}
	for _, m := range f.Measures {
		if err := in.with("fixed", []string{m.Column}, Raw); err != nil {
			return nil, err
		}
		if m.Times <= 0 || m.Over <= 0 {
			return nil, fmt.Errorf("step fixed: the step of %s is not positive", m.Name)
		}
		out = append(out, Column{m.Name, Int, Grid}, Column{"bad:" + m.Name, Int, Tally})
	}
	return out.distinct("fixed")
}

// SQL renders the SELECT over the rows.
func (f Fixed) SQL(from ...string) (string, error) { return render("fixed.sql", f, from) }
