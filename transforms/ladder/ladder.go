// Package ladder holds generalisation hierarchies ("ladders").
//
// A ladder is public: it is a function of the policy and of public tables
// alone, never of the people in the source. Its level 0 is the value as
// collected, its last level is "*". Every level between has a finite domain
// whose last label is Unknown, so that a full table of groups can be published
// without looking at who is in it; the one exception is a mask that keeps too
// many characters, which has no labels and cannot be published.
//
// Bands, Cuts, Dates, Geography, Codes, Masks and CSV build ladders. Each level
// of a built ladder is a coarsening of the one before: two values that share a
// label share one on every later level. Validate checks that, and each mapping
// is total: no value, and no missing value, is without a label.
//
// A ladder does not make a level safe to publish. Geography alone knows how
// many people stand behind a label; for the rest the policy says what is the
// finest level that may leave.
package ladder

// Unknown is the label of a value that is missing or that no rung holds. It is
// the last label of every level that has a domain, "*" excepted.
const Unknown = "unknown"

// Source is the name of level 0 of every ladder, the value as collected.
const Source = "source"

// Top is the name and only label of the last level of every ladder.
const Top = "*"

// MaxLabels is the largest domain of a level, Unknown not counted.
const MaxLabels = 10_000

// Input says what a ladder's levels are computed from.
type Input string

// The inputs of a ladder.
const (
	Text   Input = "text"   // looked up in Level.Values after trimming and, if Fold, upper-casing
	Number Input = "number" // compared with Level.Edges
	Date   Input = "date"   // days since 1970-01-01, compared with Level.Edges
	Age    Input = "age"    // completed years between the column's date and the window's start, compared with Level.Edges
)

// A Ladder is one generalisation hierarchy.
type Ladder struct {
	Name  string
	Input Input
	Fold  bool // Text only: values are compared upper-cased; every key is then ASCII
	// Shape, Text only, is a regular expression (RE2, anchored) that a trimmed,
	// folded value must match; one that does not is Unknown at every level but
	// Top. Empty: any value.
	Shape string
	// RefuseOther, Text only, says that a row whose value is neither missing nor
	// a key of level 0 is to be dropped and counted. The mapping stays total and
	// calls such a value Unknown, so nothing depends on the row being dropped.
	RefuseOther bool
	Levels      []Level // Levels[0] is "source", the last is Top; each is a coarsening of the one before
}

// A Level is one rung. Exactly one of Edges and Values maps a value to a
// label, except for a level over an open domain (level 0, or a mask with too
// large a domain), which has neither and no labels and can never be published,
// and for Top, which needs neither.
type Level struct {
	Name   string
	Labels []string // the domain in publishing order, Unknown last
	// Edges are ascending. A value x belongs to Labels[n] where n is the
	// number of edges that are <= x, so len(Labels) == len(Edges)+2: one label
	// below the first edge (bottom-coded) and Unknown for a missing value.
	// A level whose lowest label would be outside the ladder's range folds it
	// into the first rung.
	Edges []float64
	// Values maps a collected value to an index into Labels. A value that is
	// not a key goes to Other.
	Values map[string]int
	// Prefix is the number of leading characters that a mask keeps; 0 is all.
	// Where it is not 0 the keys of Values are prefixes of that length.
	Prefix int
	// Other is the index that a non-missing value outside Values gets:
	// Unknown's, unless the policy says `other: top`, for which a level has a
	// label of its own. Missing values always get Unknown.
	Other int
}
