package transforms

import "fmt"

// Read selects the listed columns of one table and nothing else, so that a
// dropped column is never read. The relation it reads is the table's files as
// the engine scans them.
//
// In a text table every column arrives as text and is parsed strictly: what
// does not have the declared shape becomes NULL and is counted in the column
// misread, rule "format". A time outside Expect is misread too.
type Read struct {
	Table   string
	Text    bool
	Account AccountKey
	Columns []ReadColumn
	Time    *ReadTime
	Arrived *ReadColumn // when the row came in; nil where the table does not say
}

// AccountKey says how a row names its account. Exactly one of Column and
// Constant is set.
type AccountKey struct {
	Column   string
	Constant string
	Type     Type // Int or String; the same in every table of a plan
}

// ReadColumn is one column to read.
type ReadColumn struct {
	As     string
	Source string
	Type   Type
	Format string // text dates and timestamps: strptime
}

// ReadTime is the column that says when a row is from. It becomes the column
// "at": DATE for a Kind of "date", otherwise TIMESTAMP, in UTC unless the Kind
// is "local". From and To, ISO dates, prune what is read: they are the window
// padded by what a time zone can shift.
type ReadTime struct {
	Source   string
	Kind     string // date, local, instant, epoch_s, epoch_ms
	Format   string
	Native   bool // the source column is a DATE or TIMESTAMP, so files can be pruned by it
	From, To string
	Expect   []string // two ISO dates, or none
}

// Schema ignores in: a read starts a chain.
func (r Read) Schema(Schema) (Schema, error) {
	if (r.Account.Column == "") == (r.Account.Constant == "") {
		return nil, fmt.Errorf("read %s: one of account column and constant", r.Table)
	}
	out := Schema{{"account", r.Account.Type, Account}}
	if r.Time != nil {
		t := Timestamp
		if r.Time.Kind == "date" {
			t = Date
		}
		out = append(out, Column{"at", t, Raw})
	}
	if r.Arrived != nil {
		out = append(out, Column{"arrived", Timestamp, Raw})
	}
	for _, c := range r.Columns {
		out = append(out, Column{c.As, c.Type, Raw})
	}
	if r.Text {
		out = append(out, Column{"misread", Int, Tally})
	}
	return out, nil
}

// SQL renders the SELECT over the table's scan.
func (r Read) SQL(from ...string) (string, error) { return render("read.sql", r, from) }

// Unlink swaps the account for the run's random subject by joining the
// admitted people. After it no column holds an account, and no row is left of
// a person who is not admitted.
type Unlink struct {
	Keep []string
	// Only keeps rows that meet all conditions of one of its sets; empty keeps
	// all. They are the rows that some value of the dataset is made of.
	Only [][]Where
	Zone bool // carry the person's time zone for the next step
}

// Schema drops the account and adds the subject.
func (u Unlink) Schema(in Schema) (Schema, error) {
	if err := in.with("unlink", []string{"account"}, Account); err != nil {
		return nil, err
	}
	out := Schema{{"subject", Int, Subject}}
	if u.Zone {
		out = append(out, Column{"zone", String, Zone})
	}
	if err := in.with("unlink", u.Keep, Raw, Tally); err != nil {
		return nil, err
	}
	for _, k := range u.Keep {
		c, _ := in.Find(k)
		out = append(out, c)
	}
	for _, set := range u.Only {
		for _, w := range set {
			if err := in.with("unlink", []string{w.Column}, Raw); err != nil {
				return nil, err
			}
			if err := w.check(); err != nil {
				return nil, fmt.Errorf("step unlink: %w", err)
			}
		}
	}
	return out, nil
}

// SQL renders the SELECT over the read table and the admitted people.
func (u Unlink) SQL(from ...string) (string, error) { return render("unlink.sql", u, from) }
