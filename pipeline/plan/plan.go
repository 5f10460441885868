// Package plan compiles a dataset of a policy against the schema of a source.
//
// A Plan is pure data: which columns are read, which steps they go through,
// which groups are published, which draws of noise are made and what they
// cost. Nothing of it depends on a row. It can be explained to a person before
// any data is opened, and its hash names it in the ledger: two plans with one
// hash publish the same kind of answer for the same window.
//
// Compile refuses what must not happen: a source column that the policy does
// not list, an identity that would survive, a value that is not bounded before
// it is summed, a group finer than the policy allows. What it does not protect
// against: a policy that lists an identity as a harmless code.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"lethe/pipeline/policy"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
	"lethe/transforms"
)

// version changes when the same plan would give another answer.
const version = 1

// A Plan is one dataset for one window.
type Plan struct {
	Version    int
	Policy     PolicyRef `json:"-"` // a policy may change without changing this dataset
	Population string
	Unit       string
	Dataset    string
	Kind       string
	Window     Window
	Admission  Admission
	Bands      []Chain // window variables: each ends in a Banded step
	Rows       Chain   // ends in the unit rows
	Cells      transforms.Cells
	Keys       []Key
	Groups     int64 // cells published: the product of the keys' labels
	Touched    int64 // most groups that one unit is in, by construction (L0)
	Measures   []Measure
	Items      []Item
	Unusable   string // share of a measure's range over which an error makes a cell unusable
	Retries    int    `json:"-"`
}

// PolicyRef says which policy a plan was made from.
type PolicyRef struct {
	Name    string
	Version int
	Hash    string
	Demo    bool
}

// A Chain is the steps from a table's files to the rows of its units.
type Chain struct {
	Scan  Scan
	Steps []Named
}

// Named is a step with the name of its view.
type Named struct {
	Name string
	Step transforms.Step
}

// Scan is how a table's files are opened. Columns are all that a text table
// is asked for.
type Scan struct {
	Table   string
	Files   string
	Format  string
	CSV     policy.CSV
	Unnest  string
	Columns []string
	// Children are the columns that the unnested array's elements have.
	Children []string
}

// A Lookup is a public table that the engine holds while it runs.
type Lookup struct {
	Relation string
	Values   map[string]int
}

// A Key is a published key with its public labels.
type Key struct {
	Name, Level string
	Labels      []string
	Row         bool // of the row, not of the person: a unit may be in several groups
	Done        []string
	Category    string
}

// A Measure is a released measure, on its grid: an integer v in [0, Width]
// stands for (v + Lo) × step.
type Measure struct {
	Name              string
	Lo, Width, Centre int64
	Step              policy.Number
	Bounds            [2]policy.Number
	Unit, Code        string
	Category          string
	Agg               string
	Done              []string
	// Divide is set where squares are added up: of (v-Centre)/Divide, rounded.
	Divide int64 `json:",omitempty"`
}

// An Item is one released aggregate over one set of keys.
type Item struct {
	Func    string // count, sum, mean, variance, stddev, proportion, histogram, quantiles
	Of      string // measure name; "subjects" for count
	Keys    []int  // indices into Plan.Keys: all of them, or a margin
	Groups  int64
	Vectors []Vector
	At      []policy.Number `json:",omitempty"` // quantiles, ascending
	Edges   []policy.Number `json:",omitempty"` // of a histogram or proportion, ascending
	Tree    *Tree           `json:",omitempty"` // of quantiles
}

// A Vector is one homogeneous draw: a number per group, or one for each bin of
// each group, each of which one unit changes by at most Draw.LInf, in at most
// Draw.L0 of them.
type Vector struct {
	Total string // column of the exact answer
	Draw  ledger.Draw
	// Of is how many bins of the total, one after the other, make one number; the
	// last of a group may be of fewer. 0 is 1.
	Of int64 `json:",omitempty"`
}

// Hash names the plan: SHA-256 over its canonical form, hex.
func (p *Plan) Hash() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("plan: a plan has a value without a form: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Draws are all draws of the plan in order.
func (p *Plan) Draws() []ledger.Draw {
	var out []ledger.Draw
	for _, it := range p.Items {
		for _, v := range it.Vectors {
			out = append(out, v.Draw)
		}
	}
	return out
}

// Cost is what one release takes.
func (p *Plan) Cost() (budget.Cost, error) {
	var sum budget.Cost
	for _, d := range p.Draws() {
		var err error
		if sum, err = sum.Add(d.Cost); err != nil {
			return budget.Cost{}, fmt.Errorf("price dataset %s: %w", p.Dataset, err)
		}
	}
	return sum, nil
}

// Measure is the measure of that name, nil if there is none.
func (p *Plan) Measure(name string) *Measure {
	for i := range p.Measures {
		if p.Measures[i].Name == name {
			return &p.Measures[i]
		}
	}
	return nil
}
