package policy

import (
	"math/big"
	"time"

	"lethe/privacy/budget"
	"lethe/transforms/ladder"
)

// Pos is where in a file something stands; lines and columns count from 1.
type Pos struct {
	File      string
	Line, Col int
}

// Number is an exact decimal as written in the file.
type Number struct {
	Text string   // canonical decimal, safe to print and to put into SQL
	Rat  *big.Rat // its value
}

// Ref names a column of a table.
type Ref struct{ Table, Column string }

// A Policy is the privacy officer's file, read and checked in itself; what it
// says about a source is checked by package plan.
type Policy struct {
	Name       string
	Version    int
	Population string
	Zone       *time.Location
	Unit       string // "account" or "row"
	UnitWhy    string // required when Unit is "row"
	Household  *Ref   // nil where the policy names none
	Tables     []Table
	Never      []string
	Admit      Admit
	Drop       []Drop
	Ladders    map[string]*ladder.Ladder
	Columns    []Column
	Variables  []Variable
	Floors     Floors
	Budget     Budget
	Datasets   []Dataset
	Hash       string // SHA-256 of the canonical form, hex; comments and layout do not count
	Dir        string // folder that file names in the policy are relative to

	sources map[string]source // what each ladder was made from
}

// A Table is a source table as the policy sees it. Only star schemas exist:
// each table joins the person table on its account column.
type Table struct {
	Name    string
	Pos     Pos
	Files   string // glob below the source folder
	Format  string // "parquet", "csv" or "json", from the glob's ending
	CSV     CSV
	Unnest  string // JSON: path of the one array to unnest; "" for none
	Account Account
	Many    bool // rows: many; false for rows: one
	Time    *Time
	Unique  []string // columns whose values name a row; nil where rows are not checked
	// Received is the column that says when a row arrived; a row that arrived
	// after its window closed is late: counted, never used. "" for none.
	Received string
	Last     bool // conflict: last; false: refuse (all rows of a conflicting key are dropped and counted)
}

// CSV says how a text table is read.
type CSV struct {
	Separator string // default ","
	Nulls     []string
}

// Account says where a table's account key is; exactly one field is set.
type Account struct {
	Column   string
	Constant string // every row belongs to this one account
	Row      bool   // every row is its own account
}

// Time is a table's time column.
type Time struct {
	Column string
	Type   string // "date", "local", "instant", "epoch_s", "epoch_ms"
	Format string // strptime format; text tables only
	// The zone that makes a civil day of an instant: a column of the person
	// table, or a fixed zone, or, where both are empty, the policy's.
	ZoneColumn *Ref
	Zone       *time.Location
	Expect     *[2]time.Time // [from, to): a parsed value outside is dropped and counted under rule "format"
}

// Admit says who may be in a dataset. Every rule is either set or turned off
// with a reason.
type Admit struct {
	Consent    *Consent // nil: off
	Objection  *Objection
	Erasure    *Ref // non-NULL: out
	MinimumAge *MinimumAge
	Exclude    []Exclude
	Off        map[string]string // rule name -> why it is off
}

// Consent admits an account whose latest decision for Purpose is granted.
type Consent struct {
	Pos            Pos
	Table, Purpose string
	LatestBy       string   // timestamp column; at equal stamps a refusal wins
	PurposeColumn  string   // default "purpose"
	StatusColumn   string   // default "status"
	Granted        []string // statuses that mean yes
}

// Objection keeps out an account with a standing objection: a row of Table,
// with Purpose if one is given, whose Lifted column (if given) is NULL or in the future.
type Objection struct {
	Pos           Pos
	Table         string
	Purpose       string // "" for any
	PurposeColumn string // default "purpose"
	Lifted        string // "" for none
}

// MinimumAge keeps out people under Years at the window's start.
type MinimumAge struct {
	Pos     Pos
	From    Ref // a date column
	Years   int
	Unknown string // "refuse" or "admit"
}

// Exclude keeps out an account whose column holds one of Values. NULL never excludes.
type Exclude struct {
	Pos    Pos
	Column Ref
	Values []string
}

// Drop lists columns that are never selected, so never read.
type Drop struct {
	Pos      Pos
	Table    string
	Category string
	Columns  []string
}

// Categories of data, as the privacy policy names them.
var Categories = []string{"identity", "activity", "physiological", "environmental", "technical"}

// A Column is one listed source column.
type Column struct {
	Pos      Pos
	Ref      Ref
	Category string
	Type     string   // date, string, int, decimal, bool, timestamp
	Use      []string // quasi, measure, sensitive
	As       string   // public name; default the column's own
	Ladder   string   // quasi: name of a ladder
	Finest   string   // quasi: finest level that may be published, by its own name ("source" for 0)
	Why      string
	Approved string
	Measure  *Measure // measure: range and grid
}

