package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lethe/privacy/ledger"
)

// Format is the first value of every manifest this package writes or reads.
const Format = "lethe-release/2"

// Terms are what every reader of a release agrees to.
const Terms = "Re-identification is forbidden: do not try to learn who is in this release, whether someone is, or " +
	"anything about one person, alone or by joining it with other data. Use it for the approved study only, and do not " +
	"pass it on."

// maxManifest bounds what Parse reads, in bytes.
const maxManifest = 8 << 20

// A Manifest says what a release is. It is public to whoever may read the release, and holds nothing that is not.
// [Manifest.Seal] fills Format, Label, Rows, Columns and Files, all else is the caller's.
type Manifest struct {
	Format     string    `json:"format"`
	Release    string    `json:"release"` // the release id
	Dataset    string    `json:"dataset"`
	Kind       string    `json:"kind"`  // "statistics"
	Label      string    `json:"label"` // what it may be called: [LabelFor]
	Population string    `json:"population"`
	Window     Window    `json:"window"`
	Rows       int       `json:"rows"` // of the data files: published groups, a public number
	Plan       string    `json:"plan"` // hash
	Policy     Policy    `json:"policy"`
	Guarantee  Guarantee `json:"guarantee"`
	ToDate     Loss      `json:"population_to_date"` // this release and all before it
	// Mechanisms, post-processing: the whole of what stands between the source and the rows.
	Mechanisms     []Mechanism   `json:"mechanisms"`
	PostProcessing []string      `json:"post_processing"`
	Columns        []Description `json:"columns"`
	Unprotected    []string      `json:"unprotected"` // what is published exactly because it is public: domains, invariants
	NotCovered     []string      `json:"not_covered"` // what the guarantee does not speak of
	Charge         Charge        `json:"charge"`
	Files          []File        `json:"files"` // the data files
	Terms          string        `json:"terms"`
}

// A Window is the span of data time a release speaks of: days, from Start to before End.
type Window struct {
	Start string `json:"start"` // "2026-03-23"
	End   string `json:"end"`
}

// A Policy is the policy file that a plan was compiled from.
type Policy struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

// A Guarantee is what this release promises on its own.
type Guarantee struct {
	Variant   string `json:"variant"`   // "approximate zCDP"
	Unit      string `json:"unit"`      // "account"
	Adjacency string `json:"adjacency"` // "add-remove one account with all its rows"
	Loss
}

// A Description is the log of one column.
type Description struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"` // category, int, decimal, bool
	Decimals int      `json:"decimals"`
	Unit     string   `json:"unit"`
	Code     string   `json:"code"`
	Category string   `json:"category"`
	Done     []string `json:"done"`
	Error    string   `json:"error_column"`
}

// A Charge is the ledger's record that paid. Proof shows that the ledger holds it: a C2SP tlog-proof, line by line, under
// the signed checkpoint that ends with the record, so that it tells nothing of what came after.
type Charge struct {
	Seq     int64    `json:"seq"`
	Hash    string   `json:"hash"`    // of the record
	Genesis string   `json:"genesis"` // of the ledger
	Proof   []string `json:"proof"`
}

// ChargeOf is a charge with the proof that a ledger gives of it.
func ChargeOf(seq int64, hash, genesis string, proof []byte) Charge {
	return Charge{seq, hash, genesis, strings.Split(strings.TrimSuffix(string(proof), "\n"), "\n")}
}

// Checkpoint returns the checkpoint under which the proof shows the record.
func (c Charge) Checkpoint() (ledger.Checkpoint, error) {
	return ledger.CheckProof([]byte(strings.Join(c.Proof, "\n")+"\n"), c.Seq, c.Hash)
}

// A File is one data file of a release. It converts to and from a ledger.File.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Seal returns the manifest of a table in files: what follows from the rest is filled in, whatever stood there.
func (m Manifest) Seal(t *Table, files []File) (Manifest, error) {
	label, err := LabelFor(m.Kind, m.Guarantee.Loss, m.ToDate)
	if err != nil {
		return Manifest{}, fmt.Errorf("seal manifest %s: %w", m.Release, err)
	}
	m.Format, m.Label, m.Rows, m.Files = Format, label, t.Rows, files
	m.Columns = make([]Description, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		m.Columns[i] = Description{c.Name, c.Kind.String(), c.Decimals, c.Unit, c.Code, c.Category, c.Done, c.Error}
	}
	return m, nil
}

// Marshal returns the manifest's one form, after [Manifest.Check].
func (m Manifest) Marshal() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	b, err := m.marshal()
	if err != nil {
		return nil, fmt.Errorf("write manifest %s: %w", m.Release, err)
	}
	return b, nil
}

func (m Manifest) marshal() ([]byte, error) {
	m.Mechanisms, m.Columns, m.Files, m.Charge.Proof = list(m.Mechanisms), list(m.Columns), list(m.Files), list(m.Charge.Proof)
	m.PostProcessing, m.Unprotected, m.NotCovered = list(m.PostProcessing), list(m.Unprotected), list(m.NotCovered)
	columns := make([]Description, len(m.Columns))
	for i, c := range m.Columns {
		c.Done = list(c.Done)
		columns[i] = c
	}
	m.Columns = columns
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(m)
	return b.Bytes(), err
}

// list makes an absent list an empty one.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Parse reads what [Manifest.Marshal] wrote. Unknown, missing, repeated or reordered keys, another layout, and all that
// [Manifest.Check] refuses are errors.
func Parse(b []byte) (Manifest, error) {
	if len(b) > maxManifest {
		return Manifest{}, fmt.Errorf("read manifest: %d bytes, more than %d", len(b), maxManifest)
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Manifest{}, errors.New("read manifest: more follows after its end")
	}
	if err := m.Check(); err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	again, err := m.marshal()
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	if !bytes.Equal(b, again) {
		return Manifest{}, fmt.Errorf("read manifest: not in its one form from byte %d on", firstDifference(b, again))
	}
	return m, nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
