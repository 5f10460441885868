// Package transforms holds the closed set of steps that turn rows of a source
// table into small exact tables.
//
// A step is a plain struct. Its Schema folds the roles of columns, so that a
// plan can refuse, before any row is read, a chain in which an account
// survives, an identity is published or an unbounded value is summed. Its SQL
// is one SELECT, kept in the .sql file beside the step's Go file; each step
// becomes one named view, so a person can stop between any two and look.
// Reading the .sql files in the order of a plan is reading the pipeline:
//
//	persons   the person table, one row per account, listed columns only
//	decided   accounts whose latest decision is a yes
//	objected  accounts with a standing objection
//	screened  person codes, and why a person is refused
//	admitted  account, random subject, codes; built once per run and window
//	read      listed columns of one table, text parsed strictly
//	unlink    account → subject; the account ends here
//	civil     the civil day in the person's zone; the window
//	unique    exact copies and conflicting copies of a row
//	derive    the closed functions: scale, ratio, weekday, hour, season
//	fixed     implausible values out, the rest on an integer grid
//	unit      one row per subject and row key, clamped to bounds
//	people    the same for a dataset about the person table
//	banded    a value per subject as a key: BMI and blood-pressure classes
//	cells     exact integers per published group
//
// Every step is a function of one unit's rows and of public tables alone, and
// is total: no value of a row makes it fail. What it does not protect against:
// a policy that calls an identity a measure.
package transforms

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

// Type is the type of a column inside the pipeline.
type Type string

// The types, and the DuckDB type each is held in.
const (
	Int       Type = "int"       // BIGINT
	Decimal   Type = "decimal"   // DOUBLE
	String    Type = "string"    // VARCHAR
	Date      Type = "date"      // DATE
	Timestamp Type = "timestamp" // TIMESTAMP, without zone
	Bool      Type = "bool"      // BOOLEAN
)

var native = map[Type]string{Int: "BIGINT", Decimal: "DOUBLE", String: "VARCHAR", Date: "DATE", Timestamp: "TIMESTAMP", Bool: "BOOLEAN"}

// Role is what a column is to privacy.
type Role string

// The roles. A chain starts with raw columns and ends with keys and totals.
const (
	Account Role = "account" // the source's key of a person
	Raw     Role = "raw"     // as collected: may identify
	Zone    Role = "zone"    // a person's time zone, used to cut days
	Subject Role = "subject" // random, dies with the run
	Key     Role = "key"     // an index into a public list of labels
	Grid    Role = "grid"    // a value on the integer grid, not yet bounded
	Bounded Role = "bounded" // one unit's value, an integer in [0, width]
	Tally   Role = "tally"   // for operators only: how many rows met a rule
	Total   Role = "total"   // an exact sum over units: private until noised
)

// A Column is one column between two steps.
type Column struct {
	Name string
	Type Type
	Role Role
}

// A Schema is the columns between two steps, in order.
type Schema []Column

// Find returns the column of that name.
func (s Schema) Find(name string) (Column, bool) {
	for _, c := range s {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// with checks that each name is there in one of the roles.
func (s Schema) with(step string, names []string, roles ...Role) error {
	for _, n := range names {
		c, ok := s.Find(n)
		if !ok {
			return fmt.Errorf("step %s needs column %s, which the step before does not give", step, n)
		}
		if !hasRole(c.Role, roles) {
			return fmt.Errorf("step %s needs column %s as %v, it is %s", step, n, roles, c.Role)
		}
	}
	return nil
}

// distinct refuses two columns of one name. The engine does not tell names apart
// by case, and a step has names of its own: a measure called day would be taken
// for the day.
func (s Schema) distinct(step string) (Schema, error) {
	seen := map[string]bool{}
	for _, c := range s {
		n := strings.ToLower(c.Name)
		if seen[n] {
			return nil, fmt.Errorf("step %s would have two columns %s: give the measure or variable another name", step, n)
		}
		seen[n] = true
	}
	return s, nil
}

func hasRole(r Role, roles []Role) bool {
	for _, x := range roles {
		if x == r {
			return true
		}
	}
	return false
}

// A Step is one SELECT. Schema fails where the chain before does not allow the
// step. SQL renders the SELECT over the relations named in from; their number
// and meaning are the step's own.
type Step interface {
	Schema(in Schema) (Schema, error)
	SQL(from ...string) (string, error)
}

//go:embed *.sql
var files embed.FS

var templates = template.Must(template.New("").
	Option("missingkey=error").
	Funcs(template.FuncMap{"ident": Ident, "lit": Literal, "list": list, "typed": typed, "birth": asBirth, "value": asValue, "pair": asTime, "cut": asCut, "code": asCode, "grid": asGrid, "next": func(i int) int { return i + 1 }, "prev": func(i int) int { return i - 1 }}).
	ParseFS(files, "*.sql"))

// scope is what a template sees.
type scope struct {
	Step any
	From []string
}

// value is what the template of one column sees.
type value struct {
	Text bool
	C    any
}

func asValue(text bool, c any) value { return value{text, c} }

// timeOf is what the template of the time column sees.
type timeOf struct{ Step, T any }

func asTime(step, t any) timeOf { return timeOf{step, t} }

// cutOf is an SQL expression X cut at Edges.
type cutOf struct {
	X     string
	Edges []string
}

func asCut(x string, edges []string) cutOf { return cutOf{x, edges} }

// codeAt is a code with the day that ages are taken at.
type codeAt struct {
	Code
	Start string
}

func asCode(c Code, start string) codeAt { return codeAt{c, start} }

// birthOf is the column of a birth date with the day that ages are taken at.
type birthOf struct{ Column, Start string }

func asBirth(column, start string) birthOf { return birthOf{column, start} }

// gridOf is an SQL expression C to be put on the grid of M.
type gridOf struct {
	M FixedMeasure
	C string
}

func asGrid(m FixedMeasure, c string) gridOf { return gridOf{m, c} }

func render(name string, step any, from []string) (string, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, scope{step, from}); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return strings.TrimSpace(b.String()), nil
}

// Ident quotes a name for SQL. Names with control characters never reach it:
// a source that has one is refused when its schema is read.
func Ident(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Literal quotes a text, or renders a number, for SQL.
func Literal(v any) string {
	switch v := v.(type) {
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	default:
		return fmt.Sprint(v)
	}
}

// typed lists literals of a type. The steps' Schema has checked that each is one.
func typed(t Type, values []string) string {
	if t == String {
		return list(values)
	}
	var parts []string
	for _, v := range values {
		parts = append(parts, "CAST("+Literal(v)+" AS "+native[t]+")")
	}
	return strings.Join(parts, ", ")
}

func list(values any) string {
	var parts []string
	switch vs := values.(type) {
	case []string:
		for _, v := range vs {
			parts = append(parts, Literal(v))
		}
	case []int:
		for _, v := range vs {
			parts = append(parts, Literal(v))
		}
	}
	return strings.Join(parts, ", ")
}