// Has says whether the column may be put to a use.
func (c *Column) Has(use string) bool {
	for _, u := range c.Use {
		if u == use {
			return true
		}
	}
	return false
}

// Measure says how a numeric value is cleaned and put on a grid. A value
// outside Plausible is dropped or clamped (Otherwise); then it is clamped into
// Bounds and rounded to a multiple of Step.
type Measure struct {
	Plausible *[2]Number // nil: none stated
	Otherwise string     // "drop" or "clamp"
	Bounds    *[2]Number // nil: not bounded; such a measure cannot be released
	Step      *Number    // > 0; nil where Bounds is nil
	Unit      string     // UCUM
	Code      string     // e.g. a LOINC code; may be empty
}

// A Variable is computed by one of the closed functions.
type Variable struct {
	Pos      Pos
	Name     string
	Func     string   // scale, bmi, bp, season, weekday, hour, ratio
	From     string   // table whose rows it is computed on; "" for bmi and bp
	Args     []string // scale: value column, unit column; bmi: weight, height; bp: systolic, diastolic; ratio: numerator, denominator: each "[agg] name" or "table.column"
	Where    map[string][]string
	Per      string   // "row", or for bmi and bp "window": one value per subject
	Bands    []Number // labels by bands, for use as a key
	Parts    []int    // hour: first hour of each part of the day; weekday: see Mode
	Mode     string   // weekday: "day" (mon..sun) or "type" (workday, weekend); season: "north" or "south"
	Use      []string // measure and/or quasi
	Measure  *Measure // for use as a measure
	Why      string
	Approved string
	Category string // default: of its inputs; environmental if any is
}

// Floors are the policy's disclosure limits.
type Floors struct {
	K, L         int
	Model        string // distinct, entropy, recursive
	Suppressed   Number // share, 0 to 1
	UnusableOver Number // share of a measure's range, 0 to 1
	Format       Number // share of a table's rows dropped under rule "format" over which the next window is stopped; default 0.01
}

// Budget is what the policy allows itself; the ledger's signed caps bind if lower.
type Budget struct {
	Pos             Pos
	LifetimeEpsilon budget.Epsilon
	LifetimeDelta   budget.Delta
	YearEpsilon     budget.Epsilon
	Split           Split
	Retries         int
	Demo            bool // an accuracy demonstration, not a real policy's numbers; printed wherever the budget is
}

// Split shares out the lifetime δ; the parts sum to exactly 1.
type Split struct{ Conversion, Selection, Sampler Number }

// A Dataset is one named product.
type Dataset struct {
	Pos        Pos
	Name       string
	Kind       string // statistics, cohort, synthetic
	Unit       string // "account" (default) or "household"
	From       []string
	Every      string // day, week, month, quarter; year for a cohort only
	WindowDays int
	SettleDays int
	Filter     []Filter
	By         []Key
	Margins    [][]string
	Contribute Contribute
	Release    []Item
	Weights    []Number // nil: equal; one per Release item
	Spend      Spend
	Cohort     *Cohort // kind cohort only
}

// Filter keeps groups whose key has one of Labels.
type Filter struct {
	Pos    Pos
	Key    Key
	Labels []string
}

// Key is a public name at a level of its ladder. A checked policy has the
// level's own name in Level, also where the file leaves it out (then it is the
// column's finest) or writes 0 for "source". For a variable Level is "".
type Key struct {
	Pos         Pos
	Name, Level string
}

// Contribute says what one subject adds to one group in one window.
type Contribute struct {
	Value  string // mean (default), median, sum, max, last
	Groups int    // most groups a subject is in; default 1
}

// Item is one released aggregate.
type Item struct {
	Pos  Pos
	Func string   // count, sum, mean, variance, stddev, quantiles, histogram, proportion
	Of   string   // "subjects" or "records" for count; otherwise a measure's public name
	At   []Number // quantiles: ascending shares, above 0 and below 1
	Bins []Number // histogram: ascending edges; proportion: [low, high), of which the share is told
}

// Spend is the price of one release: Rho, or the accuracy wanted (Within).
type Spend struct {
	Pos    Pos
	Rho    budget.Rho
	Within *Within
}

// Within asks that Share of the cells' Item have an error of at most Amount.
type Within struct {
	Amount Number
	Item   string // e.g. "mean steps"
	At     Number // confidence, 0 to 1
}

// Cohort holds the keys of a record-level dataset.
type Cohort struct {
	Consent    string // purpose
	Assessment string
	Workspace  string
	Expires    string
	Panels     int
	Quasi      []Key
	Scheme     string
	Sensitive  []string
	Features   []Feature
}

// Feature is one perturbed per-person column of a cohort.
type Feature struct {
	Func, Of      string
	Step, Laplace Number
}
