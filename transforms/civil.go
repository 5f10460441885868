package transforms

// Civil cuts time into civil days in the person's zone and keeps the rows of
// the window [Start, End). Rows without a time, and rows that arrived after
// the window closed, are not of the window.
type Civil struct {
	Kind       string // as ReadTime.Kind
	PersonZone bool   // the zone is the person's; otherwise Zone
	Zone       string // IANA
	Start, End string // ISO dates
	Closed     string // ISO date; "" where the table does not say when rows arrive
	Keep       []string
}

// Instant says whether times are points on the UTC axis that need a zone.
func (c Civil) Instant() bool {
	return c.Kind == "instant" || c.Kind == "epoch_s" || c.Kind == "epoch_ms"
}

// Schema replaces at by the civil day and the local time.
func (c Civil) Schema(in Schema) (Schema, error) {
	if err := in.with("civil", []string{"subject"}, Subject); err != nil {
		return nil, err
	}
	need := append([]string{"at"}, c.Keep...)
	if c.Closed != "" {
		need = append(need, "arrived")
	}
	if err := in.with("civil", need, Raw, Tally); err != nil {
		return nil, err
	}
	if c.Instant() && c.PersonZone {
		if err := in.with("civil", []string{"zone"}, Zone); err != nil {
			return nil, err
		}
	}
	out := Schema{{"subject", Int, Subject}, {"day", Date, Raw}, {"local", Timestamp, Raw}}
	for _, k := range c.Keep {
		col, _ := in.Find(k)
		out = append(out, col)
	}
	return out, nil
}

// SQL renders the SELECT over the unlinked rows and, for persons' zones, the
// relation (zone, starts, ends, shift): from starts to before ends, UTC, a
// zone's clocks are shift microseconds ahead. It covers the window and two days
// on each side. A join with it is ten times faster than asking the calendar for
// each row.
func (c Civil) SQL(from ...string) (string, error) { return render("civil.sql", c, from) }
