package transforms

import "fmt"

// Decided lists the accounts whose latest decision for Purpose is one of
// Granted. A yes counts only if it was given by now and is later than every
// other decision; at equal stamps, and without a stamp, a no wins.
type Decided struct {
	Purpose string
	Granted []string
	Now     string // UTC timestamp; consent is judged as of now, whatever the window
}

// Schema needs account, purpose, status and decided_at, as Read names them.
func (d Decided) Schema(in Schema) (Schema, error) {
	if err := in.with("decided", []string{"purpose", "status", "decided_at"}, Raw); err != nil {
		return nil, err
	}
	return accounts("decided", in)
}

// SQL renders the SELECT over the decisions.
func (d Decided) SQL(from ...string) (string, error) { return render("decided.sql", d, from) }

// Objected lists the accounts with a standing objection: one that was not
// lifted by now.
type Objected struct {
	Purpose string // "" for any
	Lifted  bool   // the table says when an objection was lifted
	Now     string
}

// Schema needs account, and purpose and lifted_at where they are used.
func (o Objected) Schema(in Schema) (Schema, error) {
	var need []string
	if o.Purpose != "" {
		need = append(need, "purpose")
	}
	if o.Lifted {
		need = append(need, "lifted_at")
	}
	if err := in.with("objected", need, Raw); err != nil {
		return nil, err
	}
	return accounts("objected", in)
}

// SQL renders the SELECT over the objections.
func (o Objected) SQL(from ...string) (string, error) { return render("objected.sql", o, from) }

func accounts(step string, in Schema) (Schema, error) {
	if err := in.with(step, []string{"account"}, Account); err != nil {
		return nil, err
	}
	c, _ := in.Find("account")
	return Schema{c}, nil
}

// Screened says for each person whether it is refused, and why, and turns the
// person's columns into codes. The reasons, in the order they are tried:
// repeated, erasure, objection, consent, excluded, age. They are for
// the operator's sealed record.
type Screened struct {
	Consent   bool // join Decided
	Objection bool // join Objected
	Erasure   string
	Excluded  []Exclusion
	Age       *MinimumAge
	Start     string // ISO date: ages are completed years at the window's start
	Zone      string // column of the person's time zone; "" for none
	Fallback  string // the zone of a person whose own is unknown or missing
	Zones     string // relation (value) of valid zone names
	Codes     []Code
	Measures  []PersonMeasure
}

// An Exclusion refuses people whose column is one of Values. Text, if given, is
// the same column as it was read: where it says something that could not be
// parsed, the person is refused too.
type Exclusion struct {
	Where
	Text string
}

// MinimumAge refuses people younger than Years.
type MinimumAge struct {
	Column  string
	Years   int
	Unknown bool // a missing birth date is admitted
}

// Code makes one key of one column at one level of a ladder. Exactly one of
// Edges and Lookup is set, or neither for a level with one label.
type Code struct {
	Name    string
	Column  string
	Input   string // as ladder.Input
	Fold    bool
	Shape   string   // Text: a regular expression that a value must match to be looked up; "" for any
	Prefix  int      // Text: compare that many leading characters only; 0 for all
	Edges   []string // decimal literals (Age, Number) or ISO dates (Date)
	Lookup  string   // relation (value, code) of a Text level
	Other   int      // code of a text that Lookup does not hold; -1: the person is in no group of the key
	Unknown int      // code of a missing value
}

// PersonMeasure is a measure of the person table on its grid, bounded.
type PersonMeasure struct {
	FixedMeasure
	Low, High int64 // grid bounds
}

// Schema gives account, refused, zone, codes and bounded measures.
func (s Screened) Schema(in Schema) (Schema, error) {
	out, err := accounts("screened", in)
	if err != nil {
		return nil, err
	}
	out = append(out, Column{"refused", String, Raw})
	if s.Zone != "" {
		out = append(out, Column{"zone", String, Zone})
	}
	for _, e := range s.Excluded {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("step screened: %w", err)
		}
	}
	for _, c := range s.Codes {
		if err := in.with("screened", []string{c.Column}, Raw); err != nil {
			return nil, err
		}
		if len(c.Edges) > 0 && c.Lookup != "" {
			return nil, fmt.Errorf("step screened: key %s has both edges and a lookup", c.Name)
		}
		out = append(out, Column{c.Name, Int, Key})
	}
	for _, m := range s.Measures {
		if err := in.with("screened", []string{m.Column}, Raw); err != nil {
			return nil, err
		}
		out = append(out, Column{m.Name, Int, Bounded})
	}
	return out.distinct("screened")
}

// Columns are the person columns that the step looks at.
func (s Screened) Columns() []string {
	var out []string
	seen := map[string]bool{"": true}
	add := func(n string) {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	add(s.Erasure)
	add(s.Zone)
	for _, e := range s.Excluded {
		add(e.Column)
		add(e.Text)
	}
	if s.Age != nil {
		add(s.Age.Column)
	}
	for _, c := range s.Codes {
		add(c.Column)
	}
	for _, m := range s.Measures {
		add(m.Column)
	}
	return out
}

// SQL renders the SELECT over the persons, the decided and the objected.
func (s Screened) SQL(from ...string) (string, error) { return render("screened.sql", s, from) }

// Admitted joins the random subject to the people who are not refused. The
// account stays beside it in the engine's memory until the run ends, for
// Unlink to join; no chain may read it.
type Admitted struct {
	Zone  bool
	Codes []string // codes and measures
}

// Schema gives account and subject; in is the screened people.
func (a Admitted) Schema(in Schema) (Schema, error) {
	out, err := accounts("admitted", in)
	if err != nil {
		return nil, err
	}
	out = append(out, Column{"subject", Int, Subject})
	if a.Zone {
		out = append(out, Column{"zone", String, Zone})
	}
	if err := in.with("admitted", a.Codes, Key, Bounded); err != nil {
		return nil, err
	}
	for _, n := range a.Codes {
		c, _ := in.Find(n)
		out = append(out, c)
	}
	return out.distinct("admitted")
}

// SQL renders the SELECT over the screened people and the surrogates.
func (a Admitted) SQL(from ...string) (string, error) { return render("admitted.sql", a, from) }
