package transforms

import (
	"fmt"
	"strconv"
	"time"
)

// Derived is one variable computed row by row with a closed function.
type Derived struct {
	Name string
	// Func is one of:
	//	scale    Args[0] × 10^Args[1], a measure
	//	ratio    Args[0] / Args[1], NULL where the divisor is 0, a measure
	//	weekday  a key: 0 Monday … 6 Sunday; with Mode "type" 0 Monday–Friday, 1 Saturday–Sunday
	//	hour     a key: the part of the day, Parts its first hours, ascending; the last runs on to the first
	//	season   a key: 0 winter (December–February) … 3 autumn; Mode "south" turns it by half a year
	Func  string
	Args  []string
	Mode  string
	Parts []int
	Where []Where
}

// Where keeps a value of the rows whose column is one of Values.
type Where struct {
	Column string
	Type   Type
	Values []string
}

// check refuses a value that is not of the column's type: it would match
// nothing, silently.
func (w Where) check() error {
	for _, v := range w.Values {
		var err error
		switch w.Type {
		case Int:
			_, err = strconv.ParseInt(v, 10, 64)
		case Decimal:
			_, err = strconv.ParseFloat(v, 64)
		case Bool:
			if v != "true" && v != "false" {
				err = strconv.ErrSyntax
			}
		case Date:
			_, err = time.Parse(time.DateOnly, v)
		case Timestamp:
			_, err = time.Parse(time.DateTime, v)
		}
		if err != nil {
			return fmt.Errorf("value %q is not of type %s", v, w.Type)
		}
	}
	return nil
}

// IsKey says whether the variable is an index into public labels.
func (d Derived) IsKey() bool { return d.Func == "weekday" || d.Func == "hour" || d.Func == "season" }

// Derive adds variables to the columns in Keep.
type Derive struct {
	Variables []Derived
	Keep      []string
}

// Schema adds a raw measure or a key for each variable.
func (d Derive) Schema(in Schema) (Schema, error) {
	out, err := keep("derive", in, d.Keep)
	if err != nil {
		return nil, err
	}
	for _, v := range d.Variables {
		if err := in.with("derive", v.Args, Raw); err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		for _, w := range v.Where {
			if err := in.with("derive", []string{w.Column}, Raw); err != nil {
				return nil, fmt.Errorf("variable %s: %w", v.Name, err)
			}
			if err := w.check(); err != nil {
				return nil, fmt.Errorf("variable %s: %w", v.Name, err)
			}
		}
		if v.IsKey() {
			out = append(out, Column{v.Name, Int, Key})
		} else {
			out = append(out, Column{v.Name, Decimal, Raw})
		}
	}
	return out.distinct("derive")
}

// keep carries the subject, the day, the local time and the named columns on.
func keep(step string, in Schema, names []string) (Schema, error) {
	if err := in.with(step, []string{"subject"}, Subject); err != nil {
		return nil, err
	}
	var out Schema
	for _, n := range append([]string{"subject", "day", "local"}, names...) {
		c, ok := in.Find(n)
		if !ok {
			return nil, fmt.Errorf("step %s needs column %s, which the step before does not give", step, n)
		}
		if c.Role == Account || c.Role == Zone {
			return nil, fmt.Errorf("step %s must not carry column %s: it is %s", step, n, c.Role)
		}
		out = append(out, c)
	}
	return out, nil
}

// SQL renders the SELECT over the rows.
func (d Derive) SQL(from ...string) (string, error) { return render("derive.sql", d, from) }
