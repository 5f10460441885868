package transforms

// People makes the unit rows of a dataset about the person table itself: one
// row per admitted subject.
type People struct {
	Values []string // bounded measures of the person
}

// Schema needs the admitted people.
func (p People) Schema(in Schema) (Schema, error) {
	if err := in.with("people", []string{"subject"}, Subject); err != nil {
		return nil, err
	}
	if err := in.with("people", p.Values, Bounded); err != nil {
		return nil, err
	}
	out := Schema{{"subject", Int, Subject}}
	for _, v := range p.Values {
		out = append(out, Column{v, Int, Bounded})
	}
	out = append(out, Column{"rows", Int, Tally})
	return out.distinct("people")
}

// SQL renders the SELECT over the admitted people.
func (p People) SQL(from ...string) (string, error) { return render("people.sql", p, from) }
