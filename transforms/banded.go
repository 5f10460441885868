package transforms

import "fmt"

// Banded turns one subject's values of the window into one key, for use
// beside the person's own keys. A subject without the values has no row.
//
// "bmi" (Args: weight in kg, height in cm) cuts kg/m² at Edges. "bp" (Args:
// systolic, diastolic in mmHg) gives the class of the 2018 ESC/ESH guideline,
// office values: optimal, normal, high normal, grade 1, 2, 3; the higher class
// of the two counts.
type Banded struct {
	Name  string
	Func  string
	Args  []BandedArg
	Edges []string // bmi: decimal literals, ascending
}

// BandedArg is one input: a bounded integer v stands for (v + Lo) × Over/Times.
type BandedArg struct {
	Person      bool // a column of the admitted people, otherwise of the unit rows
	Column      string
	Lo          int64
	Times, Over int64
}

// Cuts are the class limits of one argument of bp: a value below the first is
// class 0.
func (b Banded) Cuts(arg int) []string {
	if arg == 0 {
		return []string{"120", "130", "140", "160", "180"}
	}
	return []string{"80", "85", "90", "100", "110"}
}

// Schema gives subject and key; in is the unit rows.
func (b Banded) Schema(in Schema) (Schema, error) {
	if err := in.with("banded", []string{"subject"}, Subject); err != nil {
		return nil, err
	}
	for _, a := range b.Args {
		if a.Person {
			continue
		}
		if err := in.with("banded", []string{a.Column}, Bounded); err != nil {
			return nil, err
		}
	}
	if len(b.Args) != 2 {
		return nil, fmt.Errorf("step banded: %s takes two values", b.Func)
	}
	return Schema{{"subject", Int, Subject}, {b.Name, Int, Key}}, nil
}

// SQL renders the SELECT over the unit rows and the admitted people.
func (b Banded) SQL(from ...string) (string, error) { return render("banded.sql", b, from) }
