// Package ladder holds generalisation hierarchies ("ladders").
//
// A ladder is public: it is a function of the policy and of public tables
// alone, never of the people in the source. Its level 0 is the value as
// collected, its last level is "*". Every level between has a finite domain
// whose last label is Unknown, so that a full table of groups can be published
// without looking at who is in it.
package ladder

// Unknown is the label of a value that is missing or that no rung holds. It is
// the last label of every level that has a domain, "*" excepted.
const Unknown = "unknown"

// Top is the name and only label of the last level of every ladder.
const Top = "*"

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
	Name   string
	Input  Input
	Fold   bool    // Text only: values are compared upper-cased
	Levels []Level // Levels[0] is "source", the last is Top; each is a coarsening of the one before
}

// A Level is one rung. Exactly one of Edges and Values maps a value to a
// label, except for level 0 of a ladder over an open domain, which has neither
// and no labels and can never be published, and for Top, which needs neither.
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
	// Other is the index that a non-missing value outside Values gets:
	// Unknown's, unless the policy says `other: top`, for which a level has a
	// label of its own. Missing values always get Unknown.
	Other int
}
